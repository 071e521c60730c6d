"""Prompts that people keep in text files."""

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.files import absolute_path


def read_prompt(path: str | None, *, option: str) -> str | None:
    """Return the text of a prompt file, or None where none is named.

    Args:
        path: the file, or None.
        option: the option that names it, for the error.

    Raises:
        ConfigurationError: it cannot be read, is not UTF-8, or is blank.
    """
    if path is None:
        return None
    try:
        text = absolute_path(path, option=option).read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ConfigurationError(
            f"--{option}: {path} cannot be read ({error.strerror}); name a text file."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"--{option}: {path} is not UTF-8; save it as UTF-8.") from None
    if not text:
        raise ConfigurationError(f"--{option}: {path} is empty; write a prompt into it.")
    return text
