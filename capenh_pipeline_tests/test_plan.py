"""`capenh plan`: what a run would do, by the command, against what it then does."""

import re
import shutil
from contextlib import redirect_stdout
from io import StringIO

import polars as pl
import pytest

from capenh_pipeline.cli import main
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.pipeline import pipeline

IMAGES = 12


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    dataset = tmp_path_factory.mktemp("plan") / "dataset"
    for number in range(IMAGES):
        draw(dataset / f"{number:02}.png", number)
    with pipeline(dataset) as started:
        started.run()
    return dataset


@pytest.fixture
def captioned(first_run, tmp_path):
    with pipeline(shutil.copytree(first_run, tmp_path / "dataset")) as started:
        yield started


def planned(started, *flags):
    """Return the numbers of the plan by the name of their line, and its whole text."""
    words = ["--dataset_dir", started.dataset, "--model_id", FLORENCE_FOLDER]
    words += ["--base_url", started.server.base_url, "--model", "test-model"]
    with redirect_stdout(StringIO()) as out:
        assert main(["plan", *map(str, [*words, *flags])]) == 0
    text = out.getvalue()
    lines = re.findall(r"^(\S+(?: \S+)*) +([\d,.]+|unknown)\b", text, re.MULTILINE)
    return {name: number.replace(",", "") for name, number in lines}, text


def rows(numbers):
    return int(numbers["VLM captions"]), int(numbers["combined captions"])


def test_after_a_run_there_is_nothing_to_do(captioned):
    numbers, text = planned(captioned)
    assert (numbers["images"], rows(numbers), numbers["LLM tokens"]) == ("12", (0, 0), "0")
    assert "Nothing was computed." in text
    assert captioned.server.requests == []


def test_a_new_image_is_planned_with_all_its_rows(captioned):
    draw(captioned.dataset / "new.png", 99)
    numbers, text = planned(captioned)
    assert rows(numbers) == (1, 1)
    assert "13 of them to scan" in text  # a copy has other times
    work = captioned.run()
    assert (work.vlm_images, work.llm_requests) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"prompt": "<CAPTION>"}, {"llm_max_tokens": 9}, {"limit": 5, "llm_max_tokens": 9}]
)
def test_what_is_planned_is_what_is_done(captioned, options):
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    numbers, _ = planned(captioned, *flags)
    work = captioned.run(**options)
    assert rows(numbers) == (work.vlm_images, work.llm_requests)


def test_a_manual_caption_of_this_moment_is_planned(captioned):
    (captioned.dataset / "03.txt").write_text("sks circle")
    (captioned.dataset / "04.txt").write_bytes(b"\xff\xfe\x00")
    assert rows(planned(captioned)[0]) == (0, 1)
    assert captioned.run().llm_requests == 1
    (captioned.dataset / "04.txt").write_text("mended")
    assert rows(planned(captioned)[0]) == (0, 1)


def test_images_that_are_gone_do_not_count_to_the_limit(captioned):
    for number in range(2):
        (captioned.dataset / f"{number:02}.png").unlink()
    assert rows(planned(captioned, "--limit", "5")[0]) == (0, 0)
    assert captioned.run(limit=5).llm_requests == 0


def test_tokens_cost_and_hours_go_by_the_rows_that_are_there(captioned):
    flags = ["--llm_max_tokens", "9", "--price_in", "2", "--price_out", "4"]
    numbers, text = planned(captioned, *flags)
    assert int(numbers["LLM tokens"]) == IMAGES * 18  # the server says 11 in and 7 out
    assert float(numbers["cost"]) == 0.0006  # of small data sets too
    assert "the mean of 12 captions of other recipes" in text


def test_hours_go_by_the_last_run_that_was_long_enough(captioned):
    assert planned(captioned, "--llm_max_tokens", "9")[0]["hours"] == "unknown"
    table = captioned.opened().store.table(COMBINED_CAPTIONS)
    seconds = pl.duration(seconds=pl.int_range(pl.len()) * 2)
    table.append(
        table.read().with_columns(pl.lit("slow").alias("run_id"), pl.col("created_at") + seconds)
    )
    numbers, text = planned(captioned, "--llm_max_tokens", "9")
    assert float(numbers["hours"]) == round(IMAGES / 0.5 / 3600, 2)
    assert "LLM 0.5 a second" in text


def test_without_prices_the_cost_is_unknown(captioned):
    numbers, text = planned(captioned)
    assert numbers["cost"] == "unknown"
    assert "set --price_in and --price_out" in text


def test_a_folder_that_was_never_captioned_is_planned_by_assumptions(tmp_path):
    draw(tmp_path / "dataset" / "a.png", 1)
    with pipeline(tmp_path / "dataset") as started:
        numbers, text = planned(started)
    assert rows(numbers) == (1, 1)
    assert "assumed" in text
    assert numbers["hours"] == "unknown"
