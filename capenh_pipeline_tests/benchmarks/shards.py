"""What it costs that images are in Parquet files and tars, beside the same bytes read alone."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from pyarrow import parquet

from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.dataset.scan import list_dataset
from capenh_pipeline.places.reading import read_file
from capenh_pipeline_tests.tables_of_images import table_of
from capenh_pipeline_tests.tars import write_tar

IMAGES, IMAGE_BYTES = 2_000, 100_000


def shards(folder: Path) -> dict[str, float]:
    """Return figures of a Parquet file and of a tar, with 2,000 images of 100 kB each.

    `parquet_scan_vs_read` is the speed of its first scan ÷ that of pyarrow alone, reading it;
    `parquet_read_vs_read` that of reading image by image, in order. `parquet_rescan_ms` and
    `tar_rescan_ms` are what a later scan takes in which nothing has changed.
    """
    folder.mkdir()
    images = [b"\xff\xd8\xff" + os.urandom(IMAGE_BYTES) for _ in range(IMAGES)]
    table = folder / "parquet" / "x.parquet"
    table.parent.mkdir()
    parquet.write_table(table_of([(one, "a dog") for one in images]), table, row_group_size=100)
    write_tar(folder / "tar" / "x.tar", {f"{row:06}.jpg": one for row, one in enumerate(images)})
    alone_s = min(_seconds(lambda: parquet.read_table(table)) for _ in range(3))
    kept = iter(folder / f"kept-{number}" for number in range(3))
    scan_s = min(_seconds(lambda: _listed(table.parent, next(kept))) for _ in range(3))
    paths = [table.parent / "x" / f"{row:06}.jpg" for row in range(IMAGES)]
    read_s = min(_seconds(lambda: [*map(read_file, paths)]) for _ in range(3))
    return {
        "parquet_scan_vs_read": round(alone_s / scan_s, 2),
        "parquet_read_vs_read": round(alone_s / read_s, 2),
        "parquet_rescan_ms": round(_rescan_s(table.parent, folder / "kept-0") * 1000, 1),
        "tar_rescan_ms": round(_rescan_s(folder / "tar", folder / "kept-0") * 1000, 1),
    }


def _rescan_s(dataset: Path, kept: Path) -> float:
    _listed(dataset, kept)
    return min(_seconds(lambda: _listed(dataset, kept)) for _ in range(3))


def _listed(dataset: Path, kept: Path) -> None:
    list_dataset(dataset, recursive=True, layers=Layers(tars=True, tables=True, kept=kept))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
