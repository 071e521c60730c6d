"""Tar files for tests."""

import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image


def write_tar(path: Path, contents: Mapping[str, bytes], *, form: int = tarfile.PAX_FORMAT) -> Path:
    """Write a tar of these members, in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_of(contents, form=form))
    return path


def tar_of(contents: Mapping[str, bytes], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, BytesIO(content))
    return made.getvalue()


def png(rgb: tuple[int, int, int]) -> bytes:
    content = BytesIO()
    Image.new("RGB", (16, 16), rgb).save(content, "PNG")
    return content.getvalue()
