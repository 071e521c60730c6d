"""What makes a caption worker, here or in another process."""

from collections.abc import Callable
from dataclasses import dataclass

from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import VisionLanguageModel
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.caption_worker import MOST_HELD_BYTES, CaptionWorker
from capenh_pipeline.stages.image_reader import MOST_DECODED_BYTES, ImageReader
from capenh_pipeline.stages.model_calls import SizeListener

LoadVlm = Callable[[VlmSettings], VisionLanguageModel]


@dataclass(frozen=True)
class CaptionSetup:
    """What a worker is made of.

    Attributes:
        options: what the user chose.
        settings: of the model.
        load: returns it.
        cores: that may read and prepare images for it; None is as many as the model would like.
        neighbours: workers that share the memory of its machine, itself included.
    """

    options: Options
    settings: VlmSettings
    load: LoadVlm
    cores: int | None = None
    neighbours: int = 1

    @property
    def checks(self) -> CaptionChecks:
        """What a caption has to be."""
        return CaptionChecks(retry_length=self.options.on_length == "retry")

    def worker(self, model: VisionLanguageModel, sizes: SizeListener) -> CaptionWorker:
        """Return a worker with a loaded model; `sizes` is told how batches do."""
        reader = ImageReader(
            model,
            background=self.options.background,
            timeout_s=self.options.image_timeout_s,
            is_isolated=self.options.isolate_images,
            most_decoded_bytes=MOST_DECODED_BYTES // self.neighbours,
        )
        preparing = self.options.num_workers or min(model.preparing, self.cores or model.preparing)
        return CaptionWorker(
            model,
            reader,
            self.checks,
            sizes=sizes,
            preparing=preparing,
            most_held_bytes=MOST_HELD_BYTES // self.neighbours,
        )
