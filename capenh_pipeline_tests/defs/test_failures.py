"""How an error ends a Dagster run."""

import errno

import dagster as dg
import pytest

from capenh_pipeline.defs.failures import one_sentence_failures
from capenh_pipeline.errors import OutageError, ServerError, StoreError


def test_an_error_of_ours_is_a_failure_with_its_text():
    with pytest.raises(dg.Failure) as told, one_sentence_failures():
        raise StoreError("The store is broken; mend it.")
    assert told.value.description == "The store is broken; mend it."


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [(OutageError("nobody there"), True), (ServerError("wrong key"), False)],
)
def test_only_what_may_pass_is_tried_again(error, may_pass):
    ends = dg.RetryRequested if may_pass else dg.Failure
    with pytest.raises(ends), one_sentence_failures(retries=0):
        raise error
    with pytest.raises(dg.Failure), one_sentence_failures(retries=2):
        raise error
    with pytest.raises(dg.Failure), one_sentence_failures():
        raise error


def test_what_the_disk_refuses_is_a_sentence_too():
    with pytest.raises(dg.Failure) as told, one_sentence_failures():
        raise OSError(errno.ENOSPC, "No space left on device", "/images/a_combined.txt")
    assert told.value.description == (
        "The run cannot go on: [Errno 28] No space left on device: '/images/a_combined.txt'; "
        "mend that and run again, finished work is kept."
    )
