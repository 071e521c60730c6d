"""Faults of the disk, told as one sentence that says what to do."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.place import Place

_REACH = "see whether bucket, server and the credentials in the environment are right"


@contextmanager
def writing(path: Place) -> Generator[None]:
    """Turn an `OSError` of the body into a `StoreError` that names `path`."""
    try:
        yield
    except OSError as error:
        remedy = "free some space, allow writing there" if isinstance(path, Path) else _REACH
        raise StoreError(
            f"The store cannot be written at {path}: {_reason(error)}; {remedy}, or choose another "
            f"folder with --store."
        ) from error


@contextmanager
def reading(path: Place) -> Generator[None]:
    """Turn an `OSError` of the body into a `StoreError` that names `path`."""
    try:
        yield
    except OSError as error:
        remedy = "repair it" if isinstance(path, Path) else _REACH
        raise StoreError(
            f"The store cannot be read at {path}: {_reason(error)}; {remedy}, or choose another "
            f"folder with --store."
        ) from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
