import hashlib
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from PIL import Image

from capenh_pipeline.dataset.decoders import FORMATS
from capenh_pipeline.dataset.images import inspect_image, load_image
from capenh_pipeline.errors import RowError
from capenh_pipeline_tests.dataset.pictures import (
    A,
    B,
    C,
    D,
    E,
    F,
    chunk,
    failure_of,
    image_of,
    load,
    png,
    save,
)


def test_an_empty_file_is_a_failure_with_the_hash_of_nothing(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"")

    facts = inspect_image(path)

    assert (facts.error_kind, facts.error, facts.size_bytes) == ("empty", "The file is empty.", 0)
    assert facts.image_hash.startswith("e3b0c442")  # sha256sum of nothing


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"<svg/>",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"P6 1 1 255 rgb",  # a format that Pillow reads, but that is not on our list
        b"GIF89a" + bytes(7) + b"," + bytes(9) + b"\x02\x00;",  # a picture of 0 x 0 pixels
    ],
)
def test_bytes_that_are_no_image_are_a_failure_with_their_hash(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    facts = inspect_image(path)

    assert facts.error_kind in {"not_an_image", "truncated"}
    assert facts.image_hash == hashlib.sha256(content).hexdigest()
    assert (facts.width, facts.height, facts.format) == (None, None, None)
    assert " at 0x" not in facts.error
    assert failure_of(path).kind in {"undecodable", "truncated"}


def test_a_file_that_is_gone_or_cannot_be_read_has_no_hash(tmp_path):
    missing, folder = tmp_path / "gone.jpg", tmp_path / "folder.jpg"
    folder.mkdir()

    for path, reason in [(missing, "No such file or directory"), (folder, "Is a directory")]:
        facts = inspect_image(path)
        assert (facts.image_hash, facts.error_kind) == (None, "unreadable")
        assert facts.error == f"The file cannot be read: {reason}."
        with pytest.raises(RowError, match=reason) as failure:
            load_image(path, image_hash="0" * 64)
        assert failure.value.kind == "unreadable"


# 13,378² = 178,970,884 is just above the limit. Pillow, left alone, would warn from half of it.
@pytest.mark.parametrize("side", [13_378, 20_000, 2**31 - 1])
@pytest.mark.parametrize("pillow_may", ["error", "always", "ignore"])
def test_a_decompression_bomb_is_too_large_whatever_the_warning_filter(tmp_path, side, pillow_may):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, chunk(b"IDAT", zlib.compress(bytes(1000)))))

    with warnings.catch_warnings(record=True):
        warnings.simplefilter(pillow_may)
        facts = inspect_image(path)
        error = failure_of(path)

    assert (facts.error_kind, error.kind) == ("too_large", "too_large")
    assert facts.image_hash is not None
    assert "178956970 pixels" in facts.error


@pytest.mark.parametrize("pillow_may", ["error", "always", "ignore"])
def test_the_largest_image_that_is_no_bomb_is_an_image_and_no_warning(tmp_path, pillow_may):
    path = tmp_path / "large.png"
    path.write_bytes(png(13_377, 13_377, chunk(b"IDAT", b"")))  # 13,377² = 178,944,129

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(pillow_may)
        assert inspect_image(path).width == 13_377

    assert caught == []


def test_bombs_are_found_in_many_threads_at_once(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(13_378, 13_378, chunk(b"IDAT", b"")))

    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(lambda _: inspect_image(path).error_kind, range(200)))

    assert set(kinds) == {"too_large"}


def test_nothing_is_printed_about_bad_images(tmp_path):
    bomb, odd = tmp_path / "bomb.png", tmp_path / "odd.tif"
    bomb.write_bytes(png(13_378, 13_378, chunk(b"IDAT", b"")))
    image_of([A, B]).save(odd, compression="tiff_lzw")
    odd.write_bytes(odd.read_bytes()[:-4])  # Pillow warns of corrupt EXIF data
    program = (
        "import sys; from pathlib import Path\n"
        "from capenh_pipeline.dataset.images import inspect_image\n"
        "for name in sys.argv[1:]: inspect_image(Path(name))"
    )

    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-W", "always", "-c", program, bomb, odd],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "BMP", "GIF", "TIFF"])
def test_a_truncated_image_is_a_failure_not_half_an_image(tmp_path, image_format):
    path = tmp_path / "a"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path, format=image_format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])

    error = failure_of(path)

    assert error.kind == "truncated"
    assert "truncated" in str(error)


@pytest.mark.parametrize("image_format", ["WEBP", "AVIF"])
def test_a_truncated_image_of_a_newer_format_is_a_failure(tmp_path, image_format):
    path = tmp_path / "a"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path, format=image_format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])

    assert failure_of(path).kind in {"truncated", "undecodable"}


def test_pixels_that_cannot_be_decoded_are_a_failure(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(4, 4, chunk(b"IDAT", b"this is not zlib data"), chunk(b"IEND", b"")))

    error = failure_of(path)

    assert error.kind == "undecodable"
    assert str(error).startswith("The image cannot be decoded: ")


def test_a_file_that_has_changed_since_it_was_hashed_is_refused(tmp_path):
    path = save(tmp_path / "a.png", image_of([A]))

    with pytest.raises(RowError, match="changed") as failure:
        load_image(path, image_hash="0" * 64)

    assert failure.value.kind == "changed"


def test_every_corruption_of_an_image_is_a_result_or_a_failure_with_a_message(tmp_path):
    path = tmp_path / "a"
    for image_format in FORMATS:
        image_of([A, B, C], [D, E, F]).save(path, format=image_format)
        content = path.read_bytes()
        for position in range(0, len(content), max(1, len(content) // 40)):
            path.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
            facts = inspect_image(path)
            if facts.error is None:
                with suppress(RowError):
                    assert load(path).size == (facts.width, facts.height)
            else:
                assert failure_of(path).kind in {"undecodable", "truncated", "too_large"}
