"""What the rows of the manifest say, read from images and the text files beside them."""

from typing import NamedTuple

import polars as pl

from capenh_pipeline.dataset.scan import is_text_file
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.sidecars import SidecarPlan
from capenh_pipeline.stages.manual_captions import caption_candidates, with_manual_captions
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import read_files
from capenh_pipeline.stages.scanning import Scan


class Reading(NamedTuple):
    """What some images are.

    Attributes:
        files: the images and what may be their manual captions, in the columns `FILE`.
        content: of those of them that could be read as they were listed, as `read_files` returns.
        rows: the images' rows of the manifest, without a date.
    """

    files: pl.DataFrame
    content: pl.DataFrame
    rows: pl.DataFrame


def read_images(run: Run, scan: Scan, images: pl.DataFrame) -> Reading:
    """Find out what images are; a file is opened only if its content is not known.

    Args:
        run: its dataset.
        scan: of the dataset.
        images: of `Scan.images_to_look_at`.

    Raises:
        StoreError: the store cannot be read or written.
    """
    files = files_to_read(run, scan, images)
    content = read_files(run, files)
    return Reading(files, content, _rows(run, scan.plan, content))


def files_to_read(run: Run, scan: Scan, images: pl.DataFrame) -> pl.DataFrame:
    """Return the files that the manifest of some images is made from, in the columns `FILE`.

    Args:
        run: its dataset.
        scan: of the dataset.
        images: of `Scan.images_to_look_at`.
    """
    texts = scan.listing.texts
    return pl.concat([images, caption_candidates(run, _sidecars(scan.plan, images), texts)])


def _rows(run: Run, plan: SidecarPlan, content: pl.DataFrame) -> pl.DataFrame:
    is_text = pl.Series([is_text_file(path) for path in content["path"]], dtype=pl.Boolean)
    images = content.filter(~is_text).drop("caption", "text_hash", "is_racy")
    sidecars = _sidecars(plan, images)
    return _with_shards(with_manual_captions(run, images, sidecars, content.filter(is_text)))


def _sidecars(plan: SidecarPlan, files: pl.DataFrame) -> pl.DataFrame:
    return plan.files.join(files, on="path", how="semi", maintain_order="left")


def _with_shards(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the hash that names a row's shard: the image's, or its path's where it has none."""
    unread = rows.filter(pl.col("image_hash").is_null()).select("path", "path_bytes")
    hashes = [(path, path_hash(path, path_bytes)) for path, path_bytes in unread.iter_rows()]
    columns = {"path": pl.String, "path_hash": pl.String}
    by_path = pl.DataFrame(hashes, schema=columns, orient="row")
    return rows.join(by_path, on="path", how="left", maintain_order="left").with_columns(
        shard_hash=pl.coalesce("image_hash", "path_hash")
    )
