import shutil

import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.scenes import sample_scene
from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_florence_original import LOCATION_TOKENS, is_original
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline_tests.checkpoints import rewrite_weights, write_original_florence


@pytest.fixture(scope="module")
def drawings():
    rng = seeded(3)
    return [draw_scene(sample_scene(rng), rng, side_px=side) for side in (64, 96, 200, 333)]


def test_a_checkpoint_in_the_original_layout_captions_as_its_native_twin(
    load, original_florence, drawings
):
    native, original = load(FLORENCE_FOLDER), load(original_florence)
    expected = native.generate(native.prepare(drawings))
    assert original.generate(original.prepare(drawings)) == expected
    assert all(reply.finish_reason == "stop" for reply in expected)


def test_the_first_step_has_the_same_logits_as_that_of_the_native_twin(
    load, original_florence, drawings
):
    import torch

    logits = []
    for vlm in (load(FLORENCE_FOLDER), load(original_florence)):
        inputs = vlm.prepare(drawings)
        start = torch.full((len(drawings), 1), 2)
        with torch.inference_mode():
            logits.append(vlm._model(**inputs, decoder_input_ids=start).logits)
    shared = logits[0].shape[-1]
    assert torch.allclose(logits[0], logits[1][..., :shared], atol=1e-5)
    added = logits[1][..., shared:]
    assert added.numel() > 0
    assert torch.allclose(added, logits[0].mean(-1, keepdim=True).expand_as(added), atol=0.01)


def test_weights_in_a_pickle_are_read_without_running_it(load, tmp_path, drawings):
    native = load(FLORENCE_FOLDER)
    pickled = load(write_original_florence(tmp_path / "pickled", weights="pickle"))
    assert pickled.generate(pickled.prepare(drawings)) == native.generate(native.prepare(drawings))


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    import torch

    folder = write_original_florence(tmp_path / "pickled", weights="pickle")
    trace = tmp_path / "trace"

    class Attack:
        def __reduce__(self):
            return (open, (str(trace), "w"))

    torch.save({"image_projection": Attack()}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_vlm(VlmSettings(str(folder), device="cpu"))
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    [
        "language_model.lm_head.weight",
        "language_model.model.encoder.embed_tokens.weight",
    ],
)
def test_the_tokens_matrix_is_found_under_each_of_its_names(
    load, original_florence, tmp_path, drawings, name
):
    folder = shutil.copytree(original_florence, tmp_path / "renamed")
    rewrite_weights(
        folder,
        lambda weights: weights.update({name: weights.pop("language_model.model.shared.weight")}),
    )
    native, renamed = load(FLORENCE_FOLDER), load(folder)
    assert renamed.generate(renamed.prepare(drawings)) == native.generate(native.prepare(drawings))


@pytest.mark.parametrize(
    "name", ["image_projection", "vision_tower.blocks.0.0.channel_block.channel_attn.fn.qkv.weight"]
)
def test_an_original_checkpoint_that_misses_weights_is_refused(original_florence, tmp_path, name):
    folder = shutil.copytree(original_florence, tmp_path / "cut")
    rewrite_weights(folder, lambda weights: weights.pop(name))
    with pytest.raises(ModelError, match="1 missing"):
        load_vlm(VlmSettings(str(folder), device="cpu"))


def test_an_original_checkpoint_with_weights_of_another_shape_is_refused(
    original_florence, tmp_path
):
    folder = shutil.copytree(original_florence, tmp_path / "cut")

    def cut(weights):
        weights["image_projection"] = weights["image_projection"][:64].contiguous()

    rewrite_weights(folder, cut)
    with pytest.raises(ModelError, match=r"1 of another shape, such as .*image_projection"):
        load_vlm(VlmSettings(str(folder), device="cpu"))


def test_an_original_checkpoint_without_a_matrix_of_tokens_is_refused(original_florence, tmp_path):
    folder = shutil.copytree(original_florence, tmp_path / "cut")
    rewrite_weights(folder, lambda weights: weights.pop("language_model.model.shared.weight"))
    with pytest.raises(ModelError, match="missing"):
        load_vlm(VlmSettings(str(folder), device="cpu"))


def test_the_tokens_that_the_original_processor_adds_are_all_there():
    assert len(LOCATION_TOKENS) == len(set(LOCATION_TOKENS)) == 51289 - 50265  # of BART
    assert LOCATION_TOKENS[4] == "<loc_0>"


def test_the_native_layout_is_not_taken_for_the_original():
    assert not is_original({"model_type": "florence2", "vision_config": {"embed_dim": [1]}})
    assert is_original({"model_type": "florence2", "vision_config": {"dim_embed": [1]}})
