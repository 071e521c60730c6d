"""What a VLM server sees: the image of a request, and a reply that names its colour."""

import base64
import io
from typing import Any

from PIL import Image

from capenh_pipeline_tests.fakes.loopback import text_of

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
}


def picture_in(payload: dict[str, Any]) -> Image.Image:
    """Return the image of a chat completion's payload, decoded."""
    (part,) = [
        part
        for part in payload["messages"][-1]["content"]
        if isinstance(part, dict) and part["type"] == "image_url"
    ]
    head, _, content = part["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    image.load()
    return image


def colour_in(image: Image.Image) -> str:
    """Return the name of the colour of an image's middle pixel; JPEG changes it a little."""
    pixel = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(pixel, tuple)

    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(pixel, COLOURS[name], strict=True))

    return min(COLOURS, key=distance)


def see(payload: dict[str, Any]) -> str:
    """Answer as a VLM that sees colours, and repeats what it was asked: a mixed-up row is seen."""
    return f"{text_of(payload, 'user')} {colour_in(picture_in(payload))}"
