"""The config of a checkpoint, read before anything large: from its folder or from the hub."""

import json
from pathlib import Path
from typing import Any

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.checkpoints import ModelSource
from capenh_pipeline.models.hub_commits import find_config


def read_config(source: ModelSource, revision: str | None) -> tuple[dict[str, Any], str | None]:
    """Return the raw `config.json` and the commit it is from, None for a folder.

    Raises:
        ModelError: the hub does not have it or cannot be reached, or the file is no JSON object.
    """
    path = source.folder / "config.json" if source.folder else _fetch(source, revision)
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError(f"{source.requested}: its config.json is not valid JSON.") from error
    if not isinstance(config, dict):
        raise ModelError(f"{source.requested}: its config.json holds no JSON object.")
    return config, None if source.folder else path.parent.name


def fetch_folder(hub_id: str, commit: str | None, *, weights: str) -> Path:
    """Return a local folder with the JSON and text files of a hub model and its `weights`."""
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", weights]
    return Path(snapshot_download(hub_id, revision=commit, allow_patterns=patterns))


def _fetch(source: ModelSource, revision: str | None) -> Path:
    hub_id = source.effective_id
    path = find_config(hub_id, revision)
    if path is None:
        raise ModelError(
            f"{hub_id} is not on this machine and the Hugging Face hub cannot be reached; connect "
            "once, or give a local folder."
        )
    return path
