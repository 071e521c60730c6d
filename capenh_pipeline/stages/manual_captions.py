"""What people wrote about each image, put beside what is known of its file."""

import polars as pl

from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.schemas import FAILED
from capenh_pipeline.domain.sidecars import all_comparable
from capenh_pipeline.stages.run import Run

OURS = ["path", "image_path", "content_hash", "previous_hash", "size_bytes"]
"""Columns of the ledger that tell which text files we wrote."""

_SAID = ["caption", "error_kind", "error"]


def caption_candidates(run: Run, sidecars: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Return those of the text files that may hold a manual caption of the images.

    Args:
        run: its dataset.
        sidecars: of `SidecarPlan.files`, the images.
        texts: of a `Listing`.
    """
    names = pl.concat([sidecars["own_manual"].drop_nulls(), sidecars["manual"]]).unique()
    found = texts.filter(pl.col("path").is_in(names.implode()))
    return pl.concat([found, _spelt_otherwise(run, names, texts)])


def _spelt_otherwise(run: Run, names: pl.Series, texts: pl.DataFrame) -> pl.DataFrame:
    """Return text files under the names by which some file systems know them as well.

    They take `a.TXT` and `a.txt` for one name, or a letter in its composed and decomposed form.
    """
    keyed = texts.with_columns(key=all_comparable(texts["path"]))
    wanted = pl.DataFrame({"path": names, "key": all_comparable(names)})
    absent = wanted.join(texts, on="path", how="anti")
    alike = absent.join(keyed.drop("path"), on="key").unique("path").drop("key")
    is_known = [file_path(run.dataset, path, None).exists() for path in alike["path"]]
    return alike.filter(pl.Series(is_known, dtype=pl.Boolean)).select(texts.columns)


def with_manual_captions(
    rows: pl.DataFrame, sidecars: pl.DataFrame, texts: pl.DataFrame, ledger: pl.DataFrame
) -> pl.DataFrame:
    """Return `rows` with a `manual_caption`, failed where it cannot be read.

    An image that failed itself keeps its own error.

    Args:
        rows: images, with `path`, `status`, `error_kind` and `error`.
        sidecars: of `SidecarPlan.files`, those images and maybe others.
        texts: rows of the scan index that `caption_candidates` led to.
        ledger: what it says of these, in the columns `OURS`.
    """
    texts = texts.select("path", "text_hash", *_SAID)
    texts = texts.join(ledger, on="path", how="left", maintain_order="left")
    own, shared = _said(sidecars, "own_manual", texts), _said(sidecars, "manual", texts)
    is_own = own["caption"].is_not_null() | own["error_kind"].is_not_null()
    said = pl.DataFrame({name: own[name].zip_with(is_own, shared[name]) for name in _SAID})
    renamed = said.rename({name: f"manual_{name}" for name in _SAID})
    named = pl.concat([sidecars.select("path"), renamed], how="horizontal")
    failed = pl.col("error_kind").is_null() & pl.col("manual_error_kind").is_not_null()
    return (
        rows.join(named, on="path", how="left", maintain_order="left")
        .with_columns(
            status=pl.when(failed).then(pl.lit(FAILED)).otherwise("status"),
            error_kind=pl.when(failed).then("manual_error_kind").otherwise("error_kind"),
            error=pl.when(failed).then("manual_error").otherwise("error"),
        )
        .drop("manual_error_kind", "manual_error")
    )


def _said(sidecars: pl.DataFrame, name: str, texts: pl.DataFrame) -> pl.DataFrame:
    """Return what the text files of the column `name` say, a row for each image.

    What we wrote for another image, and nobody has edited since, says nothing: `a_combined.txt`
    was written for `a.jpg`, and is not what a person wrote when `a_combined.jpg` lands. While a
    writing is unfinished, the file may hold what we wrote there before.
    """
    before = pl.when(pl.col("size_bytes").is_null()).then("previous_hash")
    is_of_ours = (pl.col("text_hash") == pl.col("content_hash")) | (pl.col("text_hash") == before)
    is_ours_for_another = (pl.col("image_path") != pl.col("path")) & is_of_ours
    found = sidecars.select("path", name).join(
        texts, left_on=name, right_on="path", how="left", maintain_order="left"
    )
    is_ours = is_ours_for_another.fill_null(value=False)
    return found.select(pl.when(~is_ours).then(column).alias(column) for column in _SAID)
