import pytest
from PIL import Image

from capenh_pipeline_tests.dataset.hostile import jpeg
from capenh_pipeline_tests.dataset.pictures import (
    UPRIGHT_QUARTERS,
    WHITE,
    corners,
    exif,
    failure_of,
    load,
    quarters,
    save,
    segment,
)


# As stored it has 256 x 128 pixels, so upright 128 x 256 from orientation 5 on. Half the size is
# all that 2 x 32 by 2 x 64 allows; a quarter would do if width and height were mixed up, or none.
@pytest.mark.parametrize("orientation", UPRIGHT_QUARTERS)
def test_a_photo_is_decoded_at_a_size_that_suits_the_caller(tmp_path, orientation):
    path = save(tmp_path / "a.jpg", quarters(256, 128), exif=exif(orientation))
    is_sideways = orientation > 4

    image = load(path, enough_px=(32, 60) if is_sideways else (60, 32))

    assert image.size == ((64, 128) if is_sideways else (128, 64))
    assert corners(image) == UPRIGHT_QUARTERS[orientation]


@pytest.mark.parametrize(
    ("enough_px", "size"),
    [
        (None, (1000, 600)),
        ((400, 400), (1000, 600)),  # 500 x 300 would be less than twice as much
        ((250, 150), (500, 300)),
        ((251, 150), (1000, 600)),
        ((125, 75), (250, 150)),
        ((1, 1), (125, 75)),
    ],
)
def test_a_photo_stays_at_least_twice_as_large_as_enough(tmp_path, enough_px, size):
    path = save(tmp_path / "a.jpg", Image.new("RGB", (1000, 600)))

    assert load(path, enough_px=enough_px).size == size


@pytest.mark.parametrize(("mode", "white"), [("L", 255), ("CMYK", (0, 0, 0, 0))])
@pytest.mark.parametrize("progressive", [True, False])
def test_grey_and_ink_photos_are_reduced_too(tmp_path, mode, white, progressive):
    path = tmp_path / "a.jpg"
    save(path, Image.new(mode, (64, 64), white), progressive=progressive)

    image = load(path, enough_px=(8, 8))

    assert (image.size, image.getpixel((9, 9))) == ((16, 16), WHITE)


def test_a_photo_of_several_pictures_is_reduced_to_its_first(tmp_path):
    pictures = [quarters(64, 64), Image.new("RGB", (64, 64))]
    path = save(
        tmp_path / "a.jpg", pictures[0], format="MPO", save_all=True, append_images=pictures[1:]
    )

    image = load(path, enough_px=(8, 8))

    assert (image.size, corners(image)) == ((16, 16), UPRIGHT_QUARTERS[1])


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_other_formats_keep_their_size(tmp_path, image_format):
    path = save(tmp_path / "a", Image.new("RGB", (64, 64)), format=image_format)

    assert load(path, enough_px=(8, 8)).size == (64, 64)


def test_a_lossless_jpeg_keeps_its_size(tmp_path):
    path = tmp_path / "a.jpg"
    frame = bytes([8, 0, 64, 0, 64, 1, 1, 0x11, 0])
    codes = bytes([0, 1, *[0] * 15, 0])  # the bit 0: no difference to the pixel before
    scan = bytes([1, 1, 0, 1, 0, 0])  # predict by the pixel before; the first one is grey
    head = segment(0xC3, frame) + segment(0xC4, codes) + segment(0xDA, scan)
    path.write_bytes(b"\xff\xd8" + head + bytes(64 * 64 // 8) + b"\xff\xd9")

    image = load(path, enough_px=(8, 8))

    assert (image.size, image.getpixel((63, 63))) == ((64, 64), (128, 128, 128))


@pytest.mark.parametrize("frame", [0xC0, 0xC2])
def test_a_hundred_scans_are_decoded_and_more_are_refused(tmp_path, frame):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(16, 16, scans=100, frame=frame, components=3))
    assert load(path).size == (16, 16)

    path.write_bytes(jpeg(16, 16, scans=101, frame=frame, components=3))

    error = failure_of(path)
    assert error.kind == "undecodable"
    assert str(error) == "The image cannot be decoded: it has more than 100 scans."


def test_scans_behind_the_picture_or_inside_metadata_do_not_count(tmp_path):
    path = tmp_path / "a.jpg"
    scans = b"\xff\xda\x00\x02" * 200
    content = jpeg(16, 16, scans=1, before=segment(0xE1, scans))
    path.write_bytes(content + b"\0\2" + scans)  # as behind a photo that has a film in its tail

    assert load(path).size == (16, 16)
