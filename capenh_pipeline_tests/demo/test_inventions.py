from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.inventions import invent_name, invent_trigger


def test_a_trigger_is_one_word():
    rng = seeded(0)
    for _ in range(300):
        trigger = invent_trigger(rng)
        assert trigger.split() == [trigger]


def test_a_name_is_one_or_two_capitalised_words():
    rng = seeded(0)
    for _ in range(300):
        words = invent_name(rng).split()
        assert 1 <= len(words) <= 2
        assert all(word[0].isupper() for word in words)


def test_inventions_hardly_ever_repeat():
    rng = seeded(0)
    assert len({invent_name(rng) for _ in range(500)}) > 490
