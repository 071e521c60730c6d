"""A vision-language model in this process: any checkpoint for which transformers has a class."""

import copy
import gc
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from capenh_pipeline.models.base import VlmReply
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.torch_threads import choose_threads, set_threads, torch_cores
from capenh_pipeline.models.vlm_device import choose_device, choose_dtype
from capenh_pipeline.models.vlm_generation import (
    is_encoder_decoder,
    new_tokens,
    room_for_tokens,
    settle_generation,
    settle_tokenizer,
)
from capenh_pipeline.models.vlm_loading import as_model_error, open_checkpoint, quiet_transformers
from capenh_pipeline.models.vlm_prompting import Prompting, choose_prompting
from capenh_pipeline.models.vlm_replies import ReplyReader
from capenh_pipeline.models.vlm_resizing import FixedSize, fixed_size

logger = logging.getLogger(__name__)

SMALL_MODEL_PARAMETERS = 50_000_000
_PROBE_SIZE_PX = (64, 64)
_PROBE_TOKENS = 8


@dataclass(frozen=True)
class VlmSettings:
    """What a VLM is loaded with.

    Attributes:
        model_id: hub id or local folder.
        revision: branch, tag or commit of the hub.
        trust_remote_code: run Python code that comes with the checkpoint.
        prompt: a Florence-2 task, or text.
        system_prompt: text that a chat model reads before the prompt.
        max_new_tokens: longest caption.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: auto, float32, bfloat16 or float16.
    """

    model_id: str
    revision: str | None = None
    trust_remote_code: bool = False
    prompt: str = "<MORE_DETAILED_CAPTION>"
    system_prompt: str | None = None
    max_new_tokens: int = 512
    device: str = "auto"
    dtype: str = "auto"


def load_vlm(settings: VlmSettings) -> "TransformersVlm":
    """Load a VLM, ready for batches.

    Raises:
        ConfigurationError: the device is not there, or the prompt is none for this model.
        ModelError: the checkpoint cannot be found or loaded, or its weights do not fit.
    """
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    source = locate_model(settings.model_id)
    if settings.revision and source.folder:
        logger.warning(
            "--revision %s is ignored: %s is a folder.", settings.revision, source.folder
        )
    with quiet_transformers():
        checkpoint = open_checkpoint(
            source, revision=settings.revision, trust_remote_code=settings.trust_remote_code
        )
        prompting = choose_prompting(
            checkpoint.processor,
            checkpoint.model_type,
            prompt=settings.prompt,
            system_prompt=settings.system_prompt,
        )
        model = checkpoint.load_model(device=device, dtype=dtype)
        with as_model_error(settings.model_id):
            vlm = TransformersVlm(
                model, checkpoint.processor, prompting, max_new_tokens=settings.max_new_tokens
            )
            vlm.settle_threads()
    vlm.effective_model_id, vlm.revision = source.effective_id, checkpoint.revision
    return vlm


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a smaller batch could do what raised `error`."""
    from accelerate.utils.memory import should_reduce_batch_size

    return isinstance(error, RuntimeError) and should_reduce_batch_size(error)


class TransformersVlm:
    """A loaded VLM (`models.base.VisionLanguageModel`)."""

    effective_model_id: str
    revision: str | None = None

    def __init__(
        self, model: Any, processor: Any, prompting: Prompting, *, max_new_tokens: int
    ) -> None:
        self._model: Any = model
        self._prompting = prompting
        tokenizer = processor.tokenizer
        settle_tokenizer(tokenizer, is_encoder_decoder=is_encoder_decoder(model.config))
        self._replies = ReplyReader(tokenizer, end_ids=settle_generation(model, tokenizer))
        self._max_new_tokens = min(max_new_tokens, room_for_tokens(model) or max_new_tokens)
        self._processors = _ProcessorsOfThreads(processor)
        self._size: FixedSize | None = None
        self._size = fixed_size(processor.image_processor, lambda image: self.prepare([image]))
        self._parameters = sum(weight.numel() for weight in model.parameters())

    @property
    def preferred_batch_size(self) -> int:
        """Return the images a batch from which more bring little: a batch hides fixed costs.

        A small model on a CPU is ten times as fast at 32 as at 1; a large one there gains
        nothing, and on a GPU the memory sets the end (a batch that does not fit is halved).
        """
        if self._model.device.type == "cpu":
            return 32 if self._parameters < SMALL_MODEL_PARAMETERS else 4
        return 64 if self._parameters < 1_000_000_000 else 16

    def prepare(self, images: Sequence[Image.Image]) -> Any:
        """Turn RGB images into one batch of model inputs on the CPU; any thread may do it."""
        if self._size:
            images = [self._size.resize(image) for image in images]
        return self._prompting.inputs(self._processors.mine(), images)

    def generate(self, inputs: Any) -> list[VlmReply]:
        """Caption a prepared batch; the replies stand in the order of its images.

        Raises:
            RuntimeError: the batch does not fit the memory (`is_out_of_memory`); what it held
                there is free again.
        """
        try:
            return self._generate(inputs, self._max_new_tokens)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            message = str(error)
        # Here the frames of the failed call are gone, and with them the tensors they held.
        _free_device_memory()
        raise RuntimeError(message)

    def settle_threads(self) -> None:
        """Choose torch's threads on the CPU.

        Measured for a small model there, every core for a large one; and one for a model on a
        GPU, because the cores have images to prepare.
        """
        if self._model.device.type != "cpu" or self._parameters >= SMALL_MODEL_PARAMETERS:
            set_threads(torch_cores() if self._model.device.type == "cpu" else 1)
            return
        inputs = self.prepare([Image.new("RGB", _PROBE_SIZE_PX)])
        tokens = min(_PROBE_TOKENS, self._max_new_tokens)
        choose_threads(lambda: self._generate(inputs, tokens), cores=torch_cores())

    def close(self) -> None:
        """Free the memory of the device; the model is of no use afterwards."""
        self._model = None
        _free_device_memory()

    def _generate(self, inputs: Any, max_new_tokens: int) -> list[VlmReply]:
        import torch

        batch = self._on_device(inputs)
        with torch.inference_mode():
            output = self._model.generate(**batch, do_sample=False, max_new_tokens=max_new_tokens)
        rows = new_tokens(output, batch.get("input_ids"), config=self._model.config)
        return [self._replies.read(row) for row in rows.tolist()]

    def _on_device(self, inputs: Any) -> dict[str, Any]:
        device, dtype = self._model.device, self._model.dtype
        return {
            name: value.to(device, dtype) if value.is_floating_point() else value.to(device)
            for name, value in inputs.items()
            if hasattr(value, "is_floating_point") and name != "labels"
        }


class _ProcessorsOfThreads:
    """A processor for each thread.

    Padding is a state of the tokenizer, which processors change while they work: of 400 calls in
    8 threads that shared one, half of them padding, 88 came back padded as another call wished.
    """

    def __init__(self, processor: Any) -> None:
        self._pattern = processor
        self._copying = threading.Lock()
        self._local = threading.local()

    def mine(self) -> Any:
        """Return the calling thread's own processor."""
        if not hasattr(self._local, "processor"):
            with self._copying:
                self._local.processor = copy.deepcopy(self._pattern)
        return self._local.processor


def _free_device_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
