"""JPEG files: what their markers say before a pixel is decoded (ITU-T T.81, annex B)."""

import re

from PIL import Image

MAX_SCANS = 100
"""Encoders write about ten. Each costs a pass over all pixels, so a few bytes can cost minutes;
libtiff draws the line at the same number for the JPEG data in a TIFF."""

_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])")  # one that a segment or the end follows
_END, _SCAN = 0xD9, 0xDA
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}


def check_scans(content: bytes) -> None:
    """Refuse a JPEG that is made to take long.

    Raises:
        ValueError: it has more than `MAX_SCANS` scans.
    """
    if _markers(content).count(_SCAN) > MAX_SCANS:
        raise ValueError(f"it has more than {MAX_SCANS} scans")


def decode_reduced(image: Image.Image, content: bytes, *, enough_px: tuple[int, int]) -> None:
    """Let a JPEG that was opened decode at 1/2, 1/4 or 1/8 of its size.

    libjpeg then computes fewer pixels from the same coefficients. The image stays at least twice
    as large as `enough_px` on both sides, so that the caller's own resampling decides what is
    seen. A lossless JPEG, which has no coefficients, stays as it is.
    """
    if not _LOSSLESS.intersection(_markers(content)):
        width, height = enough_px
        image.draft(None, (2 * width, 2 * height))


def _markers(content: bytes) -> list[int]:
    """Return the markers of the first picture in order; what segments hold is passed over."""
    markers: list[int] = []
    position = 2
    while len(markers) <= 100 * MAX_SCANS:
        found = _MARKER.search(content, position)
        if found is None or found[1][0] == _END:
            break
        markers.append(found[1][0])
        length = int.from_bytes(content[found.end() : found.end() + 2])
        position = found.end() + length
    return markers
