"""How the assets look in the UI: their columns, and tags to find them by."""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from capenh_pipeline.domain.column_sentences import COLUMN_SENTENCES
from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
    TableSchema,
)

_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,63}")  # as Dagster has it

SCHEMAS = {
    schema.name: schema
    for schema in (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS, CAPTION_FILES)
}
"""The tables that are assets, by name."""

_STEPS = {
    IMAGE_MANIFEST.name: "scan",
    VLM_CAPTIONS.name: "vlm",
    COMBINED_CAPTIONS.name: "llm",
    CAPTION_FILES.name: "export",
}


def looks_of(name: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the metadata and tags of an asset's definition.

    Args:
        name: the asset's.
        tags: of runs; those whose values can stand on an asset do.
    """
    return {
        "metadata": {"dagster/column_schema": column_schema(SCHEMAS[name])},
        "tags": asset_tags(_STEPS[name], tags),
    }


def asset_tags(step: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of the asset of a step: those of runs whose values can stand on an asset."""
    allowed = {key: text for key, text in tags.items() if _TAG_VALUE.fullmatch(text)}
    return {"capenh/step": step, **allowed}


def column_schema(schema: TableSchema) -> dg.TableSchema:
    """Return the columns of a table as Dagster shows them, each with a sentence."""
    sentences = COLUMN_SENTENCES[schema.name]
    columns = [
        dg.TableColumn(
            name,
            type=_type_name(dtype),
            description=sentences[name],
            constraints=dg.TableColumnConstraints(nullable=name not in schema.key),
        )
        for name, dtype in schema.columns.items()
    ]
    rule = f"One row for each {' and '.join(schema.key)}."
    return dg.TableSchema(columns, constraints=dg.TableConstraints(other=[rule]))


def _type_name(dtype: pl.DataType | type[pl.DataType]) -> str:
    return str(dtype).partition("(")[0] if isinstance(dtype, pl.Datetime) else str(dtype)
