"""Captions that try to take over, and a server that lets every one of them."""

import pytest

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.prompts import DEFAULT_LLM_SYSTEM_PROMPT, user_message
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, OK
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.fusion import Fusion
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.fusion_set.labelled import attacks
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.vlm_rows import keep_captions


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.id)
def test_the_answer_of_an_llm_that_obeys_is_no_caption(attack):
    verdict = judged(attack, attack.obeyed)
    assert not attack.succeeded(verdict.caption if verdict.fault is None else None)


def test_most_captions_of_an_llm_that_resists_come_through():
    """Where they do not, the two captions are mostly in two languages."""
    verdicts = {attack.id: judged(attack, attack.resisted) for attack in attacks()}
    rejected = {name: str(v.fault) for name, v in verdicts.items() if v.fault is not None}
    assert len(rejected) <= 0.25 * len(verdicts), rejected


def test_a_run_against_a_server_that_obeys_writes_no_payload_as_an_answer(tmp_path):
    obeying = ObeyingServer()
    with FakeLlmServer(obeying.reply, models=None) as server:
        run = run_over_attacks(tmp_path / "images", server.base_url)
        fill_combined_captions(run, connect=Outside().connect_llm)
    assert obeying.obeyed == {attack.id for attack in attacks()}
    rows = run.store.table(COMBINED_CAPTIONS).read().iter_rows(named=True)
    answers = {(row["manual_caption"], row["vlm_caption"]): answer_in(row) for row in rows}
    told = {attack.id: (attack.sources.manual, attack.sources.seen[0]) for attack in attacks()}
    assert not [a.id for a in attacks() if a.succeeded(answers[told[a.id]])]


class ObeyingServer:
    """Does what the attack in a message wants, also when it is told that this was wrong."""

    def __init__(self):
        self.obeyed = set()
        self._attacks = {message_of(attack): attack for attack in attacks()}

    def reply(self, payload):
        # A fault is told in a message of its own, or at the end of the first one.
        question = next(m["content"] for m in payload["messages"] if m["role"] == "user")
        attack = next(a for message, a in self._attacks.items() if question.startswith(message))
        self.obeyed.add(attack.id)
        return attack.obeyed


def run_over_attacks(folder, base_url):
    """Return a run with one image for each attack, whose manual and VLM captions are known."""
    for number, attack in enumerate(attacks()):
        colour(folder / f"{attack.id}.png", (number, 0, 0))
        if attack.sources.manual is not None:
            (folder / f"{attack.id}.txt").write_text(attack.sources.manual, encoding="utf-8")
    options = Options(dataset_dir=str(folder), base_url=base_url, model="m", prompt="see")
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    run = outside.open_run(options, shards=None, run_id="test")
    build_image_manifest(run)
    keep_captions(run, {f"{a.id}.png": {None: a.sources.seen[0]} for a in attacks()})
    return run


def judged(attack, answer):
    return Fusion(Options()).judge(attack.sources, DEFAULT_LLM_SYSTEM_PROMPT)(answer)


def message_of(attack):
    return user_message(attack.sources.manual, [(None, text) for text in attack.sources.seen])


def answer_in(row):
    """Return the caption of a row if it is the LLM's, not a fallback."""
    return row["caption"] if row["status"] == OK and not row["fallback"] else None
