"""Datasets as they are found: any name, links, folders that are closed, times that cannot be."""

import os
from pathlib import Path

import pytest
from PIL import Image

from capenh_pipeline.commands import SOME_FAILED, list_failures
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.failures import failures
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.fakes.vlm import ColourVlm, CountingLoader
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.pipeline import pipeline
from capenh_pipeline_tests.stage_runs import StageRuns
from capenh_pipeline_tests.stored import caption, draw_images, store_command

OWN_NAMES = [
    *("new\nline.png", "a\tb.png", "a\r.png", " .png", "two  spaces .png"),
    *("'\"`$(x).png", "*?[.png", "a%20b.png", "\\.png", "-rf.png", "--help.png"),
    *("x..png", "x.tar.png", "PNG.PNG", "💥.png", "\u202eright to left.png", "名前.png"),
    os.fsdecode(b"caf\xe9.png"),
    os.fsdecode(b"half an emoji \xed\xa0\xbd.png"),
]
"""Their captions stand in NAME_combined.txt."""

SHARED_NAMES = [
    *("t.jpg", "t.png", "T.JPG"),
    *("Case.png", "case.png"),
    *("cafe\u0301.png", "caf\u00e9.png"),
]
"""Theirs in NAME.png_combined.txt: without extension and letter case two are alike."""

TOO_LONG = 251 * "n" + ".png"
SKIPPED = [".png", "...png", "png", "x.", ".txt"]


def save(path: Path, red: int) -> None:
    Image.new("RGB", (16, 16), (red, 1, 2)).save(path, "PNG")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A tree of odd names in odd folders, each image of its own colour, after two runs."""
    root = tmp_path_factory.mktemp("odd")
    outside = tmp_path_factory.mktemp("outside")
    for red, name in enumerate([*OWN_NAMES, *SHARED_NAMES, TOO_LONG, *SKIPPED]):
        save(root / name, red)
    for name in OWN_NAMES:
        manual_of(root / name).write_text(f"sks {OWN_NAMES.index(name)}")
    (root / manual_of(root / TOO_LONG)).write_text("sks long")
    folder = root / os.fsdecode(b"-f\xfc\nr.jpg")
    folder.mkdir()
    save(folder / "in.png", 100)
    save(outside / "linked.png", 101)
    (root / "linked.png").symlink_to(outside / "linked.png")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "self.png").symlink_to("self.png")
    (root / "broken.png").symlink_to("nowhere")
    with pipeline(root, loader=CountingLoader(ColourVlm)) as started:
        started.options = {"prompt": "see", "recursive": True, "skip_gates": "all"}
        yield started, started.run(), started.run()


def manual_of(image: Path) -> Path:
    return image.with_name(image.name.rpartition(".")[0] + ".txt")


def combined_text(image: Path, *, is_shared: bool = False) -> str:
    name = image.name if is_shared else image.name.rpartition(".")[0]
    return image.with_name(name + "_combined.txt").read_text()


def test_every_image_under_any_name_gets_its_caption_in_its_own_file(odd):
    root = odd[0].dataset
    for red, name in enumerate(OWN_NAMES):
        assert combined_text(root / name) == f"sks {red}, see ({red}, 1, 2)\n"
    for red, name in enumerate(SHARED_NAMES, len(OWN_NAMES)):
        assert combined_text(root / name, is_shared=True) == f"see ({red}, 1, 2)\n"
    assert combined_text(root / "linked.png") == "see (101, 1, 2)\n"
    assert combined_text(root / os.fsdecode(b"-f\xfc\nr.jpg") / "in.png") == "see (100, 1, 2)\n"


def test_what_is_no_image_or_is_hidden_has_no_row_and_links_to_folders_are_not_followed(odd):
    rows = captions(odd[0].opened())
    expected = len(OWN_NAMES) + len(SHARED_NAMES) + len([TOO_LONG, "linked", "in"])
    assert rows.height == expected
    assert rows["caption"].null_count() == 0
    assert not rows["path"].str.contains("loop|self|broken|folder").any()


def test_a_second_run_on_odd_names_does_nothing(odd):
    _, first, second = odd
    expected = len(OWN_NAMES) + len(SHARED_NAMES) + len(["linked", "in"])
    assert first.files_written == expected
    assert second[:4] == (0, 0, 0, 0)


def test_a_name_that_is_too_long_for_a_caption_file_is_told_and_its_caption_is_kept(odd):
    started, first, second = odd
    file = TOO_LONG.replace(".png", "_combined.txt")
    for work in (first, second):
        assert work.result.failed == 1
    assert failures(started.opened()).rows() == [
        (
            *(TOO_LONG, "caption_files", "unwritten"),
            f"{file}: The caption file cannot be written: File name too long; rename the image "
            "(its caption is in the store) and run again.",
        )
    ]
    row = captions(started.opened()).filter(path=TOO_LONG)
    assert row["caption"].to_list() == [f"sks long, see ({len(OWN_NAMES + SHARED_NAMES)}, 1, 2)"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("enhance", "--dataset_dir", "."), "dataset_dir"),
        (("enhance", "--dataset_dir", "IMAGES", "--store", "store"), "store"),
        (("store", "check", "--dataset_dir", ".", "--repair"), "dataset_dir"),
        (("demo", "here"), "DIR"),
    ],
    ids=lambda words: words[0],
)
def test_below_a_folder_whose_name_is_not_utf_8_nothing_is_begun(tmp_path, words, option):
    """Neither Dagster's database nor polars takes such a path."""
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    images = tmp_path / "images"
    for folder in (odd, images):
        colour(folder / "red.png", (255, 0, 0))
    done = capenh(*(images if word == "IMAGES" else word for word in words), cwd=odd)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"capenh: --{option}: {tmp_path}/caf\\xe9")
    assert "is not UTF-8" in done.stderr
    assert os.listdir(odd) == ["red.png"]  # noqa: PTH208


@pytest.mark.parametrize("option", ["dataset_dir", "store"])
def test_a_folder_whose_name_is_not_utf_8_is_refused(tmp_path, option):
    """Before there is a store."""
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    colour(odd / "red.png", (255, 0, 0))
    done = capenh("enhance", "--dataset_dir", ".", f"--{option}", odd, cwd=odd.parent)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "is not UTF-8 text; write it in UTF-8 (a file or folder: rename it)." in done.stderr
    assert os.listdir(odd) == ["red.png"]  # noqa: PTH208


def test_a_folder_whose_name_is_not_utf_8_is_used_by_a_link_of_another_name(tmp_path):
    """Only the name by which a folder is given counts."""
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    draw_images(odd)
    (tmp_path / "link").symlink_to(odd)
    reports = caption(tmp_path / "link")
    assert reports["caption_files"].total("files") == reports["caption_files"].total("computed") > 0
    assert store_command(tmp_path / "link", "check", "--deep") == 0


def test_a_failure_is_one_line_and_steers_no_terminal_whatever_the_file_is_called(tmp_path, capsys):
    (tmp_path / "\x1b[2Jtwo\nlines\tof \u202e.png").write_bytes(b"no image")
    runs = StageRuns(tmp_path)
    runs.run()

    assert list_failures({"dataset_dir": str(tmp_path), **runs.options}, {}) == SOME_FAILED
    told = capsys.readouterr().out
    assert told.startswith("\\x1b[2Jtwo\\nlines\\tof \\u202e.png\timage_manifest\tnot_an_image\t")
    assert told.count("\n") == 1
    assert told.count("\t") == 3


def test_a_folder_that_cannot_be_read_is_named_and_the_rest_goes_on(ordinary_user):
    for red, name in enumerate(["1.png", "open/2.png", "locked/3.png"]):
        colour(ordinary_user / name, (red, 0, 0))
    runs = StageRuns(ordinary_user, {"recursive": True})
    assert runs.run() == (3, 3, 3, 3)
    (ordinary_user / "locked").chmod(0)

    assert runs.run()[1:] == (0, 0, 0)
    assert runs.reports[0].warnings == ["The folder locked was skipped: Permission denied."]
    assert captions(runs.opened())["path"].to_list() == ["1.png", "open/2.png"]

    (ordinary_user / "locked").chmod(0o755)
    assert runs.run()[1:] == (0, 0, 0)
    assert captions(runs.opened())["path"].to_list() == ["1.png", "locked/3.png", "open/2.png"]


def test_a_folder_that_cannot_be_written_fails_its_files_and_the_rest_goes_on(ordinary_user):
    for red, name in enumerate(["1.png", "closed/2.png"]):
        colour(ordinary_user / name, (red, 0, 0))
    (ordinary_user / "closed").chmod(0o555)
    runs = StageRuns(ordinary_user, {"recursive": True})

    assert runs.run().files_written == 1
    told = (
        "closed/2_combined.txt: The caption file cannot be written: Permission denied; allow "
        "writing there and run again."
    )
    assert failures(runs.opened()).rows() == [("closed/2.png", "caption_files", "unwritten", told)]
    (ordinary_user / "closed").chmod(0o755)
    assert runs.run()[1:] == (0, 0, 1)
    assert failures(runs.opened()).is_empty()


@pytest.mark.parametrize(
    "what",
    [
        "folder",
        "link",
        *(pytest.param(what, marks=pytest.mark.soak) for what in ("pipe", "broken")),
    ],
)
def test_what_stands_in_the_place_of_a_caption_file_is_kept_and_nothing_waits_for_it(
    tmp_path, what
):
    dataset = tmp_path / "dataset"
    colour(dataset / "a.png", (1, 2, 3))
    runs = StageRuns(dataset)
    runs.run()
    ours, elsewhere = dataset / "a_combined.txt", tmp_path / "elsewhere"
    text = ours.read_text()
    ours.unlink()
    if what == "link":
        elsewhere.write_text("theirs")
    {"folder": ours.mkdir, "pipe": lambda: os.mkfifo(ours)}.get(
        what, lambda: ours.symlink_to(elsewhere)
    )()

    assert runs.run()[1:] == (0, 0, 0)
    assert [*runs.reports[-1].kept_files.values()] == [["a_combined.txt"]]
    assert what != "link" or elsewhere.read_text() == "theirs"

    assert runs.run(write_policy="overwrite").files_written == (0 if what == "folder" else 1)
    if what == "folder":
        [told] = failures(runs.opened())["error"]
        assert told.startswith("a_combined.txt: The caption file cannot be written: Is a direct")
        return
    assert not ours.is_symlink()
    assert ours.read_text() == text
    assert what != "link" or elsewhere.read_text() == "theirs"
