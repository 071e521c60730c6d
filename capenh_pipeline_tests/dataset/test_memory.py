"""What loading an image takes, measured in a process of its own."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from capenh_pipeline.dataset.images import decoded_bytes
from capenh_pipeline_tests.dataset.pictures import exif, save

SIDE = 2000
TURNED = {"exif": exif(6)}

# The dearest ones that were found: (mode, options) by name.
PHOTOS = {
    "progressive.jpg": ("CMYK", {"progressive": True, "subsampling": 0, **TURNED}),
    "progressive_rgb.jpg": ("RGB", {"progressive": True, "subsampling": 0, **TURNED}),
}
OTHERS = {
    "turned.webp": ("RGBA", {"lossless": True, "method": 0, "quality": 0, **TURNED}),
    "turned.avif": ("RGBA", {"speed": 10, "subsampling": "4:4:4", **TURNED}),
    "turned.png": ("RGBA", {"compress_level": 1, **TURNED}),
    "float.tif": ("F", {"compression": "tiff_deflate", "tiffinfo": {278: SIDE}}),
}


@pytest.mark.parametrize(("image_format", "images"), [("JPEG", PHOTOS), (None, OTHERS)])
def test_loading_takes_no_more_memory_than_is_said(tmp_path, image_format, images):
    ramp = Image.linear_gradient("L").resize((SIDE, SIDE))
    for name, (mode, options) in images.items():
        image = ramp.convert("F") if mode == "F" else Image.merge(mode, [ramp] * len(mode))
        save(tmp_path / name, image, **options)

    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-m", "capenh_pipeline_tests.dataset.reader", tmp_path],
        capture_output=True,
        text=True,
        check=True,
        # glibc: give back at once what an image took, so that the next one does not come on top
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
    )

    seen = json.loads(done.stdout)
    assert seen["loaded"] == {name: ["RGB", SIDE, SIDE] for name in images}
    assert seen["grown_bytes"] < decoded_bytes(SIDE, SIDE, image_format)
