import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.scenes import COLORS, SHAPES, Figure, Scene

RED, WHITE = (214, 40, 40), (250, 250, 250)


def is_close(pixel, rgb):
    return all(abs(value - wanted) <= 14 for value, wanted in zip(pixel, rgb, strict=True))


def test_the_same_seed_draws_the_same_picture():
    scene = Scene("cyan", (Figure("large", "pink", "star", 1, 1),))
    first, second, other = (
        draw_scene(scene, seeded(seed), side_px=96).tobytes() for seed in (3, 3, 4)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("side_px", [64, 333, 1024])
def test_a_picture_is_a_square_of_the_asked_size(side_px):
    image = draw_scene(Scene("gray", ()), seeded(0), side_px=side_px)
    assert (image.size, image.mode) == ((side_px, side_px), "RGB")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_figure_stands_in_its_cell_in_its_color(shape, size):
    scene = Scene("white", (Figure(size, "red", shape, 2, 0),))
    image = draw_scene(scene, seeded(0), side_px=300)
    assert is_close(image.getpixel((57, 243)), RED)
    assert is_close(image.getpixel((243, 57)), WHITE)


def test_a_large_figure_covers_more_than_a_small_one():
    def covered(size):
        scene = Scene("white", (Figure(size, "black", "square", 1, 1),))
        image = draw_scene(scene, seeded(0), side_px=200)
        return image.convert("L").histogram()[:80]

    assert sum(covered("large")) > 2 * sum(covered("small"))


def test_every_color_and_shape_looks_different():
    pictures = {
        draw_scene(
            Scene("white", (Figure("large", color, shape, 1, 1),)), seeded(0), side_px=64
        ).tobytes()
        for color in COLORS
        for shape in SHAPES
    }
    assert len(pictures) == len(COLORS) * len(SHAPES)
