"""How an error of ours ends a Dagster step: one sentence, and a retry only where it can help."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from capenh_pipeline.errors import CapenhError, OutageError


@contextmanager
def one_sentence_failures() -> Generator[None]:
    """Turn a `CapenhError` into a `Failure`, which the UI shows by its text.

    So is what the disk refuses where nobody has a better sentence for it.
    """
    try:
        yield
    except CapenhError as error:
        may_pass = isinstance(error, OutageError)
        raise dg.Failure(description=str(error), allow_retries=may_pass) from error
    except OSError as error:
        sentence = f"The run cannot go on: {error}; mend that and run again, finished work is kept."
        raise dg.Failure(description=sentence, allow_retries=False) from error
