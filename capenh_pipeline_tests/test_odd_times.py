"""Times of change that cannot be, and a folder of very many files, through whole runs."""

import os

import pytest

from capenh_pipeline.stages.captions import captions
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns

MANY = 100_000
LINKS = 20_000  # a file of ext4 has at most 65,000 names


@pytest.mark.parametrize(
    "seconds", [-5, 4_102_444_800, 12_000_000_000], ids=["before 1970", "in 2100", "after 2262"]
)
def test_files_of_impossible_times_are_captioned_once(tmp_path, seconds):
    image, manual, ours = (tmp_path / name for name in ("a.png", "a.txt", "a_combined.txt"))
    colour(image, (1, 2, 3))
    manual.write_text("sks")
    for file in (image, manual):
        os.utime(file, (seconds, seconds))
    runs = StageRuns(tmp_path)
    assert runs.run() == Cost(2, 1, 1, 1)
    os.utime(ours, (seconds, seconds))

    assert runs.run() == NOTHING
    manual.write_text("cat")
    os.utime(manual, (seconds, seconds))
    assert runs.run() == Cost(1, 0, 1, 1)
    assert "cat" in ours.read_text()


@pytest.mark.soak
def test_very_many_files_in_one_folder_are_captioned_once(tmp_path):
    contents = [colour(tmp_path / "content" / f"{n}.png", (n, 0, 0)) for n in range(MANY // LINKS)]
    for number in range(MANY):
        os.link(contents[number // LINKS], tmp_path / f"{number:06}.png")
    runs = StageRuns(tmp_path)

    assert runs.run() == Cost(MANY, len(contents), len(contents), MANY)
    assert captions(runs.opened())["caption"].null_count() == 0
    last = tmp_path / f"{MANY - 1:06}_combined.txt"
    assert "(4, 0, 0)" in last.read_text()
    assert runs.run() == NOTHING
    assert runs.run() == NOTHING
