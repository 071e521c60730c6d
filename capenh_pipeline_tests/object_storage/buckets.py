"""Fixtures: a new folder in a bucket of a server, which is started when a test first wants one."""

import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from capenh_pipeline.places.object_client import bucket_client
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline_tests.object_storage import azurite, ceph, servers
from capenh_pipeline_tests.object_storage.dataset import Bucket
from capenh_pipeline_tests.object_storage.proxy import Plan, faulty
from capenh_pipeline_tests.stage_runs import Cost


@pytest.fixture(scope="session")
def moto_endpoint() -> Generator[str]:
    _require("obstore", "moto", "flask", "boto3")
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def ceph_endpoint() -> Generator[str]:
    _require("obstore", "boto3")
    if not ceph.is_installed():
        pytest.skip("Ceph is not installed (apt-get install radosgw ceph-mon ceph-osd)")
    with ceph.ceph() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azure_environment() -> Generator[dict[str, str]]:
    _require("obstore")
    if not azurite.is_installed():
        pytest.skip("Azurite is not installed (npm install -g azurite)")
    with azurite.azurite() as environment:
        yield environment


@pytest.fixture(scope="session")
def careless_endpoint() -> Generator[str]:
    """A server that ignores conditions."""
    _require("obstore", "nanio")
    with servers.nanio() as endpoint:
        yield endpoint


@pytest.fixture
def s3_folder(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Generator[ObjectPlace]:
    with _folder(moto_endpoint, monkeypatch) as folder:
        yield folder


@pytest.fixture
def ceph_folder(ceph_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Generator[ObjectPlace]:
    with _folder(ceph_endpoint, monkeypatch) as folder:
        yield folder


@pytest.fixture
def azure_folder(
    azure_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Generator[ObjectPlace]:
    bucket = f"{azurite.ACCOUNT}/{azurite.CONTAINER}"
    with _new_folder("az", bucket, azure_environment, monkeypatch) as folder:
        yield folder


@pytest.fixture
def careless_folder(
    careless_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Generator[ObjectPlace]:
    with _folder(careless_endpoint, monkeypatch) as folder:
        yield folder


@pytest.fixture
def faulty_folder(
    moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Generator[tuple[ObjectPlace, Plan]]:
    """A folder, and the plan of what fails on the way to it."""
    with faulty(moto_endpoint) as (endpoint, plan), _folder(endpoint, monkeypatch) as folder:
        yield folder, plan


@pytest.fixture
def new_bucket(
    faulty_folder: tuple[ObjectPlace, Plan], tmp_path: Path, moto_endpoint: str
) -> Bucket:
    """A dataset in a bucket, with a store on a disk, that no run has seen yet."""
    return Bucket(*faulty_folder, tmp_path / "store", moto_endpoint)


@pytest.fixture
def bucket(new_bucket: Bucket) -> Bucket:
    """The same after a run."""
    assert new_bucket.runs.run() == Cost(3, 2, 2, 2)
    return new_bucket


@contextmanager
def _folder(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Generator[ObjectPlace]:
    variables = servers.variables(endpoint)
    with _new_folder("s3", servers.BUCKET, variables, monkeypatch) as folder:
        yield folder


@contextmanager
def _new_folder(
    scheme: str, bucket: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Generator[ObjectPlace]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    bucket_client.cache_clear()
    yield ObjectPlace(scheme, bucket, uuid.uuid4().hex)
    bucket_client.cache_clear()


def _require(*modules: str) -> None:
    if missing := [name for name in modules if not find_spec(name)]:
        pytest.skip(f"not installed: {', '.join(missing)} (the extra `dev`)")
