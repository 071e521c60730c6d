"""Where captions are made, by the options."""

from collections.abc import Callable

from capenh_pipeline.domain.options import Options
from capenh_pipeline.engines.in_process import InProcess
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.batches import BatchCaptioner
from capenh_pipeline.stages.caption_setup import CaptionSetup


def batch_captioner(setup: CaptionSetup) -> BatchCaptioner:
    """Return what captions, with the workers that the options name, which it closes.

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    model = setup.load(setup.settings)
    size = _batch_size(setup.options, model.batch_sizes, has_room=model.has_room_for_double)
    return BatchCaptioner(InProcess(setup.worker(model, size)), setup.checks, batch_size=size)


def _batch_size(
    options: Options, sizes: tuple[int, int], *, has_room: Callable[[], bool]
) -> BatchSize:
    first, most = (options.batch_size,) * 2 if options.batch_size else sizes
    return BatchSize(first, most, has_room=has_room)
