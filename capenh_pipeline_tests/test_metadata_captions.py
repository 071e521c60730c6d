"""Manual captions in the metadata files of Hugging Face's "imagefolder" datasets."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.dataset.scan import list_dataset
from capenh_pipeline.domain.options import Options
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns
from capenh_pipeline_tests.tars import png, write_tar

RED, GREEN, BLUE = png((200, 0, 0)), png((0, 200, 0)), png((0, 0, 200))


def jsonl(**texts):
    rows = [{"file_name": name, "text": text, "other": 1} for name, text in texts.items()]
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.png").write_bytes(RED)
    (folder / "b.png").write_bytes(GREEN)
    (folder / "sub" / "c.png").write_bytes(BLUE)
    texts = {"a.png": "a sks dog", "sub/c.png": "a line\nand another", "gone.png": "x"}
    (folder / "metadata.jsonl").write_text(jsonl(**texts))
    return folder


@pytest.fixture
def runs(data):
    started = StageRuns(data, {"recursive": True, "metadata_captions": True})
    assert started.run() == Cost(5, 3, 3, 3)
    return started


def manual(runs):
    return {path: row["manual_caption"] for path, row in runs.manifest().items()}


def test_texts_are_manual_captions(runs):
    wanted = {"a.png": "a sks dog", "b.png": None, "sub/c.png": "a line\nand another"}
    assert manual(runs) == wanted
    assert "a sks dog" in (runs.dataset / "a_combined.txt").read_text()
    assert runs.run() == NOTHING
    assert runs.run(trust_dir_mtime=True) == NOTHING


@pytest.mark.parametrize("trust", [False, True])
def test_a_text_that_is_edited_costs_one_request(runs, trust):
    runs.run()
    texts = {"a.png": "a sks cat", "sub/c.png": "a line\nand another"}
    (runs.dataset / "metadata.jsonl").write_text(jsonl(**texts))
    assert runs.run(trust_dir_mtime=trust) == Cost(2, 0, 1, 1)
    assert manual(runs)["a.png"] == "a sks cat"
    (runs.dataset / "metadata.jsonl").unlink()
    assert runs.run(trust_dir_mtime=trust) == Cost(0, 0, 2, 2)
    assert set(manual(runs).values()) == {None}


def test_a_text_file_counts_first(runs):
    (runs.dataset / "a.txt").write_text("by hand")
    assert runs.run() == Cost(1, 0, 1, 1)
    assert manual(runs)["a.png"] == "by hand"


def test_without_the_option_metadata_is_left_alone(runs):
    runs.run(metadata_captions=False)
    assert set(manual(runs).values()) == {None}


def test_csv_and_the_column_caption(data):
    (data / "metadata.jsonl").unlink()
    rows = 'file_name,caption\r\na.png,"a dog, and ""a cat"""\r\nsub/c.png,\u00fc\r\n'
    (data / "metadata.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    started = StageRuns(data, {"recursive": True, "metadata_captions": True})
    started.run()
    assert manual(started) == {"a.png": 'a dog, and "a cat"', "b.png": None, "sub/c.png": "\u00fc"}


def test_parquet_with_other_columns(data):
    (data / "metadata.jsonl").unlink()
    rows = {"id": [1, 2, 3], "file_name": ["a.png", None, "sub/c.png"], "text": ["a", "b", None]}
    rows["caption"] = ["not this", "b", "c"]
    parquet.write_table(pyarrow.table(rows), data / "metadata.parquet")
    options = {"recursive": True, "metadata_captions": True, "parquet_shards": True}
    started = StageRuns(data, options)
    started.run()
    assert manual(started) == {"a.png": "a", "b.png": None, "sub/c.png": "c"}
    (warning,) = started.reports[0].warnings
    assert warning == "The line 2 of metadata.parquet was skipped: it has no file_name."


def test_half_a_character_is_a_question_mark(data):
    (data / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "a dog \\ud83d"}')
    started = StageRuns(data, {"metadata_captions": True})
    started.run()
    assert manual(started)["a.png"] == "a dog ?"


def test_images_that_share_their_names_have_texts_of_their_own(data):
    for name in ("a.jpg", "b.jpg"):
        (data / name).write_bytes(BLUE)
    texts = {"a.png": "one", "a.jpg": "two", "b.png": "three", "c.png": "no", "c.gif": "no"}
    (data / "metadata.jsonl").write_text(jsonl(**texts))
    started = StageRuns(data, {"metadata_captions": True})
    started.run()
    wanted = {"a.jpg": "two", "a.png": "one", "b.jpg": None, "b.png": "three"}
    assert manual(started) == wanted


def test_of_rows_for_one_name_that_of_the_image_that_is_there_counts(data):
    (data / "metadata.jsonl").write_text(jsonl(**{"a.jpg": "gone", "a.png": "there", "a.gif": "x"}))
    started = StageRuns(data, {"metadata_captions": True})
    started.run()
    assert manual(started)["a.png"] == "there"


def test_members_of_a_tar_have_texts_too(data):
    write_tar(data / "x.tar", {"d.png": BLUE})
    (data / "metadata.jsonl").write_text(jsonl(**{"x/d.png": "in a tar"}))
    options = {"recursive": True, "metadata_captions": True, "tar_shards": True}
    started = StageRuns(data, options)
    started.run()
    assert manual(started)["x/d.png"] == "in a tar"


def test_of_rows_for_one_name_that_of_the_member_that_is_there_counts(data):
    write_tar(data / "x.tar", {"d.png": BLUE})
    (data / "metadata.jsonl").write_text(jsonl(**{"x/d.jpg": "gone", "x/d.png": "there"}))
    options = {"recursive": True, "metadata_captions": True, "tar_shards": True}
    started = StageRuns(data, options)
    started.run()
    assert manual(started)["x/d.png"] == "there"
    assert started.run() == NOTHING


def test_a_row_of_an_image_that_is_gone_hides_none_of_the_folder_above(data):
    (data / "sub" / "metadata.jsonl").write_text(jsonl(**{"c.jpg": "gone"}))
    started = StageRuns(data, {"recursive": True, "metadata_captions": True})
    started.run()
    assert manual(started)["sub/c.png"] == "a line\nand another"


def test_an_image_that_goes_leaves_the_other_of_its_name_its_text(data):
    (data / "a.jpg").write_bytes(GREEN)
    (data / "metadata.jsonl").write_text(jsonl(**{"a.jpg": "one", "a.png": "two"}))
    started = StageRuns(data, {"metadata_captions": True})
    started.run()
    (data / "a.jpg").unlink()
    started.run()
    assert manual(started) == {"a.png": "two", "b.png": None}


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("metadata.jsonl", b"{", "it is not what the file's name says (Expecting"),
        ("metadata.jsonl", b'["a.png"]', "it has no file_name"),
        ("metadata.jsonl", b'{"text": "x"}', "it has no file_name"),
        ("metadata.jsonl", b'{"file_name": 1}', "it has no file_name"),
        ("metadata.jsonl", b"[" * 100_000, "it is not what the file's name says (maximum"),
        ("metadata.csv", b"a" * 200_000, "it is not what the file's name says (field larger"),
    ],
)
def test_a_line_that_is_no_row_is_a_warning_and_the_others_count(data, name, line, reason):
    (data / "metadata.jsonl").unlink()
    rows = {
        "metadata.jsonl": [b'{"file_name": "a.png", "text": "a dog"}'],
        "metadata.csv": [b"file_name,text", b"a.png,a dog"],
    }[name]
    last = rows[-1].replace(b"a.png", b"b.png")
    (data / name).write_bytes(b"\n".join([*rows, line, last, b""]))
    found = list_dataset(data, recursive=True, layers=Layers(metadata=True))
    assert found.texts()["path"].to_list() == ["a.txt", "b.txt"]
    (warning,) = found.warnings
    assert warning.startswith(f"The line {len(rows) + 1} of {name} was skipped: {reason}")


def test_of_many_lines_that_are_no_rows_the_first_is_named(data):
    with (data / "metadata.jsonl").open("a") as file:
        file.write("{\n" * 3)
    found = list_dataset(data, recursive=True, layers=Layers(metadata=True))
    assert found.texts().height == 2
    (warning,) = found.warnings
    assert warning.startswith("The line 4 of metadata.jsonl was skipped: ")
    assert warning.endswith("; so were 2 others.")


def test_a_metadata_file_that_is_not_utf_8_is_a_warning(data):
    (data / "metadata.jsonl").write_bytes(b"\xff\xfe")
    found = list_dataset(data, recursive=True, layers=Layers(metadata=True))
    assert found.texts().is_empty()
    assert found.warnings == (
        "The file metadata.jsonl was skipped: it is not UTF-8; save it as UTF-8.",
    )


def test_a_metadata_file_of_the_folder_above_the_dataset_says_nothing(data):
    (data / "metadata.jsonl").rename(data.parent / "metadata.jsonl")
    found = list_dataset(data, recursive=True, layers=Layers(metadata=True))
    assert found.texts().is_empty()


def test_what_does_not_go_together_is_a_sentence():
    with pytest.raises(ConfigurationError, match="--metadata_captions and --caption_suffix do not"):
        Options(metadata_captions=True, caption_suffix="_x")
