from importlib.util import find_spec
from pathlib import Path

import pytest

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_processors import load_processor, missing_package
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline_tests.checkpoints import (
    copy_florence,
    write_internvl,
    write_json,
    write_paligemma,
    write_smolvlm,
)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_vlm(VlmSettings(str(folder), device="cpu"))
    return str(caught.value)


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is there")
def test_a_model_that_needs_torchvision_names_it_and_the_extra(tmp_path):
    folder = copy_florence(tmp_path / "pixtral")
    write_json(folder / "config.json", {"model_type": "llava"})
    write_json(folder / "processor_config.json", {"processor_class": "PixtralProcessor"})
    needed = "needs the package torchvision: pip install 'capenh_pipeline[vlm]'"
    assert refusal(folder).endswith(needed)


@pytest.mark.skipif(find_spec("num2words") is not None, reason="num2words is there")
def test_a_model_that_needs_num2words_names_it_and_the_extra(tmp_path):
    needed = "needs the package num2words: pip install 'capenh_pipeline[vlm]'"
    assert refusal(write_smolvlm(tmp_path / "smolvlm")).endswith(needed)


def test_a_package_that_no_extra_holds_is_named_by_itself():
    error = ImportError("This modeling file requires: einops. Run `pip install einops`")
    assert missing_package("x/y", error) == "x/y needs the package einops: pip install einops"


def test_a_torchvision_that_does_not_fit_torch_is_named():
    error = ImportError("Could not import module 'AutoProcessor'.")
    error.__cause__ = RuntimeError("operator torchvision::nms does not exist")
    assert "the torchvision that is installed does not fit torch" in missing_package("x/y", error)


def test_a_model_of_images_and_videos_is_loaded_for_images_only(tmp_path):
    processor = load_processor("x/y", str(write_internvl(tmp_path / "internvl")), {})
    assert processor.video_processor is None
    assert processor.image_seq_length == 4  # as its processor_config.json says
    assert "<IMG_CONTEXT>" in processor.chat_template


@pytest.mark.parametrize("write", [write_internvl, write_paligemma, copy_florence])
def test_images_are_resized_by_pillow_with_torchvision_and_without(tmp_path, write):
    processor = load_processor("x/y", str(write(tmp_path / "model")), {})
    assert type(processor.image_processor).__name__.endswith("Pil")
