"""How many pixels of an image a model looks at, where the user may choose."""

import math
from typing import Any

from capenh_pipeline.errors import ConfigurationError


def pixel_budget(image_processor: Any) -> tuple[int, int] | None:
    """Return the least and the most pixels of an image, or None where there is no such budget.

    Processors with a budget keep the proportions of an image (Qwen2-VL,
    https://arxiv.org/abs/2409.12191, section 2.1) and store it as the "edges" of a size.
    """
    known = getattr(getattr(image_processor, "valid_kwargs", None), "__annotations__", {})
    size = getattr(image_processor, "size", None)
    least, most = (getattr(size, name, None) for name in ("shortest_edge", "longest_edge"))
    if not {"min_pixels", "max_pixels"} <= set(known) or not (least and most):
        return None
    return least, most


def set_pixel_budget(processor: Any, *, least: int | None, most: int | None) -> None:
    """Make a processor show the model so many pixels of an image; None leaves its own number.

    Raises:
        ConfigurationError: it has no such budget, or the two numbers contradict each other.
    """
    if least is None and most is None:
        return
    image_processor = processor.image_processor
    option = "min_pixels" if least is not None else "max_pixels"
    budget = pixel_budget(image_processor)
    if budget is None:
        raise ConfigurationError(
            f"--{option} cannot be chosen for this model: a {type(image_processor).__name__} "
            "decides on the size of its images by itself."
        )
    least, most = least or min(budget[0], most or budget[0]), most or max(budget[1], least or 0)
    image_processor.size.shortest_edge, image_processor.size.longest_edge = least, most


def enough_px(width: int, height: int, *, budget: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the width and height in which an image fills its budget, None if it is smaller."""
    if budget is None or width * height <= budget[1]:
        return None
    scale = math.sqrt(budget[1] / (width * height))
    return math.ceil(width * scale), math.ceil(height * scale)
