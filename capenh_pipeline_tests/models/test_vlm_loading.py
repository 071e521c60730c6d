import json
import shutil
from pathlib import Path

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline.errors import CapenhError, ConfigurationError, ModelError
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline_tests.checkpoints import copy_florence, rewrite_weights, write_json

PROJECTION = "model.multi_modal_projector.image_projection.weight"
A_LAYER = "model.language_model.decoder.layers.0.fc1.weight"


def refusal(folder: Path, *, trust_remote_code: bool = False) -> str:
    """Return the sentence with which loading is refused."""
    with pytest.raises(CapenhError) as caught:
        load_vlm(VlmSettings(str(folder), device="cpu", trust_remote_code=trust_remote_code))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def florence(tmp_path):
    return copy_florence(tmp_path / "florence")


def test_weights_that_are_missing_are_named(florence):
    rewrite_weights(florence, lambda weights: weights.pop(A_LAYER))
    message = refusal(florence)
    assert "1 missing" in message
    assert A_LAYER in message


def test_weights_of_another_shape_are_named(florence):
    def cut(weights):
        weights[PROJECTION] = weights[PROJECTION][:64].contiguous()

    rewrite_weights(florence, cut)
    message = refusal(florence)
    assert "1 of another shape" in message
    assert PROJECTION in message


def test_a_checkpoint_of_another_architecture_is_refused_and_not_filled_with_random_numbers(
    florence,
):
    rewrite_weights(
        florence,
        lambda weights: [
            weights.update({f"x.{name}": weights.pop(name)}) for name in list(weights)
        ],
    )
    assert "missing" in refusal(florence)


def test_a_folder_without_weights_is_refused(florence):
    (florence / "model.safetensors").unlink()
    assert "model.safetensors" in refusal(florence)


@pytest.mark.parametrize("size", [0, 20, 100_000])
def test_weights_that_are_cut_short_are_refused(florence, size):
    content = (florence / "model.safetensors").read_bytes()
    (florence / "model.safetensors").write_bytes(content[:size])
    assert "cannot be loaded" in refusal(florence)


def test_a_language_model_is_refused_as_it_sees_no_images():
    assert "is no vision-language model: its model type is llama" in refusal(MERGE_LLM_FOLDER)


def test_a_folder_without_a_processor_is_refused(florence):
    (florence / "processor_config.json").unlink()
    assert "processor" in refusal(florence)


@pytest.mark.parametrize("config", ["{", "[]", "\0"])
def test_a_config_that_is_no_json_object_is_refused(florence, config):
    (florence / "config.json").write_text(config)
    assert "config.json" in refusal(florence)


def test_a_model_type_that_transformers_does_not_know_is_named(florence):
    write_json(florence / "config.json", {"model_type": "vision9000"})
    assert "does not know its model type 'vision9000'" in refusal(florence)


def test_code_that_comes_with_a_checkpoint_is_run_only_on_request(tmp_path):
    folder = shutil.copytree(FLORENCE_FOLDER, tmp_path / "own")
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.Own"}
    write_json(folder / "config.json", {"model_type": "own", "auto_map": classes})
    trace = tmp_path / "trace"
    (folder / "own.py").write_text(
        f"open({str(trace)!r}, 'w').close()\nraise AttributeError('made for transformers 4')\n"
    )
    assert "--trust_remote_code" in refusal(folder)
    assert not trace.exists()
    assert "made for transformers 4" in refusal(folder, trust_remote_code=True)
    assert trace.exists()


def test_a_device_that_is_not_there_is_refused_before_anything_is_read():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ConfigurationError, match=r"cuda was asked for .* torch sees no cuda"):
        load_vlm(VlmSettings("./no/such/folder", device="cuda"))


def test_a_path_typo_is_refused():
    with pytest.raises(ModelError, match="no such folder"):
        load_vlm(VlmSettings("./no/such/folder", device="cpu"))


def test_a_revision_of_a_folder_is_warned_about(caplog):
    load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu", revision="v1"))
    assert "--revision v1 is ignored" in caplog.text


@pytest.fixture
def transformers_logging():
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    yield logging
    logging.set_verbosity(verbosity)
    (logging.enable_progress_bar if bars else logging.disable_progress_bar)()


@pytest.mark.parametrize("bars", [True, False])
def test_the_users_own_choice_of_bars_and_verbosity_stays(transformers_logging, bars):
    from huggingface_hub.utils import are_progress_bars_disabled

    (
        transformers_logging.enable_progress_bar
        if bars
        else transformers_logging.disable_progress_bar
    )()
    transformers_logging.set_verbosity_info()
    load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu"))
    assert transformers_logging.is_progress_bar_enabled() == bars
    assert are_progress_bars_disabled() == (not bars)
    assert transformers_logging.get_verbosity() == transformers_logging.INFO


def test_half_precision_weights_are_widened_on_a_cpu(load):
    import torch

    assert json.loads((FLORENCE_FOLDER / "config.json").read_text())["dtype"] == "float16"
    vlm = load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu"))
    assert vlm._model.dtype == torch.float32
