"""Images on disk as the reader is told of them."""

from pathlib import Path

from PIL import Image

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.stages.image_reader import ImageFile


def image_file(path: Path) -> ImageFile:
    with Image.open(path) as image:
        size, image_format = image.size, str(image.format)
    return ImageFile(sha256_hex(path.read_bytes()), path, *size, image_format)
