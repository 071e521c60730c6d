from collections import Counter
from hashlib import sha256

import pytest
from PIL import Image

from capenh_pipeline.demo import scenes
from capenh_pipeline.demo.dataset import (
    draw_dataset,
    held_out_scenes,
    manual_captions,
    true_captions,
    true_merges,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    draw_dataset(folder)
    return folder


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }


def images_in(folder):
    return {name: path for name, path in files_in(folder).items() if path.suffix != ".txt"}


def opened(path):
    with Image.open(path) as image:
        return image


def test_the_dataset_is_24_images_whose_captions_are_known(folder):
    assert len(images_in(folder)) == 24
    assert set(images_in(folder)) == set(true_captions()) == set(true_merges())


def test_every_format_and_several_sizes_occur(folder):
    images = images_in(folder)
    suffixes = {path.suffix for path in images.values()}
    assert suffixes == {".jpg", ".JPG", ".png", ".webp", ".bmp", ".gif", ".tiff", ".avif"}
    sizes = {opened(path).size for path in images.values()}
    assert len(sizes) >= 8
    assert all(width == height for width, height in sizes)


def test_a_files_format_is_what_its_suffix_says(folder):
    for path in images_in(folder).values():
        assert opened(path).format == Image.registered_extensions()[path.suffix.lower()]


def test_one_image_is_there_twice(folder):
    hashes = Counter(sha256(path.read_bytes()).digest() for path in images_in(folder).values())
    assert sorted(hashes.values()) == [1] * 22 + [2]


def test_images_stand_in_the_folder_and_in_sub_folders(folder):
    depths = {name.count("/") for name in images_in(folder)}
    assert depths == {0, 1, 2}


def test_manual_captions_stand_beside_their_images(folder):
    texts = {name: path for name, path in files_in(folder).items() if path.suffix == ".txt"}
    written = {name: caption for name, caption in manual_captions().items() if caption is not None}
    assert 8 <= len(written) <= 16
    assert len(texts) == len(written)
    for name, caption in written.items():
        assert (folder / name).with_suffix(".txt").read_text(encoding="utf-8") == f"{caption}\n"


def test_a_named_shape_is_in_the_scene():
    named = {
        name: caption.removeprefix("sks ")
        for name, caption in manual_captions().items()
        if caption is not None and caption.startswith("sks ")
    }
    assert "circle" in named.values()
    for name, shape in named.items():
        assert shape in {figure.shape for figure in held_out_scenes()[name].figures}


def test_every_scene_is_held_out():
    assert all(scene.is_held_out for scene in held_out_scenes().values())


@pytest.mark.parametrize("task", scenes.TASKS)
def test_captions_are_those_of_the_scenes(task):
    expected = {
        name: scenes.true_captions(scene)[task] for name, scene in held_out_scenes().items()
    }
    assert true_captions(task) == expected


def test_a_merge_keeps_every_manual_caption():
    for name, merged in true_merges().items():
        assert (manual_captions()[name] or "") in merged


def test_the_drawing_is_deterministic(folder, tmp_path):
    draw_dataset(tmp_path)
    again = {name: path.read_bytes() for name, path in files_in(tmp_path).items()}
    assert again == {name: path.read_bytes() for name, path in files_in(folder).items()}


def test_files_that_exist_are_left_as_they_are(tmp_path):
    draw_dataset(tmp_path)
    edited, removed = tmp_path / "003.txt", tmp_path / "001.jpg"
    edited.write_text("Someone else\n", encoding="utf-8")
    removed.unlink()
    before = {name: path.stat() for name, path in files_in(tmp_path).items()}
    draw_dataset(tmp_path)
    assert {name: (tmp_path / name).stat() for name in before} == before
    assert edited.read_text(encoding="utf-8") == "Someone else\n"
    assert removed.exists()
