"""The page itself: HTML, style, script and data in one file that needs nothing else."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

CHUNK_ROWS = 5000
"""Images a block of data: a browser's longest string would not hold those of a large dataset."""

_STYLES = ("page.css", "images.css")
_SCRIPTS = ("words.js", "data.js", "charts.js", "parts.js", "page.js")
_UNSAFE = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def page(facts: Mapping[str, Any], columns: Mapping[str, list[Any]]) -> Iterator[str]:
    """Yield the page, part by part.

    Its policy lets a browser run its own script alone, and load nothing but images.

    Args:
        facts: what `page.js` is told of the whole dataset.
        columns: one value an image each, equally long; what they are is told in `data.js`.
    """
    style = "\n".join(map(_asset, _STYLES))
    script = "\n".join(map(_asset, _SCRIPTS))
    head, body, tail = _asset("page.html").split("<!-- cut -->\n")
    yield head.replace("{policy}", _policy(style, script)).replace("{style}", style)
    yield body
    yield _data("facts", facts)
    count = max(map(len, columns.values()))
    for first in range(0, count, CHUNK_ROWS):
        some = {name: column[first : first + CHUNK_ROWS] for name, column in columns.items()}
        yield _data("images", some)
    yield tail.replace("{script}", script)


def _policy(style: str, script: str) -> str:
    images = "img-src 'self' file: data:"
    return (
        f"default-src 'none'; {images}; style-src {_sha256(style)}; script-src {_sha256(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _data(kind: str, value: Any) -> str:
    """Return a block of JSON that no text in it can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)
    return f'<script type="application/json" data-kind="{kind}">{text}</script>\n'


def _asset(name: str) -> str:
    return (files("capenh_pipeline.report") / "assets" / name).read_text(encoding="utf-8")
