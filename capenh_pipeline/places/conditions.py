"""Whether a server of object storage keeps two writers apart."""

import uuid
from contextlib import suppress
from functools import cache

from capenh_pipeline.places.object_place import ObjectPlace, ObjectState


@cache
def heeds_conditions(folder: ObjectPlace) -> bool:
    """Return whether the server lets only one of two writers create or replace an object.

    Some take such a request and ignore its condition. It is tried out once, with an object of a
    hidden name.

    Raises:
        OSError: object storage does not answer, or does not let us write.
    """
    probe = folder / f".probe-{uuid.uuid4().hex}"
    try:
        state = written(probe, b"one")
        is_kept = not probe.create(b"two") and probe.swap(b"three", version=state.version)
        return is_kept and not probe.swap(b"four", version=state.version)
    finally:
        with suppress(OSError):
            probe.unlink()


def written(place: ObjectPlace, content: bytes) -> ObjectState:
    """Write an object and return what storage says about it."""
    place.put(content)
    return place.stat()
