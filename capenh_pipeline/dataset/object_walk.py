"""A walk over a dataset in object storage: folder by folder, several requests at once."""

from dataclasses import dataclass, field

from capenh_pipeline.dataset.layers import Extra, Fault, Layers
from capenh_pipeline.dataset.walk import TEXT_ENDING, UNKNOWN_STATE, Walk, is_image_name
from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.containers import TABLES, TARS, is_container
from capenh_pipeline.places.file_state import object_state
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import each, name_in
from capenh_pipeline.places.reading import unanswered
from capenh_pipeline.places.source import Source, remember_sources

FOLDERS_AT_ONCE = 32
"""Folders that are listed before a walk may rest; half of them are asked for at the same time."""


@dataclass
class _Listed(Extra):
    """What is in a folder, first what is really there."""

    sources: dict[ObjectPlace, Source] = field(default_factory=dict)
    unread: str = ""


@dataclass
class ObjectWalk(Walk):
    """A walk over the objects below `place`, which fills the columns of a walk over a disk.

    The state of an object is that of `places.file_state`. Folders have no times, so none is ever
    taken to be the same.

    Attributes:
        layers: what is looked for besides objects.
        sources: what was seen so far in which something may be.
    """

    place: ObjectPlace = field(kw_only=True)
    layers: Layers = field(kw_only=True)
    sources: dict[ObjectPlace, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        remember_sources(self.place, self.sources)

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
            listed = self._sorted_out(place, prefix)
            self.sources |= listed.sources  # in which something may be of this folder too
            self._add_containers(listed)
            extra = self.layers.of_folder(self.place, folder).besides(
                listed.images.paths, listed.texts.paths
            )
        except ObjectError as error:
            raise unanswered(place, error) from None
        except OSError as error:
            return error
        listed.images.extend(extra.images)
        listed.texts.extend(extra.texts)
        listed.folders |= extra.folders
        listed.faults += extra.faults
        return listed

    def _sorted_out(self, place: ObjectPlace, prefix: str) -> _Listed:
        objects, folders = place.listed()
        listed = _Listed(folders={prefix + name for name in folders if not name.startswith(".")})
        for name, state in objects:
            if name.startswith("."):
                continue
            if name.lower().endswith(TEXT_ENDING) or is_image_name(name):
                listed.add(prefix + name, object_state(state))
            elif self.layers.is_source(name):
                listed.sources[place / name] = Source(
                    place / name, object_state(state), state.version
                )
            elif not listed.unread and is_container(name, (*TARS, *TABLES)):
                listed.unread = prefix + name
        return listed

    def _add_containers(self, listed: _Listed) -> None:
        """Add the folders that are read from files."""
        for source in listed.sources:
            if is_container(source.name, self.layers.endings):
                path = name_in(self.place, source)
                if fault := self.layers.after_another(self.place, path):
                    listed.faults.append(Fault("file", source, fault))
                else:
                    listed.folders.add(path.rpartition(".")[0])

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
        self.unread = self.unread or found.unread
        for what, place, error in found.faults:
            self._warn(what, name_in(self.place, place), error)
        folders = [path for path in found.folders if f"{self.root}/{path}" not in self.skip]
        self.pending += sorted(folders)
        self._end_folder(folder)


def begins_with_image(root: ObjectPlace, *, recursive: bool) -> bool:
    """Return whether one request shows an image: a walk lists a folder whole, however large.

    Raises:
        DatasetError: storage does not answer.
    """
    try:
        found = [name_in(root, place) for place in root.first_objects()]
    except ObjectError as error:
        raise unanswered(root, error) from None
    except OSError:  # a walk says what is wrong
        return False
    seen = [path for path in found if "/." not in f"/{path}"]
    return any(is_image_name(path) for path in seen if recursive or "/" not in path)
