"""Images on their way to the model."""

import threading
from contextlib import closing

import pytest
from PIL import Image

from capenh_pipeline.errors import RowError, Stopped
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.image_files import image_file


def reader(model=None, *, background="white", timeout_s=60.0, is_isolated=False):
    return ImageReader(
        model or ColourVlm(VlmSettings("any")),
        background=background,
        timeout_s=timeout_s,
        is_isolated=is_isolated,
    )


def read(files, **arguments):
    with closing(reader(**arguments)) as opened:
        return [
            image.kind if isinstance(image, RowError) else image.getpixel((0, 0))
            for image in opened.read_all(files)
        ]


@pytest.mark.parametrize("is_isolated", [False, True])
def test_images_and_failures_stand_in_the_order_of_the_files(tmp_path, is_isolated):
    files = [image_file(colour(tmp_path / f"{n}.png", (n, n, n))) for n in range(4)]
    files[1].path.unlink()
    colour(files[2].path, (9, 9, 9))
    found = read(files, is_isolated=is_isolated)
    assert found == [(0, 0, 0), "unreadable", "changed", (3, 3, 3)]


@pytest.mark.parametrize("is_isolated", [False, True])
def test_transparency_shows_the_background(tmp_path, is_isolated):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    found = read([image_file(tmp_path / "a.png")], background="#102030", is_isolated=is_isolated)
    assert found == [(16, 32, 48)]


def test_a_photo_that_is_much_too_large_is_not_decoded_in_full(tmp_path):
    class Shrinking(ColourVlm):
        sizes = ()

        def enough_px(self, width, height):
            return 64, 64

        def shrink(self, image):
            self.sizes += (image.size,)
            return image

    model = Shrinking(VlmSettings("any"))
    Image.new("RGB", (1024, 1024), "red").save(tmp_path / "a.jpg")
    read([image_file(tmp_path / "a.jpg")], model=model)
    assert model.sizes == ((128, 128),)


def test_an_image_that_takes_too_long_fails_and_the_next_ones_do_not(tmp_path):
    class Slow(ColourVlm):
        end = threading.Event()

        def shrink(self, image):
            if image.getpixel((0, 0)) == (1, 1, 1):
                self.end.wait()
            return image

    files = [image_file(colour(tmp_path / f"{n}.png", (n, n, n))) for n in range(3)]
    model = Slow(VlmSettings("any"))
    assert read(files, model=model, timeout_s=1.5) == [(0, 0, 0), "timeout", (2, 2, 2)]
    model.end.set()


def test_a_reader_that_is_stopped_reads_no_more(tmp_path):
    opened = reader()
    opened.stop()
    with pytest.raises(Stopped):
        opened.read_all([image_file(colour(tmp_path / "a.png", (1, 2, 3)))])


def test_an_image_that_is_given_up_holds_no_memory_from_others(tmp_path):
    class Stuck(ColourVlm):
        end = threading.Event()

        def shrink(self, image):
            if image.getpixel((0, 0)) == (1, 1, 1):
                self.end.wait()
            return image

    files = [image_file(colour(tmp_path / f"{n}.png", (n, n, n))) for n in (1, 2)]
    large = [ImageFile(f.image_hash, f.path, 20000, 8000, "PNG") for f in files]  # alone or not
    model = Stuck(VlmSettings("any"))
    assert read(large, model=model, timeout_s=1) == ["timeout", (2, 2, 2)]
    model.end.set()
