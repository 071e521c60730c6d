"""VLMs for workers in processes of their own."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from capenh_pipeline.models.base import Generation, VlmReply
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline_tests.fakes.squares import note
from capenh_pipeline_tests.fakes.vlm import ColourVlm

DEADLY = (255, 0, 0)
"""The colour of images that kill the process that captions them."""


class RemoteVlm(ColourVlm):
    """Names colours. A file gets a line for each image that it was shown, one for its process."""

    batch_s = 0.0

    def __init__(self, folder: Path, settings: VlmSettings) -> None:
        super().__init__(settings)
        self._folder = folder
        note(folder / "starts", os.getpid())

    def prepare(self, images: Sequence[Image.Image], prompt: int) -> Any:
        inputs = super().prepare(images, prompt)
        for _, colour in inputs:
            note(self._folder / "seen", sum(colour))
            if colour == DEADLY:
                os.kill(os.getpid(), signal.SIGKILL)
        return inputs

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        time.sleep(self.batch_s)
        return super().generate(inputs, generation)


class SlowRemoteVlm(RemoteVlm):
    batch_s = 0.1


class PickyVlm(ColourVlm):
    """Cannot caption anything."""

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        raise ValueError("this image cannot be seen")


class LoopingVlm(ColourVlm):
    """Repeats itself unless it is told not to."""

    def reply(self, text: str, generation: Generation) -> VlmReply:
        is_good = generation.no_repeat_ngram_size
        return VlmReply(text if is_good else f"{text}, " * 8, "stop", 3)


class NarrowVlm(ColourVlm):
    """Has room for two images a batch."""

    batch_sizes = (8, 8)

    def __init__(self, settings: VlmSettings) -> None:
        super().__init__(settings, memory_images=2)
