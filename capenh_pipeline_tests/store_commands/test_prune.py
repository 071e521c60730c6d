"""`capenh store prune` deletes what nobody wants, and never anything else."""

import itertools
import os
import pty
import shutil
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    SCAN_INDEX,
    TABLES,
    VLM_CAPTIONS,
)
from capenh_pipeline.tables.hold import hold
from capenh_pipeline_tests.fakes.sudden_death import dies_after
from capenh_pipeline_tests.stored import caption, draw_images, opened, store_command

NOTHING = "Nothing to delete: every row is wanted."


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    """Captions of two recipes, and of an image that left the dataset with its caption file."""
    dataset = tmp_path_factory.mktemp("prune") / "images"
    draw_images(dataset)
    caption(dataset, prompt="old", llm_temperature=0.5)
    caption(dataset)
    for name in ("05.png", "05_combined.txt"):
        (dataset / name).unlink()
    caption(dataset)
    return dataset


@pytest.fixture
def prune(store):
    def pruned(*flags, **options):
        code, out, err = store("prune", *flags, **options)
        return code, out + err

    return pruned


def heights(dataset):
    store = opened(dataset).store
    return {schema.name: store.table(schema).read().height for schema in TABLES}


def seen(dataset, schema):
    return opened(dataset).store.table(schema).read().sort(schema.key)


BEFORE = {
    "image_manifest": 6,  # five images, and a file that is none
    "vlm_captions": 12,
    "combined_captions": 12,
    "caption_files": 6,
    "scan_index": 9,
}
AFTER = {**BEFORE, "vlm_captions": 5, "combined_captions": 5, "caption_files": 5, "scan_index": 8}


def test_without_yes_and_a_terminal_it_shows_what_would_go_and_deletes_nothing(dataset, prune):
    code, said = prune()
    assert code == 0
    lines = [" ".join(line.split()) for line in said.splitlines()]
    for line in (
        "vlm_captions 6 ",
        "vlm_captions 1 ",
        "combined_captions 6 ",
        "combined_captions 1 ",
        "caption_files 1 ",
        "scan_index 1 ",
    ):
        assert sum(found.startswith(line) for found in lines) == 1
    assert "capenh/colour: old" in said
    assert lines[-1] == "Nothing was deleted: agree on a terminal, or with --yes."
    assert heights(dataset) == BEFORE


def test_with_yes_unwanted_recipes_images_and_files_go_and_all_else_stays(dataset, prune):
    wanted = {schema.name: seen(dataset, schema) for schema in TABLES}
    run = opened(dataset)
    hashes = run.store.table(IMAGE_MANIFEST).read()["image_hash"].to_list()
    code, said = prune("--yes")
    assert code == 0
    assert "Deleted 16 rows: " in said
    assert heights(dataset) == AFTER
    for schema in TABLES:
        left = seen(dataset, schema)
        assert left.equals(wanted[schema.name].join(left, on=schema.key, how="semi"))
    assert set(seen(dataset, VLM_CAPTIONS)["prompt"]) == {"<MORE_DETAILED_CAPTION>"}
    assert set(seen(dataset, VLM_CAPTIONS)["image_hash"]) <= set(hashes)
    assert prune("--yes") == (0, f"{NOTHING}\n")
    reports = caption(dataset)
    assert reports["vlm_captions"].total("computed") == 0
    assert reports["combined_captions"].total("computed") == 0
    assert reports["caption_files"].total("computed") == 0


def test_going_back_to_a_recipe_that_was_pruned_computes_it_again(dataset, prune):
    prune("--yes")
    assert caption(dataset, prompt="old")["vlm_captions"].total("computed") == 5


def test_a_recipe_stays_as_long_as_it_is_one_of_the_wanted(dataset, prune):
    assert prune("--yes", prompt='["<MORE_DETAILED_CAPTION>", "old"]')[0] == 0
    assert heights(dataset)["vlm_captions"] == 10


def test_older_than_spares_what_is_younger_and_what_has_no_date(dataset, prune):
    assert prune("--yes", "--older_than", 1) == (0, f"{NOTHING}\n")
    table = opened(dataset).store.table(VLM_CAPTIONS)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    rows = table.read().with_columns(created_at=pl.lit(long_ago))
    table.append(rows.filter(pl.col("prompt") == "old").head(2))
    assert prune("--yes", "--older-than", "41") == (0, f"{NOTHING}\n")
    assert prune("--yes", "--older-than", "39.5")[0] == 0
    assert heights(dataset) == {**BEFORE, "vlm_captions": 10}


@pytest.mark.parametrize("days", ["-1", "nan", "many"])
def test_an_age_that_is_none_is_refused(dataset, prune, days):
    code, said = prune("--yes", "--older_than", days)
    assert (code, said.count("\n")) == (2, 1)
    assert "--older_than" in said
    assert heights(dataset) == BEFORE


def assert_refused(dataset, prune, *parts, **options):
    before = heights(dataset) if dataset.exists() else None
    code, said = prune("--yes", **options)
    assert (code, said.count("\n")) == (2, 1), said
    for part in parts:
        assert part in said
    assert before is None or heights(dataset) == before


def test_options_that_want_nothing_that_is_there_are_refused(dataset, prune):
    """A slip of the pen must not cost all captions."""
    assert_refused(dataset, prune, "Every row of vlm_captions would go", prompt="<CAPTIONS>")
    assert_refused(dataset, prune, "Every row of combined_captions would go", model="echoo")


def test_an_empty_manifest_is_refused(dataset, prune):
    store = opened(dataset).store
    for key in store.table(IMAGE_MANIFEST).shards():
        store.table(IMAGE_MANIFEST).replace(key, pl.DataFrame())
    assert_refused(dataset, prune, "The manifest of", "run capenh enhance first")


def test_a_shard_of_the_manifest_that_is_missing_is_refused(dataset, prune):
    """Its parts were damaged and put aside: its images did not leave the dataset."""
    shard = seen(dataset, IMAGE_MANIFEST)["shard_hash"][0][0]
    shutil.rmtree(dataset / ".capenh" / "image_manifest" / f"shard={shard}")
    assert_refused(dataset, prune, f"image_manifest/shard={shard} is missing")


def test_a_dataset_without_one_of_its_images_is_refused(dataset, prune):
    for path in dataset.rglob("*.png"):
        path.unlink()
    (dataset / "broken.jpg").unlink()
    assert_refused(dataset, prune, "None of the 6 images", "is the drive mounted")


def test_a_dataset_folder_that_is_missing_is_refused(dataset, prune, tmp_path):
    shutil.move(dataset / ".capenh", tmp_path / "store")
    shutil.rmtree(dataset)
    assert_refused(dataset, prune, "None of the 6 images", store=tmp_path / "store")


def test_a_commit_that_is_not_known_is_refused(dataset, prune):
    assert_refused(dataset, prune, "Which commit of capenh/colour", revision="main")


def test_captions_that_may_be_those_of_a_file_that_could_not_be_read_stay(dataset, prune):
    table = opened(dataset).store.table(IMAGE_MANIFEST)
    row = seen(dataset, IMAGE_MANIFEST).head(1)
    shard = row["shard_hash"][0][0]
    unread = row.with_columns(image_hash=pl.lit(None, pl.String))
    others = table.read([shard]).filter(pl.col("path") != row["path"][0])
    table.replace(shard, pl.concat([others, unread]))
    code, said = prune("--yes")
    assert code == 0
    assert "1 of its files could not be read at the last run" in said
    assert heights(dataset) == {**AFTER, "vlm_captions": 6, "combined_captions": 6}


def test_after_a_stopped_reshard_it_refuses_until_that_is_ended(dataset, prune, store):
    """A deleted row of which a copy is left would be one that is nowhere else, and moved back."""
    copying = partial(store_command, dataset, "reshard", "--digits", 2)
    assert dies_after(80, dataset, copying)
    assert {len(folder.name) for folder in dataset.glob(".capenh/vlm_captions/*")} == {7, 8}
    assert_refused(dataset, prune, "reshard", "capenh store check --repair")
    assert store("check", "--repair")[0] == 0
    assert prune("--yes")[0] == 0
    assert copying() == 0
    sharded = opened(dataset, shard_digits=2).store
    assert {schema.name: sharded.table(schema).read().height for schema in TABLES} == AFTER


def test_a_folder_that_a_reshard_could_not_remove_stops_nothing(dataset, prune):
    """It has a file of somebody's in it, and no rows."""
    folder = dataset / ".capenh" / "vlm_captions" / "shard=0f"
    folder.mkdir()
    (folder / ".DS_Store").write_bytes(b"")
    assert prune("--yes")[0] == 0
    assert heights(dataset) == AFTER


def test_a_store_that_is_held_is_left_alone(dataset, prune):
    with hold(dataset / ".capenh"):
        assert_refused(dataset, prune, f"process {os.getpid()} on ")


@pytest.mark.parametrize(("answer", "after"), [("y", AFTER), ("", BEFORE)])
def test_on_a_terminal_it_asks(dataset, prune, monkeypatch, answer, after):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        os.write(ours, f"{answer}\n".encode())
        code, said = prune()
    os.close(ours)
    assert code == 0
    assert "Delete these 16 rows? [y/N] " in said
    assert heights(dataset) == after


@pytest.mark.soak
def test_stopped_at_any_step_no_wanted_row_is_lost_and_the_next_one_ends_it(dataset, tmp_path):
    """Of one shard this is shown in `tables/test_deletion.py`."""
    kept = Path(shutil.copytree(dataset, tmp_path / "kept"))
    assert store_command(kept, "prune", "--yes") == 0
    wanted = {schema.name: seen(kept, schema) for schema in TABLES}
    for steps in itertools.count():
        copy = Path(shutil.copytree(dataset, tmp_path / str(steps)))
        died = dies_after(steps, copy, partial(store_command, copy, "prune", "--yes"))
        for schema in TABLES:
            rows = wanted[schema.name]
            assert seen(copy, schema).join(rows, on=schema.key, how="semi").equals(rows)
        if not died:
            break
        assert store_command(copy, "prune", "--yes") == 0
        assert heights(copy) == AFTER
    assert steps > 20


def test_superseded_rows_of_what_goes_do_not_come_back(dataset, prune):
    """A recipe's row failed once, was made again later, and is not wanted now."""
    for schema in (VLM_CAPTIONS, COMBINED_CAPTIONS, CAPTION_FILES, SCAN_INDEX):
        table = opened(dataset).store.table(schema)
        table.append(table.read())
    prune("--yes")
    assert heights(dataset) == AFTER
