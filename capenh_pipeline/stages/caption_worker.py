"""Whoever captions batches: a loaded model, and what reads its images and checks its answers."""

import threading
from collections.abc import Sequence

from PIL import Image

from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import AS_LOADED, Generation, VisionLanguageModel, VlmReply
from capenh_pipeline.stages.caption_checks import GENERATIONS, CaptionChecks
from capenh_pipeline.stages.caption_jobs import (
    Ask,
    CaptionFacts,
    CaptionJob,
    Outcome,
    Said,
    Second,
)
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline.stages.model_calls import (
    MODEL_ERROR,
    OUT_OF_MEMORY,
    ModelCalls,
    SizeListener,
    kind_of,
)
from capenh_pipeline.stages.sent_images import files_here

MOST_HELD_BYTES = 1 << 32
"""Memory of the images of all batches in work, where nobody shares it."""


class CaptionWorker:
    """Captions batches, in any thread (`engines.base.Worker`)."""

    def __init__(
        self,
        model: VisionLanguageModel,
        reader: ImageReader,
        checks: CaptionChecks,
        *,
        sizes: SizeListener,
        preparing: int,
        most_held_bytes: int = MOST_HELD_BYTES,
    ) -> None:
        """Make a worker.

        Args:
            model: already loaded.
            reader: of the images.
            checks: of what the model says.
            sizes: is told how batches do.
            preparing: threads that read and prepare images while `model.lanes` others caption.
            most_held_bytes: memory of the images of all batches in work, before they are prepared.
        """
        self._model = model
        self._reader = reader
        self._checks = checks
        self._calls = ModelCalls(model, sizes)
        self._judging = threading.Lock()
        self._is_sound: bool | None = None
        self.room = model.lanes + preparing
        self.facts = CaptionFacts(
            effective_model_id=model.effective_model_id,
            revision=model.revision,
            batch_sizes=model.batch_sizes,
            fixed_px=model.fixed_px,
            effective_options={g: dict(model.effective_options(g)) for g in GENERATIONS},
            cost=model.visual_tokens,
            held_bytes=most_held_bytes // self.room,
        )

    def do(self, job: CaptionJob) -> Said:
        """Return what comes of a batch.

        Raises:
            WorkerLostError: the device is of no use to this process any more.
            Stopped: `stop` was called.
        """
        with files_here(job) as files:
            found = dict(zip(job.files, self._reader.read_all(files), strict=True))
        said = self._first(job, found) if isinstance(job, Ask) else self._second(job.parts, found)
        return Said(said, self._fault(said))

    def stop(self) -> None:
        """Make the threads end soon, wherever they are."""
        self._reader.stop()
        self._model.stop()

    def close(self) -> None:
        """Free the memory of the device, and end the processes that images were decoded in."""
        self._reader.close()
        self._model.close()

    def _first(self, job: Ask, found: "_Found") -> list[Outcome | Second]:
        said: list[Outcome | Second] = []
        for prompt in sorted({prompt for task in job.parts for prompt in task.prompts}):
            asked = {task.file: found[task.file] for task in job.parts if prompt in task.prompts}
            for file, result in self._answers(prompt, asked, AS_LOADED).items():
                other = self._checks.retry(result)
                said.append(
                    Second(file, prompt, other, result)
                    if other
                    else Outcome(file, prompt, self._checks.settle(result))
                )
        return said

    def _second(self, seconds: Sequence[Second], found: "_Found") -> list[Outcome | Second]:
        generation, prompt = seconds[0].generation, seconds[0].prompt  # of all of them
        first = {second.file: second.first for second in seconds}
        said: list[Outcome | Second] = []
        for file, result in self._answers(prompt, found, generation).items():
            is_better = self._checks.is_better(result, than=first[file])
            better, of = (result, generation) if is_better else (first[file], AS_LOADED)
            said.append(Outcome(file, prompt, self._checks.settle(better), 2, of))
        return said

    def _answers(
        self, prompt: int, found: "_Found", generation: Generation
    ) -> dict[ImageFile, VlmReply | RowError]:
        """Return what the model says of each image, or why it cannot be asked."""
        images = {f: image for f, image in found.items() if not isinstance(image, RowError)}
        errors = {f: error for f, error in found.items() if isinstance(error, RowError)}
        return errors | self._calls.generate(prompt, images, generation)

    def _fault(self, said: Sequence[Outcome | Second]) -> str | None:
        """Return that the model is bad, not the images, if it has captioned none of all so far."""
        results = [one.first if isinstance(one, Second) else one.result for one in said]
        failures = [result for result in results if is_of_the_model(result)]
        with self._judging:
            if any(isinstance(result, VlmReply) for result in results):
                self._is_sound = True
            elif failures and self._is_sound is None:
                self._is_sound = self._calls.is_sound()
        if failures and self._is_sound is False:
            return f"The VLM fails on every image. {failures[0]}"
        return None


_Found = dict[ImageFile, Image.Image | RowError]


def is_of_the_model(result: VlmReply | RowError) -> bool:
    """Return whether it may be the model or the device that failed, not the image."""
    return kind_of(result) in (MODEL_ERROR, OUT_OF_MEMORY)
