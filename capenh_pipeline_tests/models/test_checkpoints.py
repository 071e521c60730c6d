import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.checkpoints import fingerprint, locate_model


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    (folder / "qformer_tokenizer").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\0" * 64)
    (folder / "merges.txt").write_text("a b")
    (folder / "qformer_tokenizer" / "tokenizer.json").write_text("{}")
    return folder


def test_a_folder_is_used_where_there_is_one(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    source = locate_model("checkpoint")
    assert source.folder == Path("checkpoint")
    assert (source.requested, source.effective_id) == ("checkpoint", str(folder))
    assert source.effective_revision("main") is None


def test_the_home_folder_may_be_written_as_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert locate_model("~/checkpoint").folder == folder


def test_a_hub_id_is_taken_as_it_is_with_its_revision():
    source = locate_model("Qwen/Qwen2.5-VL-3B-Instruct")
    assert (source.effective_id, source.folder, source.warning) == (
        "Qwen/Qwen2.5-VL-3B-Instruct",
        None,
        None,
    )
    assert source.effective_revision("v1") == "v1"


@pytest.mark.parametrize("size", ["base", "large", "base-ft", "large-ft"])
def test_the_original_florence_ids_stand_for_converted_ones_and_say_so(size):
    source = locate_model(f"microsoft/Florence-2-{size}")
    assert source.effective_id == f"florence-community/Florence-2-{size}"
    assert source.effective_revision("main") is None
    assert source.warning is not None
    assert source.effective_id in source.warning
    assert "revision is ignored" in source.warning


@pytest.mark.parametrize(
    "typo",
    ["./florence", "/no/such/folder", "~/florenze", "~nobody-here/x", "a/b/c", "a/b/", "..\\x", ""],
)
def test_a_path_that_is_no_folder_is_refused_with_what_to_give(typo):
    with pytest.raises(ModelError, match=r"no such folder; give a folder .* or a hub id such as"):
        locate_model(typo)


def test_a_folder_without_a_config_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        locate_model(str(tmp_path))


def test_a_checkpoint_is_the_same_wherever_it_lies(folder, tmp_path):
    before = fingerprint(folder, sha256_of)
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "renamed")
    assert fingerprint(moved, sha256_of) == before
    assert len(before) == 64


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "merges.txt", "qformer_tokenizer/tokenizer.json"],
)
def test_one_changed_byte_makes_another_checkpoint(folder, name):
    before = fingerprint(folder, sha256_of)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    assert fingerprint(folder, sha256_of) != before


@pytest.mark.parametrize("name", ["chat_template.jinja", "modeling_x.py", "vocab.txt"])
def test_a_new_file_that_can_change_a_caption_makes_another_checkpoint(folder, name):
    before = fingerprint(folder, sha256_of)
    (folder / name).write_text("x")
    assert fingerprint(folder, sha256_of) != before


def test_what_cannot_change_a_caption_does_not_count(folder):
    before = fingerprint(folder, sha256_of)
    for name in ("README.md", ".gitattributes", "train.log", "RESULT.json", "training_args.bin"):
        (folder / name).write_text("x")
    (folder / "checkpoint-500").mkdir()
    (folder / "checkpoint-500" / "config.json").write_text("{}")
    (folder / "checkpoint-500" / "optimizer.bin").write_text("x")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.json").write_text("{}")
    assert fingerprint(folder, sha256_of) == before


def test_a_checkpoint_is_identified_without_torch():
    code = "import sys, capenh_pipeline.models.vlm; print('torch' in sys.modules)"
    result = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
