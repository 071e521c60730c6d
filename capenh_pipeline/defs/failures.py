"""How an error of ours ends a Dagster run: one sentence, no retry."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from capenh_pipeline.errors import CapenhError


@contextmanager
def one_sentence_failures() -> Generator[None]:
    """Turn a `CapenhError` into a `Failure`, which the UI shows by its text."""
    try:
        yield
    except CapenhError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
