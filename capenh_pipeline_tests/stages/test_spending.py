"""A run that may spend so much stops in time, and says what is left."""

import pytest

from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import MergeRequest
from capenh_pipeline.stages.spending import Spending

TOKENS = 100  # of every request and answer


def asked(count, **options):
    """Return how many of `count` requests a run sends, one after the other."""
    spending = Spending(Options(**options))
    requests = (MergeRequest(None, "x" * 120, "y" * 280, None) for _ in range(count))
    sent = 0
    for affordable in spending.rounds(requests):
        for _ in affordable:
            sent += 1
            spending.add(TOKENS, TOKENS)
    return sent, spending.warnings(left=count - sent)


def test_without_a_limit_all_is_asked():
    assert asked(50) == (50, [])


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"max_tokens_total": 2000}, 10),
        ({"max_tokens_total": 2199}, 10),
        ({"max_tokens_total": 100}, 0),
        ({"max_cost": 1.0, "price_in": 100, "price_out": 300}, 25),
        ({"max_cost": 1.0, "price_in": 100, "price_out": 300, "max_tokens_total": 2000}, 10),
        ({"max_cost": 0.0, "price_in": 1, "price_out": 1}, 0),
        ({"max_cost": 0.0, "price_in": 0, "price_out": 0}, 50),
    ],
)
def test_a_run_stops_before_its_limit(options, sent):
    assert asked(50, **options)[0] == sent


def test_what_is_on_its_way_counts_and_goes_on_when_it_was_cheaper_than_guessed():
    spending = Spending(Options(max_tokens_total=2000))
    rounds = spending.rounds(MergeRequest(None, "", "y" * 400, None) for _ in range(50))
    first = len([*next(rounds)])
    assert first == 9  # of 220 tokens each, by the guess
    for _ in range(first):
        spending.add(50, 50)
    assert len([*next(rounds)]) == 11
    for _ in range(11):
        spending.add(50, 50)
    assert next(rounds, None) is None


def test_the_user_is_told_what_is_left():
    _, (warning,) = asked(50, max_tokens_total=2000)
    assert "--max_tokens_total 2000" in warning
    assert "40 combined captions are left" in warning
