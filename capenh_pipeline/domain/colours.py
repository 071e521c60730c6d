"""Colours as people write them."""

import re

from capenh_pipeline.errors import ConfigurationError

_CSS = """
aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet
brown burlywood cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan
darkblue darkcyan darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta
darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen darkslateblue
darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey
dodgerblue firebrick floralwhite forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray
green greenyellow grey honeydew hotpink indianred indigo ivory khaki lavender lavenderblush
lawngreen lemonchiffon lightblue lightcoral lightcyan lightgoldenrodyellow lightgray
lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray
lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine
mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen
mediumturquoise mediumvioletred midnightblue mintcream mistyrose moccasin navajowhite navy
oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen paleturquoise
palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple red
rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato turquoise
violet wheat white whitesmoke yellow yellowgreen
"""
NAMES = frozenset(_CSS.split())
"""The names of CSS (Color Module Level 4, section 6.1), which Pillow knows too."""

_HEX = re.compile("#[0-9a-f]{6}")


def check_colour(text: str, *, option: str) -> None:
    """Refuse what is neither a name of a colour nor #rrggbb; the case of letters is no matter.

    Args:
        text: what somebody wrote.
        option: where, for the error.

    Raises:
        ConfigurationError: it is no colour.
    """
    if text.lower() not in NAMES and not _HEX.fullmatch(text.lower()):
        raise ConfigurationError(
            f"--{option} is {text!r}; it must be the name of a colour, as white, or #rrggbb."
        )
