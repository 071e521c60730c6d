"""How often the loop of the caption stages looks at a shard, and what it reports."""

from collections import Counter

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, OK, VLM_CAPTIONS
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.incremental import Filling, fill
from capenh_pipeline_tests.images import colour

RECIPE = "ab" * 32


@pytest.fixture
def filled(tmp_path, open_run):
    """Fill the dataset's captions; return how often each shard was looked at, and the report."""
    colour(tmp_path / "images" / "a.png", (1, 2, 3))

    def fill_captions(**options):
        run, looks = open_run(**options), Counter()
        build_image_manifest(run)

        def wanted(shard):
            looks[shard.shards[0]] += 1
            images = shard.store.table(IMAGE_MANIFEST).read(shard.shards, columns=["image_hash"])
            return images.unique().with_columns(recipe_hash=pl.lit(RECIPE))

        def compute(absent, keep):
            for _, rows in absent:
                for row in rows.iter_rows(named=True):
                    keep({**row, "status": OK, "caption": "seen", "new_tokens": 3})

        filling = Filling(VLM_CAPTIONS, wanted, [RECIPE], ["new_tokens"], [IMAGE_MANIFEST])
        return looks, fill(run, filling, compute)

    return fill_captions


def test_a_shard_is_looked_at_once_and_again_only_where_something_was_computed(filled):
    looks, report = filled()
    [own] = [shard for shard, counts in report.shards.items() if counts["images"]]
    others = dict.fromkeys(report.shards.keys() - {own}, 1)
    assert looks == {own: 3, **others}  # found, handed over, found complete
    counts = {"images": 1, "computed": 1, "reused": 0, "failed": 0, "left": 0, "new_tokens": 3}
    assert report.shards[own] == counts
    assert filled()[0] == {}

    looks, report = filled(retry_failed=True)  # all are looked at, and nothing is missing
    assert looks == {own: 1, **others}
    assert report.total("reused") == 1
