"""How much work an image is for a model that looks at large images more closely."""

import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

_PROBE_PX = 64


def visual_tokens(processor: Any) -> Callable[[int, int], int]:
    """Return a function of an image's width and height, in pixels, to the tokens it becomes.

    The function returns 0 for every image where the processor does not tell.
    """
    for count in (_told_by_processor, _told_by_image_processor):
        try:
            count(processor, _PROBE_PX, _PROBE_PX)
        except (AttributeError, TypeError, KeyError):  # it has no such method, or a broken one
            continue
        return lru_cache(maxsize=1 << 16)(partial(_counted, count, processor))
    return lambda *_: 0


def _counted(count: Callable[[Any, int, int], int], processor: Any, width: int, height: int) -> int:
    try:
        return count(processor, width, height)
    except ValueError:  # it takes no such image, and will say so when it gets it: after others
        return sys.maxsize


def _told_by_processor(processor: Any, width: int, height: int) -> int:
    return int(
        processor._get_num_multimodal_tokens(image_sizes=[(height, width)])["num_image_tokens"][0]
    )


def _told_by_image_processor(processor: Any, width: int, height: int) -> int:
    """Return the tokens of tiles that each become `image_seq_len` of them (SmolVLM, Idefics3)."""
    tiles = processor.image_processor.get_number_of_image_patches(height, width)
    return max(tiles[0] if isinstance(tiles, tuple) else tiles, 1) * processor.image_seq_len
