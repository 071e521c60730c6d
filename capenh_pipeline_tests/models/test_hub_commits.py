"""Which commit a hub model stands for, asked of a hub on loopback."""

import pytest

from capenh_pipeline_tests.fakes.hub import ABSENT, BROKEN, CLOSED, FakeHub
from capenh_pipeline_tests.models.hub_process import answers

UNREACHABLE = "http://127.0.0.1:9"
PINNED = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}"}


@pytest.fixture
def hub():
    with FakeHub() as started:
        yield started


def test_a_branch_stands_for_its_newest_commit(hub, tmp_path):
    old, tagged = (
        hub.push("org/open", FILES),
        hub.push("org/open", {**FILES, "a": b""}, branch="v1"),
    )
    questions = [("org/open", None), ("org/open", "main"), ("org/open", "v1")]
    first = answers("hub_commit", questions, cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    assert first.values == [old, old, tagged]
    assert first.imported == []
    new = hub.push("org/open", {**FILES, "weights": b"1"})
    second = answers("hub_commit", questions, cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    assert second.values == [new, new, tagged]


def test_a_commit_is_itself_without_a_request(hub, tmp_path):
    asked = answers("hub_commit", [("org/x", PINNED)], cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    assert asked.values == [PINNED]
    assert hub.requests == []


def test_one_short_request_is_enough_once_the_model_is_here(hub, tmp_path):
    hub.push("org/open", FILES)
    answers("hub_commit", [("org/open", None)], cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    hub.requests.clear()
    answers("hub_commit", [("org/open", None)], cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    assert hub.requests == ["HEAD /org/open/resolve/main/config.json"]


@pytest.mark.parametrize("trouble", ["unreachable", "broken", "offline", "no longer shown"])
def test_without_the_hubs_answer_the_cache_says_it(hub, tmp_path, trouble):
    commit = hub.push("org/open", FILES)
    answers("hub_commit", [("org/open", None)], cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    hub.refusals["org/open"] = ABSENT if trouble == "no longer shown" else BROKEN
    environment = {
        "HF_ENDPOINT": UNREACHABLE if trouble == "unreachable" else hub.endpoint,
        "HF_HUB_OFFLINE": "1" if trouble == "offline" else "0",
    }
    again = answers("hub_commit", [("org/open", None)], cache=tmp_path, **environment)
    assert again.values == [commit]


@pytest.mark.parametrize("trouble", ["unreachable", "broken", "offline"])
def test_what_neither_hub_nor_cache_knows_is_known_at_once(hub, tmp_path, trouble):
    hub.refusals["org/open"] = BROKEN
    environment = {
        "HF_ENDPOINT": UNREACHABLE if trouble == "unreachable" else hub.endpoint,
        "HF_HUB_OFFLINE": "1" if trouble == "offline" else "0",
    }
    asked = answers("hub_commit", [("org/open", None)], cache=tmp_path, **environment)
    assert asked.values == [None]
    assert "Retrying" not in asked.stderr


def test_every_refusal_of_the_hub_is_one_clear_sentence(hub, tmp_path):
    hub.push("org/open", FILES)
    hub.push("org/bare", {"README.md": b""})
    hub.refusals["org/closed"] = CLOSED
    questions = [("org/closed", None), ("org/absent", None), ("org/bare", None), ("org/open", "v9")]
    closed, absent, bare, revision = answers(
        "hub_commit", questions, cache=tmp_path, HF_ENDPOINT=hub.endpoint
    ).values
    assert "accept its terms" in closed
    assert "HF_TOKEN" in closed
    assert "neither a folder here nor a model that the Hugging Face hub shows" in absent
    assert bare == "org/bare is no checkpoint: it has no config.json."
    assert revision == "org/open has no revision 'v9' on the hub."


def test_a_private_model_is_shown_to_whoever_has_the_token(hub, tmp_path):
    commit, hub.token = hub.push("org/private", FILES), "hf_canary"
    question, environment = [("org/private", None)], {"HF_ENDPOINT": hub.endpoint}
    stranger = answers("hub_commit", question, cache=tmp_path, **environment)
    assert "HF_TOKEN" in stranger.values[0]
    environment["HF_TOKEN"] = hub.token
    friend = answers("hub_commit", question, cache=tmp_path, **environment)
    assert friend.values == [commit]
