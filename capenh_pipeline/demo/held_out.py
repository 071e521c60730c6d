"""Which texts the demo's models never see while they learn."""

import hashlib

_ONE_IN = 20


def is_held_out(text: str) -> bool:
    """Tell whether `text` is kept for evaluation: one text in twenty, by its hash.

    A scene is held out when its most detailed caption is (that caption says everything
    about the scene), a pair of captions when its VLM caption is. The answer needs no
    list, so no training can forget to consult the right one.
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % _ONE_IN == 0
