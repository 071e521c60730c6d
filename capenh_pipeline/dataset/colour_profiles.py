"""Colour profiles (ICC.1): what an image's numbers look like on the screen that models know, sRGB.

A person sees an image through its profile; a model that gets the bare numbers of a photo in
Display P3 or Adobe RGB sees duller colours, and of one in a printer's CMYK quite other ones.
"""

from functools import cache, lru_cache
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms

MAX_PROFILE_BYTES = 4_000_000
"""Larger profiles are ignored; those of printing presses take 0.5 to 3 MB."""

_SAME = 2
"""Levels of 255 within which a profile counts as sRGB: its many editions differ by as much."""

_NINE_LEVELS = (0, 31, 63, 95, 127, 159, 191, 223, 255)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image in RGB, converted from its colour profile to sRGB.

    A profile that is broken, is of another kind than the pixels or changes nothing is ignored.
    An RGB image is returned itself, changed where it has to be.

    Args:
        image: without transparency, 8 bits a channel.
        profile: the bytes of its ICC profile, or None.
    """
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    usable = profile is not None and len(profile) <= MAX_PROFILE_BYTES
    transform = _transform(profile, image.mode) if usable else None
    if transform is None:
        return image if image.mode == "RGB" else image.convert("RGB")
    return transform.apply_in_place(image) if image.mode == "RGB" else transform.apply(image)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what turns pixels of this mode into sRGB; None where there is nothing to do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return None if _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    before = _samples(mode)
    difference = ImageChops.difference(transform.apply(before), before.convert("RGB"))
    return max(difference.tobytes()) <= _SAME


def _samples(mode: str) -> Image.Image:
    """Return a picture of every grey, or of 9 x 9 x 9 colours."""
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    colours = bytes(value for colour in product(_NINE_LEVELS, repeat=3) for value in colour)
    return Image.frombytes("RGB", (len(colours) // 3, 1), colours)
