"""The environment of a run: the variables of the process, and `.env` where they say nothing."""

import os
from pathlib import Path

from dotenv import dotenv_values


def read_environment(folder: Path | None = None) -> dict[str, str]:
    """Return the variables of the process over those of `.env` in `folder`.

    Dagster loads `.env` for some of its commands only; reading it here gives every door the
    same options.

    Args:
        folder: where `.env` is looked for; by default the working directory.
    """
    values = dotenv_values((folder or Path.cwd()) / ".env")
    return {**{name: value for name, value in values.items() if value is not None}, **os.environ}
