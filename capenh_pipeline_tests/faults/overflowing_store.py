"""Writes to a store until its disk takes no more; `python -m … DISK ROWS TURNS MENDED`.

After ROWS rows the disk is remounted with the options TURNS, and with MENDED after it has failed.
Each line on the standard output is what a write to the store has failed with.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.faults.small_disks import remount
from capenh_pipeline_tests.tables.samples import captions, manifest, sizes_in, texts_in


def main(disk: Path, rows: int, turns: str, mended: str) -> None:
    store = Store.open(disk / "store", shard_digits=1)
    table, images = store.table(VLM_CAPTIONS), store.table(IMAGE_MANIFEST)
    images.replace("0", manifest("0", {"a": 1}))
    acknowledged: list[str] = []

    def append() -> None:
        text = f"{len(acknowledged)} {'x' * 1000}"
        table.append(captions("0", {text: text}))
        acknowledged.append(text)

    def check() -> None:
        assert texts_in(table) == acknowledged
        assert list(sizes_in(images).values()) == [1]
        assert torn_parts(disk) == []
        assert list(disk.rglob(f"{TEMPORARY_PREFIX}*")) == []

    for _ in range(rows):
        append()
    if turns:
        remount(disk, turns)
    many = {f"{'x' * 500} {number}": number for number in range(2000)}
    for write in (
        append,
        lambda: table.compact("0"),
        lambda: images.replace("0", manifest("0", many)),
    ):
        fail(write)
        check()
    remount(disk, mended)
    append()
    table.compact("0")
    check()


def fail(write: Callable[[], None]) -> None:
    """Write again and again until the disk takes no more, and say how it ends."""
    try:
        for _ in range(1000):
            write()
    except StoreError as error:
        sys.stdout.write(f"{error}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
