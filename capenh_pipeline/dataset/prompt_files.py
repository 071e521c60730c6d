"""Prompts that people keep in text files."""

from collections.abc import Callable
from functools import cache

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.files import absolute_path
from capenh_pipeline.places.place import Place


def read_prompt(path: str | None, *, option: str) -> str | None:
    """Return the text of a prompt file, or None where none is named.

    Args:
        path: the file, or None.
        option: the option that names it, for the error.

    Raises:
        ConfigurationError: it cannot be read, is not UTF-8, or is blank.
    """
    return None if path is None else _read(absolute_path(path, option=option), f"--{option}")


def nearest_prompts(dataset: Place, file_name: str) -> Callable[[Place], str | None]:
    """Return what finds the text of the nearest file of a name, from a folder upward.

    Args:
        dataset: the search ends here.
        file_name: as `prompt.txt`.

    Returns:
        A function of a folder within the dataset, which reads each file once. It raises
        `ConfigurationError` if a file cannot be read, is not UTF-8, or is blank.
    """

    @cache
    def nearest(folder: Place) -> str | None:
        path = folder / file_name
        if _is_there(path):
            return _read(path, "--folder_prompts")
        return None if folder == dataset else nearest(folder.parent)

    return nearest


def read_terms(path: str | None, *, option: str) -> tuple[str, ...]:
    """Return the lines of a text file that are not blank, each once; none where none is named.

    Raises:
        ConfigurationError: as for `read_prompt`.
    """
    text = read_prompt(path, option=option)
    lines = (line.strip() for line in (text or "").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def _is_there(path: Place) -> bool:
    try:
        return path.is_file()
    except OSError:  # nobody can tell; reading it will say why
        return True


def _read(path: Place, option: str) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{option}: {path} cannot be read ({error.strerror}); name a text file."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{option}: {path} is not UTF-8; save it as UTF-8.") from None
    if not text:
        raise ConfigurationError(f"{option}: {path} is empty; write into it.")
    return text
