"""The gates over combined captions, measured on the labelled answers."""

from collections import Counter

import pytest

from capenh_pipeline.domain.fusion.gates import GATES
from capenh_pipeline_tests.fusion_set.labelled import attacks, labelled_answers
from capenh_pipeline_tests.fusion_set.measure import gate_scores, is_rejected_or_mended, outcome

pytestmark = pytest.mark.slow

MIN_RECALL = 0.95
MIN_PRECISION = 0.95  # the aim is 0.98: one of 36 that `retention` rejects is good


@pytest.fixture(scope="module")
def outcomes():
    return [outcome(answer) for answer in labelled_answers()]


def test_the_set_is_large_and_near_half_of_it_is_good():
    gates = Counter(answer.gate for answer in labelled_answers())
    assert gates.total() >= 200
    assert gates[None] >= 0.45 * gates.total()
    assert min(gates[gate] for gate in GATES) >= 12
    assert len(attacks()) >= 40


def test_a_mendable_answer_is_not_what_should_become_of_it():
    assert not [a.id for a in labelled_answers() if a.fixed is not None and a.fixed == a.answer]


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_finds_what_it_is_for_and_little_else(outcomes, gate):
    (score,) = [score for score in gate_scores(outcomes) if score.gate == gate]
    misses = "\n".join(
        str(o) for o in outcomes if not o.is_right and gate in (o.answer.gate, o.kind)
    )
    assert score.recall >= MIN_RECALL, misses
    assert score.precision >= MIN_PRECISION, misses


def test_bad_answers_are_stopped(outcomes):
    bad = [o for o in outcomes if o.answer.kinds]
    let_through = [str(o) for o in bad if not is_rejected_or_mended(o)]
    assert len(let_through) <= 0.02 * len(bad), "\n".join(let_through)


def test_good_answers_come_through_as_they_are(outcomes):
    good = [o for o in outcomes if not o.answer.kinds]
    harmed = [str(o) for o in good if not o.is_right]
    assert len(harmed) <= 0.02 * len(good), "\n".join(harmed)


@pytest.mark.slow
def test_of_answers_that_no_rule_was_made_for_most_are_judged_rightly():
    outcomes = [outcome(answer) for answer in labelled_answers(is_fresh=True)]
    good = [o for o in outcomes if not o.answer.kinds]
    bad = [o for o in outcomes if o.answer.kinds]
    assert sum(o.is_right for o in good) >= 104
    assert sum(map(is_rejected_or_mended, bad)) >= 132
