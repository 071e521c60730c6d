"""A walk over a dataset in object storage: folder by folder, several requests at once."""

from dataclasses import dataclass, field

from capenh_pipeline.dataset.file_columns import Files
from capenh_pipeline.dataset.walk import TEXT_ENDING, UNKNOWN_STATE, Walk, is_image_name
from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.file_state import object_state
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.object_place import ObjectPlace, ObjectState
from capenh_pipeline.places.place import each
from capenh_pipeline.places.reading import unanswered

FOLDERS_AT_ONCE = 128
"""Folders that are listed before a walk may rest; some are asked for at the same time."""

Listed = tuple[list[tuple[str, ObjectState]], list[str]] | OSError
"""The objects and folders of a folder, or why they are not known."""


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

    def _listed(self, folder: str) -> Listed:
        place = self.place / folder if folder else self.place
        try:
            return place.listed()
        except ObjectError as error:
            raise unanswered(place, error) from None
        except OSError as error:
            return error

    def _add(self, folder: str, found: Listed) -> None:
        self.states[folder] = UNKNOWN_STATE
        if isinstance(found, OSError):
            if not folder:
                raise DatasetError(
                    f"{self.place} cannot be listed ({found.strerror}); see whether bucket, server "
                    "and the credentials in the environment are right."
                )
            self._warn("folder", folder, found)
            return
        prefix = f"{folder}/" if folder else ""
        objects, folders = found
        for name, state in objects:
            if not name.startswith(".") and (files := self._files_for(name)) is not None:
                files.add_state(prefix + name, object_state(state))
        paths = [prefix + name for name in folders if not name.startswith(".")]
        self.pending += [path for path in paths if f"{self.root}/{path}" not in self.skip]
        self._end_folder(folder)

    def _files_for(self, name: str) -> Files | None:
        if name.lower().endswith(TEXT_ENDING):
            return self._texts
        return self._images if is_image_name(name) else None
