"""Each option exists once and means the same wherever it is set."""

from pathlib import Path

import pytest

from capenh_pipeline.cli import argument_parser
from capenh_pipeline.defs.resources import options_resource
from capenh_pipeline.domain.options import (
    Options,
    environment_name,
    option_fields,
    options_from_environment,
)
from capenh_pipeline.errors import ConfigurationError

ORIGINAL_FLAGS = (
    *("dataset_dir", "recursive", "combined_suffix", "generated_suffix", "caption_suffix"),
    *("num_workers", "model_id", "revision", "trust_remote_code", "prompt", "vlm_system_prompt"),
    *("base_url", "model", "llm_system_prompt", "cache_generated_captions_to_disk", "store"),
    *("batch_size", "device", "dtype", "max_new_tokens", "trigger_word", "concurrency"),
    *("write_policy", "retry_failed", "limit"),
)


@pytest.mark.parametrize("flag", ORIGINAL_FLAGS)
def test_every_flag_of_the_contract_is_a_flag_a_variable_and_a_launchpad_field(flag):
    words = set(argument_parser().parse_args(["enhance"]).parser.format_help().split())
    assert f"--{flag}" in words
    assert flag in {option.name for option in option_fields()}
    assert flag in type(options_resource({})).model_fields


def test_every_option_has_help():
    assert all(option.metadata["help"].endswith(".") for option in option_fields())


def test_every_option_is_used_somewhere():
    """A flag that is accepted and ignored would be a lie."""
    package = Path(__file__).parents[2] / "capenh_pipeline"
    code = "".join(
        path.read_text()
        for folder in ("stages", "models", "defs", "domain")
        for path in (package / folder).glob("*.py")
        if not path.name.endswith(("options.py", "option_values.py"))
    )
    unused = [o.name for o in option_fields() if f"options.{o.name}" not in code]
    assert unused == []


def test_the_environment_sets_options_by_their_types():
    assert options_from_environment(
        {
            "CAPENH_RECURSIVE": "yes",
            "CAPENH_BATCH_SIZE": "8",
            "CAPENH_CHECKPOINT_S": "0.5",
            "CAPENH_MODEL": "",
            "PATH": "/bin",
        }
    ) == {"recursive": True, "batch_size": 8, "checkpoint_s": 0.5, "model": None}


@pytest.mark.parametrize(
    ("name", "text"), [("recursive", "perhaps"), ("batch_size", "1.5"), ("llm_temperature", "hot")]
)
def test_a_value_of_the_wrong_type_names_the_variable(name, text):
    variable = environment_name(name)
    with pytest.raises(ConfigurationError, match=variable):
        options_from_environment({variable: text})


@pytest.mark.parametrize(
    "values",
    [
        {"write_policy": "maybe"},
        {"dtype": "int3"},
        {"limit": 0},
        {"shard_digits": 3},
        {"caption_suffix": "_combined"},
        {"generated_suffix": "_combined"},
        {"combined_suffix": "a/b"},
        {"image_timeout_s": float("inf")},
        {"image_timeout_s": float("nan")},
        {"min_pixels": 9, "max_pixels": 8},
        {"background": "whit"},
        {"prompt": "[]"},
        {"llm_captions": "long"},
        {"min_retention": 1.1},
        {"min_support": -0.1},
        {"skip_gates": "retention,everything"},
        {"caption_language": "German"},
        {"fit": "bert"},
        {"fit_tokenizer": "/tokenizer"},
        {"max_cost": 1.0},
        {"max_cost": 1.0, "price_in": 1.0},
        {"folder_prompts": True, "prompt": '["a=see", "b=look"]'},
    ],
)
def test_a_value_that_cannot_work_is_refused(values):
    with pytest.raises(ConfigurationError):
        Options(**values)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"engine": "ray"}, "--ray_address"),
        ({"ray_address": "local"}, "--engine ray"),
        ({"ray_send_images": True}, "--engine ray"),
        ({"engine": "ray", "ray_address": "local", "devices": "cuda:0"}, "--devices"),
        ({"device": "cpu", "devices": "auto"}, "give one"),
        ({"workers": 2, "vlm_base_url": "http://x/v1"}, "--workers"),
    ],
)
def test_options_of_workers_that_do_not_go_together_are_refused(options, named):
    with pytest.raises(ConfigurationError, match=named):
        Options(**options)


@pytest.mark.parametrize(
    "url", ["http://user:secret@host/v1", "user:secret@host", "https://host/v1?code=secret"]
)
@pytest.mark.parametrize(
    ("option", "variable"), [("base_url", "OPENAI_API_KEY"), ("vlm_base_url", "CAPENH_VLM_API_KEY")]
)
def test_an_address_with_a_secret_is_refused_without_showing_it(url, option, variable):
    with pytest.raises(ConfigurationError, match=f"--{option}.*{variable}") as refused:
        Options(**{option: url})
    assert "secret" not in str(refused.value)
