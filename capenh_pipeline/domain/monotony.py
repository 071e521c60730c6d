"""Captions that say too little: one text, or one opening, on far too many images."""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

SAME_TEXT = 0.2
"""Share of the images that may have one text."""

SAME_OPENING = 0.8
"""Share of the images whose texts may begin alike."""

FEWEST = 20
"""Of fewer images than this, shares say nothing."""

OPENING_WORDS = 3
_KEPT = 10_000
_COLUMNS = {"text": pl.String, "images": pl.UInt32, "path": pl.String}


class Frequent(NamedTuple):
    """A text, or an opening, that is too frequent."""

    text: str
    images: int
    share: float
    path: str


def openings(texts: pl.Series, *, trigger_word: str | None) -> pl.Series:
    """Return the first words of texts; a trigger word, which all begin with, is not counted."""
    lower = texts.str.to_lowercase()
    if trigger_word:
        lower = lower.str.strip_prefix(trigger_word.lower())
    words = lower.str.extract_all(r"[\p{L}\p{N}'\x{2019}-]+")
    return words.list.head(OPENING_WORDS).list.join(" ")


class Tally:
    """Counts texts, part by part, in bounded memory.

    Only the most frequent ten thousand are kept from part to part: what is on a fifth of the
    images is always among them, as images are spread over the parts by their hashes.
    """

    def __init__(self) -> None:
        self._counts = pl.DataFrame(schema=_COLUMNS)
        self.images = 0

    def add(self, texts: pl.Series, paths: pl.Series) -> None:
        """Count some texts and the images that have them; null is none."""
        said = pl.DataFrame({"text": texts, "path": paths}).drop_nulls("text")
        counts = said.group_by("text").agg(pl.len().alias("images"), pl.col("path").first())
        both = pl.concat([self._counts, counts.select(*_COLUMNS)])
        summed = both.group_by("text").agg(pl.col("images").sum(), pl.col("path").first())
        self._counts = summed.top_k(_KEPT, by="images")
        self.images += said.height

    def above(self, share: float) -> Iterator[Frequent]:
        """Yield what is on more than that share of the images, the most frequent first."""
        if self.images < FEWEST:
            return
        often = self._counts.filter(pl.col("images") > share * self.images)
        for text, images, path in often.sort(
            "images", "text", descending=[True, False]
        ).iter_rows():
            yield Frequent(text, images, images / self.images, path)
