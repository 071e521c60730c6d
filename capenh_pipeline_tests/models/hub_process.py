"""Questions about the hub, asked in a process of its own: these tests are offline themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ASK = """
import json, sys
from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.hub_commits import hub_commit
from capenh_pipeline.models.vlm_hub import read_config
ask = {
    "hub_commit": hub_commit,
    "read_config": lambda model_id, revision: read_config(locate_model(model_id), revision),
}[sys.argv[1]]
for model_id, revision in json.loads(sys.argv[2]):
    try:
        print(json.dumps(ask(model_id, revision)))
    except ModelError as error:
        print(json.dumps(str(error)))
print(json.dumps([name for name in ("torch", "transformers") if name in sys.modules]))
"""


class Answers(NamedTuple):
    """What came back for each question, and what else the process showed."""

    values: list[Any]
    imported: list[str]
    stderr: str


def answers(
    function: str, questions: list[tuple[str, str | None]], *, cache: Path, **environment: str
) -> Answers:
    """Call `hub_commit` or `read_config` for each hub id and revision.

    An error is answered with its sentence. The process is online, with `cache` as its HF_HOME.
    """
    lines, errors = printed([ASK, function, json.dumps(questions)], cache=cache, **environment)
    return Answers(lines[:-1], lines[-1], errors)


def printed(code: list[str], *, cache: Path, **environment: str) -> tuple[list[Any], str]:
    """Return what `code` prints, a JSON value a line, and what it says on standard error."""
    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", *code],
        env={**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr
