"""A run that fails is told to a web address."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError

import dagster as dg
import pytest

from capenh_pipeline.defs import webhook
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.defs.run_tags import range_tags
from capenh_pipeline.defs.webhook import failure_webhook
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.errors import ConfigurationError


@pytest.fixture
def hook():
    """Yield a server that answers with the next of `answers`, then 204, and notes `messages`."""
    with Hook(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Hook(HTTPServer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.answers, self.messages = [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append((self.headers["Content-Type"], json.loads(body)))
        self.answer()

    def do_GET(self):
        self.server.messages.append("a GET that tells nothing")
        self.answer()

    def answer(self):
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def tell(tmp_path):
    """Return what tells an address of a run that has failed; its value is the run."""
    values = {"dataset_dir": str(tmp_path / "gone"), "base_url": "http://x/v1"}
    definitions = pipeline_definitions(values, Outside(environment=dict), Deployment())
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("enhance_captions").execute_in_process(
            instance=instance, tags=range_tags("0", "0"), raise_on_error=False
        )
        failure = next(event for event in result.all_events if event.is_failure)

        def tell(url):
            context = dg.build_run_status_sensor_context(
                "failure_webhook", failure, instance, result.dagster_run
            ).for_run_failure()
            failure_webhook(Names(), (), url)(context)
            return result

        yield tell


def test_a_failed_run_is_told_with_its_reason_and_its_dataset(tmp_path, hook, tell):
    result = tell(hook.url)
    ((content_type, message),) = hook.messages
    assert content_type == "application/json"
    assert message["run_id"] == result.run_id
    assert message["job"] == "enhance_captions"
    assert message["tags"]["capenh/dataset"] == "gone"
    assert f"{tmp_path}/gone cannot be opened" in message["error"]
    assert message["error"] in message["text"]


def test_an_address_that_fails_is_tried_three_times_and_then_the_tick_fails(
    hook, tell, monkeypatch
):
    monkeypatch.setattr(webhook, "_PAUSES_S", (0.0, 0.0))
    hook.answers = [500, 503]
    tell(hook.url)
    assert len(hook.messages) == 3
    hook.answers = [500, 503, 502]
    with pytest.raises(HTTPError, match="502"):
        tell(hook.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_not_a_message_that_is_lost_on_the_way(
    hook, tell, monkeypatch, status
):
    monkeypatch.setattr(webhook, "_PAUSES_S", ())
    hook.answers = [status]
    with pytest.raises(HTTPError, match=str(status)):
        tell(hook.url)
    assert len(hook.messages) == 1


def test_only_a_deployment_with_an_address_has_the_sensor():
    def sensors(**options):
        definitions = pipeline_definitions({}, Outside(), Deployment(**options))
        return {sensor.name for sensor in definitions.sensors or ()}

    assert sensors() == {"new_images"}
    assert sensors(failure_webhook="http://127.0.0.1:1/x") == {"new_images", "failure_webhook"}


@pytest.fixture
def two_datasets(hook):
    """Return the definitions of dogs and cats, and what looks for failures as the daemon does."""
    deployment = Deployment(failure_webhook=hook.url)
    definitions = dg.Definitions.merge(
        *(
            pipeline_definitions({}, Outside(environment=dict), deployment, dataset=dataset)
            for dataset in ("dogs", "cats")
        )
    )
    repository, cursors = definitions.get_repository_def(), {}

    with dg.DagsterInstance.ephemeral() as instance:

        def look():
            """Return by dataset what is told of the failures since the look before."""
            told = {}
            for name in ("dogs", "cats"):
                sensor, cursor = f"{name}_failure_webhook", cursors.get(name)
                with dg.build_sensor_context(
                    instance, cursor, repository_def=repository
                ) as context:
                    said = repository.get_sensor_def(sensor).evaluate_tick(context)
                cursors[name] = said.cursor
                told[name] = [message for _, message in hook.messages]
                assert {message["dataset"] for message in told[name]} <= {name}
                hook.messages.clear()
            return told

        def fail(job, **options):
            """Run a job, which fails: no dataset is named."""
            done = job.execute_in_process(
                instance=instance, tags=range_tags("0", "0"), raise_on_error=False, **options
            )
            assert not done.success
            return done.run_id

        look()
        yield definitions, fail, look


def test_of_several_datasets_each_tells_of_all_of_its_own_jobs(two_datasets):
    definitions, fail, look = two_datasets
    for job in ("dogs_enhance_captions", "dogs_enhance_and_check"):
        fail(definitions.resolve_job_def(job))
        told = look()
        assert [message["job"] for message in told["dogs"]] == [job]
        assert told["cats"] == []
    assert look() == {"dogs": [], "cats": []}


def test_of_several_datasets_each_tells_of_its_own_runs_that_people_start(two_datasets):
    definitions, fail, look = two_datasets
    everything = definitions.resolve_implicit_global_asset_job_def()

    def fail_assets(*keys):
        return fail(everything, asset_selection=[dg.AssetKey(key) for key in keys])

    run_id = fail_assets(["cats", "image_manifest"])
    told = look()
    assert told["dogs"] == []
    (message,) = told["cats"]
    assert message["run_id"] == run_id
    assert message["text"].startswith(f"Run {run_id[:8]} of cats/image_manifest failed: ")
    assert "CAPENH_DATASET_DIR" in message["error"]
    assert look() == {"dogs": [], "cats": []}
    run_id = fail_assets(["cats", "image_manifest"], ["dogs", "image_manifest"])
    told = look()
    assert [[message["run_id"] for message in told[name]] for name in ("dogs", "cats")] == [
        [run_id],
        [run_id],
    ]


def test_an_address_that_is_none_is_refused_without_being_shown():
    with pytest.raises(ConfigurationError, match="CAPENH_FAILURE_WEBHOOK") as refused:
        Deployment(failure_webhook="file:///etc/secret-token")
    assert "secret-token" not in str(refused.value)
