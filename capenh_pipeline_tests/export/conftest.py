import pytest

from capenh_pipeline_tests.export.folder import Dataset


@pytest.fixture
def dataset(tmp_path):
    return Dataset(tmp_path)
