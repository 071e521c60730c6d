"""Caption files that people wrote or edited, as the report shows them."""

import polars as pl

from capenh_pipeline.domain.paths import encode_path, stored_path
from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST
from capenh_pipeline.domain.sidecars import raw_sidecar
from capenh_pipeline.export.comparison import Action, WantedFile, compare
from capenh_pipeline.places.reading import read_file
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.sidecar_plan import sidecars_of

MOST_BYTES = 64_000
"""Of a caption file that is shown; a longer one is no caption."""

_KNOWN = ["content_hash", "previous_hash", "size_bytes", "mtime_ns", "ctime_ns"]


def edited_texts(run: Run, rows: pl.DataFrame) -> dict[str, str]:
    """Return what people wrote into the combined caption files, by the path of the image.

    A file is theirs if its content is neither the caption nor what we wrote there, as for
    `write_caption_files`. The text is empty where the file is a link, or cannot be read as text.

    Args:
        run: its options name the files.
        rows: of `report_rows`.
    """
    everything = run.store.table(IMAGE_MANIFEST).read(columns=["path"])["path"]
    plan = sidecars_of(run, everything).files.select("path", "combined")
    ledger = run.store.table(CAPTION_FILES).read(columns=["path", *_KNOWN])
    wanted = (
        rows.select("path", "path_bytes", "image_hash", "caption")
        .join(plan, on="path", how="left", maintain_order="left")
        .drop_nulls("combined")
        .join(ledger, left_on="combined", right_on="path", how="left", maintain_order="left")
        .select("path", "path_bytes", "combined", "image_hash", "caption", *_KNOWN)
    )
    found: dict[str, str] = {}
    for path, path_bytes, sidecar, image_hash, caption, *known in wanted.iter_rows():
        file = stored_path(encode_path(raw_sidecar(path, path_bytes, sidecar)))
        text = _text_of_a_person(
            run, WantedFile(*file, image_hash or "", path, "combined", caption or "", *known)
        )
        if text is not None:
            found[path] = text
    return found


def _text_of_a_person(run: Run, wanted: WantedFile) -> str | None:
    """Return the text of the file if a person wrote it, else None."""
    try:
        found = compare(wanted, root=run.dataset, overwrite=False)
        if found.action is not Action.KEEP:
            return None
        if found.state is None or not found.state.is_regular:
            return ""
        content = read_file(found.file, most_bytes=MOST_BYTES)
    except OSError:  # it cannot be read: nobody knows whose it is
        return None
    return content.decode(errors="replace").strip()
