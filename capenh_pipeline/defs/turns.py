"""Steps of different runs take turns on a store, so that no image is captioned twice."""

import logging
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from capenh_pipeline.errors import StoreBusyError
from capenh_pipeline.tables.store import Store

_LOG = logging.getLogger("capenh_pipeline")
_POLL_S = 1.0


@contextmanager
def its_turn(store: Store) -> Generator[None]:
    """Wait until no other run is at work on `store`, and keep others from it meanwhile."""
    with ExitStack() as stack:
        is_told = False
        while True:
            try:
                stack.enter_context(store.held())
                break
            except StoreBusyError as error:
                if not is_told:
                    _LOG.info("%s", error)
                    is_told = True
                time.sleep(_POLL_S)
        yield
