"""A disk that is full, has no inodes left or turns read-only: one sentence, and nothing is lost."""

import pytest

from capenh_pipeline_tests.faults import overflowing_command, overflowing_store
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


@pytest.mark.soak
def test_the_command_ends_with_one_sentence_on_every_disk_that_is_too_small(tmp_path):
    disk = tmp_path / "images" / ".capenh"
    disk.mkdir(parents=True)
    large = overflowing_command.LARGE
    said = run_on_disk(overflowing_command.__name__, disk, folder=disk, options=large)
    ends = [line.split("\t") for line in said.splitlines()]
    assert [what for what, *_ in ends] == [*overflowing_command.SMALL, "read-only"]
    assert {code for _, code, _ in ends} <= {"0", "2"}
    for _, code, last in ends:
        assert code == "0" or last.startswith(
            ("capenh: The store cannot", "capenh: Dagster cannot")
        )
    assert READ_ONLY in ends[-1][2]
