"""What a scan changes in the manifest, put apart by its shards."""

from functools import cached_property

import polars as pl

from capenh_pipeline.buckets import Buckets, FolderBuckets
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys, shard_number, shard_numbers
from capenh_pipeline.stages.ledger import apart_by_folders
from capenh_pipeline.stages.portion import Portion
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import Scan

FACTS = [name for name in IMAGE_MANIFEST.columns if name != "scanned_at"]
"""Columns of the manifest that say something about a file."""

_PATH = {"path": pl.String}


class ManifestNews:
    """New rows of the manifest, and which of the old ones go or stay.

    Where something is known of the dataset, all old rows stay but those that are replaced. Where
    nothing is, none stays but those of images beyond the limit, which nobody has looked at.
    """

    def __init__(self, run: Run, scan: Scan) -> None:
        """Begin without news."""
        self._run = run
        self._scan = scan
        facts = {name: IMAGE_MANIFEST.columns[name] for name in FACTS}
        shards = len(shard_keys(run.store.shard_digits))
        self._rows = Buckets(facts, shards, folder=run.scratch)
        self._paths = Buckets(_PATH, shards, folder=run.scratch)  # of old rows that go, or stay

    def add(self, portion: Portion, rows: pl.DataFrame) -> None:
        """Take what the images of a portion are now.

        Args:
            portion: whose rows they are.
            rows: of a `Reading`.
        """
        self._rows.add(rows, self._numbers(rows["shard_hash"]))
        old = rows_to_replace(portion, rows) if self._scan.known else self._rows_beyond(portion)
        self._paths.add(old, self._numbers(old["shard"]))

    def touched_shards(self) -> set[str]:
        """Return the shards that are to be stored anew."""
        keys = shard_keys(self._run.store.shard_digits)
        counts = zip(keys, self._rows.rows, self._paths.rows, strict=True)
        return {key for key, *rows in counts if self._scan.known is None or any(rows)}

    def rows_of(self, shard: str) -> pl.DataFrame:
        """Return the new rows of a shard, without a date."""
        return self._rows.read([shard_number(shard)])

    def staying(self, shard: str, before: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """Return those rows of a shard that stay.

        Args:
            shard: its key.
            before: all that it had.
            rows: of `rows_of`.
        """
        paths = self._paths.read([shard_number(shard)])
        if self._scan.known is None:
            return before.join(paths, on="path", how="semi")
        paths = pl.concat([paths, rows.select("path")])
        return before.join(paths, on="path", how="anti")

    def _rows_beyond(self, portion: Portion) -> pl.DataFrame:
        """Return `path` and `shard` of the rows of a portion's images beyond the limit."""
        beyond = portion.beyond
        if beyond.is_empty():
            return pl.DataFrame(schema={**_PATH, "shard": pl.String})
        rows = self._manifest.beside(beyond["path"]).join(beyond, on="path", how="semi")
        return rows.select("path", shard="shard_hash")

    @cached_property
    def _manifest(self) -> FolderBuckets:
        return apart_by_folders(self._run, IMAGE_MANIFEST, columns=["path", "shard_hash"])

    def _numbers(self, hashes: pl.Series) -> pl.Series:
        return shard_numbers(hashes, digits=self._run.store.shard_digits)


def rows_to_replace(portion: Portion, rows: pl.DataFrame) -> pl.DataFrame:
    """Return `path` and `shard` of the rows of the manifest that some rows replace.

    Those of images that are gone are among them.

    Args:
        portion: that something was known of.
        rows: of images of it.
    """
    paths = pl.concat([rows.select("path"), portion.gone.select("path")])
    known = portion.before.select("path", "shard").drop_nulls("shard")
    return known.join(paths, on="path", how="semi")
