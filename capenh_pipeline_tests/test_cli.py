"""The command line, as a user meets it: real processes, exit codes and sentences."""

import os
import re
import shlex
import shutil
import subprocess

import polars as pl
import pytest

from capenh_pipeline.cli import main
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.command import capenh, command
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "images"
    draw(folder / "a.png", 1)
    return folder


@pytest.fixture(scope="module")
def server():
    with FakeLlmServer(models=["served"], api_key="right") as started:
        yield started


def enhance(cwd, *words, **variables):
    return capenh("enhance", *words, cwd=cwd, **variables)


def assert_one_sentence(done, *parts, code=2):
    """The command ended with `code`, and said one line without a traceback."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("capenh: ")
    for part in parts:
        assert str(part) in done.stderr


def test_a_missing_dataset_folder_is_named(tmp_path):
    done = enhance(tmp_path, "--dataset_dir", "nowhere")
    assert_one_sentence(done, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_as_dataset_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert_one_sentence(enhance(tmp_path, "--dataset_dir", "file"), "is not a folder")


def test_a_folder_without_images_stays_as_it_is(tmp_path):
    (tmp_path / "empty").mkdir()
    assert_one_sentence(enhance(tmp_path, "--dataset_dir", "empty"), "No image")
    assert list((tmp_path / "empty").iterdir()) == []


def test_no_dataset_is_a_sentence(tmp_path):
    assert_one_sentence(enhance(tmp_path), "--dataset_dir", "CAPENH_DATASET_DIR")


def test_an_unknown_flag_gets_a_suggestion(tmp_path):
    assert_one_sentence(enhance(tmp_path, "--datset_dir", "x"), "did you mean --dataset_dir?")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--batch_size", "many"), "whole number"),
        (("--write_policy", "maybe"), "protect, overwrite"),
        (("--concurrency", "0"), "at least 1"),
        (("--shard_digits", "3"), "1 or 2"),
        (("--combined_suffix", ""), "make them differ"),
        (("--prompt", "a=x", "--prompt", "A=y"), "--prompt has 2 prompts of the name 'a'"),
        (("--prompt", "a=x", "--llm-captions", "b"), "the prompts are called: a"),
        (("--llm_system_prompt", "missing.txt"), "missing.txt"),
        (("--vlm_system_prompt", "missing.txt"), "missing.txt"),
        (("--locked_terms", "missing.txt"), "missing.txt"),
        (("--fit", "clip", "--fit_tokenizer", "missing"), "missing is no folder"),
        (("--fit", "clip", "--fit_tokenizer", "."), "There is no tokenizer in"),
        (("--max_cost", "1"), "needs --price_in and --price_out"),
        (("--skip_gates", "everything"), "it can name empty, refusal"),
        (("--model_id", "./no-such-model"), "no-such-model"),
        (("--model", "./no-such-llm"), "no-such-llm"),
    ],
)
def test_a_bad_value_is_named_before_any_work(dataset, words, said, capfd):
    assert main(["enhance", "--dataset_dir", str(dataset), *words]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (dataset / ".capenh" / "image_manifest").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--dataset_dir", "~nobody-of-that-name/x"),
        ("--dataset_dir", "x" * 300),
        ("--model", "~nobody-of-that-name/x"),
        ("--store", "x" * 300),
        ("--prompt", "caf\udce9"),
        ("--recursive", "perhaps"),
    ],
)
def test_what_can_be_no_value_is_a_sentence_too(dataset, words, capfd):
    assert main(["enhance", "--dataset_dir", str(dataset), *words]) == 2
    error = capfd.readouterr().err
    assert error.startswith(("capenh: --", "capenh: /"))
    assert error.count("\n") == 1


def test_a_dotenv_that_is_not_text_is_named(dataset, monkeypatch, capfd):
    (dataset / ".env").write_bytes(b"CAPENH_MODEL=\xff")
    monkeypatch.chdir(dataset)
    assert main(["enhance", "--dataset_dir", "."]) == 2
    assert str(dataset / ".env") in capfd.readouterr().err


def test_the_demo_leaves_settings_of_others_alone(dataset, capfd):
    (dataset / ".env").write_text("OPENAI_API_KEY=mine")
    assert main(["demo", str(dataset)]) == 2
    assert str(dataset / ".env") in capfd.readouterr().err
    assert (dataset / ".env").read_text() == "OPENAI_API_KEY=mine"
    assert [path.name for path in dataset.iterdir() if path.suffix == ".jpg"] == []


def test_a_store_of_another_dataset_is_refused(dataset, tmp_path, capfd):
    draw(tmp_path / "other" / "a.png", 2)
    Store.open(tmp_path / "store", shard_digits=1, dataset=dataset)
    words = ["--dataset_dir", str(tmp_path / "other"), "--store", str(tmp_path / "store")]
    assert main(["enhance", *words]) == 2
    assert str(dataset) in capfd.readouterr().err


def test_a_second_run_on_a_store_says_that_there_is_one(dataset, capfd):
    with Store.open(dataset / ".capenh", shard_digits=1).held():
        words = ["--model_id", str(FLORENCE_FOLDER), "--base_url", "http://127.0.0.1:9/v1"]
        assert main(["enhance", "--dataset_dir", str(dataset), *words]) == 2
    assert "Another run is at work" in capfd.readouterr().err


@pytest.mark.slow
def test_a_closed_standard_output_is_no_error(dataset, server):
    words = ["--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER, "--model", "served"]
    done = subprocess.run(  # noqa: S603  # our own command
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command("enhance", *words)],
        env={**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "right"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_a_flag_wins_over_a_variable_that_is_wrong(dataset, monkeypatch, capfd):
    monkeypatch.setenv("CAPENH_WRITE_POLICY", "maybe")
    words = ["--dataset_dir", str(dataset), "--model_id", "./nowhere", "--write_policy", "protect"]
    assert main(["enhance", *words]) == 2
    assert "./nowhere" in capfd.readouterr().err


def test_a_bad_value_in_the_environment_names_its_variable(dataset):
    done = enhance(dataset.parent, "--dataset_dir", dataset, CAPENH_BATCH_SIZE="many")
    assert_one_sentence(done, "CAPENH_BATCH_SIZE")


@pytest.mark.slow
def test_a_server_that_is_not_there_is_known_before_the_model_is_loaded(dataset):
    done = enhance(
        dataset.parent,
        *("--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--base_url", "http://127.0.0.1:9/v1", "--model", "any"),
    )
    assert done.returncode == 2
    assert "http://127.0.0.1:9/v1" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (dataset / ".capenh" / "vlm_captions").exists()


@pytest.mark.slow
def test_a_refused_key_is_known_before_the_model_is_loaded_and_not_shown(dataset, server):
    done = enhance(
        dataset.parent,
        *("--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--base_url", server.base_url, "--model", "served"),
        OPENAI_API_KEY="canary-key",
    )
    assert done.returncode == 2
    assert "key" in done.stderr.splitlines()[-1]
    assert "canary-key" not in done.stdout + done.stderr
    assert not (dataset / ".capenh" / "vlm_captions").exists()
    for file in (dataset / ".capenh").rglob("*"):
        assert not file.is_file() or b"canary-key" not in file.read_bytes()


@pytest.mark.slow
def test_a_model_that_the_server_does_not_know_is_named_with_those_it_has(dataset, server):
    done = enhance(
        dataset.parent,
        *("--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--base_url", server.base_url, "--model", "unknown"),
        OPENAI_API_KEY="right",
    )
    assert done.returncode == 2
    assert "unknown" in done.stderr.splitlines()[-1]
    assert "served" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_checkpoint_that_is_no_vlm_is_refused(dataset, server):
    done = enhance(
        dataset.parent,
        *("--dataset_dir", dataset, "--model_id", MERGE_LLM_FOLDER),
        *("--base_url", server.base_url, "--model", "served"),
        OPENAI_API_KEY="right",
    )
    assert done.returncode == 2
    assert str(MERGE_LLM_FOLDER) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_store_of_another_shard_count_is_refused(dataset):
    (dataset / ".capenh").mkdir()
    (dataset / ".capenh" / "store.json").write_text('{"format": 1, "shard_digits": 2}')
    assert_one_sentence(enhance(dataset.parent, "--dataset_dir", dataset), "CAPENH_SHARD_DIGITS=2")


def test_a_store_of_another_format_is_refused(dataset):
    (dataset / ".capenh").mkdir()
    (dataset / ".capenh" / "store.json").write_text('{"format": 99, "shard_digits": 1}')
    assert_one_sentence(enhance(dataset.parent, "--dataset_dir", dataset), "format 99")


def test_a_store_that_cannot_be_written_is_a_sentence(dataset, tmp_path):
    (tmp_path / "file").touch()
    done = enhance(tmp_path, "--dataset_dir", dataset, "--store", tmp_path / "file" / "store")
    assert_one_sentence(done, tmp_path / "file")


@pytest.mark.slow
def test_options_come_from_flags_then_variables_then_dotenv(dataset, server, tmp_path):
    (tmp_path / ".env").write_text(
        f"CAPENH_DATASET_DIR={dataset}\nCAPENH_MODEL_ID={FLORENCE_FOLDER}\n"
        f"OPENAI_BASE_URL={server.base_url}\nOPENAI_API_KEY=right\nCAPENH_TRIGGER_WORD=dotenv\n"
    )
    assert enhance(tmp_path, CAPENH_MODEL="served").returncode == 0
    assert (dataset / "a_combined.txt").read_text().startswith("dotenv, ")
    enhance(tmp_path, CAPENH_TRIGGER_WORD="variable")
    assert (dataset / "a_combined.txt").read_text().startswith("variable, ")
    enhance(tmp_path, "--trigger-word=flag", CAPENH_TRIGGER_WORD="variable")
    assert (dataset / "a_combined.txt").read_text().startswith("flag, ")


@pytest.mark.slow
def test_failures_are_named_and_listed_and_the_others_are_captioned(dataset, server, tmp_path):
    caption = draw(dataset / "good.png", 5)
    shutil.copy(dataset / "good.png", dataset / "text.png")
    (dataset / "text.txt").write_bytes(b"\xff\xfe\x00")
    (dataset / "broken.jpg").write_bytes(b"not an image")
    (dataset / "empty.png").touch()
    whole = (dataset / "good.png").read_bytes()
    (dataset / "half.png").write_bytes(whole[: len(whole) // 2])
    options = [
        *("--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--base_url", server.base_url, "--model", "served", "--combined_suffix=-both"),
    ]
    done = enhance(tmp_path, *options, OPENAI_API_KEY="right")
    assert done.returncode == 1
    (named,) = re.findall(r"^All of them: \S*capenh (.*)$", done.stdout, re.MULTILINE)
    listed = capenh(*shlex.split(named), cwd=tmp_path, OPENAI_API_KEY="right")
    assert listed.returncode == 1
    rows = [line.split("\t")[:3] for line in listed.stdout.splitlines()]
    assert rows == [
        ["broken.jpg", "image_manifest", "not_an_image"],
        ["empty.png", "image_manifest", "empty"],
        ["half.png", "vlm_captions", "truncated"],
        ["text.png", "image_manifest", "manual_caption_not_utf8"],
    ]
    for path, stage, kind in rows:
        assert f"{path}: {stage}: {kind}" in done.stdout
    assert (dataset / "good-both.txt").read_text() == f"{caption}\n"
    assert not (dataset / "text-both.txt").exists()
    rows = pl.read_parquet(dataset / ".capenh" / "vlm_captions/**/*.parquet")
    assert rows.filter(status="ok").height == 2  # a.png, and good.png which is text.png too
