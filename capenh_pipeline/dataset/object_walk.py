"""A walk over a dataset in object storage: folder by folder, several requests at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from capenh_pipeline.dataset.file_columns import Files
from capenh_pipeline.dataset.walk import TEXT_ENDING, UNKNOWN_STATE, Walk, is_image_name
from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.file_state import object_state
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.object_place import ObjectPlace, ObjectState
from capenh_pipeline.places.place import each
from capenh_pipeline.places.reading import unanswered

FOLDERS_AT_ONCE = 32
"""Folders that are listed before a walk may rest; half of them are asked for at the same time."""


@dataclass
class _Listed:
    """What is in a folder, with relative paths."""

    folders: list[str]
    images: Files = field(default_factory=Files)
    texts: Files = field(default_factory=Files)


@dataclass
class ObjectWalk(Walk):
    """A walk over the objects below `place`, which fills the columns of a walk over a disk.

    The state of an object is that of `places.file_state`. Folders have no times, so none is ever
    taken to be the same.
    """

    place: ObjectPlace = field(kw_only=True)

    def list_folder(self, folder: str) -> None:
        """Add the files of one folder (relative), and its sub-folders to `pending`.

        Raises:
            DatasetError: storage does not answer; or this is the dataset's own folder, and it
                cannot be listed.
        """
        self._add(folder, self._listed(folder))

    def go_on(self) -> None:
        """List some of the folders that are `pending`.

        Raises:
            DatasetError: as in `list_folder`.
        """
        some = self.pending[-FOLDERS_AT_ONCE:]
        del self.pending[-FOLDERS_AT_ONCE:]
        for folder, found in zip(some, each(self._listed, some, places=[self.place]), strict=True):
            self._add(folder, found)

    def _listed(self, folder: str) -> _Listed | OSError:
        place, prefix = (self.place / folder, f"{folder}/") if folder else (self.place, "")
        try:
            return _sorted_out(*place.listed(), prefix)
        except ObjectError as error:
            raise unanswered(place, error) from None
        except OSError as error:
            return error

    def _add(self, folder: str, found: _Listed | OSError) -> None:
        self.states[folder] = UNKNOWN_STATE
        if isinstance(found, OSError):
            if not folder:
                raise DatasetError(
                    f"{self.place} cannot be listed ({found.strerror}); see whether bucket, server "
                    "and the credentials in the environment are right."
                )
            self._warn("folder", folder, found)
            return
        self._images.extend(found.images)
        self._texts.extend(found.texts)
        self.pending += [path for path in found.folders if f"{self.root}/{path}" not in self.skip]
        self._end_folder(folder)


def _sorted_out(
    objects: Iterable[tuple[str, ObjectState]], folders: Iterable[str], prefix: str
) -> _Listed:
    listed = _Listed([prefix + name for name in folders if not name.startswith(".")])
    for name, state in objects:
        if name.startswith("."):
            continue
        if name.lower().endswith(TEXT_ENDING):
            listed.texts.add_state(prefix + name, object_state(state))
        elif is_image_name(name):
            listed.images.add_state(prefix + name, object_state(state))
    return listed
