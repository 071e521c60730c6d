"""Where a checkpoint comes from, and which one it is, without loading it (no torch here)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.errors import ModelError

EXAMPLE_HUB_ID = "florence-community/Florence-2-large-ft"

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)

# The original checkpoints hold code for transformers 4. The same weights in the layout of
# transformers 5: https://huggingface.co/florence-community
_NATIVE_FLORENCE = {
    f"microsoft/florence-2-{size}": f"florence-community/Florence-2-{size}"
    for size in ("base", "large", "base-ft", "large-ft")
}

_SUFFIXES_THAT_MATTER = {
    *(".json", ".jinja", ".txt", ".model", ".tiktoken"),  # config, processor, template, tokenizer
    *(".safetensors", ".bin"),
    ".py",  # run with trust_remote_code
}
_TRAINING_LEFTOVERS = re.compile(
    r"(?i:readme|license|notice|result|requirements).*|.*\.log(\.txt)?|training_args\.bin"
    r"|trainer_state\.json|(all|train|eval)_results\.json|optimizer\.bin|scheduler\.bin"
)


@dataclass(frozen=True)
class ModelSource:
    """What a model id stands for.

    Attributes:
        requested: the id as the user gave it.
        effective_id: the hub id or the absolute folder that is loaded.
        folder: None for a model of the hub.
        warning: one sentence for the user where another model than the requested one is loaded.
    """

    requested: str
    effective_id: str
    folder: Path | None
    warning: str | None

    def effective_revision(self, asked: str | None) -> str | None:
        """Return the revision to load: the asked one, but none for a folder or a replaced model."""
        return None if self.folder or self.warning else asked


def locate_model(model_id: str) -> ModelSource:
    """Return the source of a model given as a local folder or a hub id; folders come first.

    The hub is not asked, so an id that it does not know is found out later.

    Raises:
        ModelError: it reads as a path and is no folder, or the folder is no checkpoint.
    """
    folder = _expand(model_id)
    if folder and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{model_id}: the folder is no checkpoint, because it has no config.json."
            )
        return ModelSource(model_id, str(folder.resolve()), folder, None)
    if not _HUB_ID.fullmatch(model_id):
        raise ModelError(
            f"{model_id or 'model id'}: no such folder; give a folder with config.json or a hub id "
            f"such as {EXAMPLE_HUB_ID}."
        )
    native = _NATIVE_FLORENCE.get(model_id.lower())
    if native is None:
        return ModelSource(model_id, model_id, None, None)
    warning = (
        f"{model_id} needs code that transformers 5 cannot run; {native}, the same weights, is "
        "used instead, and a revision is ignored."
    )
    return ModelSource(model_id, native, None, warning)


def fingerprint(folder: Path, sha256_of: Callable[[Path], str]) -> str:
    """Return the identity of a local checkpoint, 64 hex digits, wherever the folder lies.

    Args:
        folder: the checkpoint. Its files that can change a caption count, by relative name and
            content: config, tokenizer, processor, template, weights, code. Read-mes, logs,
            hidden files and sub-folders with a checkpoint of their own do not.
        sha256_of: the SHA-256 of a file's content; weights are large, so let it remember.

    Raises:
        ModelError: a file of it cannot be read.
    """
    files = sorted((path.relative_to(folder).as_posix(), path) for path in _files(folder))
    try:
        lines = [f"{sha256_of(path)} {name}" for name, path in files]
    except OSError as error:
        raise ModelError(
            f"The checkpoint {folder} cannot be read: {error.filename}: {error.strerror}."
        ) from error
    return sha256_hex("\n".join(lines).encode())


def _expand(model_id: str) -> Path | None:
    try:
        return Path(model_id).expanduser() if model_id else None
    except RuntimeError:  # `~name` of a user that this machine does not have
        return None


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not (path / "config.json").exists():
                yield from _files(path)
        elif path.suffix in _SUFFIXES_THAT_MATTER and not _TRAINING_LEFTOVERS.fullmatch(path.name):
            yield path
