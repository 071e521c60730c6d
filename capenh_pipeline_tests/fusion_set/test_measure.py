"""When an outcome counts as right."""

import pytest

from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline_tests.fusion_set.labelled import LabelledAnswer
from capenh_pipeline_tests.fusion_set.measure import Outcome, gate_scores

SOURCES = Sources("sks dog", ("A dog on a table.",), ("sks",))


def outcome(kinds, answer, *, kind=None, caption="", fixed=None):
    labelled = LabelledAnswer("x", SOURCES, None, None, None, answer, kinds, fixed, "")
    return Outcome(labelled, kind, caption)


@pytest.mark.parametrize(
    ("right", "judged"),
    [
        (True, outcome((), "A dog.", caption="A dog.")),
        (False, outcome((), "A dog.", caption="A dog")),
        (False, outcome((), "A dog.", kind="support")),
        (True, outcome(("preamble",), "Sure: A dog.", caption="A dog.", fixed="A dog.")),
        (False, outcome(("preamble",), "Sure: A dog.", caption="Sure: A dog.", fixed="A dog.")),
        (True, outcome(("preamble", "refusal"), "Sure: no.", kind="refusal")),
        (False, outcome(("preamble",), "Sure: no.", kind="refusal")),
        (False, outcome(("refusal",), "Sure: no.", caption="Sure: no.")),
        (True, outcome(("term_lost", "retention"), "A dog.", caption="A sks dog.")),
        (True, outcome(("term_lost", "retention"), "A SKS dog.", caption="sks, A dog.")),
        (False, outcome(("term_lost", "retention"), "A dog.", caption="A sksdog.")),
        (False, outcome(("term_lost", "retention"), "A dog.", caption="A sks cat.")),
        (False, outcome(("term_lost", "support"), "A dog by Ann.", caption="sks A dog by Ann.")),
    ],
)
def test_a_good_answer_is_kept_and_a_bad_one_mended_or_rejected_for_its_fault(right, judged):
    assert judged.is_right == right


def test_a_bad_answer_is_stopped_under_any_name_and_a_good_one_under_none():
    outcomes = [
        outcome(("refusal",), "No.", kind="refusal"),
        outcome(("refusal",), "No.", kind="empty"),
        outcome(("refusal",), "No.", caption="No."),
        outcome((), "A dog.", kind="empty"),
    ]
    scores = {score.gate: score for score in gate_scores(outcomes)}
    refusal, empty = scores["refusal"], scores["empty"]
    assert (refusal.answers, refusal.stopped, refusal.named) == (3, 2, 1)
    assert (empty.rejected, empty.rightly) == (2, 1)
    assert (refusal.recall, refusal.precision, empty.precision) == (2 / 3, 1.0, 0.5)
