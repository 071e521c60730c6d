"""Every version reads the stores of all earlier ones, and computes nothing that is in them."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.tables.marker import FORMAT
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.stored import caption, opened, store_command
from capenh_pipeline_tests.stores import STORES, write_store

KEPT = sorted(STORES.glob("format_*"))


@pytest.fixture(params=KEPT, ids=[folder.name for folder in KEPT])
def dataset(request, tmp_path):
    """A copy: what is kept is never written to."""
    return Path(shutil.copytree(request.param, tmp_path / "images"))


def test_the_format_of_this_version_is_kept():
    assert f"format_{FORMAT}" in [folder.name for folder in KEPT]


def test_its_captions_are_read(dataset):
    for prompt in ("<MORE_DETAILED_CAPTION>", "an older prompt"):
        rows = captions(opened(dataset, prompt=prompt))
        assert rows["path"].to_list() == ["red.png", "sub/blue.png"]
        assert rows["manual_caption"].to_list() == ["sks, my red square", None]
        red, blue = f"{prompt} (200, 0, 0)", f"{prompt} (0, 0, 200)"
        assert rows["vlm_captions"].struct.field("caption").to_list() == [red, blue]
        assert rows["caption"].to_list() == [
            "<manual_caption> sks, my red square </manual_caption> "
            f"<vlm_caption> {red} </vlm_caption>",
            f"<vlm_caption> {blue} </vlm_caption>",
        ]


@pytest.mark.parametrize("prompt", ["<MORE_DETAILED_CAPTION>", "an older prompt"])
def test_for_the_same_options_nothing_is_computed(dataset, prompt):
    before = opened(dataset).store.table(TABLES[1]).read()
    reports = caption(dataset, prompt=prompt)
    counts = {name: report.total("computed") for name, report in reports.items()}
    assert counts["vlm_captions"] == counts["combined_captions"] == 0
    assert reports["vlm_captions"].total("reused") == 2
    assert opened(dataset).store.table(TABLES[1]).read().equals(before)


def test_no_caption_file_is_written_or_taken_for_a_persons(dataset):
    reports = caption(dataset)
    assert reports["caption_files"].total("computed") == 0
    assert reports["caption_files"].total("kept") == 0
    caption(dataset, trigger_word="new")
    assert (dataset / "sub" / "blue_combined.txt").read_text().startswith("new, ")


def test_the_check_finds_it_sound_before_and_after_a_run(dataset, capfd):
    assert store_command(dataset, "check", "--deep") == 0
    caption(dataset)
    assert store_command(dataset, "check", "--deep") == 0
    assert capfd.readouterr().out.count("Nothing is wrong.") == 2


def test_it_can_be_resharded_compacted_and_pruned(dataset):
    assert store_command(dataset, "reshard", "--digits", 2) == 0
    assert store_command(dataset, "compact") == 0
    assert store_command(dataset, "prune", "--yes") == 0
    assert opened(dataset, shard_digits=2).store.table(TABLES[1]).read().height == 2
    assert store_command(dataset, "check") == 0


def test_the_script_writes_what_is_kept_for_this_format(tmp_path):
    written = Store.existing(write_store(tmp_path) / ".capenh")
    kept = Store.existing(STORES / f"format_{FORMAT}" / ".capenh")
    assert written.shard_digits == kept.shard_digits
    for schema in TABLES:
        rows = [store.table(schema).read().select(schema.key) for store in (written, kept)]
        assert rows[0].sort(schema.key).equals(rows[1].sort(schema.key))


def test_plain_readers_read_it(dataset):
    """Without this program: Parquet in Hive folders."""
    rows = pl.read_parquet(dataset / ".capenh" / "vlm_captions/**/*.parquet")
    assert set(rows["caption"]) == {
        f"{prompt} {colour}"
        for prompt in ("<MORE_DETAILED_CAPTION>", "an older prompt")
        for colour in ("(200, 0, 0)", "(0, 0, 200)")
    }
    reshard(Store.existing(dataset / ".capenh"), 2)
    again = pl.read_parquet(dataset / ".capenh" / "vlm_captions/**/*.parquet")
    assert set(again["caption"]) == set(rows["caption"])
