"""Object storage that is busy, or cuts connections, costs time and no row."""

import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.object_storage.proxy import (
    CUT,
    FAULTS,
    LOST_ANSWER,
    REFUSED,
    SLOW_DOWN,
    STALLED,
)
from capenh_pipeline_tests.tables.samples import captions, manifest, sizes_in, texts_in


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_third_request_fails_and_nothing_is_lost(faulty_folder, fault):
    root, plan = faulty_folder
    plan.fault_of = lambda number, _method: fault if number % 3 == 1 else None
    store = Store.open(root, shard_digits=1)
    table, snapshot = store.table(VLM_CAPTIONS), store.table(IMAGE_MANIFEST)
    with store.held():
        for number in range(3):
            table.append(captions("0", {f"a{number}": "x", "b": f"y{number}"}))
        table.compact(["0"])
        snapshot.replace("0", manifest("0", {"a": 1}))
        snapshot.replace("0", manifest("0", {"a": 2}))
    assert texts_in(table) == ["x", "x", "x", "y2"]
    assert len(table.part_names(["0"])["0"]) == 1
    assert sizes_in(snapshot) == {"a": 2}
    assert plan.done[fault] > 5


def test_a_write_whose_answer_is_lost_is_one_part(faulty_folder):
    root, plan = faulty_folder
    table = Store.open(root, shard_digits=1).table(VLM_CAPTIONS)
    plan.fault_of = lambda _, method: (
        LOST_ANSWER if method == "PUT" and not plan.done[LOST_ANSWER] else None
    )
    table.append(captions("0", {"a": "x"}))
    assert plan.done[LOST_ANSWER] == 1
    assert len(table.part_names(["0"])["0"]) == 1
    assert texts_in(table) == ["x"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_server_that_does_not_answer_is_asked_again(faulty_folder, method):
    root, plan = faulty_folder
    table = Store.open(root, shard_digits=1).table(VLM_CAPTIONS)

    def fault_of(_number: int, asked: str) -> str | None:
        return STALLED if asked == method and not plan.done[STALLED] else None

    plan.fault_of = fault_of
    table.append(captions("0", {"a": "x"}))
    assert texts_in(table) == ["x"]
    assert plan.done[STALLED] == 1
    assert len(table.part_names(["0"])["0"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", [SLOW_DOWN, CUT, REFUSED])
def test_a_server_that_does_not_recover_is_one_sentence_without_credentials(faulty_folder, fault):
    root, plan = faulty_folder
    store = Store.open(root, shard_digits=1)
    store.table(VLM_CAPTIONS).append(captions("0", {"a": "x"}))
    plan.fault_of = lambda _number, _method: fault
    with pytest.raises(StoreError) as caught:
        store.table(VLM_CAPTIONS).read(["0"])
    message = str(caught.value)
    assert message.startswith(f"The store cannot be read at {root}/vlm_captions/shard=0")
    assert "\n" not in message
    assert "testing-" not in message
