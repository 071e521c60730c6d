"""What goes wrong with a dataset in a bucket: a bad object is a row, a bad server a sentence."""

from collections.abc import Callable

import pytest

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.errors import DatasetError, StoreError
from capenh_pipeline.places import object_client
from capenh_pipeline.places.object_client import bucket_client
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.object_storage.dataset import BLUE, RED, Bucket, picture
from capenh_pipeline_tests.object_storage.proxy import FAULTS, FORBIDDEN, REFUSED
from capenh_pipeline_tests.stage_runs import NOTHING, Cost


@pytest.fixture
def impatient(monkeypatch):
    """Requests that fail are not made again."""
    monkeypatch.setattr(object_client, "_PAUSES_S", ())
    monkeypatch.setattr(object_client, "_RETRIES", {"max_retries": 0})
    bucket_client.cache_clear()


def on(bucket: Bucket, request: str, do: Callable[[], str | None]) -> None:
    """Have `do` called before such a request (method and end of the path), and its fault made."""
    method, end = request.split(" ", 1)

    def fault_of(_number: int, asked: str) -> str | None:
        is_meant = asked == method and bucket.plan.asked[-1].endswith(end)
        return do() if is_meant else None

    bucket.plan.fault_of = fault_of


def test_a_bucket_that_nobody_lets_us_into_is_a_sentence_before_anything_is_done(new_bucket):
    new_bucket.plan.fault_of = lambda *_: FORBIDDEN
    with pytest.raises(StoreError, match=r"The store cannot be read at s3://.*: access is refused"):
        new_bucket.runs.opened(store="")


def test_an_image_that_goes_between_list_and_reading_is_a_failed_row(new_bucket):
    on(new_bucket, "GET /a.png", lambda: new_bucket.delete_behind_the_proxy("a.png"))
    new_bucket.runs.run()
    row = new_bucket.runs.manifest()["a.png"]
    assert (row["status"], row["error_kind"]) == ("failed", "unreadable")
    assert row["error"] == "The file cannot be read: there is no such object."
    assert new_bucket.runs.manifest()["sub/b.png"]["status"] == "ok"


def test_an_image_that_is_refused_is_a_failed_row_and_read_once_it_is_allowed(new_bucket):
    on(new_bucket, "GET /a.png", lambda: FORBIDDEN)
    new_bucket.runs.run()
    row = new_bucket.runs.manifest()["a.png"]
    assert (row["status"], row["error_kind"]) == ("failed", "unreadable")
    assert row["error"].startswith("The file cannot be read: access is refused: ")
    assert "testing-" not in row["error"]
    new_bucket.plan.fault_of = lambda *_: None
    assert new_bucket.runs.run() == Cost(1, 1, 1, 1)


def test_a_caption_file_that_may_not_be_written_is_a_failure_of_its_image(bucket):
    bucket.put("a.txt", b"sks cat")
    on(bucket, "PUT /a_combined.txt", lambda: FORBIDDEN)
    bucket.runs.run()
    (failed,) = bucket.runs.reports[-1].failed_files.values()
    assert "a_combined.txt: The caption file cannot be written: access is refused" in failed[0][1]
    bucket.plan.fault_of = lambda *_: None
    assert bucket.runs.run() == Cost(0, 0, 0, 1)


def test_an_image_that_cannot_be_read_for_want_of_a_server_ends_the_run_and_is_no_failed_row(
    new_bucket, impatient
):
    run = new_bucket.runs.opened()
    build_image_manifest(run)
    on(new_bucket, "GET .png", lambda: REFUSED)
    with pytest.raises(DatasetError, match=r"png cannot be read \(.*\); run again when its server"):
        new_bucket.runs.run()
    assert run.store.table(VLM_CAPTIONS).read().is_empty()
    new_bucket.plan.fault_of = lambda *_: None
    assert new_bucket.runs.run() == Cost(0, 2, 2, 2)


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_caption_files_that_cannot_be_written_for_want_of_a_server_end_the_run(
    bucket, impatient, method
):
    bucket.put("a.txt", b"sks cat")
    on(bucket, f"{method} _combined.txt", lambda: REFUSED)
    with pytest.raises(StoreError, match=r"files cannot be written to .*; see to its server"):
        bucket.runs.run()
    bucket.plan.fault_of = lambda *_: None
    assert bucket.runs.run() == Cost(0, 0, 0, 1)


def test_a_folder_that_cannot_be_listed_for_want_of_a_server_ends_the_run(bucket, impatient):
    """Its images would leave the manifest otherwise."""
    bucket.plan.fault_of = lambda number, method: (
        REFUSED if method == "GET" and bucket.plan.done["well"] > bucket.listed else None
    )
    bucket.listed = bucket.plan.done["well"]  # the dataset's own folder is listed, the next is not
    with pytest.raises(DatasetError, match="sub cannot be read"):
        bucket.runs.run()
    bucket.plan.fault_of = lambda *_: None
    assert bucket.runs.run() == NOTHING


def test_a_name_with_control_characters_costs_its_folder_and_says_so(bucket):
    bucket.put_behind_the_proxy("odd/new\tline.png", picture(BLUE))
    bucket.put("good/c.png", picture(BLUE))
    bucket.runs.run()
    assert {*bucket.runs.manifest()} == {"a.png", "sub/b.png", "good/c.png"}
    (warning,) = bucket.runs.reports[0].warnings
    assert warning.startswith("The folder odd was skipped: Encountered object with invalid path")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_third_request_fails_and_the_captions_are_the_same(new_bucket, fault):
    new_bucket.plan.fault_of = lambda number, _method: fault if number % 3 == 1 else None
    assert new_bucket.runs.run() == Cost(3, 2, 2, 2)
    assert "sks dog" in new_bucket.text("a_combined.txt")
    new_bucket.put("a.txt", b"sks cat")
    assert new_bucket.runs.run() == Cost(1, 0, 1, 1)
    assert "sks cat" in new_bucket.text("a_combined.txt")
    assert new_bucket.runs.run() == NOTHING
    assert new_bucket.plan.done[fault] > 5


def test_a_server_that_ignores_conditions_gets_no_caption_file(careless_folder, tmp_path):
    (careless_folder / "a.png").put(picture(RED))
    runs = Bucket.runs_over(careless_folder, tmp_path / "store")
    with pytest.raises(DatasetError, match="ignores the conditions of conditional writes"):
        runs.run()
    assert runs.run(write_policy="overwrite").files_written == 1
