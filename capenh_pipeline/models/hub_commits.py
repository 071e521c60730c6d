"""Which commit a model of the Hugging Face hub stands for, found out without loading it."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.checkpoints import EXAMPLE_HUB_ID

HubCommit = Callable[[str, str | None], str | None]
"""Returns the commit of a hub id at a revision, None if nobody knows it; may remember it."""

ANSWER_S = 5.0
"""How long the hub may take to answer before the cache of this machine is asked."""

_CONFIG = "config.json"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TOO_MANY_REQUESTS, _SERVER_ERRORS = 429, 500


def hub_commit(hub_id: str, revision: str | None) -> str | None:
    """Return the commit that `revision` of a hub model is now.

    A commit is itself, and nobody is asked. Otherwise the hub says it, in the request that a
    download begins with; if it does not answer, or `HF_HUB_OFFLINE` is set, the cache of this
    machine does. None: neither knows, and to load the model would fail.

    Raises:
        ModelError: the hub has no such model or revision, or does not show it to us.
    """
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    path = find_config(hub_id, revision)
    return path.parent.name if path else None


def cached_commit(hub_id: str, revision: str | None) -> str | None:
    """Return the commit that `revision` of a hub model was when this machine last saw it.

    Nobody is asked. None: this machine has never had it.
    """
    from huggingface_hub import try_to_load_from_cache

    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    path = try_to_load_from_cache(hub_id, _CONFIG, revision=revision)
    return Path(path).parent.name if isinstance(path, str) else None


def known(find: HubCommit) -> HubCommit:
    """Return `find` for where a guess would do harm: it fails if the commit is not known."""

    def found(hub_id: str, revision: str | None) -> str:
        commit = find(hub_id, revision)
        if commit is None:
            raise ModelError(
                f"Which commit of {hub_id} is meant is not known here, and so not which captions "
                f"are its own; give --revision COMMIT, or try again when the hub answers."
            )
        return commit

    return found


def find_config(hub_id: str, revision: str | None) -> Path | None:
    """Return `.../snapshots/<commit>/config.json` in the hub's cache, fetched if it is new.

    It is fetched by the name of the revision, because only then does the cache note which commit
    that is, for the day on which the hub cannot be reached.

    Returns:
        None if the hub does not answer and the cache does not have it.

    Raises:
        ModelError: the hub has no such model or revision, or does not show it to us.
    """
    from huggingface_hub import errors, hf_hub_download, try_to_load_from_cache

    with _refusals_in_one_sentence(hub_id, revision):
        is_cached = isinstance(try_to_load_from_cache(hub_id, _CONFIG, revision=revision), str)
        if not is_cached and not hub_answers(hub_id, revision):
            return None
        try:
            path = hf_hub_download(hub_id, _CONFIG, revision=revision, etag_timeout=ANSWER_S)
        except errors.LocalEntryNotFoundError:
            return None
        return Path(path)


def hub_answers(hub_id: str, revision: str | None) -> bool:
    """Return whether the hub says anything about a model now, be it a refusal.

    huggingface_hub itself asks a silent hub for half a minute and more, and transformers has it
    do so for every file that a checkpoint could have.
    """
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url

    try:
        get_hf_file_metadata(hf_hub_url(hub_id, _CONFIG, revision=revision), timeout=ANSWER_S)
    except errors.OfflineModeIsEnabled:
        return False
    except errors.HTTPError as error:
        response = getattr(error, "response", None)  # none: it could not be connected to
        status = _SERVER_ERRORS if response is None else response.status_code
        return status < _SERVER_ERRORS and status != _TOO_MANY_REQUESTS
    return True


@contextmanager
def _refusals_in_one_sentence(hub_id: str, revision: str | None) -> Generator[None]:
    from huggingface_hub import errors

    try:
        yield
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
    except errors.EntryNotFoundError as error:
        raise ModelError(f"{hub_id} is no checkpoint: it has no config.json.") from error
    except (errors.HTTPError, OSError, ValueError) as error:
        raise ModelError(f"{hub_id} cannot be fetched from the hub: {error}") from error
