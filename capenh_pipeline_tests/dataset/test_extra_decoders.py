"""HEIF and JPEG XL, with the packages that decode them where these are installed."""

import hashlib
import subprocess
import sys
from contextlib import suppress

import pytest
from PIL import Image

from capenh_pipeline.dataset.images import inspect_image
from capenh_pipeline.errors import RowError
from capenh_pipeline_tests.dataset.hostile import damaged
from capenh_pipeline_tests.dataset.pictures import (
    UPRIGHT_QUARTERS,
    WHITE,
    corners,
    exif,
    failure_of,
    image_of,
    load,
    quarters,
    rows_of,
    save,
)

HEIF_START = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40)
JXL_START = b"\xff\x0a" + bytes(40)


@pytest.fixture
def heif():
    pytest.importorskip("pillow_heif").register_heif_opener()


@pytest.fixture
def jxl():
    pytest.importorskip("pillow_jxl")


@pytest.mark.parametrize(
    ("module", "content", "says"),
    [
        ("pillow_heif", HEIF_START, "HEIF images need pillow-heif; install capenh_pipeline[heif]"),
        (
            "pillow_jxl",
            JXL_START,
            "JXL images need pillow-jxl-plugin; install capenh_pipeline[jxl]",
        ),
    ],
    ids=["heif", "jxl"],
)
def test_without_its_package_such_a_file_is_a_failure_that_names_it(
    tmp_path, module, content, says
):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    program = (
        f"import sys; sys.modules[{module!r}] = None  # as if it were not installed\n"
        "from pathlib import Path\n"
        "from capenh_pipeline.dataset.images import inspect_image, load_image\n"
        "facts = inspect_image(Path(sys.argv[1]))\n"
        "print(facts.error_kind, facts.error, sep='\\n')\n"
        "try: load_image(Path(sys.argv[1]), image_hash=facts.image_hash)\n"
        "except Exception as error: print(error.kind, error, sep='\\n')"
    )

    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )

    told = ["missing_package", f"{says} and run again with --retry_failed."]
    assert done.stdout.splitlines() == told * 2


def test_no_such_package_is_imported_for_other_images(tmp_path):
    path = save(tmp_path / "a.heic", image_of([WHITE]), format="AVIF")  # mif1, but no HEVC
    program = (
        "import sys; from pathlib import Path\n"
        "from capenh_pipeline.dataset.images import inspect_image\n"
        "print(inspect_image(Path(sys.argv[1])).format)\n"
        "print([name for name in sys.modules if name in {'pillow_heif', 'pillow_jxl'}])"
    )

    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )

    assert done.stdout == "AVIF\n[]\n"


@pytest.mark.parametrize("orientation", UPRIGHT_QUARTERS)
def test_a_heif_image_is_read_upright(tmp_path, heif, orientation):
    path = tmp_path / "a.heic"
    turned = exif(orientation).tobytes()
    save(path, quarters(64, 32), format="HEIF", quality=90, chroma=444, exif=turned)

    facts = inspect_image(path)
    seen = load(path)

    assert (facts.format, facts.error) == ("HEIF", None)
    assert (facts.width, facts.height) == seen.size == ((64, 32) if orientation < 5 else (32, 64))
    assert corners(seen) == UPRIGHT_QUARTERS[orientation]


def test_a_transparent_heif_image_shows_the_background(tmp_path, heif):
    path = tmp_path / "a.heic"
    save(path, image_of([(0, 0, 0, 0)] * 64, mode="RGBA").resize((64, 64)), format="HEIF")

    assert load(path, background="#00ff00").getpixel((32, 32)) == (0, 255, 0)


@pytest.mark.parametrize(
    ("mode", "pixels", "seen"),
    [
        ("RGB", [(1, 2, 3), (250, 128, 0)], [(1, 2, 3), (250, 128, 0)]),
        ("RGBA", [(255, 0, 0, 128), (9, 9, 9, 0)], [(255, 127, 127), WHITE]),
        ("L", [0, 200], [(0, 0, 0), (200, 200, 200)]),
    ],
)
def test_a_jxl_image_is_read(tmp_path, jxl, mode, pixels, seen):
    path = save(tmp_path / "a.jxl", image_of(pixels, mode=mode), lossless=True)

    facts = inspect_image(path)

    assert (facts.format, facts.width, facts.height, facts.error) == ("JXL", 2, 1, None)
    assert rows_of(load(path)) == [seen]


@pytest.mark.parametrize("orientation", UPRIGHT_QUARTERS)
def test_a_photo_that_was_packed_as_jxl_is_read_upright(tmp_path, jxl, orientation, recwarn):
    photo = save(tmp_path / "a.jpg", quarters(64, 32), quality=100, exif=exif(orientation))
    with Image.open(photo) as image:
        path = save(tmp_path / "a.jxl", image, lossless_jpeg=True)

    facts = inspect_image(path)
    seen = load(path)

    assert (facts.width, facts.height) == seen.size == ((64, 32) if orientation < 5 else (32, 64))
    assert corners(seen) == UPRIGHT_QUARTERS[orientation]


def test_the_exif_orientation_of_other_jxl_images_is_ignored(tmp_path, jxl):
    path = save(tmp_path / "a.jxl", quarters(64, 32), exif=exif(6).tobytes(), lossless=True)

    assert (inspect_image(path).width, load(path).width) == (64, 64)


def test_only_the_header_of_a_jxl_image_is_inspected(tmp_path, jxl):
    path = save(tmp_path / "a.jxl", quarters(300, 200), use_container=False)
    path.write_bytes(path.read_bytes()[:20])

    assert (inspect_image(path).width, inspect_image(path).height) == (300, 200)
    assert failure_of(path).kind in {"undecodable", "truncated"}


def test_a_jxl_bomb_is_refused_by_its_header(tmp_path, jxl):
    path = tmp_path / "a.jxl"
    small = save(path, image_of([WHITE])).read_bytes()
    path.write_bytes(b"\xff\x0a" + (0b11 << 1 | 2**29 << 3 | 1 << 33).to_bytes(5, "little") + small)

    assert inspect_image(path).error_kind == failure_of(path).kind == "too_large"


@pytest.mark.parametrize("image_format", ["HEIF", "JXL"])
def test_every_harm_done_to_such_an_image_is_a_result_or_a_failure(tmp_path, request, image_format):
    request.getfixturevalue(image_format.lower())
    path = tmp_path / "a"
    content = save(path, quarters(64, 32), format=image_format).read_bytes()
    for _, harmed in damaged(content, seed=image_format):
        path.write_bytes(harmed)
        facts = inspect_image(path)
        assert facts.image_hash == hashlib.sha256(harmed).hexdigest()
        with suppress(RowError):
            assert load(path).mode == "RGB"
