"""Links from a page to files, by their relative paths, that browsers open for any file name."""

from pathlib import Path
from urllib.parse import quote

from capenh_pipeline.domain.paths import encode_path, raw_path
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place


def folder_link(page: Path, folder: Place) -> str:
    """Return the link from the page to a folder, with a slash behind.

    A browser takes `..` off the page's path as text, so the two are compared as text, links to
    folders and all. It opens no URL of object storage: then the page shows its thumbnails.
    """
    if isinstance(folder, ObjectPlace):
        return f"{folder}/"
    start, end = _plain(page.parent).parts, _plain(folder).parts
    same = 0
    while same < min(len(start), len(end)) and start[same] == end[same]:
        same += 1
    up = [".."] * (len(start) - same)
    down = [quote(str(part).encode("utf-8", "surrogateescape"), safe="") for part in end[same:]]
    return "/".join([".", *up, *down, ""])


def file_link(path: str, path_bytes: bytes | None) -> str:
    """Return the link to a file in such a folder, from its two table columns."""
    return quote(encode_path(raw_path(path, path_bytes)), safe="/")


def _plain(path: Path) -> Path:
    return path.resolve() if ".." in path.parts else path.absolute()
