"""Trains the demo's LLM: `python -m capenh_pipeline.demo.train_merge_llm --out DIR`.

It first learns to copy: a text of random tokens, then the same text again. Copying words it has
never seen is most of merging, and hard to find from examples of merging alone.
"""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.descent import Descent, Schedule, prepare_torch, training_options
from capenh_pipeline.demo.merge_llm import build_model, build_tokenizer, prompt_of
from capenh_pipeline.demo.merge_pairs import MergePair, sample_pairs
from capenh_pipeline.demo.rows import padded
from capenh_pipeline.files import make_folder

SEED = 3
STEPS = 12_000
_BATCH = 32
_BATCHES_SORTED_TOGETHER = 8
_COPY_LENGTH = 24
_COPIED_WELL = 0.3  # loss
_COPY_SHARE_AT_MOST = 0.35
_COPY_AGAIN_EVERY = 12
_IGNORED = -100


def train_merge_llm(out: Path, *, steps: int = STEPS) -> None:
    """Train from nothing for `steps` steps and save model and tokenizer, in float16, to `out`."""
    make_folder(out)
    prepare_torch(SEED)
    tokenizer = build_tokenizer()
    model = build_model(tokenizer)
    schedule = Schedule(steps, warmup_steps=min(100, steps), peak_rate=3e-3)
    descent = Descent(model.parameters(), schedule, beta2=0.98)
    model.train()
    copying = _learn_to_copy(model, tokenizer, descent, round(steps * _COPY_SHARE_AT_MOST))
    descent.forget_loss()
    batches = _merge_batches(tokenizer, seeded(SEED))
    for step in range(copying, steps):
        is_copy = step % _COPY_AGAIN_EVERY == 0
        descent.take(model(**(_copy_batch(tokenizer) if is_copy else next(batches))).loss)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)


def _learn_to_copy(model: Any, tokenizer: Any, descent: Descent, steps: int) -> int:
    """Return the steps it took, `steps` at most."""
    for step in range(steps):
        if descent.smoothed_loss < _COPIED_WELL:
            return step
        descent.take(model(**_copy_batch(tokenizer)).loss)
    return steps


def _copy_batch(tokenizer: Any) -> dict[str, Any]:
    """Return random tokens, the token that asks for an answer, and the same tokens again."""
    import torch

    first_word = tokenizer.assistant_token_id + 1
    text = torch.randint(first_word, len(tokenizer), (_BATCH, _COPY_LENGTH))
    start = torch.full((_BATCH, 1), tokenizer.bos_token_id)
    ask = torch.full((_BATCH, 1), tokenizer.assistant_token_id)
    input_ids = torch.cat([start, text, ask, text], dim=1)
    labels = input_ids.clone()
    labels[:, : _COPY_LENGTH + 2] = _IGNORED
    return {"input_ids": input_ids, "labels": labels}


def _merge_batches(tokenizer: Any, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield batches of training pairs for ever; the rows of a batch are about equally long."""
    pairs = sample_pairs(rng, held_out=False)
    while True:
        some = islice(pairs, _BATCH * _BATCHES_SORTED_TOGETHER)
        rows = sorted((_row(tokenizer, pair) for pair in some), key=lambda row: len(row[0]))
        starts = list(range(0, len(rows), _BATCH))
        rng.shuffle(starts)
        for start in starts:
            yield _merge_batch(rows[start : start + _BATCH], tokenizer.pad_token_id)


def _row(tokenizer: Any, pair: MergePair) -> tuple[list[int], list[int]]:
    """Return the tokens of a pair and of its answer, the labels, in their places."""
    prompt = tokenizer(prompt_of(tokenizer, pair.user_message), add_special_tokens=False).input_ids
    answer = tokenizer(pair.merged + tokenizer.eos_token, add_special_tokens=False).input_ids
    return prompt + answer, [_IGNORED] * len(prompt) + answer


def _merge_batch(rows: list[tuple[list[int], list[int]]], padding: int) -> dict[str, Any]:
    """Pad at the end: no token looks ahead, so none sees the padding and no mask is needed."""
    return {
        "input_ids": padded([tokens for tokens, _ in rows], padding),
        "labels": padded([labels for _, labels in rows], _IGNORED),
    }


if __name__ == "__main__":
    options = training_options(__doc__, steps=STEPS)
    train_merge_llm(options.out, steps=options.steps)
