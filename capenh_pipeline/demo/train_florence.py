"""Trains the demo's VLM: `python -m capenh_pipeline.demo.train_florence --out DIR`.

The vision tower first learns to see (`cell_head`), then everything learns to caption.
"""

import random
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from capenh_pipeline.demo.cell_head import build_cell_head, cell_loss
from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.descent import Descent, Schedule, prepare_torch, training_options
from capenh_pipeline.demo.florence import build_model, build_processor, task_inputs
from capenh_pipeline.demo.rows import padded
from capenh_pipeline.demo.scene_batches import SceneBatch, scene_batches
from capenh_pipeline.demo.scenes import TASKS, true_captions
from capenh_pipeline.files import make_folder

SEED = 7
STEPS = 11_500
_VISION_SHARE = 0.27
_BATCH = 32
_TASK_WEIGHTS = (0.2, 0.25, 0.55)  # the most detailed captions have most to teach
_CELL_WEIGHT = 0.3
_IGNORED = -100


def train_florence(out: Path, *, steps: int = STEPS) -> None:
    """Train from nothing for `steps` steps and save model and processor, in float16, to `out`."""
    make_folder(out)
    prepare_torch(SEED)
    rng = seeded(SEED)
    processor = build_processor()
    model = build_model(processor.tokenizer)
    head = build_cell_head(model, processor.image_processor.image_seq_length)
    schedule = Schedule(steps, warmup_steps=max(1, steps * 3 // 100), peak_rate=1.2e-3)
    descent = Descent([*model.parameters(), *head.parameters()], schedule, beta2=0.95)
    batches = scene_batches(processor.image_processor, rng, size=_BATCH)
    vision_steps = round(steps * _VISION_SHARE)
    model.train()
    _learn_to_see(model, head, descent, islice(batches, vision_steps))
    descent.forget_loss()
    captions = _CaptionLoss(model, head, processor, rng)
    for _ in range(steps - vision_steps):
        descent.take(captions(next(batches)))
    _save(model, processor, out)


def _learn_to_see(model: Any, head: Any, descent: Descent, batches: Iterable[SceneBatch]) -> None:
    for batch in batches:
        features = model.model.get_image_features(batch.pixel_values).pooler_output
        descent.take(cell_loss(head, features, batch.scenes))


class _CaptionLoss:
    """What the model gets wrong in a batch, when it is asked one task for each scene."""

    def __init__(self, model: Any, head: Any, processor: Any, rng: random.Random) -> None:
        self._model = model
        self._head = head
        self._tokenizer = processor.tokenizer
        self._prompts = {task: task_inputs(processor, task) for task in TASKS}
        self._rng = rng

    def __call__(self, batch: SceneBatch) -> Any:
        tasks = self._rng.choices(TASKS, _TASK_WEIGHTS, k=len(batch.scenes))
        prompts = [self._prompts[task] for task in tasks]
        captions = [
            true_captions(scene)[task] for scene, task in zip(batch.scenes, tasks, strict=True)
        ]
        features = self._model.model.get_image_features(batch.pixel_values).pooler_output
        input_ids = padded(prompts, self._tokenizer.pad_token_id)
        loss = self._model(
            inputs_embeds=self._embedded(input_ids, features),
            attention_mask=(input_ids != self._tokenizer.pad_token_id).long(),
            labels=padded(self._tokenizer(captions).input_ids, _IGNORED),
        ).loss
        return loss + _CELL_WEIGHT * cell_loss(self._head, features, batch.scenes)

    def _embedded(self, input_ids: Any, features: Any) -> Any:
        is_image = (input_ids == self._tokenizer.image_token_id).unsqueeze(-1)
        return self._model.get_input_embeddings()(input_ids).masked_scatter(is_image, features)


def _save(model: Any, processor: Any, out: Path) -> None:
    model.half().save_pretrained(out)
    processor.save_pretrained(out)


if __name__ == "__main__":
    options = training_options(__doc__, steps=STEPS)
    train_florence(options.out, steps=options.steps)
