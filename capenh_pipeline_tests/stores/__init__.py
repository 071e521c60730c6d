"""Datasets with stores as versions of this program wrote them, which every later one must read.

A folder here is never written again. When the format of the store changes, its number does too,
and `python -m capenh_pipeline_tests.stores` adds a folder for it.
"""

from pathlib import Path

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.tables.marker import FORMAT
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stored import caption, opened

STORES = Path(__file__).parent


def write_store(folder: Path = STORES) -> Path:
    """Write `format_<number>` and return it: two images, a file that is none, and two recipes."""
    dataset = folder / f"format_{FORMAT}"
    dataset.mkdir()
    colour(dataset / "red.png", (200, 0, 0))
    colour(dataset / "sub" / "blue.png", (0, 0, 200))
    (dataset / "red.txt").write_text("sks, my red square")
    (dataset / "broken.jpg").write_bytes(b"not an image")
    caption(dataset, prompt="an older prompt", run_id="older")
    caption(dataset, run_id="newer")
    table = opened(dataset).store.table(VLM_CAPTIONS)
    table.append(table.read().tail(1))  # as if it had been made twice
    return dataset
