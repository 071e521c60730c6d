"""The size of a batch follows what was measured."""

from capenh_pipeline.stages.batch_size import BatchSize


def settle(size, seconds_of, *, batches=60):
    """Caption batches whose seconds depend on their size alone; return the sizes that were used."""
    used = []
    for _ in range(batches):
        used.append(size.now)
        size.record(size.now, seconds_of(size.now))
    return used


def growing(first=4, most=256, *, has_room=lambda: True):
    return BatchSize(first, most, has_room=has_room)


def test_it_grows_while_larger_batches_are_faster():
    size = growing()
    used = settle(size, lambda images: 1.0 + images / 1000)
    assert size.now == 256
    assert used == sorted(used)


def test_it_goes_back_to_the_last_size_that_was_clearly_faster():
    size = growing()
    settle(size, lambda images: max(1.0, images / 32))  # no gain beyond 32
    assert size.now == 32


def test_it_does_not_stop_for_one_slow_batch():
    size, calls = growing(), iter(range(1000))
    settle(size, lambda images: 50.0 if next(calls) % 3 == 1 else 1.0)
    assert size.now == 256


def test_it_grows_only_while_the_memory_has_room():
    size = growing(has_room=lambda: False)
    settle(size, lambda images: 1.0)
    assert size.now == 4


def test_batches_of_another_size_do_not_count():
    size = growing()
    for _ in range(20):
        size.record(3, 0.001)
        assert size.now == 4


def test_what_did_not_fit_is_not_tried_again():
    size = growing()
    settle(size, lambda images: 1.0, batches=5)
    assert size.now == 16
    size.too_large(16)
    assert size.now == 8
    settle(size, lambda images: 1.0)
    assert size.now == 8


def test_a_size_that_the_user_gave_stays():
    size = BatchSize(7, 7, has_room=lambda: True)
    settle(size, lambda images: 1.0)
    assert size.now == 7
    size.too_large(7)
    assert size.now == 3


def test_one_image_is_the_least():
    size = BatchSize(1, 1, has_room=lambda: True)
    size.too_large(1)
    assert size.now == 1
