"""Sidecars: the text files beside an image, and what is said in them.

All paths here are the text of paths (see `paths`), relative to the dataset folder.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from capenh_pipeline.domain.paths import raw_path
from capenh_pipeline.domain.vlm_prompts import VlmPrompt
from capenh_pipeline.errors import ConfigurationError

EXTENSION = ".txt"

OUTPUTS = pl.col("^combined|generated_[0-9]+$")
"""The columns of `SidecarPlan.files` with the names of files that are written."""


class SidecarPlan(NamedTuple):
    """The caption files of every image.

    Attributes:
        files: one row an image. `path`: the image's. `own_manual` and `manual`: where its manual
            caption may stand; the first of them that exists is read, and the first is null but
            for images that share their names. `combined`: where its combined caption is written,
            null if every name for it is taken. `generated_0`, …: the same for its VLM captions, a
            column for each prompt.
        warnings: sentences for the user.
    """

    files: pl.DataFrame
    warnings: tuple[str, ...]


def plan_sidecars(
    image_paths: pl.Series,
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
    names = _names(image_paths)
    files = names.select("path", *_manual("path", "stem", caption_suffix + EXTENSION))
    keys = names.select(_manual("path_key", "stem_key", _comparable(caption_suffix) + EXTENSION))
    taken = pl.concat([keys["own_manual"].drop_nulls(), keys["manual"]])
    columns = ["combined", *(f"generated_{place}" for place in range(len(generated_suffixes)))]
    for column, suffix in zip(columns, [combined_suffix, *generated_suffixes], strict=True):
        output, taken = _assign(names, taken, suffix)
        files = files.with_columns(output.alias(column))
    return SidecarPlan(files, tuple(name_warnings(files)))


def _names(paths: pl.Series) -> pl.DataFrame:
    """Return `path`, `stem` (without the extension), both as compared, and `is_shared`."""
    path = pl.col("path")
    parts = pl.DataFrame({"path": paths}).select(
        "path", stem=path.str.replace(r"\.[^.]*$", ""), name=path.str.extract(r"([^/]*)$")
    )
    path_key = path.str.strip_suffix(pl.col("name")) + pl.col("comparable")
    return (
        parts.with_columns(comparable=all_comparable(parts["name"]))
        .select("path", "stem", path_key=path_key)
        .with_columns(stem_key=pl.col("path_key").str.replace(r"\.[^.]*$", ""))
        .with_columns(is_shared=pl.col("stem_key").is_duplicated())
    )


def _manual(path: str, stem: str, end: str) -> list[pl.Expr]:
    own = pl.when("is_shared").then(pl.col(path) + end)
    return [own.alias("own_manual"), (pl.col(stem) + end).alias("manual")]


def _assign(names: pl.DataFrame, taken: pl.Series, suffix: str) -> tuple[pl.Series, pl.Series]:
    """Return an output for each image, or null, and all names that are taken then.

    Short names are given out before full ones. Images whose own names differ in letter case alone
    stand on a file system that tells such names apart, so it tells their outputs apart too.
    """
    end, end_key = suffix + EXTENSION, _comparable(suffix) + EXTENSION
    short_keys, full_keys = names["stem_key"] + end_key, names["path_key"] + end_key
    has_short = ~names["is_shared"] & ~short_keys.is_in(taken.implode())
    taken = pl.concat([taken, short_keys.filter(has_short)])
    has_full = ~has_short & ~full_keys.is_in(taken.implode())
    output = pl.when(has_short).then(pl.col("stem") + end).when(has_full).then(pl.col("path") + end)
    taken = pl.concat([taken, full_keys.filter(has_full)])
    return names.select(output.alias("output"))["output"], taken


def name_warnings(files: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence about shared names, and one about images without a caption file.

    Args:
        files: of a `SidecarPlan`, or all the `unusual_names` among them.
    """
    sharing = files.drop_nulls("own_manual")
    if sharing.height:
        path, full, short = sharing.select("path", "own_manual", "manual").row(0)
        yield (
            f"{sharing.height} images share their names with others in their folders, "
            f"first {path}: their caption files carry the whole "
            f"name, and {short} is read for all of its images; write {full} to tell them apart."
        )
    nameless = files.filter(pl.any_horizontal(OUTPUTS.is_null()))
    if nameless.height:
        yield (
            f"No caption file is written for {nameless.height} of the images, as each name for "
            f"it is another image's, first {nameless['path'][0]}; rename them."
        )


def unusual_names(files: pl.DataFrame) -> pl.DataFrame:
    """Return those of `SidecarPlan.files` that have not the short names that most have."""
    is_full = OUTPUTS.str.starts_with(pl.col("path")) | OUTPUTS.is_null()
    return files.filter(pl.any_horizontal(is_full))


def usual_names(
    image_paths: pl.Series, *, combined_suffix: str, generated_suffixes: Sequence[str]
) -> pl.DataFrame:
    """Return `path`, `combined` and `generated_0`, … of images that have short names."""
    stem = pl.col("path").str.replace(r"\.[^.]*$", "")
    generated = {f"generated_{place}": end for place, end in enumerate(generated_suffixes)}
    outputs = {"combined": combined_suffix, **generated}
    return pl.DataFrame({"path": image_paths}).with_columns(
        (stem + end + EXTENSION).alias(name) for name, end in outputs.items()
    )


def images_beside(
    image_paths: pl.Series, *, images: pl.Series, texts: pl.Series, caption_suffix: str
) -> pl.Series:
    """Return the images whose manual captions depend on whether some other files are there.

    Args:
        image_paths: all images of some folders.
        images: images of these folders that are new or gone: others may share their names.
        texts: text files there, which may be manual captions.
        caption_suffix: suffix of manual captions.
    """
    end = _comparable(caption_suffix) + EXTENSION
    stems, keys = _names(images)["stem_key"].implode(), _names(texts)["path_key"].implode()
    stem, path = pl.col("stem_key"), pl.col("path_key")
    is_beside = stem.is_in(stems) | (stem + end).is_in(keys) | (path + end).is_in(keys)
    return _names(image_paths).filter(is_beside)["path"]


def raw_sidecar(path: str, path_bytes: bytes | None, sidecar: str) -> str:
    """Return the raw path of an image's caption file, which the plan names as text.

    Args:
        path: the image's, as text.
        path_bytes: the image's, if it is not UTF-8.
        sidecar: of `SidecarPlan.files`.
    """
    if path_bytes is None:
        return sidecar
    raw = raw_path(path, path_bytes)
    if sidecar.startswith(path):
        return raw + sidecar[len(path) :]
    return _stem(raw) + sidecar[len(_stem(path)) :]


def _stem(path: str) -> str:
    return path[: path.rindex(".")]


def all_comparable(names: pl.Series) -> pl.Series:
    """Return names as the file systems that are least exact compare them."""
    if (names.str.len_bytes() == names.str.len_chars()).all():  # ASCII
        return names.str.to_lowercase()
    return pl.Series([_comparable(name) for name in names], dtype=pl.String)


def _comparable(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


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
