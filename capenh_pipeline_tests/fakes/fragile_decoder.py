"""A decoder that ends its process, in every Python that is started while it is in place."""

from pathlib import Path

import pytest

DEADLY = (255, 255, 0)
"""The colour of the images that the PNG decoder dies of, with exit code 7."""

_SITE = """
import os
from PIL import PngImagePlugin

load = PngImagePlugin.PngImageFile.load

def fragile(self):
    pixels = load(self)
    if self.im.getpixel((0, 0)) == (255, 255, 0):
        os._exit(7)
    return pixels

PngImagePlugin.PngImageFile.load = fragile
"""


@pytest.fixture
def fragile_decoder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(_SITE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
