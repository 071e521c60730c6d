"""Measures both demo models on what they never saw: `python -m capenh_pipeline.demo.evaluate`.

An answer counts when it is right to the letter. The figures go to `RESULT.json` beside the
weights they were measured on.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from capenh_pipeline.demo import train, train_florence, train_merge_llm
from capenh_pipeline.demo.answers import Captioner, Merger
from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.checkpoints import (
    EVALUATION_FILE,
    FLORENCE_NAME,
    MERGE_LLM_NAME,
    MODELS_FOLDER,
)
from capenh_pipeline.demo.descent import prepare_torch
from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.merge_pairs import MergePair, sample_pairs
from capenh_pipeline.demo.scenes import TASKS, Scene, sample_scenes, true_captions
from capenh_pipeline.files import write_atomically

SEED = 2026
SCENES, PAIRS = 500, 300
_SIDES_PX = (128, 200, 256, 384, 512, 768, 1024)
_SUFFIXES = (".jpg", ".png", ".webp", ".bmp")  # each meets every side: 7 and 4 share no divisor
_LOGGER = logging.getLogger(__name__)


def evaluate_florence(folder: Path, *, scenes: int = SCENES) -> dict[str, float]:
    """Return, for each task, which share of held-out scenes the VLM in `folder` captions exactly.

    The scenes are drawn at several sizes and read back from files of several formats.
    """
    prepare_torch(SEED)
    captioner = Captioner(folder)
    with TemporaryDirectory() as pictures:
        files = _draw_held_out_scenes(Path(pictures), scenes)
        return {
            task: _share_right(
                captioner.captions(list(files), task),
                [true_captions(scene)[task] for scene in files.values()],
            )
            for task in TASKS
        }


def evaluate_merge_llm(folder: Path, *, pairs: int = PAIRS) -> float:
    """Return which share of held-out pairs the LLM in `folder` merges exactly."""
    prepare_torch(SEED)
    held_out = held_out_pairs(pairs)
    answers = Merger(folder).merged([pair.user_message for pair in held_out])
    return _share_right(answers, [pair.merged for pair in held_out])


def held_out_pairs(count: int) -> list[MergePair]:
    """Return the first `count` pairs of the evaluation."""
    rng = seeded(SEED)
    return list(islice(sample_pairs(rng, held_out=True), count))


def _draw_held_out_scenes(folder: Path, count: int) -> dict[Path, Scene]:
    rng = seeded(SEED)
    scenes = sample_scenes(rng, held_out=True)
    files = {}
    for number in range(count):
        side_px, suffix = _SIDES_PX[number % len(_SIDES_PX)], _SUFFIXES[number % len(_SUFFIXES)]
        file = (folder / str(number)).with_suffix(suffix)
        files[file] = next(scenes)
        draw_scene(files[file], rng, side_px=side_px).save(file)
    return files


def _share_right(answers: Sequence[str], truth: Sequence[str]) -> float:
    right = sum(answer == true for answer, true in zip(answers, truth, strict=True))
    return right / len(truth)


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate the models in a folder and write down what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="default: the package's")
    models = parser.parse_args(arguments).models
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    _write_down(
        models / FLORENCE_NAME,
        {
            "exact_match": evaluate_florence(models / FLORENCE_NAME),
            "held_out_scenes": SCENES,
            "training": {"seed": train_florence.SEED, "steps": train_florence.STEPS},
        },
    )
    _write_down(
        models / MERGE_LLM_NAME,
        {
            "exact_match": evaluate_merge_llm(models / MERGE_LLM_NAME),
            "held_out_pairs": PAIRS,
            "training": {"seed": train_merge_llm.SEED, "steps": train_merge_llm.STEPS},
        },
    )


def _write_down(folder: Path, figures: dict[str, object]) -> None:
    record = {
        **figures,
        "evaluation_seed": SEED,
        "made_by": train.COMMAND,
        "measured_by": "python -m capenh_pipeline.demo.evaluate",
    }
    text = json.dumps(record, indent=2)
    write_atomically(folder / EVALUATION_FILE, f"{text}\n".encode())
    _LOGGER.info("%s: %s", folder, text)


if __name__ == "__main__":
    main()
