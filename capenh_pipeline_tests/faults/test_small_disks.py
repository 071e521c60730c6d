"""A disk that is full, has no inodes left or turns read-only: one sentence, and nothing is lost."""

import pytest

from capenh_pipeline_tests.faults import overflowing_store
from capenh_pipeline_tests.faults.small_disks import run_on_disk

FULL, READ_ONLY = "No space left on device", "Read-only file system"


@pytest.mark.parametrize(
    ("options", "turns", "mended", "reason"),
    [
        ("size=200k", "", "size=10m", FULL),
        ("nr_inodes=30", "", "nr_inodes=1000", FULL),
        ("size=10m", "ro", "rw", READ_ONLY),
    ],
    ids=["full", "no inodes", "read-only"],
)
def test_a_disk_that_takes_no_more_keeps_what_it_has_and_goes_on_when_mended(
    tmp_path, options, turns, mended, reason
):
    words = (tmp_path, 12, turns, mended)
    said = run_on_disk(overflowing_store.__name__, *words, folder=tmp_path, options=options)
    table, image = (tmp_path / "store" / name for name in ("vlm_captions", "image_manifest"))
    assert said.splitlines() == [
        f"The store cannot be written at {folder / 'shard=0'}: {reason}; free some space, allow "
        f"writing there, or choose another folder with --store."
        for folder in (table, table, image)
    ]
