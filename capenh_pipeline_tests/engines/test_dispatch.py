"""Who is given which job, and when the run ends, with workers that a test plays."""

import pytest

from capenh_pipeline.engines.dispatch import Dispatcher
from capenh_pipeline.engines.pool import Begun, Died, Done, Failed, Ready
from capenh_pipeline.errors import ConfigurationError, ModelError
from capenh_pipeline_tests.fakes.squares import Numbers


class PlayedPool:
    """Takes note of what it is told; each step of a test returns the events of one `wait`."""

    patience_s = 60.0
    nobody = "Nobody has come."

    def __init__(self, places=2):
        self.has_places = places
        self.started, self.ended, self.given = {}, [], []
        self.steps = iter(())
        self.now = 0.0

    def places(self):
        return self.has_places

    def start(self, worker, place):
        self.started[worker] = place

    def give(self, worker, ticket, job):
        self.given.append((worker, ticket, job.values))

    def wait(self, timeout_s):
        return next(self.steps)()

    def end(self, worker):
        self.ended.append(worker)

    def close(self):
        pass

    def done(self, values):
        """Say that the job with these values was done."""
        worker, ticket, _ = next(given for given in reversed(self.given) if given[2] == values)
        return Done(worker, ticket, values)

    def of_worker(self, worker):
        """Return the jobs that a worker was given."""
        return [values for given, _, values in self.given if given == worker]


def opened(pool):
    return Dispatcher(pool, clock=lambda: pool.now)


def ready(*workers, room=2):
    return [event for worker in workers for event in (Begun(worker), Ready(worker, "facts", room))]


def newest(pool):
    """Return the worker that was started last."""
    return max(pool.started)


def play(pool, jobs, *steps):
    """Run jobs through steps, each a function that returns events, and return the results."""
    pool.steps = iter(steps)
    return list(opened(pool).run([Numbers(values) for values in jobs]))


def test_only_workers_that_are_ready_are_given_jobs_the_fewest_first():
    pool = PlayedPool()
    jobs = [(number,) for number in range(4)]
    done = play(
        pool,
        jobs,
        lambda: [Begun(0), Begun(1)],
        lambda: [*ready(1), *ready(0)],
        lambda: [pool.done(values) for values in jobs],
    )
    assert done == jobs
    assert [worker for worker, _, _ in pool.given] == [1, 1, 0, 0]


def test_jobs_are_spread_over_workers_with_room():
    pool = PlayedPool()
    engine = opened(pool)
    pool.steps = iter([lambda: ready(0, 1), lambda: [pool.done((1,))]])
    assert list(engine.run([Numbers((1,))])) == [(1,)]
    pool.steps = iter([lambda: [pool.done((number,)) for number in (2, 3, 4, 5)]])
    assert len(list(engine.run([Numbers((number,)) for number in (2, 3, 4, 5)]))) == 4
    assert [worker for worker, _, _ in pool.given[1:]] == [0, 1, 0, 1]


def test_a_job_that_ends_one_worker_of_its_own_may_be_innocent():
    pool = PlayedPool(places=1)
    done = play(
        pool,
        [(1,)],
        lambda: ready(0),
        lambda: [Died(0, "killed")],
        lambda: ready(newest(pool)),
        lambda: [Died(newest(pool), "killed")],
        lambda: ready(newest(pool)),
        lambda: [pool.done((1,))],
    )
    assert done == [(1,)]


def test_only_starts_that_fail_in_a_row_count():
    pool = PlayedPool(places=1)

    def fails():
        return [Begun(newest(pool)), Died(newest(pool), "killed")]

    done = play(
        pool,
        [(1,)],
        *[fails, fails],
        lambda: ready(newest(pool)),
        lambda: [Died(newest(pool), "killed")],
        *[fails, fails],
        lambda: ready(newest(pool)),
        lambda: [pool.done((1,))],
    )
    assert done == [(1,)]


def test_a_suspect_is_tried_alone_and_in_a_worker_that_has_run_dry():
    pool = PlayedPool()
    jobs = [(0,), (1,), (2,), (3,), (4,), (5,)]
    done = play(
        pool,
        jobs,
        lambda: ready(0, 1),
        lambda: [Died(0, "killed")],
        lambda: [pool.done(pool.of_worker(1)[0])],
        lambda: [pool.done(pool.of_worker(1)[1])],
        lambda: [pool.done(pool.of_worker(1)[2])],
        lambda: [pool.done(pool.of_worker(1)[3])],
        lambda: [pool.done(pool.of_worker(1)[4])],
        lambda: [pool.done(pool.of_worker(1)[5])],
    )
    suspects = pool.of_worker(0)
    assert sorted(done) == jobs
    assert pool.of_worker(1)[2:4] == suspects


def test_a_worker_is_started_where_one_has_died_and_where_there_is_a_new_place():
    pool = PlayedPool(places=1)

    def grown():
        pool.has_places, pool.now = 2, 5.0
        return []

    play(
        pool,
        [(1,)],
        lambda: ready(0),
        lambda: [Died(0, "killed")],
        grown,
        lambda: [event for worker in pool.started if worker for event in ready(worker)],
        lambda: [pool.done((1,))],
    )
    assert list(pool.started.values()) == [0, 0, 1]


def test_a_place_where_no_worker_starts_is_left_out_and_the_others_go_on():
    pool = PlayedPool()

    def die():
        worker = [worker for worker, place in pool.started.items() if place == 1][-1]
        return [Begun(worker), Died(worker, "exit code 1")]

    done = play(pool, [(1,)], *[die] * 3, lambda: ready(0), lambda: [pool.done((1,))])
    assert done == [(1,)]
    assert list(pool.started.values()) == [0, 1, 1, 1]


def test_a_device_that_refuses_the_model_is_left_out_at_once():
    pool = PlayedPool()
    refusal = ModelError("The weights do not fit.")
    done = play(
        pool,
        [(1,)],
        lambda: [Failed(1, None, refusal), *ready(0)],
        lambda: [pool.done((1,))],
    )
    assert done == [(1,)]
    assert pool.ended == [1]


def test_what_is_wrong_at_every_place_is_said_once():
    pool = PlayedPool()
    error = ConfigurationError("--device is 'x'.")
    with pytest.raises((ModelError, ConfigurationError), match=r"^(No .*: )?--device is 'x'.$"):
        play(pool, [(1,)], lambda: [Failed(0, None, error), Failed(1, None, error)])


def test_nobody_is_waited_for_without_end():
    pool = PlayedPool()

    def hour():
        pool.now += 30.0
        return []

    with pytest.raises(ModelError, match="Nobody has come"):
        play(pool, [(1,)], *[hour] * 4)


def test_who_has_begun_may_take_long_to_load():
    pool = PlayedPool()

    def hour():
        pool.now += 3600.0
        return []

    done = play(
        pool,
        [(1,)],
        lambda: [Begun(0)],
        *[hour] * 5,
        lambda: ready(0),
        lambda: [pool.done((1,))],
    )
    assert done == [(1,)]


def test_a_worker_that_has_jobs_and_finishes_none_for_long_is_ended():
    pool = PlayedPool(places=1)
    jobs = [(number,) for number in range(5)]

    def minutes_later(*events):
        pool.now += 300.0
        return list(events)

    engine = Dispatcher(pool, batch_timeout_s=600, clock=lambda: pool.now)
    pool.steps = iter(
        [
            lambda: [Begun(0)],
            *[minutes_later] * 9,  # it loads its model
            lambda: ready(0),
            *[minutes_later] * 2,
            lambda: minutes_later(pool.done((0,))),  # it is slow
            lambda: minutes_later(pool.done((2,))),
            *[minutes_later] * 3,
            lambda: ready(newest(pool)),
            lambda: [pool.done((1,))],
            lambda: [pool.done((3,))],
            lambda: [pool.done((4,))],
        ]
    )
    done = []
    for result in engine.run([Numbers(values) for values in jobs]):
        done.append(result)
        if len(done) == 1:
            pool.now += 3600.0  # the store is slow, and that is not the worker's fault
    assert sorted(done) == jobs
    assert pool.ended == [0]


def test_what_is_heard_of_the_dead_is_nothing():
    pool = PlayedPool(places=1)
    done = play(
        pool,
        [(1,)],
        lambda: ready(0),
        lambda: [Died(0, "killed"), pool.done((1,)), Died(0, "killed")],
        lambda: ready(list(pool.started)[1]),
        lambda: [pool.done((1,))],
    )
    assert done == [(1,)]
