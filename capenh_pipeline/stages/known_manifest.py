"""The manifest as the last run that brought it up to date has left it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from capenh_pipeline.domain.identity import canonical_json, sha256_hex
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.known_listing import (
    KnownListing,
    delete_other_listings,
    load_listing,
)
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.settling import may_settle

Counts = dict[str, dict[str, int]]
"""Counts of a `Report`, by shard."""

MANIFEST_OPTIONS = (
    *("recursive", "caption_suffix", "combined_suffix", "generated_suffix", "prompt"),
    *("cache_generated_captions_to_disk", "tar_shards", "parquet_shards"),
    "metadata_captions",
)
"""Options that tell which files there are, and how caption files are named."""

_NOTE = "all"  # the key of the note, which is one for all shards


@dataclass(frozen=True)
class KnownManifest:
    """What is known of a dataset, and the manifest that was made from it.

    Attributes:
        listing: the dataset, then.
        counts: of each shard of the manifest.
        parts: the names of each shard's parts: with others, the manifest is another one.
    """

    listing: KnownListing
    counts: Counts
    parts: dict[str, list[str]]


def known_manifest(run: Run) -> KnownManifest | None:
    """Return what is known of the dataset, None if the manifest is not made from it."""
    if not may_settle(run):
        return None
    parts = part_names(run)
    note = run.store.settled(IMAGE_MANIFEST.name).get(_NOTE, _stamp(run, parts))
    if not isinstance(note, dict):
        return None
    listing = load_listing(run.known_listings, note["listing"])
    return KnownManifest(listing, note["counts"], parts) if listing else None


def part_names(run: Run) -> dict[str, list[str]]:
    """Return the names of the parts of the manifest, by shard."""
    table = run.store.table(IMAGE_MANIFEST)
    return table.part_names(shard_keys(run.store.shard_digits))


def note_manifest(run: Run, listing: str, counts: Counts, parts: Mapping[str, list[str]]) -> None:
    """Note what the manifest was made from, in the place of what was noted before.

    Args:
        run: its options count.
        listing: the name of a `KnownListing`.
        counts: of all shards.
        parts: of all shards.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    settled = run.store.settled(IMAGE_MANIFEST.name)
    settled.put(_NOTE, _stamp(run, parts), {"listing": listing, "counts": counts})
    settled.save()
    delete_other_listings(run.known_listings, listing)


def _stamp(run: Run, parts: Mapping[str, list[str]]) -> str:
    """Return a hash of what a manifest of these parts was made by."""
    options = {name: getattr(run.options, name) for name in MANIFEST_OPTIONS}
    made_by = [version("capenh_pipeline"), version("polars"), options, dict(parts)]
    return sha256_hex(canonical_json(made_by).encode())
