from capenh_pipeline.demo.held_out import is_held_out


def test_one_text_in_twenty_is_held_out():
    share = sum(is_held_out(f"text {number}") for number in range(20_000)) / 20_000
    assert 0.045 < share < 0.055


def test_the_choice_is_the_same_on_every_machine():
    held_out = [number for number in range(100) if is_held_out(f"text {number}")]
    assert held_out == [9, 27, 76]
