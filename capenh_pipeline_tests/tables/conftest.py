from pathlib import Path

import pytest

from capenh_pipeline.tables.store import Store


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Store:
    """A store on the disk, or in the folder that a fixture of that name gives."""
    fixture = getattr(request, "param", None)
    root = request.getfixturevalue(fixture) if fixture else tmp_path / "store"
    return Store.open(root, shard_digits=1)
