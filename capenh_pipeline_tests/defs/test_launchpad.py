"""The launchpad, as a real webserver describes it to the page: options, help, no secret."""

import json

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import option_fields
from capenh_pipeline_tests.defs.webserver import Webserver
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw

KEY = "sk-canary-0123456789abcdef"
LOCATION = {
    "repositoryLocationName": "capenh_pipeline.definitions",
    "repositoryName": "__repository__",
}
LAUNCHPAD = """
query($job: PipelineSelector!) {
  runConfigSchemaOrError(selector: $job) { ... on RunConfigSchema {
    rootDefaultYaml
    allConfigTypes { description ... on CompositeConfigType {
      fields { name description isRequired defaultValueAsJson } } }
  } }
}"""
RESOURCES = """
query($where: RepositorySelector!) {
  allTopLevelResourceDetailsOrError(repositorySelector: $where) {
    ... on ResourceDetailsList { results {
      name description configFields { name description defaultValueAsJson }
      configuredValues { key value type }
    } } }
}"""
RUN = """
query($id: ID!) { runOrError(runId: $id) { ... on Run {
  runConfigYaml tags { key value } eventConnection { events { ... on MessageEvent { message } } }
} } }"""
INSTANCE = "{ instance { info } }"


@pytest.mark.slow
def test_the_launchpad_has_every_option_with_its_help_and_default_and_nowhere_the_key(tmp_path):
    draw(tmp_path / "images" / "a.png", 1)
    with FakeLlmServer(models=None, api_key=KEY) as server:
        variables = {
            "CAPENH_DATASET_DIR": str(tmp_path / "images"),
            "CAPENH_MODEL_ID": str(FLORENCE_FOLDER),
            "CAPENH_BASE_URL": server.base_url,
            "CAPENH_MODEL": "any",
            "OPENAI_API_KEY": KEY,
        }
        with Webserver(tmp_path, **variables) as web:
            launchpad = web.ask(LAUNCHPAD, job={**LOCATION, "pipelineName": "enhance_captions"})
            run = web.launch("enhance_captions", shards=("0", "f"))
            assert web.end_of(run) == "SUCCESS"
            shown = [launchpad, web.ask(RESOURCES, where=LOCATION), web.ask(RUN, id=run)]
            shown.append(web.ask(INSTANCE))
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert shown[1]["allTopLevelResourceDetailsOrError"]["results"]
    assert KEY not in json.dumps(shown)

    options = {option.name: option for option in option_fields()}
    types = launchpad["runConfigSchemaOrError"]["allConfigTypes"]
    forms = [{field["name"]: field for field in found.get("fields", [])} for found in types]
    form = next(form for form in forms if set(form) == set(options))
    chosen = {f"CAPENH_{name.upper()}": name for name in options}
    given = {chosen[name]: value for name, value in variables.items() if name in chosen}
    for name, option in options.items():
        assert form[name]["description"] == option.metadata["help"]
        assert not form[name]["isRequired"]
        default = given.get(name, option.default)
        shown_default = json.loads(form[name]["defaultValueAsJson"] or "null")
        assert shown_default == default, name
