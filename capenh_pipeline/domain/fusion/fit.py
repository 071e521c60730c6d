"""How many tokens the text encoders of image models take, and about how many a text is.

Limits are those of the pipelines that models are used with: CLIP reads 77 (the model card of
openai/clip-vit-large-patch14: `max_position_embeddings`), FLUX.1 reads 512 of T5 and Qwen-Image
at most 1024 of Qwen2.5-VL (the defaults and checks of `FluxPipeline` and `QwenImagePipeline` in
diffusers). Stable Diffusion 3 reads 256 of T5 and Qwen-Image 512, unless their
`max_sequence_length` is raised.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from capenh_pipeline.domain.fusion.words import SPACELESS, is_known

_PIECE = re.compile(rf"[{SPACELESS}]|[^\W\d_{SPACELESS}]+|\d|[^\w\s]+|_|\S")
_SYLLABLE = re.compile(
    "[\u3005\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)


class _Rates(NamedTuple):
    """How a tokenizer splits text.

    Attributes:
        special: tokens around a text.
        long_letter: tokens for each letter of an English word after its fourth.
        letter: tokens for a letter of any other word in Latin script: names, other languages.
        foreign: tokens for a letter of another script.
        syllable: tokens for a Chinese character or a Korean syllable.
    """

    special: int
    long_letter: float
    letter: float
    foreign: float
    syllable: float


@dataclass(frozen=True)
class Fit:
    """A text encoder.

    Attributes:
        max_tokens: the most it reads, special tokens included.
        approximate: about how many tokens a text is for it, special tokens included; seldom below
            what the tokenizer itself counts.
    """

    max_tokens: int
    approximate: Callable[[str], int]


def _approximate(rates: _Rates, text: str) -> int:
    return rates.special + math.ceil(sum(_tokens(rates, piece) for piece in _PIECE.findall(text)))


def _tokens(rates: _Rates, piece: str) -> float:
    if not piece[0].isalpha():
        return 1 if piece.isascii() else len(piece.encode())
    if _SYLLABLE.match(piece):
        return rates.syllable * len(piece)
    if not _is_latin(piece):
        return rates.foreign * len(piece)
    if is_known(piece.lower(), "en"):
        return 1 + rates.long_letter * max(len(piece) - 4, 0)
    return max(rates.letter * len(piece), 1)


def _is_latin(piece: str) -> bool:
    return all(character < "\u0250" for character in piece)


FITS = {
    "clip": Fit(77, partial(_approximate, _Rates(2, 0.14, 0.55, 1.3, 2.8))),
    "t5": Fit(512, partial(_approximate, _Rates(1, 0.2, 0.6, 1.0, 1.0))),
    "qwen": Fit(1024, partial(_approximate, _Rates(5, 0.22, 0.45, 0.9, 1.1))),
}
"""Text encoders by name. CLIP and Qwen were measured against their tokenizers' own vocabularies,
T5 was not: its rates are above those of CLIP, whose vocabulary is half as large again."""
