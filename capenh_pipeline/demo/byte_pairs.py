"""Byte-level BPE: frequent words become one token each, any other text falls to its bytes."""

import json
from collections.abc import Iterable, Sequence


def train_byte_pairs(
    corpus: Iterable[str],
    *,
    vocabulary_size: int,
    special_tokens: Sequence[str],
    min_frequency: int = 0,
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Learn a vocabulary and its merges from `corpus`.

    Args:
        corpus: texts to learn from.
        vocabulary_size: tokens at most, the 256 bytes and the special tokens included.
        special_tokens: get the ids 0, 1, … in this order.
        min_frequency: how often two neighbours must occur to become one token.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]
