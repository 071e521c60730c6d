"""How much work an image is for a model that looks at large images more closely."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any


def visual_tokens(processor: Any) -> Callable[[int, int], int]:
    """Return a function of an image's width and height, in pixels, to the tokens it becomes.

    The function returns 0 for every image where the processor does not tell.
    """
    count = getattr(processor, "_get_num_multimodal_tokens", None)
    if count is None:
        return lambda *_: 0

    @lru_cache(maxsize=1 << 16)
    def tokens(width: int, height: int) -> int:
        return int(count(image_sizes=[(height, width)])["num_image_tokens"][0])

    return tokens
