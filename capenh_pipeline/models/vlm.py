"""A vision-language model in this process: any checkpoint for which transformers has a class."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL import Image

from capenh_pipeline.errors import Stopped
from capenh_pipeline.models.base import AS_LOADED, Generation, VlmReply
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.torch_threads import (
    choose_lanes,
    set_threads,
    torch_cores,
    usable_cores,
)
from capenh_pipeline.models.vlm_device import choose_device, choose_dtype
from capenh_pipeline.models.vlm_generation import (
    effective_options,
    generation_values,
    is_encoder_decoder,
    new_tokens,
    other_values,
    room_for_tokens,
    settle_generation,
    settle_tokenizer,
)
from capenh_pipeline.models.vlm_inputs import VlmInputs
from capenh_pipeline.models.vlm_loading import as_model_error, open_checkpoint, quiet_transformers
from capenh_pipeline.models.vlm_memory import MemoryGauge, free_device_memory, is_out_of_memory
from capenh_pipeline.models.vlm_pixel_budget import set_pixel_budget
from capenh_pipeline.models.vlm_prompting import Prompting, choose_prompting
from capenh_pipeline.models.vlm_replies import ReplyReader
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.models.vlm_weights import Weights

logger = logging.getLogger(__name__)

SMALL_PARAMETERS = 50_000_000
MOST_PREPARING = 8
"""Threads that prepare images for a GPU: more would only hold more images in memory."""
_PROBE_SIZE_PX = (64, 64)
_PROBE_TOKENS = 8


def load_vlm(settings: VlmSettings) -> "TransformersVlm":
    """Load a VLM, ready for batches.

    Raises:
        ConfigurationError: the device is not there, or a prompt or option is none for this model.
        ModelError: the checkpoint cannot be found or loaded, or its weights do not fit.
    """
    device = choose_device(settings.device)
    weights = Weights(
        device,
        choose_dtype(settings.dtype, device),
        settings.attn_implementation,
        settings.quantization,
    )
    source = locate_model(settings.model_id)
    if settings.revision and source.folder:
        logger.warning(
            "--revision %s is ignored: %s is a folder.", settings.revision, source.folder
        )
    with quiet_transformers():
        checkpoint = open_checkpoint(
            source, revision=settings.revision, trust_remote_code=settings.trust_remote_code
        )
        set_pixel_budget(checkpoint.processor, least=settings.min_pixels, most=settings.max_pixels)
        promptings = [
            choose_prompting(
                checkpoint.processor,
                checkpoint.model_type,
                prompt=prompt,
                system_prompt=settings.system_prompt,
            )
            for prompt in settings.prompts
        ]
        model = checkpoint.load_model(weights)
        with as_model_error(settings.model_id):
            vlm = TransformersVlm(model, checkpoint.processor, promptings, settings)
            vlm.settle_lanes()
    vlm.effective_model_id, vlm.revision = source.effective_id, checkpoint.revision
    return vlm


class TransformersVlm:
    """A loaded VLM (`models.base.VisionLanguageModel`)."""

    effective_model_id: str
    revision: str | None = None

    def __init__(
        self, model: Any, processor: Any, promptings: Sequence[Prompting], settings: VlmSettings
    ) -> None:
        self._model: Any = model
        tokenizer = processor.tokenizer
        settle_tokenizer(tokenizer, is_encoder_decoder=is_encoder_decoder(model.config))
        self._replies = ReplyReader(tokenizer, end_ids=settle_generation(model, tokenizer))
        self._room = room_for_tokens(model)
        self._generation = generation_values(settings, room=self._room)
        self._inputs = VlmInputs(processor, promptings)
        self._memory = MemoryGauge(model.device)
        self._stopping = threading.Event()
        self.lanes, self.preparing = 1, 1
        self._is_small = sum(weight.numel() for weight in model.parameters()) < SMALL_PARAMETERS
        self.batch_sizes = _batch_sizes(model.device.type, is_small=self._is_small)
        self.fixed_px = self._inputs.fixed_px
        if settings.compile:
            model.compile(dynamic=True)

    def effective_options(self, generation: Generation = AS_LOADED) -> Mapping[str, Any]:
        """Return what captions are really made with, as JSON values."""
        values = other_values(self._generation, generation, room=self._room)
        return effective_options(self._model, values)

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size beyond which an image of this size shows the model no more, or None."""
        return self._inputs.enough_px(width, height)

    def has_room_for_double(self) -> bool:
        """Return whether batches twice as large as the largest so far are expected to fit."""
        return self._memory.has_room_for_double()

    def visual_tokens(self, width: int, height: int) -> int:
        """Return the tokens that an image becomes; 0 where all images become as many."""
        return self._inputs.visual_tokens(width, height)

    def shrink(self, image: Image.Image) -> Image.Image:
        """Return the image at the size that the model sees, where that is fixed."""
        return self._inputs.shrink(image)

    def prepare(self, images: Sequence[Image.Image], prompt: int = 0) -> Any:
        """Turn RGB images into one batch of model inputs on the CPU; any thread may do it."""
        return self._inputs.make(images, prompt)

    def generate(self, inputs: Any, generation: Generation = AS_LOADED) -> list[VlmReply]:
        """Caption a prepared batch; the replies stand in the order of its images.

        Raises:
            RuntimeError: the batch does not fit the memory (`is_out_of_memory`); what it held
                there is free again.
            Stopped: `stop` was called.
        """
        if self._stopping.is_set():
            raise Stopped
        try:
            return self._generate(inputs, generation)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            message = str(error)
        # Here the frames of the failed call are gone, and with them the tensors they held.
        free_device_memory()
        raise RuntimeError(message)

    def settle_lanes(self) -> None:
        """Choose how many batches are in work at once, and torch's threads for each.

        Measured for a small model on a CPU, every core for one batch of a large model; and one
        thread for a model on a GPU, because the cores have images to prepare.
        """
        if self._model.device.type != "cpu":
            set_threads(1)
            self.preparing = min(usable_cores(), MOST_PREPARING)
            return
        if not self._is_small:
            set_threads(torch_cores())
            return
        inputs = self.prepare([Image.new("RGB", _PROBE_SIZE_PX)] * self.batch_sizes[0])
        short = Generation(max_new_tokens=_PROBE_TOKENS)

        def run(batches: int) -> None:
            with ThreadPoolExecutor(batches) as threads:
                list(threads.map(lambda _: self._generate(inputs, short), range(batches)))

        self.lanes = choose_lanes(run, cores=torch_cores())
        if self.lanes > 1:
            self.preparing = 0  # each prepares its own

    def stop(self) -> None:
        """Make every call of `generate`, in whatever thread, end at its next token."""
        self._stopping.set()

    def close(self) -> None:
        """Free the memory of the device; the model is of no use afterwards."""
        self._model = None
        free_device_memory()

    def _generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        import torch

        model = self._model
        batch = self._inputs.moved(inputs, device=model.device, dtype=model.dtype)
        values = other_values(self._generation, generation, room=self._room)
        with torch.inference_mode():
            output = model.generate(
                **batch, **values, do_sample=False, stopping_criteria=[self._stop_if_told]
            )
        rows = new_tokens(output, batch.get("input_ids"), config=model.config)
        return [self._replies.read(row) for row in rows.tolist()]

    def _stop_if_told(self, input_ids: Any, *_: Any, **__: Any) -> Any:
        """Return that no caption is done: transformers asks between two tokens."""
        import torch

        if self._stopping.is_set():
            raise Stopped
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def _batch_sizes(device: str, *, is_small: bool) -> tuple[int, int]:
    """Return the images a batch to begin with, and the most that can be worth a try.

    A batch hides fixed costs: a small model on a CPU is ten times as fast at 32 as at 1, a large
    one there gains next to nothing, and on a GPU the memory sets the end.
    """
    if device != "cpu":
        return 8, 512
    return (32, 256) if is_small else (2, 16)
