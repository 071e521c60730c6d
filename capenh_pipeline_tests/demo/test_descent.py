import pytest

from capenh_pipeline.demo.descent import Descent, Schedule

SCHEDULE = Schedule(steps=1000, warmup_steps=100, peak_rate=0.01)


def test_the_rate_climbs_to_its_peak_then_falls():
    rates = [SCHEDULE.rate(step) for step in range(1000)]
    peak = rates.index(max(rates))
    assert 90 <= peak <= 100
    assert rates[peak] == pytest.approx(0.01, rel=0.05)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


def test_the_rate_hardly_exceeds_nothing_at_the_end():
    assert SCHEDULE.rate(1000) == pytest.approx(0.0002)


def test_steps_lead_down(torch):
    place = torch.nn.Parameter(torch.tensor([3.0]))
    descent = Descent([place], Schedule(steps=200, warmup_steps=1, peak_rate=0.1), beta2=0.95)
    for _ in range(200):
        descent.take((place**2).sum())
    assert abs(place.item()) < 0.1
    assert descent.smoothed_loss < 1
