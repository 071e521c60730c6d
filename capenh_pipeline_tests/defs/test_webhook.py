"""A run that fails is told to a web address."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest

from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.defs.webhook import failure_webhook
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.errors import ConfigurationError


@pytest.fixture
def received():
    """Yield the address of a server, and the messages that it has been sent."""
    messages = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", messages
        server.shutdown()
        thread.join()


def test_a_failed_run_is_told_with_its_reason_and_its_dataset(tmp_path, received):
    url, messages = received
    values = {"dataset_dir": str(tmp_path / "gone"), "base_url": "http://x/v1"}
    definitions = pipeline_definitions(values, Outside(environment=dict), Deployment())
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("enhance_captions").execute_in_process(
            instance=instance,
            tags={f"dagster/asset_partition_range_{end}": "0" for end in ("start", "end")},
            raise_on_error=False,
        )
        failure = next(event for event in result.all_events if event.is_failure)
        context = dg.build_run_status_sensor_context(
            "failure_webhook", failure, instance, result.dagster_run
        ).for_run_failure()
        failure_webhook(Names(), None, url)(context)
    ((content_type, message),) = messages
    assert content_type == "application/json"
    assert message["run_id"] == result.run_id
    assert message["job"] == "enhance_captions"
    assert message["tags"]["capenh/dataset"] == "gone"
    assert f"{tmp_path}/gone cannot be opened" in message["error"]
    assert message["error"] in message["text"]


def test_only_a_deployment_with_an_address_has_the_sensor():
    def sensors(**options):
        definitions = pipeline_definitions({}, Outside(), Deployment(**options))
        return {sensor.name for sensor in definitions.sensors or ()}

    assert sensors() == {"new_images"}
    assert sensors(failure_webhook="http://127.0.0.1:1/x") == {"new_images", "failure_webhook"}


def test_an_address_that_is_none_is_refused_without_being_shown():
    with pytest.raises(ConfigurationError, match="CAPENH_FAILURE_WEBHOOK") as refused:
        Deployment(failure_webhook="file:///etc/secret-token")
    assert "secret-token" not in str(refused.value)
