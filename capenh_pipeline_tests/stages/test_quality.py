"""Verdicts on the captions of a dataset: each is broken once."""

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS
from capenh_pipeline.stages import quality
from capenh_pipeline.stages.survey import EXAMPLES, survey
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stage_runs import StageRuns

IMAGES = 24
SEEN, COMBINED = VLM_CAPTIONS.name, COMBINED_CAPTIONS.name


@pytest.fixture
def runs(tmp_path):
    for number in range(IMAGES):
        colour(tmp_path / "images" / f"{number:02}.png", (number, 100, 0))
        (tmp_path / "images" / f"{number:02}.txt").write_text(f"{number} was here")
    return StageRuns(tmp_path / "images")


def say(run, schema, **columns):
    """Let all captions of a table be what a model could have said."""
    table = run.store.table(schema)
    table.append(table.read().with_columns(**columns))


def test_a_dataset_whose_captions_are_good_has_no_fault(runs):
    runs.run()
    run = runs.opened()
    found = survey(run)
    assert quality.store_opens(run).passed
    assert quality.files_match(run).passed
    assert quality.files_match(run).numbers == {"files": IMAGES, "wrong": 0, "edited": 0}
    for table in (SEEN, COMBINED):
        verdict = quality.all_have_captions(found, table)
        assert verdict.passed
        assert verdict.sentence == "24 of 24 images have a current caption; 0 were not tried."
        assert quality.failure_rate(found, table, limit=0).passed
    assert quality.captions_differ(found, COMBINED).passed


def test_an_image_that_nobody_has_captioned_is_an_error_and_is_named(runs):
    runs.run()
    for number in range(IMAGES, IMAGES + 3):
        colour(runs.dataset / f"{number}.png", (number, 100, 0))
    runs.run(limit=IMAGES + 1)
    for table in (SEEN, COMBINED):
        assert quality.all_have_captions(survey(runs.opened(limit=IMAGES + 1)), table).passed
        verdict = quality.all_have_captions(survey(runs.opened(prompt="other")), table)
        assert not verdict.passed
        assert verdict.is_serious
        assert verdict.numbers == {"images": 25, "lacking": 25, "untried": 25}
        assert len(verdict.rows) == EXAMPLES
        assert verdict.rows[0]["error_kind"] == "missing"


def test_an_image_that_failed_is_a_warning_with_its_reason(runs):
    runs.fails = lambda rgb: rgb[0] == 7
    (runs.dataset / "broken.png").write_bytes(b"broken")
    runs.run()
    verdict = quality.all_have_captions(survey(runs.opened()), SEEN)
    assert not verdict.passed
    assert not verdict.is_serious
    assert {row["path"]: row["error_kind"] for row in verdict.rows} == {
        "07.png": "model_error",
        "broken.png": "not_an_image",
    }


def test_more_failures_than_the_limit_are_an_error(runs):
    runs.fails = lambda rgb: rgb[0] < 3
    runs.run()
    found = survey(runs.opened())
    assert quality.failure_rate(found, SEEN, limit=3 / 24).passed
    verdict = quality.failure_rate(found, SEEN, limit=0.12)
    assert not verdict.passed
    assert verdict.is_serious
    assert verdict.sentence == "12.50% of 24 images failed (model_error 3); 12.00% may."
    assert sorted(row["path"] for row in verdict.rows) == ["00.png", "01.png", "02.png"]


def test_one_text_on_too_many_images_is_an_error(runs):
    runs.run()
    few = pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("a dog")).otherwise("caption")
    say(runs.opened(), VLM_CAPTIONS, caption=few)
    verdict = quality.captions_differ(survey(runs.opened()), SEEN)
    assert not verdict.passed
    assert verdict.is_serious
    assert verdict.rows[0]["text"] == "a dog"
    assert verdict.rows[0]["share"] == "21%"


def test_one_opening_on_too_many_images_is_a_warning(runs):
    runs.run()
    text = pl.format("A photo of {}", pl.int_range(pl.len()))
    say(runs.opened(), VLM_CAPTIONS, caption=text)
    verdict = quality.captions_differ(survey(runs.opened()), SEEN)
    assert not verdict.passed
    assert not verdict.is_serious
    assert verdict.sentence == "100% begin with “a photo of”."


def test_an_empty_caption_is_an_error(runs):
    runs.run()
    one = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(" \n")).otherwise("caption")
    say(runs.opened(), VLM_CAPTIONS, caption=one)
    verdict = quality.captions_differ(survey(runs.opened()), SEEN)
    assert not verdict.passed
    assert verdict.is_serious
    assert verdict.numbers["empty"] == 1
    assert verdict.rows[-1]["path"].endswith(".png")


def test_a_caption_file_that_is_gone_is_an_error_and_one_that_a_person_edited_is_not(runs):
    runs.run()
    (runs.dataset / "03_combined.txt").unlink()
    (runs.dataset / "04_combined.txt").write_text("mine")
    verdict = quality.files_match(runs.opened())
    assert not verdict.passed
    assert verdict.rows == [{"path": "03_combined.txt", "what": "the file is not there"}]
    assert verdict.numbers == {"files": 24, "wrong": 1, "edited": 1}


def test_a_caption_file_with_an_older_caption_is_an_error(runs):
    runs.run()
    say(runs.opened(), COMBINED_CAPTIONS, caption=pl.format("new {}", "image_hash"))
    verdict = quality.files_match(runs.opened())
    assert verdict.numbers["wrong"] == 24
    assert verdict.rows[0]["what"] == "the file holds an older caption"


def test_a_part_that_cannot_be_read_is_an_error_and_is_named(runs):
    runs.run()
    part = next((runs.dataset / ".capenh" / "vlm_captions").rglob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-20])
    verdict = quality.store_opens(runs.opened())
    assert not verdict.passed
    assert verdict.rows[0]["kind"] == "UNREADABLE"
    assert verdict.rows[0]["path"] == str(part)
