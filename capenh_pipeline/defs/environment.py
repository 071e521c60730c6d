"""The environment of a run: the variables of the process, and `.env` where they say nothing."""

import os
from pathlib import Path

from dotenv import dotenv_values

from capenh_pipeline.errors import ConfigurationError


def read_environment(folder: Path | None = None) -> dict[str, str]:
    """Return the variables of the process over those of `.env` in `folder`.

    Dagster loads `.env` for some of its commands only; reading it here gives every door the
    same options.

    Args:
        folder: where `.env` is looked for; by default the working directory.

    Raises:
        ConfigurationError: `.env` cannot be read.
    """
    path = (folder or Path.cwd()) / ".env"
    try:
        values = dotenv_values(path)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from None
    return {**{name: value for name, value in values.items() if value is not None}, **os.environ}
