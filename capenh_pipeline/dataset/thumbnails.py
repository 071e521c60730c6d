"""Small pictures of images, for tables in a web page."""

import io
from functools import partial

from PIL import Image

from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.dataset.time_limit import within
from capenh_pipeline.places.place import Place

MOST_BYTES = 2400
"""Of a thumbnail; an average photo has 1,600."""

_TRIES = [(96, 50), (96, 25), (64, 25), (32, 25)]  # side in pixels, JPEG quality


def thumbnail(path: Place, *, image_hash: str, background: str, timeout_s: float) -> bytes:
    """Return an image as a small JPEG.

    Args:
        path: the file.
        image_hash: SHA-256 that it must have.
        background: colour that shows through transparency.
        timeout_s: seconds that it may take.

    Raises:
        RowError: it cannot be read, or has changed.
    """
    largest = _TRIES[0][0], _TRIES[0][0]
    load = partial(load_image, image_hash=image_hash, background=background, enough_px=largest)
    image = within(timeout_s, partial(load, path))
    return next(
        (content for tried in _TRIES if len(content := _jpeg(image, *tried)) <= MOST_BYTES), b""
    )


def _jpeg(image: Image.Image, side_px: int, quality: int) -> bytes:
    small = image.copy()
    small.thumbnail((side_px, side_px))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=quality, optimize=True)
    return content.getvalue()
