"""Which secret goes to which server: none goes where nobody has sent it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from capenh_pipeline.models.llm_client import OPENAI_URL
from capenh_pipeline.models.server_role import LLM, VLM

SECRETS = (LLM.key_variable, VLM.key_variable)
"""The environment variables that hold one."""


def vlm_key(url: str, environment: Mapping[str, str], *, llm_url: str | None) -> str | None:
    """Return the API key for a VLM server, or None.

    It is `CAPENH_VLM_API_KEY`. `OPENAI_API_KEY` belongs to the LLM server: another one gets it
    only if it is the same host and port, by the same scheme.

    Args:
        url: of the VLM server.
        environment: of the run.
        llm_url: address of the LLM server; None is OpenAI's, as for the LLM itself.
    """
    own = (environment.get(VLM.key_variable) or "").strip()
    if own:
        return own
    if not is_same_server(url, llm_url or OPENAI_URL):
        return None
    return (environment.get(LLM.key_variable) or "").strip() or None


def is_same_server(url: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port."""
    return _origin(url) == _origin(other)


def _origin(url: str) -> tuple[str, str | None, int]:
    """Return scheme, host and port (RFC 6454, 4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
