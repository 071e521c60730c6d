"""Faults of the disk, told as one sentence that says what to do."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from capenh_pipeline.errors import StoreError


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Turn an `OSError` of the body into a `StoreError` that names `path`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The store cannot be written at {path}: {_reason(error)}; free some space, allow "
            f"writing there, or choose another folder with --store."
        ) from error


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Turn an `OSError` of the body into a `StoreError` that names `path`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The store cannot be read at {path}: {_reason(error)}; repair it, or choose another "
            f"folder with --store."
        ) from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
