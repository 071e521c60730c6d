"""How an error of ours ends a Dagster step: one sentence, and a retry only where it can help."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from capenh_pipeline.errors import CapenhError, OutageError

MOST_RETRIES = 2
FIRST_RETRY_S = 60.0
"""Seconds until a step is tried again, each time twice as long."""


@contextmanager
def one_sentence_failures(*, retries: int | None = None) -> Generator[None]:
    """Turn a `CapenhError` into a `Failure`, which the UI shows by its text.

    So is what the disk refuses where nobody has a better sentence for it. What may pass is tried
    again, by a request of ours: a retry policy of Dagster's would try cancelled steps again too.

    Args:
        retries: how often the step was tried again, None if it is not to be.
    """
    try:
        yield
    except CapenhError as error:
        if isinstance(error, OutageError) and retries is not None and retries < MOST_RETRIES:
            wait_s = FIRST_RETRY_S * 2**retries
            raise dg.RetryRequested(MOST_RETRIES, seconds_to_wait=wait_s) from error
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except OSError as error:
        sentence = f"The run cannot go on: {error}; mend that and run again, finished work is kept."
        raise dg.Failure(description=sentence, allow_retries=False) from error
