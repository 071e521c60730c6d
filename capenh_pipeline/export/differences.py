"""Which caption files are not as they should be; nothing is written."""

from collections.abc import Iterator
from enum import StrEnum

import polars as pl

from capenh_pipeline.export.caption_files import with_ledger
from capenh_pipeline.export.comparison import Action, WantedFile, compare
from capenh_pipeline.places.place import Place, each


class Difference(StrEnum):
    """How a caption file differs from the caption."""

    MISSING = "the file is not there"
    OLD = "the file holds an older caption"
    EDITED = "a person wrote or edited the file"
    UNREADABLE = "the file cannot be read"


def differences(
    wanted: pl.DataFrame, ledger: pl.DataFrame, *, root: Place
) -> Iterator[tuple[str, Difference]]:
    """Yield the path of each wanted file that does not hold its caption, and how it differs.

    Args:
        wanted: as for `write_caption_files`.
        ledger: as there.
        root: the dataset folder.
    """
    files = [WantedFile(*row) for row in with_ledger(wanted, ledger).iter_rows()]
    found = each(lambda file: _difference(file, root), files, places=[root])
    for file, difference in zip(files, found, strict=True):
        if difference:
            yield file.path, difference


def _difference(wanted: WantedFile, root: Place) -> Difference | None:
    try:
        found = compare(wanted, root=root, overwrite=False)
    except OSError:
        return Difference.UNREADABLE
    if found.action is Action.KEEP:
        return Difference.EDITED
    if found.action is Action.WRITE:
        return Difference.OLD if found.state else Difference.MISSING
    return None
