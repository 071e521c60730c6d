"""A run that may spend so much stops in time, and says what is left."""

import pytest

from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.stages.spending import Spending

TOKENS = 100  # of every request and answer


def reply(read, written, *, attempts=1):
    return MergeReply(None, None, None, None, "stop", read, written, attempts, latency_s=0.1)


def asked(count, **options):
    """Return how many of `count` requests a run sends, one after the other."""
    spending = Spending(Options(**options))
    requests = (MergeRequest(None, "x" * 120, "y" * 280, None) for _ in range(count))
    sent = 0
    for affordable in spending.rounds(requests):
        for _ in affordable:
            sent += 1
            spending.add(reply(TOKENS, TOKENS))
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


def sent_by_rounds(count, answer, **options):
    """Return how many of `count` requests each round sends, all on their way at once."""
    spending = Spending(Options(**options))
    sizes = []
    for affordable in spending.rounds(
        MergeRequest(None, "", "y" * 400, None) for _ in range(count)
    ):
        sizes.append(len([*affordable]))
        for _ in range(sizes[-1]):
            spending.add(answer)
    return sizes


def test_what_is_on_its_way_counts_and_goes_on_when_it_was_cheaper_than_it_can_be():
    assert sent_by_rounds(50, reply(50, 50), max_tokens_total=2000) == [1, 19]


def test_a_limit_that_is_far_away_slows_nothing_down():
    assert sent_by_rounds(50, reply(50, 50), max_tokens_total=200_000) == [50]


def test_an_llm_that_writes_far_more_than_was_guessed_is_found_out_in_time():
    assert sum(sent_by_rounds(50, reply(900, 3072), max_tokens_total=10_000)) == 2


def test_a_server_that_does_not_count_tokens_is_paid_by_a_guess():
    assert sum(sent_by_rounds(50, reply(0, 0), max_tokens_total=2200)) == 10
    assert sum(sent_by_rounds(50, reply(0, 0, attempts=2), max_tokens_total=2200)) == 5


def test_a_limit_below_one_row_says_that_running_again_does_not_help():
    sent, (warning,) = asked(50, max_tokens_total=100)
    assert sent == 0
    assert "read 100 tokens and write 120, which --max_tokens_total 100 does not allow" in warning
    assert "run again" not in warning


def test_nobody_is_told_that_a_limit_was_kept_that_rows_on_their_way_passed():
    spending = Spending(Options(max_tokens_total=2000))
    costs = iter([100, *[150] * 49])
    for affordable in spending.rounds(MergeRequest(None, "", "y" * 400, None) for _ in range(50)):
        for _ in [*affordable]:
            spending.add(reply(next(costs), 0))
    (warning,) = spending.warnings(left=30)
    assert warning.startswith("Stopped because of --max_tokens_total 2000, after 2950 tokens: 30 ")


def test_the_user_is_told_what_is_left():
    _, (warning,) = asked(50, max_tokens_total=2000)
    assert "--max_tokens_total 2000" in warning
    assert "40 combined captions are left" in warning
