"""Names for content: the same bytes or the same recipe get the same hash on every machine."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of `content`, 64 lower-case hex digits."""
    return hashlib.sha256(content).hexdigest()


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no spaces: equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """Return the identity of everything that can change a caption, given the same input.

    Args:
        recipe: JSON values by name. What cannot change a caption (batch size, device, worker
            count) must not be in it, or results that are still right would be computed again.
    """
    return sha256_hex(canonical_json(recipe).encode())
