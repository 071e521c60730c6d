from itertools import islice

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.florence import build_processor
from capenh_pipeline.demo.scene_batches import scene_batches


def test_batches_are_what_the_processor_makes_of_training_scenes(torch):
    batches = scene_batches(build_processor().image_processor, seeded(0), size=5)
    for batch in islice(batches, 20):
        assert batch.pixel_values.shape == (5, 3, 64, 64)
        assert not any(scene.is_held_out for scene in batch.scenes)
