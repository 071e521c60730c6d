"""Batches through a VLM: a bad image costs its own row, and a full memory costs nothing."""

import hashlib

import pytest

from capenh_pipeline.errors import ModelError, RowError
from capenh_pipeline.models.vlm import VlmSettings
from capenh_pipeline.stages.batches import BatchCaptioner, ImageFile
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour

RED = (255, 0, 0)
BLUES = [(0, 0, 20 * number) for number in range(10)]


@pytest.fixture
def files(tmp_path):
    """Ten images of ten colours; the seventh is red."""
    colours = list(BLUES)
    colours[6] = RED
    return [image_file(colour(tmp_path / f"{n}.png", rgb)) for n, rgb in enumerate(colours)]


def image_file(path):
    return ImageFile(hashlib.sha256(path.read_bytes()).hexdigest(), path)


def model(**arguments):
    return ColourVlm(VlmSettings("any", prompt="colour"), **arguments)


def captions(vlm, files, *, batch_size=4, workers=2):
    captioner = BatchCaptioner(vlm, batch_size=batch_size, workers=workers)
    return {
        file.path.name: outcome if isinstance(outcome, RowError) else outcome.caption
        for file, outcome in captioner.caption(files)
    }


def expected(files):
    said = {file.path.name: f"colour (0, 0, {20 * n})" for n, file in enumerate(files)}
    return said | {"6.png": f"colour {RED}"}


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_image_gets_its_own_caption(files, workers):
    assert captions(model(), files, workers=workers) == expected(files)


def test_batches_are_as_large_as_asked(files):
    vlm = model()
    captions(vlm, files, batch_size=4)
    assert vlm.batches == [4, 4, 2]


def test_an_image_that_the_model_cannot_take_fails_alone(files):
    found = captions(model(fails=lambda rgb: rgb == RED), files)
    error = found.pop("6.png")
    assert error.kind == "model_error"
    assert "this image cannot be seen" in str(error)
    assert found == {name: said for name, said in expected(files).items() if name != "6.png"}


def test_a_model_that_fails_on_every_image_is_an_error_of_the_run(files):
    with pytest.raises(ModelError, match="this image cannot be seen"):
        captions(model(fails=lambda rgb: True), files)


def test_a_few_bad_images_at_the_start_do_not_stop_the_run(files):
    bad = files[:7]
    seen = captions(model(fails=lambda rgb: rgb in BLUES[:7]), [*bad, *files[7:]])
    assert [name for name, said in seen.items() if not isinstance(said, str)] == [
        file.path.name for file in bad if file.path.name != "6.png"
    ]


def test_a_full_memory_halves_the_batch_and_is_remembered(files):
    vlm = model(memory_images=2)
    assert captions(vlm, files, batch_size=8, workers=1) == expected(files)
    tried = [size for size in vlm.batches if size > 2]
    assert tried[:2] == [8, 4]
    assert vlm.batches[-1] <= 2


def test_an_image_that_does_not_fit_alone_fails_alone(files):
    found = captions(model(memory_images=0), files[:1])
    assert found["0.png"].kind == "out_of_memory"


def test_files_that_cannot_be_decoded_fail_alone(files, tmp_path):
    content = files[3].path.read_bytes()
    files[3].path.write_bytes(content[: len(content) // 2])
    files[5].path.unlink()
    broken = [*files[:3], image_file(files[3].path), *files[4:]]
    found = captions(model(), broken)
    assert found.pop("3.png").kind == "truncated"
    assert found.pop("5.png").kind == "unreadable"
    assert found == {n: c for n, c in expected(files).items() if n not in ("3.png", "5.png")}


def test_an_image_that_changed_since_the_scan_is_not_captioned_as_the_old_one(files):
    colour(files[2].path, (1, 2, 3))
    assert captions(model(), files)["2.png"].kind == "changed"
