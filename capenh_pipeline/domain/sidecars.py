"""Sidecars: the text files beside an image, and what is said in them.

All paths here are raw paths (see `paths`), relative to the dataset folder.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from capenh_pipeline.domain.paths import encode_path, stored_path
from capenh_pipeline.domain.vlm_prompts import VlmPrompt
from capenh_pipeline.errors import ConfigurationError

EXTENSION = ".txt"


class SidecarPlan(NamedTuple):
    """The caption files of every image, as columns in the order of the images.

    Attributes:
        manual: where its manual caption may stand; the first of them that exists is read.
        combined: where its combined caption is written; None if every name for it is taken.
        generated: the same for its VLM captions, a column for each prompt.
        warnings: sentences for the user.
    """

    manual: list[tuple[str, ...]]
    combined: list[str | None]
    generated: tuple[list[str | None], ...]
    warnings: tuple[str, ...]


def plan_sidecars(
    image_paths: Iterable[str],
    *,
    caption_suffix: str,
    combined_suffix: str,
    generated_suffixes: Sequence[str],
) -> SidecarPlan:
    """Name the caption files of every image of a dataset.

    The files of `dir/a.jpg` are `dir/a` + suffix + `.txt`. They are called `dir/a.jpg` + suffix +
    `.txt` where that name would belong to two images (`a.png` is there too), or could be the
    manual caption of another one (`a_combined.jpg` is there too), whether it exists or not.
    Names are compared as the file systems that are least exact do: without letter case, and
    composed or decomposed alike.

    Args:
        image_paths: all images of the dataset, each once; a name has an extension.
        caption_suffix: suffix of manual captions.
        combined_suffix: suffix of combined captions.
        generated_suffixes: suffixes of VLM captions, one for each prompt whose captions are
            written.
    """
    names = _Names(list(image_paths), caption_suffix)
    combined = names.assign(combined_suffix)
    generated = tuple(names.assign(suffix) for suffix in generated_suffixes)
    return SidecarPlan(names.manual, combined, generated, names.warnings(combined, *generated))


class _Names:
    """Which names are taken: by manual captions from the start, by outputs as they are assigned.

    There may be millions of images, so all are columns: `stems` are paths without the extension,
    keys are paths and stems in the form that is compared.
    """

    def __init__(self, paths: list[str], caption_suffix: str) -> None:
        self.paths = paths
        self.stems = [_stem(path) for path in paths]
        self.path_keys = [_key(path) for path in paths]
        self.stem_keys = [_stem(key) for key in self.path_keys]
        counts = Counter(self.stem_keys)
        self.is_shared = [counts[key] > 1 for key in self.stem_keys]
        self.manual = self._manual(self.paths, self.stems, caption_suffix + EXTENSION)
        keys = self._manual(self.path_keys, self.stem_keys, _comparable(caption_suffix) + EXTENSION)
        self._taken = set(chain.from_iterable(keys))
        self._full_name_of: dict[str, str] = {}

    def assign(self, suffix: str) -> list[str | None]:
        """Return an output for each image, or None; short names are given out before full ones."""
        end, end_key = suffix + EXTENSION, _comparable(suffix) + EXTENSION
        outputs: list[str | None] = [None] * len(self.paths)
        for index, stem_key in enumerate(self.stem_keys):
            if not self.is_shared[index] and (key := stem_key + end_key) not in self._taken:
                self._taken.add(key)
                outputs[index] = self.stems[index] + end
        for index, output in enumerate(outputs):
            if output is None and self._take_full_name(self.path_keys[index], end_key):
                outputs[index] = self.paths[index] + end
        return outputs

    def warnings(self, *outputs: Sequence[str | None]) -> tuple[str, ...]:
        """Return a sentence about shared names, and one about images without a caption file."""
        sharing = [index for index, is_shared in enumerate(self.is_shared) if is_shared]
        nameless = sorted(
            {i for column in outputs for i, path in enumerate(column) if path is None}
        )
        warnings = []
        if sharing:
            full, short = (_printable(path) for path in self.manual[sharing[0]])
            warnings.append(
                f"{len(sharing)} images share their names with others in their folders, "
                f"first {_printable(self.paths[sharing[0]])}: their caption files carry the whole "
                f"name, and {short} is read for all of its images; write {full} to tell them apart."
            )
        if nameless:
            warnings.append(
                f"No caption file is written for {len(nameless)} of the images, as each name for "
                f"it is another image's, first {_printable(self.paths[nameless[0]])}; rename them."
            )
        return tuple(warnings)

    def _manual(self, paths: list[str], stems: list[str], end: str) -> list[tuple[str, ...]]:
        return [
            (path + end, stem + end) if is_shared else (stem + end,)
            for path, stem, is_shared in zip(paths, stems, self.is_shared, strict=True)
        ]

    def _take_full_name(self, path_key: str, end_key: str) -> bool:
        """Take the full name of an image's output, if it is free.

        Images whose own names differ in letter case alone stand on a file system that tells such
        names apart, so it tells their outputs apart too.
        """
        key = path_key + end_key
        if key in self._taken:
            return self._full_name_of.get(key) == path_key
        self._taken.add(key)
        self._full_name_of[key] = path_key
        return True


def _stem(path: str) -> str:
    return path[: path.rindex(".")]


def _key(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + _comparable(name)


def _comparable(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _printable(raw: str) -> str:
    return stored_path(encode_path(raw))[0]


def generated_suffixes(generated_suffix: str, prompts: Sequence[VlmPrompt]) -> tuple[str, ...]:
    """Return the suffix of the VLM captions of each prompt.

    Several are told apart by their names; the captions of one prompt have the suffix alone.
    """
    if len(prompts) < 2:
        return (generated_suffix,)
    return tuple(f"{generated_suffix}_{prompt.name}" for prompt in prompts)


def check_suffixes(
    *,
    caption_suffix: str,
    combined_suffix: str,
    generated_suffix: str,
    prompts: Sequence[VlmPrompt],
) -> None:
    """Make sure that an image's caption files have names of their own in its own folder.

    Raises:
        ConfigurationError: they do not.
    """
    generated = "--generated_suffix" + (" with a prompt's name" if len(prompts) > 1 else "")
    suffixes = [("--caption_suffix", caption_suffix), ("--combined_suffix", combined_suffix)]
    suffixes += [(generated, suffix) for suffix in generated_suffixes(generated_suffix, prompts)]
    seen: dict[str, str] = {}
    for option, suffix in suffixes:
        if "/" in suffix or "\0" in suffix:
            raise ConfigurationError(f"{option} is {suffix!r}; it is part of a name, without /.")
        other = seen.setdefault(_comparable(suffix), option)
        if other != option:
            raise ConfigurationError(
                f"{other} and {option} name the same file (NAME{suffix}.txt); make them differ."
            )
