"""The processor of a checkpoint: what turns text and images into model inputs.

It does not matter here whether torchvision is installed: images are resized by Pillow wherever a
model allows, so that the same recipe gives the same captions on every machine.
"""

import re
from typing import Any

from capenh_pipeline.errors import ModelError

LONGEST_REASON = 300
_PILLOW = {"backend": "pil"}
_OF_EXTRA = frozenset({"torchvision", "num2words"})  # capenh_pipeline[vlm] installs them


def load_processor(model_id: str, place: str, loading: dict[str, Any]) -> Any:
    """Return the processor of the checkpoint at `place`.

    Raises:
        ModelError: it is none for images and text.
        ImportError: it needs a package that is missing.
    """
    from transformers import AutoImageProcessor, AutoProcessor
    from transformers.image_processing_backends import TorchvisionBackend

    processor = _without_videos(place, loading) or AutoProcessor.from_pretrained(place, **loading)
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise ModelError(
            f"{model_id} has no processor for images and text, only a {type(processor).__name__}."
        )
    if isinstance(processor.image_processor, TorchvisionBackend):
        processor.image_processor = AutoImageProcessor.from_pretrained(place, **_PILLOW, **loading)
    return processor


def missing_package(model_id: str, error: ImportError) -> str:
    """Return a sentence that says what to install."""
    root: BaseException = error
    while root.__cause__:
        root = root.__cause__
    if "torchvision::" in str(root):  # an operator of it that does not exist
        return (
            f"{model_id} cannot be loaded: the torchvision that is installed does not fit torch. "
            "Install the one of the same index and release, or uninstall it: few models need it."
        )
    text = str(error)
    found = re.search(r"pip install (?:-U )?([\w.-]+)|requires the (\w+) library", text)
    package = next((name for name in found.groups() if name), "") if found else error.name
    if not package:
        return f"{model_id} cannot be loaded: {' '.join(text.split())[:LONGEST_REASON]}"
    package = package.lower()
    command = "'capenh_pipeline[vlm]'" if package in _OF_EXTRA else package
    return f"{model_id} needs the package {package}: pip install {command}"


def _without_videos(place: str, loading: dict[str, Any]) -> Any | None:
    """Return a processor of images of a model that reads videos too; None where it reads none.

    `AutoProcessor` would load its video processor in any case, and that one needs torchvision,
    of which a wheel fits one build of torch only. Images do without.
    """
    from transformers import PROCESSOR_MAPPING, AutoConfig, AutoImageProcessor, AutoTokenizer

    config = AutoConfig.from_pretrained(place, **loading)
    if type(config) not in PROCESSOR_MAPPING:
        return None
    processor_class: Any = PROCESSOR_MAPPING[type(config)]
    parts = processor_class.get_attributes()
    if set(parts) != {"image_processor", "tokenizer", "video_processor"}:
        return None
    loaded = {
        "image_processor": AutoImageProcessor.from_pretrained(place, **_PILLOW, **loading),
        "tokenizer": AutoTokenizer.from_pretrained(place, **loading),
    }

    class ImageProcessorOnly(processor_class):
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument is None:
                return None
            return super().check_argument_for_proper_class(argument_name, argument)

    options, _ = ImageProcessorOnly.get_processor_dict(place, **loading)
    return ImageProcessorOnly.from_args_and_dict([loaded.get(part) for part in parts], options)
