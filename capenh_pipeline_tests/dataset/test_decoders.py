import pytest
from PIL import Image, UnidentifiedImageError

from capenh_pipeline.dataset.decoders import failing_as
from capenh_pipeline.errors import RowError


def failure(error):
    with pytest.raises(RowError) as caught, failing_as("undecodable", "It cannot be decoded"):
        raise error
    return caught.value.kind, str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("odd palette"), "undecodable", "It cannot be decoded: odd palette."),
        (SyntaxError("no header."), "undecodable", "It cannot be decoded: no header."),
        (KeyError(), "undecodable", "It cannot be decoded: KeyError."),
        (MemoryError(), "undecodable", "It cannot be decoded: MemoryError."),
        (
            OSError("Truncated File Read"),
            "truncated",
            "The image is truncated: Truncated File Read.",
        ),
        (EOFError("no frame"), "truncated", "The image is truncated: no frame."),
        (RowError("missing_package", "Install it."), "missing_package", "Install it."),
    ],
)
def test_whatever_a_decoder_raises_is_a_failure_with_a_sentence(error, kind, message):
    assert failure(error) == (kind, message)


def test_a_message_has_no_addresses_of_objects():
    assert failure(TypeError(f"cannot read {object()}"))[1] == "It cannot be decoded: cannot read."


def test_a_message_is_one_line_of_text_however_long_the_error_is():
    _, message = failure(ValueError("line\n\x1b[31mline\0 " * 10_000))

    assert message.startswith("It cannot be decoded: line [31mline line")
    assert len(message) < 400
    assert message.isprintable()


def test_a_file_of_an_unknown_format_is_told_what_is_known():
    _, message = failure(UnidentifiedImageError("cannot identify image file"))

    assert message == (
        "The file is not an image of a known format "
        "(JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF, HEIF, JXL)."
    )


@pytest.mark.parametrize("error", [Image.DecompressionBombError, Image.DecompressionBombWarning])
def test_what_pillow_takes_for_a_bomb_is_too_large(error):
    says = "The image has more than 178956970 pixels; make it smaller."

    assert failure(error("60000 x 60000")) == ("too_large", says)
