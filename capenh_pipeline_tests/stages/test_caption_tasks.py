"""In which order images come to the VLM, and that each comes once."""

import pytest

from capenh_pipeline import buckets
from capenh_pipeline.stages.caption_tasks import openable, tasks_of
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.vlm_captions import captions_to_make, vlm_choice
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stage_runs import StageRuns
from capenh_pipeline_tests.tables_of_images import write_table
from capenh_pipeline_tests.tars import png

IMAGES = 40
TWO_PROMPTS = '["one=see", "two=look"]'


@pytest.fixture
def files(tmp_path):
    for number in range(IMAGES):
        colour(tmp_path / "data" / f"{number:06}.png", (number, 0, 0))
    return StageRuns(tmp_path / "data")


@pytest.fixture
def table(tmp_path):
    rows = [(png((number, 0, 0)), None) for number in range(IMAGES)]
    write_table(tmp_path / "data" / "x.parquet", rows)
    return StageRuns(tmp_path / "data", {"recursive": True, "parquet_shards": True})


def tasks(runs, **options):
    """Return what is to do where no caption is there yet."""
    run = runs.opened(**options)
    build_image_manifest(run)
    choice = vlm_choice(run)
    shards = map(run.of_shard, run.shards)
    absent = ((shard, captions_to_make(openable(shard), choice)) for shard in shards)
    return [*tasks_of(run, absent, [asked.recipe.hash for asked in choice.all_prompts])]


def rows_of(found):
    return [int(task.file.path.stem) for task in found]


def test_of_files_one_shard_follows_the_other_so_that_few_parts_are_written(files):
    found = tasks(files)
    in_order = sorted(found, key=lambda task: (task.file.image_hash[0], task.file.path))
    assert found == in_order
    assert sorted(rows_of(found)) == [*range(IMAGES)]


def test_of_a_table_one_row_follows_the_other_whatever_their_shards(table):
    assert rows_of(tasks(table)) == [*range(IMAGES)]


def test_rows_that_do_not_fit_into_memory_come_once_too(table, monkeypatch):
    monkeypatch.setattr(buckets, "MOST_ROWS", 7)
    assert sorted(rows_of(tasks(table))) == [*range(IMAGES)]


@pytest.mark.parametrize("kind", ["files", "table"])
def test_all_prompts_of_an_image_come_together(kind, request):
    found = tasks(request.getfixturevalue(kind), prompt=TWO_PROMPTS)
    assert [task.prompts for task in found] == [(0, 1)] * IMAGES
