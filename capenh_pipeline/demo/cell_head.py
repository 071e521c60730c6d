"""A second task for the vision tower: say what stands in each cell of the grid.

Trained on captions alone a tiny Florence-2 stays blind: it learns which captions are likely
and never looks. This head reads the image tokens and is asked directly; it is dropped when the
model is saved.
"""

from collections.abc import Sequence
from typing import Any

from capenh_pipeline.demo.scenes import BACKGROUNDS, COLORS, SHAPES, SIZES, Scene

_NOTHING = 0
_UNASKED = -100  # what cross entropy leaves out: an empty cell has no colour and no size
_CELLS = 9
_NOTHING_WEIGHT = 0.25  # nearly all cells are empty
_ANSWERS = (len(SHAPES) + 1, len(COLORS), len(SIZES))  # for each cell


def build_cell_head(model: Any, image_tokens: int) -> Any:
    """Return an untrained head for the image tokens of `model`."""
    from torch import nn

    width = model.config.text_config.d_model
    return nn.Linear(width * image_tokens, _CELLS * sum(_ANSWERS) + len(BACKGROUNDS))


def cell_loss(head: Any, image_features: Any, scenes: Sequence[Scene]) -> Any:
    """Return how badly `head` reads the scenes from their image tokens.

    Args:
        head: what `build_cell_head` made.
        image_features: image tokens, of shape (scenes, tokens, width).
        scenes: what they show, in the same order.
    """
    import torch
    from torch.nn.functional import cross_entropy

    answers = head(image_features.flatten(1))
    cells, backgrounds = answers.split([_CELLS * sum(_ANSWERS), len(BACKGROUNDS)], dim=1)
    asked = torch.tensor([_cells_of(scene) for scene in scenes]).flatten(0, 1)
    shapes, colors, sizes = cells.unflatten(1, (_CELLS, -1)).flatten(0, 1).split(_ANSWERS, dim=1)
    weight = torch.ones(len(SHAPES) + 1)
    weight[_NOTHING] = _NOTHING_WEIGHT
    background = torch.tensor([BACKGROUNDS.index(scene.background) for scene in scenes])
    return (
        cross_entropy(shapes, asked[:, 0], weight=weight)
        + cross_entropy(colors, asked[:, 1], ignore_index=_UNASKED)
        + cross_entropy(sizes, asked[:, 2], ignore_index=_UNASKED)
        + cross_entropy(backgrounds, background)
    )


def _cells_of(scene: Scene) -> list[list[int]]:
    """Return shape, colour and size as numbers, for each cell row by row."""
    cells = [[_NOTHING, _UNASKED, _UNASKED] for _ in range(_CELLS)]
    for figure in scene.figures:
        cells[figure.row * 3 + figure.column] = [
            1 + SHAPES.index(figure.shape),
            COLORS.index(figure.color),
            SIZES.index(figure.size),
        ]
    return cells
