"""A file read whole, wherever it is."""

from capenh_pipeline.errors import DatasetError
from capenh_pipeline.files import read_regular_file
from capenh_pipeline.places.containers import is_gone, read_member
from capenh_pipeline.places.metadata_texts import read_metadata_text
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place


def read_file(file: Place, *, most_bytes: int | None = None) -> bytes:
    """Return the content of a file of a dataset, or of what is read as one where there is none.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than `most_bytes`.
        DatasetError: object storage does not answer, which says nothing about this file.
    """
    try:
        return _read(file, most_bytes)
    except ObjectError as error:
        raise unanswered(file, error) from None


def _read(file: Place, most_bytes: int | None) -> bytes:
    try:
        if isinstance(file, ObjectPlace):
            return file.read_version(most_bytes=most_bytes)[0]
        return read_regular_file(file, most_bytes=most_bytes)
    except (FileNotFoundError, NotADirectoryError):
        content = read_member(file, most_bytes=most_bytes)
        if content is None:
            content = read_metadata_text(file, is_there=_is_there, most_bytes=most_bytes)
        if content is None:
            raise
        return content


def _is_there(file: Place) -> bool:
    return not is_gone(file)


def unanswered(place: Place, error: OSError) -> DatasetError:
    """Return what ends a run when object storage does not answer."""
    return DatasetError(
        f"{place} cannot be read ({error.strerror}); run again when its server answers, finished "
        "work is kept."
    )
