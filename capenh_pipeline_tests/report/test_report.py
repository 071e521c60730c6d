"""What a report is made of, how it is written, and what the command says."""

import json
import os
import re
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.cli import main
from capenh_pipeline.report.links import file_link, folder_link
from capenh_pipeline.report.report import write_report
from capenh_pipeline.report.thumbnails import MOST_IMAGES
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.benchmarks.big_dataset import make_dataset as make_many
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.report.samples import HOSTILE, NOT_UTF8
from capenh_pipeline_tests.stages.vlm_rows import SHORT_AND_LONG, keep_captions
from capenh_pipeline_tests.stored import OPTIONS, caption, draw_images, opened

BLOCK = re.compile(r'<script type="application/json" data-kind="(\w+)">(.*?)</script>', re.DOTALL)
FLAGS = [word for name, value in OPTIONS.items() for word in (f"--{name}", str(value))]


def facts_of(page):
    return next(
        json.loads(text) for kind, text in BLOCK.findall(page.read_text()) if kind == "facts"
    )


def images_of(page):
    """Return the rows of a page by path."""
    blocks = [
        json.loads(text) for kind, text in BLOCK.findall(page.read_text()) if kind == "images"
    ]
    frame = pl.concat(
        pl.DataFrame(block, strict=False, infer_schema_length=None) for block in blocks
    )
    return {row["path"]: row for row in frame.iter_rows(named=True)}


def command(dataset, *words):
    return main(["report", "--dataset_dir", str(dataset), *map(str, words)])


@pytest.fixture
def dataset(tmp_path):
    """Six captioned images, and one that is none."""
    folder = tmp_path / "images"
    draw_images(folder)
    caption(folder)
    return folder


def test_each_image_stands_beside_its_own_texts(report):
    row = images_of(report.path)["joined.png"]
    assert (row["manual"], row["caption"]) == ("a cat", "a cat. A grey wall.")
    assert row["seen"] == {"caption": "A grey wall."}
    assert (row["retention"], row["support"], row["state"]) == (1.0, None, "ok")


def test_a_name_that_is_no_utf_8_has_its_bytes_in_its_link(report):
    assert images_of(report.path)["caf\\xe9.png"]["link"] == "caf%E9.png"
    assert file_link("x", NOT_UTF8) == "caf%E9.png"


def test_no_text_ends_the_data(report):
    page = report.path.read_text()
    assert HOSTILE in images_of(report.path)["quote\"<b>&amp;'.png"]["caption"]
    assert "window.hacked" in page
    assert "<script>window.hacked" not in page
    assert "\u2028" not in page


@pytest.mark.parametrize(
    ("page", "folder", "link"),
    [
        ("/a/b/.capenh/report.html", "/a/b", "./../"),
        ("/a/b/report.html", "/a/b", "./"),
        ("/a/report.html", "/a/b #1/100%", "./b%20%231/100%25/"),
        ("/x/y/report.html", "/a/b", "./../../a/b/"),
        ("/a/c/../report.html", "/a/b", "./b/"),
        ("/a/report.html", os.fsdecode(b"/a/caf\xe9"), "./caf%E9/"),
    ],
)
def test_a_page_links_to_the_dataset_from_where_it_is(page, folder, link):
    assert folder_link(Path(page), Path(folder)) == link


def test_the_command_writes_the_page_and_says_where(dataset, capfd):
    assert command(dataset, *FLAGS) == 1
    said = capfd.readouterr().out
    assert said.startswith("7 images, 1 failed.\n")
    assert str(dataset / ".capenh" / "report.html") in said


def test_the_exit_code_is_0_where_all_captions_are_there(dataset):
    (dataset / "broken.jpg").unlink()
    build_image_manifest(opened(dataset))
    assert command(dataset, *FLAGS) == 0


def test_the_page_goes_where_it_is_told_and_finds_the_images_from_there(dataset, tmp_path):
    page = tmp_path / "new folder" / "page.html"
    assert command(dataset, *FLAGS, "--output", page) == 1
    assert facts_of(page)["folder"] == "./../images/"
    assert not (dataset / ".capenh" / "report.html").exists()


def test_the_store_and_the_dataset_are_only_read(dataset, tmp_path):
    def state():
        files = [path for path in dataset.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = state()
    command(dataset, *FLAGS, "--output", tmp_path / "page.html")
    assert state() == before


def test_a_page_that_cannot_be_written_is_a_sentence_and_leaves_nothing(dataset, capfd):
    (dataset / "taken").mkdir()
    assert command(dataset, *FLAGS, "--output", dataset / "taken") == 2
    assert "cannot be written" in capfd.readouterr().err
    assert list((dataset / "taken").iterdir()) == []


def test_a_dataset_without_a_store_gets_none(tmp_path, capfd):
    colour(tmp_path / "images" / "a.png", (1, 2, 3))
    assert command(tmp_path / "images") == 2
    assert "There is no store" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["a.png"]


def test_without_the_options_of_the_run_the_newest_captions_are_shown_and_it_is_said(
    dataset, capfd
):
    page = dataset / ".capenh" / "report.html"
    command(dataset, *FLAGS)
    wanted = images_of(page)
    assert facts_of(page)["note"] == ""
    capfd.readouterr()
    other = ["--model_id", "other/model", "--revision", "0" * 40, "--base_url", "http://x/v1"]
    assert command(dataset, *other) == 1
    assert images_of(page) == wanted
    assert "no VLM caption of these options" in facts_of(page)["note"]
    assert "These are the newest captions of the store" in capfd.readouterr().out


def test_captions_of_another_recipe_do_not_stand_for_those_that_are_wanted(dataset):
    keep_captions(opened(dataset, prompt="other"), {"00.png": {None: "Something else."}})
    page = dataset / ".capenh" / "report.html"
    command(dataset, *FLAGS, "--prompt", "other")
    row = images_of(page)["00.png"]
    assert row["seen"] == {"caption": "Something else."}
    assert (row["caption"], row["state"]) == (None, "waiting")


def test_a_caption_of_a_manual_text_that_was_edited_since_is_not_shown(dataset):
    (dataset / "00.txt").write_text("my new words")
    build_image_manifest(opened(dataset))
    row = images_of(write_report(opened(dataset)).path)["00.png"]
    assert (row["manual"], row["caption"], row["state"]) == ("my new words", None, "waiting")


def test_the_captions_of_several_prompts_stand_under_their_names(tmp_path):
    colour(tmp_path / "images" / "a.png", (1, 2, 3))
    run = opened(tmp_path / "images", prompt=SHORT_AND_LONG)
    build_image_manifest(run)
    keep_captions(run, {"a.png": {"short": "a", "long": "A."}})
    fill_combined_captions(run, connect=lambda choice: EchoLlm())
    row = images_of(write_report(run).path)["a.png"]
    assert row["seen"] == {"short": "a", "long": "A."}
    assert row["state"] == "ok"


def test_a_file_that_we_wrote_is_not_a_persons_whatever_the_trigger_word_is(dataset):
    written = write_report(opened(dataset, trigger_word="sks"))
    assert written.counts["edited"] == 0


def test_a_file_that_was_there_before_us_is_a_persons(tmp_path):
    draw_images(tmp_path / "images", 2)
    (tmp_path / "images" / "01_combined.txt").write_text("mine")
    caption(tmp_path / "images")
    rows = images_of(write_report(opened(tmp_path / "images")).path)
    assert {path: row["edited"] for path, row in rows.items() if row["edited"]} == {
        "01.png": "mine"
    }


def test_a_link_in_the_place_of_a_caption_file_is_not_followed(dataset, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (dataset / "01_combined.txt").unlink()
    (dataset / "01_combined.txt").symlink_to(tmp_path / "secret.txt")
    page = write_report(opened(dataset)).path
    assert images_of(page)["01.png"]["edited"] == ""
    assert "secret" not in page.read_text()


def test_runs_are_listed_the_newest_first(dataset):
    colour(dataset / "late.png", (200, 0, 0))
    caption(dataset, run_id="second")
    runs = facts_of(write_report(opened(dataset)).path)["runs"]
    assert [(run["run_id"], run["vlm"], run["combined"]) for run in runs] == [
        ("second", 1, 1),
        ("test", 6, 6),
    ]


def test_a_large_dataset_has_no_thumbnails_in_its_page(tmp_path):
    run = make_many(tmp_path / "images", MOST_IMAGES + 1)
    written = write_report(run)
    assert not any(row["thumbnail"] for row in images_of(written.path).values())
    assert len(images_of(written.path)) == MOST_IMAGES + 1


def test_images_that_are_gone_do_not_stop_a_report(dataset):
    (dataset / "00.png").unlink()
    (dataset / "01.png").write_bytes(b"other bytes")
    rows = images_of(write_report(opened(dataset)).path)
    assert rows["00.png"]["thumbnail"] is None
    assert rows["01.png"]["thumbnail"] is None
    assert rows["02.png"]["thumbnail"]


def test_a_dataset_that_nobody_has_captioned_yet_is_shown_as_that(tmp_path):
    draw_images(tmp_path / "images", 2)
    build_image_manifest(opened(tmp_path / "images"))
    written = write_report(opened(tmp_path / "images"))
    assert (written.counts["waiting"], written.counts["failed"], written.note) == (2, 1, "")


def test_a_page_whose_name_is_no_utf_8_is_written_and_named(dataset, tmp_path, capfd):
    page = tmp_path / os.fsdecode(b"caf\xe9.html")
    assert command(dataset, *FLAGS, "--output", page) == 1
    assert len(images_of(page)) == 7
    assert "caf\\xe9.html" in capfd.readouterr().out


def test_a_model_that_is_not_here_does_not_stop_a_report(dataset):
    page = dataset / ".capenh" / "report.html"
    command(dataset, *FLAGS)
    wanted = images_of(page)
    assert command(dataset, "--model_id", "./no-such-model", "--model", "./no-such-llm") == 1
    assert images_of(page) == wanted
    assert "no-such-model" in facts_of(page)["note"]
