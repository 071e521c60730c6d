"""The demo's dataset: 24 image files of held-out scenes, as a person's folder might hold them.

Every caption in it is known beforehand, the combined one too, so that a mixed-up row is seen.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath

from PIL import Image

from capenh_pipeline.demo import scenes
from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.merge_pairs import (
    MergePair,
    merge_name,
    merge_nothing,
    merge_remark,
    merge_trigger_with_noun,
)
from capenh_pipeline.demo.scenes import Scene, sample_scenes
from capenh_pipeline.files import create_atomically, make_folder

_SEED = 24
_TRIGGER = "sks"


@dataclass(frozen=True)
class _Picture:
    """One image file.

    Attributes:
        path: relative to the dataset's folder; its suffix is the format.
        side_px: width and height.
        merge: what a person wrote, as a rule that merges it with a VLM caption.
        shows: a shape that the scene must hold, because the person names it.
    """

    path: str
    side_px: int
    merge: Callable[[str], MergePair] = merge_nothing
    shows: str | None = None


def _trigger(path: str, side_px: int, noun: str) -> _Picture:
    return _Picture(path, side_px, partial(merge_trigger_with_noun, _TRIGGER, noun), noun)


def _name(path: str, side_px: int, name: str) -> _Picture:
    return _Picture(path, side_px, partial(merge_name, name))


def _remark(path: str, side_px: int, remark: str) -> _Picture:
    return _Picture(path, side_px, partial(merge_remark, remark))


_ORIGINAL, _DUPLICATE = "prints/broadside.png", "prints/copies/broadside (1).png"
_PICTURES = (
    _trigger("001.jpg", 512, "circle"),
    _Picture("002.jpg", 256),
    _name("003.png", 384, "Rosalind"),
    _Picture("004.webp", 640),
    _remark("DSC_0417.JPG", 1024, "in the style of Mondrian"),
    _Picture("DSC_0418.JPG", 768),
    _trigger("lora/01.png", 512, "circle"),
    _trigger("lora/02.jpg", 512, "circle"),
    _trigger("lora/03.webp", 512, "circle"),
    _trigger("lora/04.bmp", 200, "star"),
    _Picture("lora/05.jpg", 512),
    _remark("paintings/canvas.avif", 512, "oil painting by Vera Molnar"),
    _Picture("paintings/fresco.tiff", 300),
    _remark("paintings/sketch.gif", 256, "sketch by Paul Klee"),
    _Picture("paintings/tempera.png", 128),
    _name("portraits/a.jpg", 400, "Grace Hopper"),
    _name("portraits/b.webp", 480, "Hypatia"),
    _Picture("portraits/c.avif", 640),
    _Picture("portraits/d.tiff", 160),
    _Picture(_ORIGINAL, 320),
    _Picture("prints/leaflet.gif", 200),
    _remark("prints/poster.bmp", 240, "photo of a poster"),
    _Picture("prints/copies/flyer.JPG", 896),
)


@dataclass(frozen=True)
class _Drawing:
    """A picture with its scene; drawn twice, it gives the same bytes."""

    picture: _Picture
    scene: Scene
    seed: int

    def pair(self, task: str) -> MergePair:
        """Return the manual caption, the true answer to `task`, and both merged."""
        return self.picture.merge(scenes.true_captions(self.scene)[task])

    def file_bytes(self) -> bytes:
        """Draw the picture in the format that its path says."""
        rng = seeded(self.seed)
        image = draw_scene(self.scene, rng, side_px=self.picture.side_px)
        file = io.BytesIO()
        suffix = PurePosixPath(self.picture.path).suffix.lower()
        image.save(file, Image.registered_extensions()[suffix])
        return file.getvalue()


def draw_dataset(folder: Path) -> None:
    """Make `folder` hold the dataset: images in sub-folders, manual captions beside some.

    A file that is already there is left exactly as it is, so that whoever looks again sees
    nothing new.
    """
    for path, drawing in _drawings().items():
        _write_once(folder / path, drawing.file_bytes)
    for path, manual in manual_captions().items():
        if manual is not None:
            _write_once((folder / path).with_suffix(".txt"), f"{manual}\n".encode)


def true_captions(task: str = scenes.MORE_DETAILED) -> dict[str, str]:
    """Return what a VLM that sees well answers to `task`, by path relative to the folder."""
    return {path: drawing.pair(task).vlm for path, drawing in _drawings().items()}


def manual_captions() -> dict[str, str | None]:
    """Return what a person wrote, or None, by path relative to the folder."""
    return {path: drawing.pair(scenes.SHORT).manual for path, drawing in _drawings().items()}


def true_merges(task: str = scenes.MORE_DETAILED) -> dict[str, str]:
    """Return the manual caption and the VLM's merged rightly, by path relative to the folder."""
    return {path: drawing.pair(task).merged for path, drawing in _drawings().items()}


def held_out_scenes() -> dict[str, Scene]:
    """Return what each file shows, by path relative to the folder."""
    return {path: drawing.scene for path, drawing in _drawings().items()}


@cache
def _drawings() -> dict[str, _Drawing]:
    source = sample_scenes(seeded(_SEED), held_out=True)
    drawings = {
        picture.path: _Drawing(picture, _next_fitting(source, picture), seed)
        for seed, picture in enumerate(_PICTURES)
    }
    return {**drawings, _DUPLICATE: drawings[_ORIGINAL]}


def _next_fitting(source: Iterator[Scene], picture: _Picture) -> Scene:
    return next(
        scene
        for scene in source
        if picture.shows is None or picture.shows in {figure.shape for figure in scene.figures}
    )


def _write_once(path: Path, content: Callable[[], bytes]) -> None:
    if not path.exists():
        make_folder(path.parent)
        create_atomically(path, content())
