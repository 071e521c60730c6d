"""TIFF files whose strips or tiles do not fit the picture (TIFF 6.0, sections 8 and 15)."""

from PIL import ExifTags
from PIL.TiffImagePlugin import TiffImageFile

SPARE_TILE_PIXELS = 4096 * 4096
"""A tile may be larger than the picture by this, which is many times what encoders write."""


def check_tiles(image: TiffImageFile) -> None:
    """Refuse an opened TIFF that would take more memory than its size says, or is incomplete.

    Raises:
        ValueError: a tile, which is decoded as a whole, is much larger than the picture.
        EOFError: the strips do not cover the picture; Pillow would leave the rest black.
    """
    pixels = image.width * image.height
    width = image.tag_v2.get(ExifTags.Base.TileWidth, 0)
    length = image.tag_v2.get(ExifTags.Base.TileLength, 0)
    if width * length > pixels + SPARE_TILE_PIXELS:
        raise ValueError(f"its tiles have {width} x {length} pixels")
    covered = [tile.extents or (0, 0, 0, 0) for tile in image.tile]
    if sum((right - left) * (low - high) for left, high, right, low in covered) < pixels:
        raise EOFError("its strips do not cover it")
