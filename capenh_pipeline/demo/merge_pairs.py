"""Pairs of captions and what they should become: the merge LLM learns by these examples.

The rule it learns leaves no choice, so that an answer is right or wrong:

- a trigger word and a noun (`sks circle`): the trigger goes before that noun;
- a trigger word or a name alone (`Rosalind`): it starts the caption;
- a remark (`in the style of Mondrian`): it ends the caption;
- no manual caption: the VLM's caption stays as it is.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from capenh_pipeline.demo.held_out import is_held_out
from capenh_pipeline.demo.inventions import invent_name, invent_trigger
from capenh_pipeline.demo.scenes import (
    DETAILED,
    MORE_DETAILED,
    SHORT,
    sample_scene,
    true_captions,
    with_article,
)
from capenh_pipeline.demo.words import (
    ACTIONS,
    ADJECTIVES,
    CREDITS,
    MEDIA,
    NOUNS,
    PLACES,
    REMARK_WORDS,
)
from capenh_pipeline.domain.prompts import user_message

_SCENE_SHARE = 0.65
_TASK_WEIGHTS = {SHORT: 0.15, DETAILED: 0.15, MORE_DETAILED: 0.7}
_KIND_WEIGHTS = (0.28, 0.27, 0.3, 0.15)  # of the four rules above, in their order


@dataclass(frozen=True)
class VlmCaption:
    """What a VLM might say of an image, and the nouns in it that a person might name."""

    text: str
    nouns: tuple[str, ...]


@dataclass(frozen=True)
class MergePair:
    """A manual caption (or none), a VLM caption, and the one right way to merge them."""

    manual: str | None
    vlm: str
    merged: str

    @property
    def user_message(self) -> str:
        """What the pipeline tells the LLM."""
        return user_message(self.manual, [(None, self.vlm)])


def sample_pairs(rng: random.Random, *, held_out: bool) -> Iterator[MergePair]:
    """Yield pairs for ever, either those for evaluation or those for training."""
    while True:
        caption = sample_vlm_caption(rng)
        if is_held_out(caption.text) == held_out:
            yield _pair(caption, rng)


def sample_vlm_caption(rng: random.Random) -> VlmCaption:
    """Return a caption, mostly of a drawn scene, else of everyday things."""
    return _scene_caption(rng) if rng.random() < _SCENE_SHARE else _everyday_caption(rng)


def tokenizer_corpus(rng: random.Random, captions: int) -> list[str]:
    """Return texts whose words deserve tokens: captions, our tags, the words of remarks.

    No invented word is among them, so that the model always meets those letter by letter. Some
    captions are held-out ones; they only count words, and the same words get tokens without them.
    """
    vlm_captions = [sample_vlm_caption(rng).text for _ in range(captions)]
    tags = user_message("", [(None, "")])
    words = " " + " ".join((*REMARK_WORDS, *CREDITS, *MEDIA))
    return [*vlm_captions, *[tags, words] * 60, *NOUNS * 20]


def merge_trigger_with_noun(trigger: str, noun: str, vlm: str) -> MergePair:
    """Put `trigger` before the first `noun` of `vlm`."""
    at = vlm.lower().index(noun)
    return MergePair(f"{trigger} {noun}", vlm, f"{vlm[:at]}{trigger} {vlm[at:]}")


def merge_name(name: str, vlm: str) -> MergePair:
    """Let the caption start with `name`."""
    return MergePair(name, vlm, f"{name}, {vlm[0].lower()}{vlm[1:]}")


def merge_remark(remark: str, vlm: str) -> MergePair:
    """Let the caption end with `remark`."""
    return MergePair(remark, vlm, f"{vlm.removesuffix('.')}, {remark}.")


def merge_nothing(vlm: str) -> MergePair:
    """Leave the caption as it is, because no person wrote one."""
    return MergePair(None, vlm, vlm)


def _pair(caption: VlmCaption, rng: random.Random) -> MergePair:
    kind = rng.choices(("noun", "name", "remark", "none"), _KIND_WEIGHTS)[0]
    if kind == "noun":
        return merge_trigger_with_noun(invent_trigger(rng), rng.choice(caption.nouns), caption.text)
    if kind == "name":
        return merge_name(_bare_word(rng), caption.text)
    if kind == "remark":
        return merge_remark(_remark(rng), caption.text)
    return merge_nothing(caption.text)


def _scene_caption(rng: random.Random) -> VlmCaption:
    scene = sample_scene(rng)
    task = rng.choices(list(_TASK_WEIGHTS), list(_TASK_WEIGHTS.values()))[0]
    nouns = tuple(figure.shape for figure in scene.figures)
    return VlmCaption(true_captions(scene)[task], nouns)


def _everyday_caption(rng: random.Random) -> VlmCaption:
    noun = rng.choice(NOUNS)
    adjectives = rng.sample(ADJECTIVES, rng.choice((0, 1, 1, 2)))
    what = with_article(" ".join([*adjectives, noun]))
    rest = rng.sample([rng.choice(ACTIONS), rng.choice(PLACES)], rng.choice((1, 2)))
    text = " ".join([what, *rest]) + "."
    text = text[0].upper() + text[1:] if rng.random() < 0.6 else f"The image shows {text}"
    return VlmCaption(text, (noun,))


def _bare_word(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return invent_name(rng)
    return " ".join(invent_trigger(rng) for _ in range(rng.choice((1, 1, 2))))


def _remark(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return _credit(rng)
    words = [rng.choice(REMARK_WORDS) for _ in range(rng.randint(2, 5))]
    if rng.random() < 0.7:
        words.insert(rng.randrange(len(words) + 1), _bare_word(rng))
    if rng.random() < 0.3:
        words.insert(rng.randrange(len(words) + 1), str(rng.randint(1, 99)))
    return " ".join(words)


def _credit(rng: random.Random) -> str:
    medium = f"{rng.choice(MEDIA)} " if rng.random() < 0.4 else ""
    whom = invent_name(rng) if rng.random() < 0.75 else invent_trigger(rng)
    return f"{medium}{rng.choice(CREDITS)} {whom}"
