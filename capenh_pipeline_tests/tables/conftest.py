from pathlib import Path

import pytest

from capenh_pipeline.tables.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", shard_digits=1)
