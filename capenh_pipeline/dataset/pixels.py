"""Pixels as a person sees them: 8 bits of sRGB, nothing shining through."""

import math
from typing import cast

from PIL import Image, ImageMath

from capenh_pipeline.dataset.colour_profiles import to_srgb

_WHITE_POINTS = {"I": (65535.0,), "F": (1.0, 255.0, 65535.0)}


def to_rgb(image: Image.Image, *, background: str) -> Image.Image:
    """Return a decoded image in RGB, which may be the same object, changed.

    Transparency becomes `background`, more than 8 bits a channel are scaled to 8, and colours are
    converted from the image's profile to sRGB.

    Raises:
        ValueError: it holds infinite values.
    """
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    if image.mode in _WHITE_POINTS:
        image = _to_8_bits(image)
    if not image.has_transparency_data:
        return to_srgb(image, profile)
    is_grey = image.mode in ("L", "LA", "La")
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    paper = Image.new("RGB", image.size, background)
    paper.paste(to_srgb(image.convert("L" if is_grey else "RGB"), profile), mask=image)
    return paper


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale an image of integers or floats (mode `I` or `F`) to `L`.

    Pillow's own conversion clips at 255. White is 65535 for integers, 1, 255 or 65535 for floats,
    the least that no pixel exceeds; beyond them the brightest pixel. What is no number is black.
    """
    white_points = _WHITE_POINTS[image.mode]
    floats = image.convert("F")
    # a comparison with NaN is false, so that max() gives the 0
    known = ImageMath.lambda_eval(lambda names: names["max"](names["floats"], 0.0), floats=floats)
    _, brightest = cast("tuple[float, float]", known.getextrema())  # of its one band
    if math.isinf(brightest):
        raise ValueError("it holds infinite values")
    white = next((point for point in white_points if brightest <= point), brightest)
    return known.point(lambda value: value * (255 / white) + 0.5).convert("L")
