"""Caption files in object storage: one is written only in the place of what it was compared with.

There is no moment between a look and the writing in which an edit of a person could be lost: the
server itself refuses to replace an object that is no more as it was looked at.
"""

from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.conditions import heeds_conditions
from capenh_pipeline.places.file_state import FileState, object_state
from capenh_pipeline.places.object_place import ObjectPlace


def require_conditions(root: ObjectPlace) -> None:
    """Make sure that the server of a dataset heeds what `write_object` rests on.

    Raises:
        OSError: object storage does not answer, or does not let us write.
        DatasetError: it does not.
    """
    if not heeds_conditions(root):
        raise DatasetError(
            f"The server of {root} ignores the conditions of conditional writes (If-None-Match, "
            "If-Match), so a caption file that somebody edits meanwhile could be overwritten; use "
            "one that heeds them, or --write_policy overwrite if nobody edits them."
        )


def write_object(
    file: ObjectPlace, content: bytes, *, before: FileState | None, overwrite: bool
) -> FileState | None:
    """Write a caption file, unless somebody has written it since it was compared.

    Another run may have written the same.

    Args:
        file: the object.
        content: what is in it afterwards.
        before: its state when it was compared, None if there was none.
        overwrite: whether it is replaced whatever it holds.

    Returns:
        Its state, or None if it holds something else.

    Raises:
        OSError: it cannot be written.
    """
    if overwrite:
        file.put(content)
    elif not _replaced(file, content, before):
        return None
    found, state = file.read_version()
    return object_state(state) if found == content else None


def _replaced(file: ObjectPlace, content: bytes, before: FileState | None) -> bool:
    if before is None:
        return file.create(content)
    try:
        now = file.stat()
    except FileNotFoundError:
        return False
    if object_state(now) == before:
        return file.swap(content, version=now.version)
    return file.read_bytes() == content
