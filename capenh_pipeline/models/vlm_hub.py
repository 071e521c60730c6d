"""The config of a checkpoint, read before anything large: from its folder or from the hub."""

import json
from pathlib import Path
from typing import Any

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.checkpoints import EXAMPLE_HUB_ID, ModelSource


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
    """Return the path of config.json in the hub's cache, `.../snapshots/<commit>/config.json`."""
    from huggingface_hub import errors, hf_hub_download

    hub_id = source.effective_id
    try:
        return Path(hf_hub_download(hub_id, "config.json", revision=revision))
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{hub_id} asks for access: accept its terms on https://huggingface.co/{hub_id} and "
            "set HF_TOKEN."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"{hub_id} is neither a folder here nor a model that the Hugging Face hub shows; give "
            f"a folder or an id such as {EXAMPLE_HUB_ID} (a private model needs HF_TOKEN)."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{hub_id} has no revision {revision!r} on the hub.") from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelError(
            f"{hub_id} is not on this machine and the Hugging Face hub cannot be reached; connect "
            "once, or give a local folder."
        ) from error
    except errors.EntryNotFoundError as error:
        raise ModelError(f"{hub_id} is no checkpoint: it has no config.json.") from error
    except (errors.HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(f"{hub_id} cannot be fetched from the hub: {error}") from error
