"""Several servers of one model: they share the work, and one that dies is missed by nobody."""

import contextlib
import re
import threading
import time
from dataclasses import replace
from itertools import cycle

import pytest

from capenh_pipeline.errors import ServerError
from capenh_pipeline_tests.fakes.fake_time import FakeTime
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, Response, error_body
from capenh_pipeline_tests.fakes.loopback import text_of
from capenh_pipeline_tests.fakes.vlm_server import see
from capenh_pipeline_tests.models.llm_rows import TRANSPORTS
from capenh_pipeline_tests.models.served_rows import captioned, captions, images, seen, served
from capenh_pipeline_tests.processes import PATIENCE_S, wait_until

OOPS = Response(status=500, body=error_body("oops"))
BUSY = Response(status=429, headers={"Retry-After": "300"}, body=error_body("slow down"))

ALL = {place: seen(place) for place in range(60)}


@contextlib.contextmanager
def servers(*replies, **arguments):
    """Run a server for each of `replies`."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeLlmServer(reply, **arguments)) for reply in replies]


def address_of_nobody():
    with FakeLlmServer() as server:
        return server.base_url


def answered(server):
    """Return how many images a server was asked about, without probes."""
    return sum(text_of(request.body, "user") != "see" for request in server.requests)


def test_equal_servers_get_equal_shares_and_each_as_many_at_once_as_the_option_says():
    together = threading.Barrier(3 * 4)

    def equally_slow(payload):
        together.wait(PATIENCE_S)
        return see(payload)

    with servers(equally_slow, equally_slow, equally_slow) as three:
        replies = captioned(served(*three, concurrency=4), images(60))
    assert captions(replies) == ALL
    assert [server.max_in_flight for server in three] == [4, 4, 4]
    assert [len(server.requests) for server in three] == [20, 20, 20]


def test_a_slow_server_gets_fewer_images():
    def slowly(payload):
        wait_until(lambda: len(fast.requests) >= 44)
        return see(payload)

    with FakeLlmServer(slowly) as slow, FakeLlmServer(see) as fast:
        replies = captioned(served(slow, fast, concurrency=4), images(60))
    assert captions(replies) == ALL
    assert len(slow.requests) <= 16


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_a_server_that_was_never_there_costs_nothing(surroundings, caplog):
    nobody = address_of_nobody()
    with FakeLlmServer(see) as server:
        vlm = served(nobody, server, concurrency=4, surroundings=surroundings)
        replies = captioned(vlm, images(60))
    assert captions(replies) == ALL
    assert caplog.text.count(f"The VLM server at {nobody} is down") == 1
    assert "asked again now and then, and the others meanwhile" in caplog.text


@pytest.mark.parametrize("concurrency", [1, 4])
def test_of_three_servers_one_is_enough(concurrency):
    nobody, also_nobody = address_of_nobody(), address_of_nobody()
    with FakeLlmServer(see) as server:
        vlm = served(nobody, also_nobody, server, concurrency=concurrency)
        assert captions(captioned(vlm, images(60))) == ALL


@pytest.mark.parametrize("concurrency", [1, 16])
def test_where_nobody_is_the_run_ends_with_one_sentence(concurrency):
    nobody, also_nobody = address_of_nobody(), address_of_nobody()
    words = rf"No VLM server answers at {nobody} \(.*\): start it or set --vlm_base_url\."
    with pytest.raises(ServerError, match=words):
        captioned(served(nobody, also_nobody, concurrency=concurrency), images(60))


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_a_server_that_dies_is_taken_out_and_asked_again_when_it_is_back(surroundings, caplog):
    """Its requests in flight go to the other one, and none of its images fails."""
    back, waited = threading.Event(), time.monotonic() + PATIENCE_S

    def until_it_is_in_use_again():
        for place, request in enumerate(cycle(images(3))):
            if back.is_set() and answered(successor) >= 8:
                return
            assert time.monotonic() < waited
            yield replace(request, key=place)

    def emit(reply):
        replies.append(reply)
        if len(replies) == 20:
            mortal.__exit__(None, None, None)
        if len(replies) == 60:
            successor.__enter__()
            back.set()

    replies = []
    mortal = FakeLlmServer(see, together=4).__enter__()
    successor = FakeLlmServer(see, port=mortal.port)
    try:
        with FakeLlmServer(see, together=4) as other:
            vlm = served(*(mortal, other), concurrency=4, backoff_s=0.02, surroundings=surroundings)
            vlm.caption(until_it_is_in_use_again(), emit)
    finally:
        if back.is_set():
            successor.__exit__(None, None, None)
    assert captions(replies) == {place: seen(place % 3) for place in range(len(replies))}
    assert answered(mortal) >= 4
    told = [re.sub(r" \(.*\)", "", message) for message in caplog.messages]
    assert told == [
        f"The VLM server at {mortal.base_url} is down; it is asked again now and then, and the "
        "others meanwhile.",
        f"The VLM server at {mortal.base_url} answers again.",
    ]


def test_a_server_that_fails_fast_does_not_draw_all_work_to_itself():
    with servers(lambda payload: OOPS, see, delay_s=0.01) as (broken, well):
        replies = captioned(served(broken, well, concurrency=4), images(60))
    assert captions(replies) == ALL
    assert len(broken.requests) < 30
    assert answered(well) == 60


def test_an_image_that_one_server_fails_on_is_tried_at_another():
    """Though the first one has more room."""
    poisoned = {str(place) for place in range(3, 60, 4)}

    def moody(payload):
        return OOPS if text_of(payload, "user") in poisoned else see(payload)

    with FakeLlmServer(moody) as quick, FakeLlmServer(see, delay_s=0.05) as slow:
        replies = captioned(served(quick, slow, concurrency=4, max_attempts=2), images(60))
    assert captions(replies) == ALL
    failed = [request for request in quick.requests if text_of(request.body, "user") in poisoned]
    assert len(failed) >= 4


def test_a_server_that_hangs_costs_each_of_its_images_one_timeout():
    hang = Response(raw=b"", headers={"Content-Length": "9"}, drip_s=60)
    with servers(lambda payload: hang, see) as (hanging, well):
        replies = captioned(served(hanging, well, concurrency=4, timeout_s=0.5), images(60))
    assert captions(replies) == ALL
    assert len(hanging.requests) <= 8 + 2


def test_a_server_that_wants_to_be_left_alone_is_and_the_others_work_on():
    around = FakeTime()
    began = around.now
    with servers(lambda payload: BUSY, see) as (busy, well):
        vlm = served(busy, well, concurrency=1, surroundings=around.surroundings())
        assert captions(captioned(vlm, images(60))) == ALL
    assert around.now - began < 300
    assert len(busy.requests) == 1


def test_when_all_are_down_the_patience_counts_from_when_the_last_one_was_well():
    around = FakeTime()
    times = {}

    def dies_after(count, name):
        left = iter(range(count))

        def reply(payload):
            if next(left, None) is not None:
                return see(payload)
            times.setdefault(name, around.now)
            return OOPS

        return reply

    with servers(dies_after(1, "first"), dies_after(400, "second")) as two:
        vlm = served(
            *two, concurrency=1, patience_s=600, backoff_s=1, surroundings=around.surroundings()
        )
        with pytest.raises(ServerError, match=r"any more \(oops\), for 600 s now"):
            captioned(vlm, images(500))
    assert times["first"] < times["second"]
    assert 600 <= around.now - times["second"] < 900  # with what it takes to find it out


def test_a_key_that_one_of_them_refuses_ends_the_run():
    no = Response(status=401, body=error_body("no"))
    with servers(see, lambda payload: no) as (_, strict):
        words = rf"The VLM server at {strict.base_url} wants an API key"
        with pytest.raises(ServerError, match=words):
            captioned(served(_, strict), images(9))


def test_the_only_model_is_asked_of_the_first_server_that_answers():
    nobody = address_of_nobody()
    with FakeLlmServer(see, models=["pixtral"]) as server:
        vlm = served(nobody, server, model=None)
        assert captions(captioned(vlm, images(60))) == ALL
    assert vlm.model == "pixtral"
