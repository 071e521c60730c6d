import pytest
from PIL import ImageColor

from capenh_pipeline.domain.colours import NAMES, check_colour
from capenh_pipeline.errors import ConfigurationError


def test_the_names_are_those_that_pillow_knows():
    assert set(ImageColor.colormap) == NAMES


@pytest.mark.parametrize("text", ["white", "LightGrey", "#ffffff", "#0A0b0C"])
def test_a_colour_is_a_name_or_six_hex_digits_in_any_letter_case(text):
    check_colour(text, option="background")

    assert len(ImageColor.getrgb(text)) == 3


@pytest.mark.parametrize(
    "text", ["", "whit", "#fff", "#ffffff80", "ffffff", "#gggggg", "rgb(0,0,0)", "#ffffff\n", "İ"]
)
def test_what_is_no_colour_is_refused_with_what_it_must_be(text):
    with pytest.raises(ConfigurationError) as failure:
        check_colour(text, option="background")

    expected = f"--background is {text!r}; it must be the name of a colour, as white, or #rrggbb."
    assert str(failure.value) == expected
