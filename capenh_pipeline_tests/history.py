"""A dataset as people use it, and what the design says of it: a model of rows that are known."""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS, TableSchema
from capenh_pipeline.stages.combined_captions import llm_choice
from capenh_pipeline.stages.vlm_captions import vlm_choice
from capenh_pipeline_tests.stage_runs import StageRuns

NAMES = ("a.png", "sub/b.png", "a.bmp", "a_combined.png")
TEXT_FILES = ("a.txt", "a.png.txt", "a_combined.txt", "sub/b.txt")
TEXTS = ("sks", "a dog", "", None)
"""What a person writes; None deletes the file."""

UNSEEN, NO_IMAGE = 4, 5
COLOURS = range(6)
"""The VLM can say nothing of the one before the last; the last is no image at all."""

VLM_RECIPES = ({"prompt": "see"}, {"prompt": "look"}, {"prompt": "see", "max_new_tokens": 99})
LLM_RECIPES = ({"llm_max_tokens": 50}, {"llm_max_tokens": 60})


class Request(NamedTuple):
    """What makes a request to the LLM."""

    image_hash: str
    manual_caption: str | None
    vlm_caption: str
    recipe_hash: str


@cache
def content(number: int) -> bytes:
    """Return a file of that number; its image is of one colour."""
    if number == NO_IMAGE:
        return b"no image"
    file = BytesIO()
    Image.new("RGB", (4, 4), (number, 0, 0)).save(file, "PNG")
    return file.getvalue()


def hash_of(number: int) -> str:
    return hashlib.sha256(content(number)).hexdigest()


@dataclass
class History:
    """A dataset folder, what is in it, and the rows that were computed so far.

    Attributes:
        folder: of the dataset.
        images: numbers of contents by path.
        texts: what a person wrote, by path.
        vlm: image and recipe of each VLM row, and its caption or None.
        requests: all requests that were answered.
    """

    folder: Path
    images: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    vlm: dict[tuple[str, str], str | None] = field(default_factory=dict)
    requests: set[Request] = field(default_factory=set)

    def put(self, name: str, number: int) -> None:
        self.images[name] = number
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(number))

    def copy(self, name: str, other: str) -> None:
        self.put(other, self.images[name])

    def move(self, name: str, other: str) -> None:
        (self.folder / other).parent.mkdir(exist_ok=True)
        (self.folder / name).rename(self.folder / other)
        self.images[other] = self.images.pop(name)

    def delete(self, name: str, _: str) -> None:
        if len(self.images) > 1:
            (self.folder / name).unlink()
            del self.images[name]

    def write(self, name: str, text: str | None) -> None:
        """Write what a person says into a text file; None deletes what a person wrote."""
        path = self.folder / name
        if text is not None:
            self.texts[name] = text
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif self.texts.pop(name, None) is not None:
            path.unlink()

    def manual_caption(self, name: str) -> str | None:
        """Return what a person wrote about an image: under its own name, if that is shared."""
        stem = stem_of(name)
        is_shared = [stem_of(other) for other in self.images].count(stem) > 1
        files = [f"{name}.txt"] * is_shared + [f"{stem}.txt"]
        return next((text for file in files if (text := self.texts.get(file))), None)

    def vlm_caption(self, number: int, prompt: str) -> str | None:
        return None if number in (UNSEEN, NO_IMAGE) else f"{prompt} ({number}, 0, 0)"

    def wanted(self, options: dict[str, Any], recipes: "Recipes") -> "Wanted":
        """Return the rows that there should be, and the combined caption of each image."""
        wanted = Wanted()
        for name, number in self.images.items():
            manual, seen = self.manual_caption(name), self.vlm_caption(number, options["prompt"])
            if number != NO_IMAGE:
                wanted.vlm[hash_of(number), recipes.vlm] = seen
                wanted.captions[name] = seen and echoed(manual, seen)
            if seen:
                wanted.requests.add(Request(hash_of(number), manual, seen, recipes.llm))
        return wanted


@dataclass
class Wanted:
    """What a run is to leave: rows as in `History`, and the combined captions by path."""

    vlm: dict[tuple[str, str], str | None] = field(default_factory=dict)
    requests: set[Request] = field(default_factory=set)
    captions: dict[str, str | None] = field(default_factory=dict)


class Recipes(NamedTuple):
    """Hashes of the recipes of a run."""

    vlm: str
    llm: str


def echoed(manual: str | None, seen: str) -> str:
    """Return what the LLM of `StageRuns` answers."""
    told = f"<manual_caption> {manual} </manual_caption> " if manual else ""
    return f"{told}<vlm_caption> {seen} </vlm_caption>"


def stem_of(name: str) -> str:
    return name.rpartition(".")[0]


def recipes_of(runs: StageRuns, options: dict[str, Any]) -> Recipes:
    run = runs.opened(**options)
    return Recipes(vlm_choice(run).prompts[0].recipe.hash, llm_choice(run).recipe.hash)


def stored_vlm(runs: StageRuns) -> dict[tuple[str, str], str | None]:
    rows = _stored(runs, VLM_CAPTIONS, "image_hash", "recipe_hash", "caption")
    return {(image_hash, recipe): caption for image_hash, recipe, caption in rows}


def stored_requests(runs: StageRuns) -> set[Request]:
    return {Request(*row) for row in _stored(runs, COMBINED_CAPTIONS, *Request._fields)}


def _stored(runs: StageRuns, schema: TableSchema, *columns: str) -> list[tuple[Any, ...]]:
    return runs.opened().store.table(schema).read(columns=columns).rows()
