"""What makes a caption worker, here or in another process."""

from collections.abc import Callable
from dataclasses import dataclass

from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import VisionLanguageModel
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.caption_worker import CaptionWorker
from capenh_pipeline.stages.image_reader import ImageReader
from capenh_pipeline.stages.model_calls import SizeListener

LoadVlm = Callable[[VlmSettings], VisionLanguageModel]


@dataclass(frozen=True)
class CaptionSetup:
    """What a worker is made of.

    Attributes:
        options: what the user chose.
        settings: of the model.
        load: returns it.
    """

    options: Options
    settings: VlmSettings
    load: LoadVlm

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
        )
        preparing = self.options.num_workers or model.preparing
        return CaptionWorker(model, reader, self.checks, sizes=sizes, preparing=preparing)
