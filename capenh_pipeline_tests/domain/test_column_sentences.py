"""Every column of an asset's table has a sentence."""

import pytest

from capenh_pipeline.domain.column_sentences import COLUMN_SENTENCES
from capenh_pipeline.domain.schemas import SCAN_INDEX, TABLES


@pytest.mark.parametrize("schema", [one for one in TABLES if one is not SCAN_INDEX], ids=str)
def test_every_column_is_explained_and_no_other(schema):
    sentences = COLUMN_SENTENCES[schema.name]
    assert sentences.keys() == schema.columns.keys()
    assert all(text.endswith(".") for text in sentences.values())
