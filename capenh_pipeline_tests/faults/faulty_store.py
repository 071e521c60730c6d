"""Each kind of work on a store, once with each system call failing; `python -m … FOLDER STEP`.

A line on the standard output tells what went wrong in a way in which it must not; the last one is
how many calls there are. Only every STEP-th fails with each error number.
"""

import errno
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.checkpoint import Checkpoint
from capenh_pipeline.tables.file_hashes import FileHashes
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.faults.faulty_disk import FaultyDisk
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.tables.samples import captions, manifest, sizes_in

ERRORS = (errno.EIO, errno.ENOSPC, errno.EACCES)
NEVER_S = 10_000.0

Versions = dict[str, int]
"""What rows say, by their names: a number that grows."""

Acknowledge = Callable[[Versions], None]


def work(folder: Path, acknowledge: Acknowledge) -> None:
    """Append, replace, checkpoint and merge; say each time what must be there from now."""
    store = Store.open(folder / "store", shard_digits=1)
    with store.held():
        table, images = store.table(VLM_CAPTIONS), store.table(IMAGE_MANIFEST)
        for version in (1, 2):
            for shard in "0f":
                table.append(captions(shard, {"a": str(version), "b": str(version)}))
                acknowledge({f"{shard}a": version, f"{shard}b": version})
            images.replace("0", manifest("0", {"image": version}))
            acknowledge({"image": version})
        with Checkpoint(table, rows=2, seconds=NEVER_S) as checkpoint:
            for row in captions("0", {"a": "3", "c": "3", "d": "3"}).to_dicts():
                checkpoint.add(row)
        acknowledge({"0a": 3, "0c": 3, "0d": 3})
        table.compact("0f")
        images.compact("0")
        FileHashes(store.root / "model_hashes.json").sha256_of(Path(__file__))


FINAL = {"0a": 3, "0b": 2, "0c": 3, "0d": 3, "fa": 2, "fb": 2, "image": 2}


def found(folder: Path) -> Versions:
    """Return what a reader finds."""
    store = Store.open(folder / "store", shard_digits=1)
    names = {
        captions(shard, {name: ""})["image_hash"][0]: shard + name
        for shard in "0f"
        for name in "abcd"
    }
    rows = store.table(VLM_CAPTIONS).read(columns=["image_hash", "caption"]).iter_rows()
    return {
        **{names[image_hash]: int(caption) for image_hash, caption in rows},
        **sizes_in(store.table(IMAGE_MANIFEST)),
    }


def complaints(folder: Path, disk: FaultyDisk, call: int, error_number: int) -> list[str]:
    """Work on a new store while a call fails, then without, and say what is wrong."""
    folder.mkdir()
    acknowledged: Versions = {}
    wrong: list[str] = []
    disk.arm(call, error_number)
    try:
        work(folder, acknowledged.update)
    except StoreError as error:
        wrong += ["its message is no sentence: " + str(error)] * ("\n" in str(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what we look for
        wrong.append(f"it raised {error!r}")
    failed = disk.failed()
    disk.arm()
    there = found(folder)
    wrong += [
        f"{name} was {version} and is {there.get(name)}"
        for name, version in acknowledged.items()
        if there.get(name, 0) < version
    ]
    wrong += torn_parts(folder)
    work(folder, lambda _: None)
    if found(folder) != FINAL:
        wrong.append(f"the next run ends with {found(folder)}")
    return [f"{failed}: {errno.errorcode[error_number]}: {text}" for text in wrong]


def main(folder: Path, step: int) -> None:
    disk = FaultyDisk(folder)
    disk.arm()
    (folder / "whole").mkdir()
    work(folder / "whole", lambda _: None)
    calls = disk.calls()
    for place, error_number in enumerate(ERRORS):
        for call in range(1 + place * step // 3, calls + 1, step):
            case = folder / f"{error_number}-{call}"
            for line in complaints(case, disk, call, error_number):
                sys.stdout.write(f"{line}\n")
            shutil.rmtree(case)
    sys.stdout.write(f"{calls}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
