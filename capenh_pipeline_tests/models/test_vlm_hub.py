import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = b'{"model_type": "florence2"}'
REFUSALS = {  # status and error code, as the hub answers them
    "closed": (403, "GatedRepo"),
    "absent": (401, "RepoNotFound"),
    "bare": (404, "EntryNotFound"),
}
READ = """
import json, sys
from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.vlm_hub import read_config
for model_id, revision in json.loads(sys.argv[1]):
    try:
        print(json.dumps(read_config(locate_model(model_id), revision)))
    except ModelError as error:
        print(json.dumps(str(error)))
"""


class Hub(BaseHTTPRequestHandler):
    """The part of the Hugging Face hub that serves one file of a model."""

    def do_HEAD(self) -> None:
        status, code = self._outcome()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(CONFIG) if status == 200 else 0))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if self._outcome()[0] == 200:
            self.wfile.write(CONFIG)

    def _outcome(self) -> tuple[int, str]:
        found = re.fullmatch(r"/org/(\w+)/resolve/(\w+)/config\.json", self.path)
        if not found:
            return 404, "EntryNotFound"
        name, revision = found.groups()
        return (404, "RevisionNotFound") if revision == "v9" else REFUSALS.get(name, (200, ""))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Stay quiet."""


CAPTION = """
import json, sys
from PIL import Image
from capenh_pipeline.models.vlm import VlmSettings, load_vlm
for model_id in sys.argv[1:]:
    vlm = load_vlm(VlmSettings(model_id, revision="v1", device="cpu"))
    reply, = vlm.generate(vlm.prepare([Image.new("RGB", (64, 64), "red")]))
    print(json.dumps([vlm.effective_model_id, vlm.revision, reply.caption]))
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def read_configs(cases: list[list[str | None]], cache: Path, **environment: str) -> list:
    """Return for each model id and revision its config and commit, or the error's sentence."""
    return run([READ, json.dumps(cases)], cache, **environment)


def run(code: list[str], cache: Path, **environment: str) -> list:
    """Return what `code` prints, a JSON value a line, with a hub cache of its own."""
    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", *code],
        env={**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_config_comes_from_the_hub_with_its_commit_and_every_refusal_is_one_clear_sentence(
    endpoint, tmp_path
):
    cases = [["org/open", None], ["org/closed", None], ["org/absent", None], ["org/bare", None]]
    found, closed, absent, bare, revision = read_configs(
        [*cases, ["org/open", "v9"]], tmp_path, HF_ENDPOINT=endpoint
    )
    assert found == [json.loads(CONFIG), COMMIT]
    assert "accept its terms" in closed
    assert "HF_TOKEN" in closed
    assert "neither a folder here nor a model that the Hugging Face hub shows" in absent
    assert bare == "org/bare is no checkpoint: it has no config.json."
    assert revision == "org/open has no revision 'v9' on the hub."


def test_what_was_fetched_once_is_found_without_the_hub(endpoint, tmp_path):
    read_configs([["org/open", None]], tmp_path, HF_ENDPOINT=endpoint)
    again, other = read_configs(
        [["org/open", None], ["org/other", None]], tmp_path, HF_HUB_OFFLINE="1"
    )
    assert again == [json.loads(CONFIG), COMMIT]
    assert "org/other is not on this machine and the Hugging Face hub cannot be reached" in other


def test_the_asked_revision_of_a_hub_model_captions_and_is_named_by_its_commit(
    load, original_florence, tmp_path
):
    for name, folder in (("native", FLORENCE_FOLDER), ("original", original_florence)):
        model = tmp_path / "hub" / f"models--org--{name}"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "v1").write_text(COMMIT)
        shutil.copytree(folder, model / "snapshots" / COMMIT)
        (model / "refs" / "main").write_text("f" * 40)
        (model / "snapshots" / ("f" * 40)).mkdir()
    native, original = run([CAPTION, "org/native", "org/original"], tmp_path, HF_HUB_OFFLINE="1")
    here = load(FLORENCE_FOLDER)
    (reply,) = here.generate(here.prepare([Image.new("RGB", (64, 64), "red")]))
    assert native == ["org/native", COMMIT, reply.caption]
    assert original == ["org/original", COMMIT, reply.caption]
