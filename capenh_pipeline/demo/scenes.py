"""Scenes whose captions are known: one or two coloured figures in a 3 x 3 grid."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from capenh_pipeline.demo.held_out import is_held_out

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "black", "pink")
SIZES = ("small", "large")
BACKGROUNDS = ("white", "gray", "beige", "cyan")
SHORT, DETAILED, MORE_DETAILED = "<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"
TASKS = (SHORT, DETAILED, MORE_DETAILED)

_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "center", "right")
_CELLS = tuple((row, column) for row in range(3) for column in range(3))
_FIGURES_OF_A_SCENE = (1, 2, 2, 2)


@dataclass(frozen=True)
class Figure:
    """A coloured shape in a cell of the grid; row 0 is the top, column 0 the left."""

    size: str
    color: str
    shape: str
    row: int
    column: int

    @property
    def name(self) -> str:
        """Colour and shape with their article: `a red circle`."""
        return with_article(f"{self.color} {self.shape}")

    @property
    def full_name(self) -> str:
        """Size, colour and shape with their article: `a large red circle`."""
        return with_article(f"{self.size} {self.color} {self.shape}")

    @property
    def place(self) -> str:
        """Where it stands, in words: `in the top left`."""
        row, column = _ROWS[self.row], _COLUMNS[self.column]
        if (row, column) == ("middle", "center"):
            return "in the center"
        if row == "middle":
            return f"on the {column}"
        return f"at the {row}" if column == "center" else f"in the {row} {column}"


@dataclass(frozen=True)
class Scene:
    """A plain background with figures in reading order: left to right, then top to bottom."""

    background: str
    figures: tuple[Figure, ...]

    @property
    def is_held_out(self) -> bool:
        """Whether this scene is kept for evaluation and never trained on."""
        return is_held_out(true_captions(self)[MORE_DETAILED])


def sample_scene(rng: random.Random) -> Scene:
    """Draw a scene by lot."""
    cells = rng.sample(_CELLS, rng.choice(_FIGURES_OF_A_SCENE))
    figures = [_sample_figure(rng, row, column) for row, column in cells]
    figures.sort(key=lambda figure: (figure.column, figure.row))
    return Scene(rng.choice(BACKGROUNDS), tuple(figures))


def sample_scenes(rng: random.Random, *, held_out: bool) -> Iterator[Scene]:
    """Yield scenes for ever, either those for evaluation or those for training."""
    while True:
        scene = sample_scene(rng)
        if scene.is_held_out == held_out:
            yield scene


def true_captions(scene: Scene) -> dict[str, str]:
    """Return what is true of `scene`: for each Florence-2 task a caption, of growing detail."""
    if len(scene.figures) == 1:
        return _captions_of_one(scene.background, scene.figures[0])
    return _captions_of_two(scene.background, *scene.figures)


def with_article(words: str) -> str:
    """Put `a` or `an` before `words`."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _sample_figure(rng: random.Random, row: int, column: int) -> Figure:
    return Figure(rng.choice(SIZES), rng.choice(COLORS), rng.choice(SHAPES), row, column)


def _captions_of_one(background: str, figure: Figure) -> dict[str, str]:
    what = f"{figure.full_name} {figure.place}"
    return {
        SHORT: f"{_capitalised(figure.name)}.",
        DETAILED: f"{_capitalised(what)}, {background} background.",
        MORE_DETAILED: f"The image shows {what} of {with_article(background)} background.",
    }


def _captions_of_two(background: str, first: Figure, second: Figure) -> dict[str, str]:
    what = f"{first.full_name} {_relation(first, second)} {second.full_name}"
    return {
        SHORT: f"{_capitalised(first.name)} and {second.name}.",
        DETAILED: f"{_capitalised(what)}, {background} background.",
        MORE_DETAILED: (
            f"The image shows {what} on {with_article(background)} background. "
            f"The {first.shape} is {first.place} and the {second.shape} is {second.place}."
        ),
    }


def _relation(first: Figure, second: Figure) -> str:
    """Say how `first` stands to `second`, which is never further left."""
    words = []
    if first.row != second.row:
        words.append("above" if first.row < second.row else "below")
    if first.column < second.column:
        words.append("left of")
    return " and ".join(words)


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]
