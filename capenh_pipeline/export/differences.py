"""Which caption files are not as they should be; nothing is written."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import polars as pl

from capenh_pipeline.export.caption_files import with_ledger
from capenh_pipeline.export.comparison import Action, WantedFile, compare


class Difference(StrEnum):
    """How a caption file differs from the caption."""

    MISSING = "the file is not there"
    OLD = "the file holds an older caption"
    EDITED = "a person wrote or edited the file"
    UNREADABLE = "the file cannot be read"


def differences(
    wanted: pl.DataFrame, ledger: pl.DataFrame, *, root: Path
) -> Iterator[tuple[str, Difference]]:
    """Yield the path of each wanted file that does not hold its caption, and how it differs.

    Args:
        wanted: as for `write_caption_files`.
        ledger: as there.
        root: the dataset folder.
    """
    for row in with_ledger(wanted, ledger).iter_rows():
        difference = _difference(WantedFile(*row), root)
        if difference:
            yield row[0], difference


def _difference(wanted: WantedFile, root: Path) -> Difference | None:
    try:
        found = compare(wanted, root=root, overwrite=False)
    except OSError:
        return Difference.UNREADABLE
    if found.action is Action.KEEP:
        return Difference.EDITED
    if found.action is Action.WRITE:
        return Difference.OLD if found.state else Difference.MISSING
    return None
