"""Images at the size that a processor makes of them anyway, before it copies them about.

What an image costs in a processor is mostly its resize and the copies of the full image before
and after it: 28 ms for 1024 to 768 px, of which a resize by Pillow alone is 10 ms and the rest
of the work on the small image 12 ms; for 4096 px it is 158 against 86 + 9 ms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

REDUCING_GAP = 3.0
"""Images at least six times too large are first reduced by a whole factor, to no visible effect."""


@dataclass(frozen=True)
class FixedSize:
    """The one size that a processor gives to every image."""

    width: int
    height: int
    resample: int

    def resize(self, image: Image.Image) -> Image.Image:
        """Return the image at this size."""
        return image.resize(
            (self.width, self.height), Image.Resampling(self.resample), reducing_gap=REDUCING_GAP
        )


def fixed_size(image_processor: Any, prepare: Callable[[Image.Image], Any]) -> FixedSize | None:
    """Return the size to give to images beforehand, or None.

    A processor can name a size and yet cut tiles or keep proportions. So it is tried: an image
    and its resized copy must become the same tensors.

    Args:
        image_processor: of the model.
        prepare: makes model inputs of one image.
    """
    size = _named_size(image_processor)
    if size is None:
        return None
    probe = Image.effect_noise((size.width * 2, size.height * 3 // 2), 64).convert("RGB")
    return size if _equal(prepare(probe), prepare(size.resize(probe))) else None


def _named_size(image_processor: Any) -> FixedSize | None:
    size, resample = (getattr(image_processor, name, None) for name in ("size", "resample"))
    width, height = (getattr(size, name, None) for name in ("width", "height"))
    if not (width and height) or resample is None or not image_processor.do_resize:
        return None
    return FixedSize(width, height, int(resample))


def _equal(first: Any, second: Any) -> bool:
    import torch

    return set(first) == set(second) and all(
        torch.is_tensor(value) and torch.equal(value, second[name]) for name, value in first.items()
    )
