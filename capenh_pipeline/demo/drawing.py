"""Draws scenes, each time a little differently."""

import math
import random

from PIL import Image, ImageDraw

from capenh_pipeline.demo.scenes import Figure, Scene

_RGB = {
    "red": (214, 40, 40),
    "green": (46, 160, 67),
    "blue": (38, 84, 214),
    "yellow": (245, 205, 40),
    "purple": (130, 50, 170),
    "orange": (245, 130, 30),
    "black": (20, 20, 20),
    "pink": (250, 140, 190),
    "white": (250, 250, 250),
    "gray": (150, 150, 150),
    "beige": (232, 214, 178),
    "cyan": (120, 220, 225),
}
_RADIUS = {"small": 0.092, "large": 0.15}  # as shares of the image's side
_FIRST_CELL, _CELL_STEP = 0.19, 0.31
_SUPERSAMPLING = 2


def _star() -> list[tuple[float, float]]:
    turns = [(k * math.pi / 5, 0.45 if k % 2 else 1.1) for k in range(10)]
    return [(radius * math.sin(turn), -radius * math.cos(turn)) for turn, radius in turns]


def _cross(arm: float = 0.32) -> list[tuple[float, float]]:
    quarter = [(-arm, -1.0), (arm, -1.0), (arm, -arm)]
    points = quarter
    for _ in range(3):
        quarter = [(-y, x) for x, y in quarter]
        points = points + quarter
    return points


# Corners around (0, 0); the radius is 1 and y grows downwards. A circle has none.
_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    "triangle": [(0, -1), (0.95, 0.8), (-0.95, 0.8)],
    "diamond": [(0, -1.15), (0.75, 0), (0, 1.15), (-0.75, 0)],
    "star": _star(),
    "cross": _cross(),
}


def draw_scene(scene: Scene, rng: random.Random, *, side_px: int) -> Image.Image:
    """Draw `scene` as a square RGB image.

    Place, size, angle and colour of each figure vary a little with `rng`, far less than
    what would make another caption true.
    """
    canvas_px = side_px * _SUPERSAMPLING
    background = _varied(_RGB[scene.background], 5, rng)
    image = Image.new("RGB", (canvas_px, canvas_px), background)
    pen = ImageDraw.Draw(image)
    for figure in scene.figures:
        _draw_figure(pen, figure, rng, canvas_px)
    return image.reduce(_SUPERSAMPLING)


def _draw_figure(
    pen: ImageDraw.ImageDraw, figure: Figure, rng: random.Random, canvas_px: int
) -> None:
    x = (_FIRST_CELL + _CELL_STEP * figure.column + rng.uniform(-0.03, 0.03)) * canvas_px
    y = (_FIRST_CELL + _CELL_STEP * figure.row + rng.uniform(-0.03, 0.03)) * canvas_px
    radius = _RADIUS[figure.size] * canvas_px * rng.uniform(0.92, 1.08)
    color = _varied(_RGB[figure.color], 14, rng)
    turn = rng.uniform(-0.12, 0.12)
    if figure.shape == "circle":
        pen.circle((x, y), radius, fill=color)
    else:
        pen.polygon(_placed(_OUTLINES[figure.shape], x, y, radius, turn), fill=color)


def _placed(
    outline: list[tuple[float, float]], x: float, y: float, radius: float, turn: float
) -> list[tuple[float, float]]:
    sin, cos = radius * math.sin(turn), radius * math.cos(turn)
    return [(x + px * cos - py * sin, y + px * sin + py * cos) for px, py in outline]


def _varied(rgb: tuple[int, int, int], by: int, rng: random.Random) -> tuple[int, ...]:
    return tuple(min(255, max(0, value + rng.randint(-by, by))) for value in rgb)
