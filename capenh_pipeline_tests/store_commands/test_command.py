"""`capenh store info`, `compact` and `reshard`, as a user meets them."""

import os
import re
import shutil
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from capenh_pipeline.cli import main
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, TABLES, VLM_CAPTIONS
from capenh_pipeline.store_commands import ACTIONS
from capenh_pipeline.store_commands.text import age, human_bytes, one_line, table
from capenh_pipeline.tables.hold import hold
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.stored import caption, draw_images, opened, store_command


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    dataset = tmp_path_factory.mktemp("info") / "images"
    draw_images(dataset)
    caption(dataset, prompt="an older prompt,\non two lines")
    caption(dataset)
    return dataset


@pytest.fixture
def store(store):
    """Do an action; return the exit code and what was said, with single spaces."""

    def done(*words, **options):
        code, out, err = store(*words, **options)
        return code, re.sub(" +", " ", out + err)

    return done


def seen(dataset):
    stored = Store.existing(dataset / ".capenh")
    return {
        schema.name: stored.table(schema).read().sort(schema.shard_by, *schema.key)
        for schema in TABLES
    }


def test_info_shows_tables_recipes_and_what_is_there_of_what_is_wanted(dataset, store):
    code, said = store("info")
    assert code == 0
    parts = len(list((dataset / ".capenh" / "vlm_captions").rglob("*.parquet")))
    shards = len(list((dataset / ".capenh" / "vlm_captions").iterdir()))
    assert re.search(rf"^vlm_captions 12 \d+\.\d kB {parts} {shards}$", said, re.MULTILINE)
    assert re.search(r"^together 46 ", said, re.MULTILINE)
    assert "\nyes 6 0 today capenh/colour <MORE_DETAILED_CAPTION> " in said
    assert "\nno 6 0 today capenh/colour an older prompt, on two lines " in said
    assert "\nyes 12 0 today echo You write one caption" in said
    assert "\nvlm_captions 6 6 100.0 %\n" in said
    assert "\ncombined_captions 6 6 100.0 %\n" in said


def test_info_counts_what_is_missing_and_what_has_failed(dataset, store):
    table = opened(dataset).store.table(VLM_CAPTIONS)
    rows = table.read().filter(prompt="<MORE_DETAILED_CAPTION>").head(3)
    table.delete(rows.head(2))
    failed = {"status": pl.lit("failed"), "error_kind": pl.lit("loop")}
    table.append(rows.tail(1).with_columns(**failed))
    _, said = store("info")
    assert "\nyes 4 1 today capenh/colour" in said
    assert "\nvlm_captions 4 6 66.7 %\n" in said
    assert "\ncombined_captions 3 6 50.0 %\n" in said


def test_info_goes_by_the_options(dataset, store):
    _, said = store("info", prompt="new")
    assert "\nno 6 0 today capenh/colour <MORE" in said
    assert "\nvlm_captions 0 6 0.0 %\n" in said


def test_info_tells_of_a_store_whose_dataset_is_gone(dataset, store, tmp_path):
    shutil.move(dataset / ".capenh", tmp_path / "store")
    shutil.rmtree(dataset)
    code, said = store("info", store=tmp_path / "store")
    assert code == 0
    assert "\nvlm_captions 6 6 100.0 %\n" in said
    assert not dataset.exists()


def test_info_asks_no_hub_and_says_what_it_does_not_know(dataset, store):
    code, said = store("info", revision="main")
    assert code == 0
    assert "\n? 6 0 today capenh/colour" in said
    assert "cannot be told: Which commit of capenh/colour is meant is not known here" in said


def test_info_is_given_while_a_run_is_at_work(dataset, store):
    with hold(dataset / ".capenh"):
        assert store("info")[0] == 0


def test_compact_leaves_one_part_a_shard_and_every_row(dataset, store):
    before = seen(dataset)
    code, said = store("compact")
    assert code == 0
    counts = dict(re.findall(r"^(before|now) (\d+) ", said, re.MULTILINE))
    folders = list((dataset / ".capenh").glob("*/shard=*"))
    assert int(counts["now"]) == len(folders) < int(counts["before"])
    assert all(len(list(folder.iterdir())) == 1 for folder in folders)
    assert all(rows.equals(before[name]) for name, rows in seen(dataset).items())


@pytest.mark.slow
def test_after_a_reshard_runs_are_told_the_number_and_compute_nothing(dataset, store):
    before = seen(dataset)
    code, said = store("reshard", "--digits", 2)
    assert (code, said) == (
        0,
        "The store has 256 shards a table now: set CAPENH_SHARD_DIGITS=2 for the runs to come.\n",
    )
    assert all(rows.equals(before[name]) for name, rows in seen(dataset).items())
    reports = caption(dataset, shard_digits=2)
    assert [reports[name].total("computed") for name in ("vlm_captions", "combined_captions")] == [
        *(0, 0)
    ]
    assert store("reshard", "--digits", 2) == (0, "The store has 256 shards a table already.\n")
    assert store("check")[0] == 0
    assert "16 shards a table now: set CAPENH_SHARD_DIGITS=1" in store("reshard", "--digits", 1)[1]


@pytest.mark.parametrize("words", [("compact",), ("reshard", "--digits", 2)])
def test_what_writes_waits_for_no_run_and_names_it(dataset, store, words):
    with hold(dataset / ".capenh"):
        code, said = store(*words)
    assert (code, said.count("\n")) == (2, 1)
    assert f"process {os.getpid()} on " in said


@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_makes_a_store_where_there_is_none(tmp_path, action, capfd):
    draw_images(tmp_path)
    words = ["reshard", "--digits", "2"] if action == "reshard" else [action]
    assert store_command(tmp_path, *words) == 2
    assert f"There is no store at {tmp_path}/.capenh" in capfd.readouterr().err
    assert not (tmp_path / ".capenh").exists()


def test_a_damaged_part_of_the_manifest_is_a_sentence_of_every_action(dataset, store):
    min((dataset / ".capenh" / IMAGE_MANIFEST.name).rglob("*.parquet")).write_bytes(b"")
    for words in (("info",), ("prune",), ("reshard", "--digits", 2)):
        code, said = store(*words)
        assert (code, said.count("Traceback")) == (2, 0)
        assert "capenh store check --repair puts it aside" in said


def test_the_command_line_lists_the_actions_and_their_flags(tmp_path, capfd):
    listed = capenh("store", "--help", cwd=tmp_path)
    assert listed.returncode == 0
    for action in ACTIONS:
        assert re.search(rf"^ +{action} ", listed.stdout, re.MULTILINE)
    with pytest.raises(SystemExit):
        main(["store", "prune", "--help"])
    helped = capfd.readouterr().out
    for flag in ("--older_than DAYS", "--yes", "--dataset_dir DIR", "--model_id"):
        assert flag in helped
    assert main(["store", "reshard", "--digits", "3"]) == 2
    wrong = capfd.readouterr().err
    assert wrong.count("\n") == 1
    assert "see capenh store reshard --help" in wrong


def test_bytes_ages_and_tables_are_for_people():
    assert [human_bytes(count) for count in (0, 999, 1000, 1_500_000, 2e15)] == [
        *("0 B", "999 B", "1.0 kB", "1.5 MB", "2,000.0 TB")
    ]
    noon = datetime(2024, 5, 5, 12, tzinfo=UTC)
    ages = [age(noon - timedelta(hours=hours), noon) for hours in (1, 25, 24_001)]
    assert ages == ["today", "1 day ago", "1,000 days ago"]
    assert one_line("a\nb\x1b[0mü") == "a\\nb\\x1b[0mü"
    assert table(["what", "rows"], [["a", 5], ["bcdef", 1200]]) == [
        *("what    rows", "a          5", "bcdef  1,200")
    ]


@pytest.mark.parametrize("words", [("prune", "--yes"), ("check", "--repair"), ("info",)])
def test_the_store_in_another_dataset_is_left_alone(dataset, store, tmp_path, words):
    """Both hold images of the same names, as cameras give them; the ledger is of one of them."""
    draw_images(tmp_path / "other")
    before = seen(dataset)
    code, said = store(*words, dataset_dir=tmp_path / "other", store=dataset / ".capenh")
    assert (code, said.count("\n")) == (2, 1)
    assert f"belongs to the dataset {dataset}" in said
    assert all(before[name].equals(rows) for name, rows in seen(dataset).items())


def test_a_check_leaves_nothing_in_a_folder_that_is_no_store(dataset, store, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (("check",), ("check", "--repair")):
        assert store(*words, store=tmp_path / "empty")[0] == 2
    assert [*(tmp_path / "empty").iterdir()] == []
