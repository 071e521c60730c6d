from itertools import islice

import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.scenes import (
    DETAILED,
    MORE_DETAILED,
    SHORT,
    Figure,
    Scene,
    sample_scene,
    sample_scenes,
    true_captions,
)


def test_one_figure_is_captioned_in_growing_detail():
    scene = Scene("gray", (Figure("small", "orange", "star", 0, 2),))
    assert true_captions(scene) == {
        SHORT: "An orange star.",
        DETAILED: "A small orange star in the top right, gray background.",
        MORE_DETAILED: "The image shows a small orange star in the top right of a gray background.",
    }


def test_two_figures_are_captioned_with_their_relation():
    scene = Scene(
        "beige",
        (Figure("large", "red", "circle", 2, 0), Figure("small", "blue", "cross", 1, 1)),
    )
    assert true_captions(scene) == {
        SHORT: "A red circle and a blue cross.",
        DETAILED: "A large red circle below and left of a small blue cross, beige background.",
        MORE_DETAILED: (
            "The image shows a large red circle below and left of a small blue cross on a beige "
            "background. The circle is in the bottom left and the cross is in the center."
        ),
    }


@pytest.mark.parametrize(
    ("first", "second", "relation"),
    [
        ((0, 0), (1, 0), "above"),
        ((0, 0), (0, 1), "left of"),
        ((0, 0), (2, 1), "above and left of"),
        ((2, 0), (0, 2), "below and left of"),
    ],
)
def test_the_relation_follows_from_the_cells(first, second, relation):
    figures = (Figure("small", "red", "circle", *first), Figure("large", "red", "circle", *second))
    caption = true_captions(Scene("cyan", figures))[DETAILED]
    assert caption == f"A small red circle {relation} a large red circle, cyan background."


@pytest.mark.parametrize(
    ("row", "column", "place"),
    [
        (0, 0, "in the top left"),
        (0, 1, "at the top"),
        (1, 0, "on the left"),
        (1, 1, "in the center"),
        (1, 2, "on the right"),
        (2, 1, "at the bottom"),
    ],
)
def test_a_cell_has_a_name(row, column, place):
    assert Figure("small", "red", "circle", row, column).place == place


def test_the_most_detailed_caption_tells_any_two_scenes_apart():
    rng = seeded(0)
    scenes = {sample_scene(rng) for _ in range(3000)}
    assert len({true_captions(scene)[MORE_DETAILED] for scene in scenes}) == len(scenes)


def test_figures_stand_in_reading_order_in_cells_of_their_own():
    rng = seeded(0)
    for _ in range(300):
        cells = [(figure.column, figure.row) for figure in sample_scene(rng).figures]
        assert cells == sorted(set(cells))


def test_the_same_seed_gives_the_same_scenes():
    first, second = (list(islice(sample_scenes(seeded(5), held_out=True), 10)) for _ in range(2))
    assert first == second


def test_held_out_scenes_are_never_among_those_for_training():
    training = set(islice(sample_scenes(seeded(1), held_out=False), 3000))
    held_out = set(islice(sample_scenes(seeded(1), held_out=True), 300))
    assert not training & held_out
    assert all(scene.is_held_out for scene in held_out)
