"""Where captions are made, by the options."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from capenh_pipeline.domain.options import Options
from capenh_pipeline.engines.base import Engine
from capenh_pipeline.engines.dispatch import Dispatcher
from capenh_pipeline.engines.in_process import InProcess
from capenh_pipeline.engines.processes import ProcessPool
from capenh_pipeline.engines.ray_cluster import LOCAL, RayCluster, most_on_a_node, share_of
from capenh_pipeline.engines.ray_pool import RayPool
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.torch_threads import torch_cores, usable_cores
from capenh_pipeline.models.vlm_device import every_gpu
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.batches import BatchCaptioner
from capenh_pipeline.stages.caption_jobs import CaptionFacts, CaptionJob, Said
from capenh_pipeline.stages.caption_setup import CaptionSetup
from capenh_pipeline.stages.remote_captions import RemoteCaptions
from capenh_pipeline.stages.sent_images import with_contents

logger = logging.getLogger(__name__)


def batch_captioner(setup: CaptionSetup) -> BatchCaptioner:
    """Return what captions, with the workers that the options name, which it closes.

    Raises:
        ConfigurationError: there are no such workers.
        ModelError: the model cannot be found or loaded.
    """
    if not setup.options.has_workers:
        model = setup.load(setup.settings)
        size = _batch_size(setup.options, model.batch_sizes, has_room=model.has_room_for_double)
        return BatchCaptioner(InProcess(setup.worker(model, size)), setup.checks, batch_size=size)
    options = setup.options
    pool = _ray_pool(setup) if options.engine == "ray" else ProcessPool(_makes(setup))
    engine: Engine[CaptionJob, Said] = Dispatcher(pool, batch_timeout_s=options.batch_timeout_s)
    facts: CaptionFacts = engine.facts
    logger.info(
        "%d workers, each with %d MB of memory when its model is loaded.",
        engine.workers,
        facts.memory_bytes >> 20,
    )
    size = _batch_size(options, facts.batch_sizes, has_room=lambda: True)
    return BatchCaptioner(
        engine,
        setup.checks,
        batch_size=size,
        pack=with_contents if options.ray_send_images else None,
    )


def _ray_pool(setup: CaptionSetup) -> RayPool:
    cluster = RayCluster(setup.options.ray_address or LOCAL)
    gpus = 0 if setup.settings.device == "cpu" else cluster.gpus()
    asked = setup.options.workers
    if not gpus and not asked:
        cluster.close()
        raise ConfigurationError(
            "The Ray cluster has no GPU; say with --workers how many workers are to run on its "
            "CPUs."
        )
    nodes = cluster.nodes()
    share = share_of(nodes, workers=asked or gpus, on_gpus=gpus > 0)
    neighbours = min(asked or gpus, most_on_a_node(nodes, share))
    model_id = locate_model(setup.settings.model_id).effective_id  # a folder is meant from here
    settings = replace(setup.settings, model_id=model_id)
    shared = replace(setup, settings=settings, cores=share.cpus, neighbours=neighbours)
    return RayPool(
        cluster,
        RemoteCaptions(shared, share.cpus),
        share=share,
        workers=lambda: asked or cluster.gpus(),
    )


def _makes(setup: CaptionSetup) -> list[RemoteCaptions]:
    """Return what makes the worker of each place on this machine."""
    devices = _devices(setup)
    count = setup.options.workers or len(devices)
    placed = [devices[place % len(devices)] for place in range(count)]
    shared = replace(setup, cores=max(1, usable_cores() // count), neighbours=count)
    threads = max(1, torch_cores() // count)
    return [
        RemoteCaptions(replace(shared, settings=replace(setup.settings, device=device)), threads)
        for device in placed
    ]


def _devices(setup: CaptionSetup) -> Sequence[str]:
    asked = setup.options.devices or setup.settings.device
    if asked == "auto":
        return every_gpu() or ["auto"]
    return [device.strip() for device in asked.split(",")]


def _batch_size(
    options: Options, sizes: tuple[int, int], *, has_room: Callable[[], bool]
) -> BatchSize:
    first, most = (options.batch_size,) * 2 if options.batch_size else sizes
    return BatchSize(first, most, has_room=has_room)
