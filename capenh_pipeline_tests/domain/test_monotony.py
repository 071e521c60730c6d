"""Captions that say too little."""

import polars as pl

from capenh_pipeline.domain import monotony
from capenh_pipeline.domain.monotony import Tally, openings


def tally(*parts):
    counted = Tally()
    for part in parts:
        paths = pl.Series([f"{number}.png" for number in range(len(part))], dtype=pl.String)
        counted.add(pl.Series(part, dtype=pl.String), paths)
    return counted


def test_a_text_counts_over_all_parts_and_only_above_the_share():
    parts = [["same", *(f"a{n}" for n in range(9))], ["same"] * 3 + [f"b{n}" for n in range(7)]]
    assert not [*tally(*parts).above(0.2)]
    assert [(one.text, one.images, one.share) for one in tally(*parts).above(0.19)] == [
        ("same", 4, 0.2)
    ]


def test_of_few_images_shares_say_nothing():
    assert not [*tally(["same"] * 19).above(0.2)]
    assert [one.images for one in tally(["same"] * 20).above(0.2)] == [20]


def test_an_image_without_a_text_does_not_count():
    counted = tally(["same"] * 20 + [None] * 100)
    assert counted.images == 20
    assert [one.share for one in counted.above(0.9)] == [1.0]


def test_what_is_frequent_is_found_though_few_texts_are_kept(monkeypatch):
    monkeypatch.setattr(monotony, "_KEPT", 3)
    parts = [["same"] * 3 + [f"{part} {n}" for n in range(7)] for part in range(50)]
    assert [(one.text, one.images) for one in tally(*parts).above(0.2)] == [("same", 150)]


def test_an_opening_is_the_first_three_words_whatever_their_case_and_marks():
    texts = pl.Series(["The image, shows a dog.", "the IMAGE shows: cats", "Ein Wort"])
    assert openings(texts, trigger_word=None).to_list() == [
        "the image shows",
        "the image shows",
        "ein wort",
    ]


def test_the_trigger_word_is_no_part_of_the_opening():
    texts = pl.Series(["sks dog, a red ball", "sks dog, two blue cups"])
    assert openings(texts, trigger_word="sks dog").to_list() == ["a red ball", "two blue cups"]
