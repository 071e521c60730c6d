"""The cheapest way from an image to what a model sees of it, where it changes nothing.

A processor copies an image about: 1024 px to 768 px take it 28 ms, of which the resize is 10 ms.
Where it gives every image one size and looks at each byte alone, the resized bytes can go to the
device as they are, a quarter of the size, and become the processor's own numbers there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

REDUCING_GAP = 3.0
"""Images at least six times too large are first reduced by a whole factor, to no visible effect."""

PIXELS = "pixel_values"
_BYTE_VALUES = 256
_CHANNELS = 3


@dataclass(frozen=True)
class FixedSize:
    """The one size, in pixels, that a processor gives to every image."""

    width: int
    height: int
    resample: int

    def resize(self, image: Image.Image) -> Image.Image:
        """Return the image at this size."""
        if image.size == (self.width, self.height):
            return image
        return image.resize(
            (self.width, self.height), Image.Resampling(self.resample), reducing_gap=REDUCING_GAP
        )


@dataclass(frozen=True)
class ByteRoute:
    """Bytes to the device, where a table turns them into the numbers that the processor makes.

    Attributes:
        size: of the images.
        table: float32 of shape (768,), the number for byte `b` of channel `c` at `256 * c + b`.
        others: the other inputs of one image, for each prompt.
    """

    size: FixedSize
    table: Any
    others: Sequence[dict[str, Any]]

    def inputs(self, images: Sequence[Image.Image], prompt: int) -> dict[str, Any]:
        """Return the inputs of a batch; pixels are uint8 of shape (images, 3, height, width)."""
        import numpy
        import torch

        stacked = numpy.stack([numpy.asarray(self.size.resize(image)) for image in images])
        pixels = torch.from_numpy(numpy.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))
        rows = {  # copies, because a model may write into them (BLIP does)
            name: value.repeat_interleave(len(images), dim=0)
            for name, value in self.others[prompt].items()
        }
        return {**rows, PIXELS: pixels}

    def numbers(self, pixels: Any) -> Any:
        """Return what the processor makes of uint8 pixels, float32, on their device."""
        import torch

        tables = self.table.to(pixels.device).split(_BYTE_VALUES)
        channels = [
            table.index_select(0, channel.to(torch.int32).flatten()).view(channel.shape)
            for table, channel in zip(tables, pixels.unbind(1), strict=True)
        ]
        return torch.stack(channels, dim=1)


def fixed_size(
    image_processor: Any, prepare: Callable[[Sequence[Image.Image]], Any]
) -> FixedSize | None:
    """Return the size to give to images beforehand, or None.

    A processor can name a size and yet cut tiles or keep proportions. So it is tried: an image
    and its resized copy must become the same tensors.

    Args:
        image_processor: of the model.
        prepare: makes model inputs of images.
    """
    size = _named_size(image_processor)
    if size is None:
        return None
    probe = _probe(size)
    return size if _equal(prepare([probe]), prepare([size.resize(probe)])) else None


def byte_route(
    size: FixedSize, prepare: Callable[[Sequence[Image.Image], int], Any], *, prompts: int
) -> ByteRoute | None:
    """Return the route that gives the very tensors of `prepare`, or None if there is none.

    Args:
        size: that `prepare` gives to all images.
        prepare: makes model inputs of images and a prompt, by its place.
        prompts: how many prompts there are.
    """
    ramp = _ramp(size)
    seen = [dict(prepare([ramp], prompt)) for prompt in range(prompts)]
    table = _table(seen[0].get(PIXELS))
    if table is None:
        return None
    others = [{name: inputs[name] for name in inputs if name != PIXELS} for inputs in seen]
    route = ByteRoute(size, table, others)
    images = [_probe(size), ramp]
    for prompt in range(prompts):
        inputs = route.inputs(images, prompt)
        if not _equal({**inputs, PIXELS: route.numbers(inputs[PIXELS])}, prepare(images, prompt)):
            return None
    return route


def _named_size(image_processor: Any) -> FixedSize | None:
    size, resample = (getattr(image_processor, name, None) for name in ("size", "resample"))
    width, height = (getattr(size, name, None) for name in ("width", "height"))
    if not (width and height) or resample is None or not image_processor.do_resize:
        return None
    return FixedSize(width, height, int(resample))


def _probe(size: FixedSize) -> Image.Image:
    side = (size.width * 2, size.height * 3 // 2)
    return Image.merge("RGB", [Image.effect_noise(side, 64) for _ in range(_CHANNELS)])


def _ramp(size: FixedSize) -> Image.Image:
    """Return a grey image whose pixels count through all bytes, row by row."""
    counted = bytes(range(_BYTE_VALUES)) * (size.width * size.height // _BYTE_VALUES + 1)
    grey = Image.frombytes("L", (size.width, size.height), counted[: size.width * size.height])
    return grey.convert("RGB")


def _table(numbers: Any) -> Any:
    """Return the table that a processor applied to the ramp, or None if there is no such table."""
    import torch

    if not torch.is_tensor(numbers) or numbers.dtype != torch.float32 or numbers.dim() != 4:
        return None
    table = numbers.flatten(2)[0, :, :_BYTE_VALUES]
    return table.flatten().clone() if table.shape == (_CHANNELS, _BYTE_VALUES) else None


def _equal(first: Any, second: Any) -> bool:
    import torch

    return set(first) == set(second) and all(
        torch.is_tensor(value) and torch.equal(value, second[name]) for name, value in first.items()
    )
