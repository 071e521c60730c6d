"""A secret goes to the server that it is for, and to no other."""

import pytest

from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.server_keys import vlm_key
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.fakes.vlm_server import see
from capenh_pipeline_tests.models.served_rows import captioned, images, served

LLM_KEY, VLM_KEY = "sk-llm-0123456789", "sk-vlm-0123456789"
LLM_ALONE = {"OPENAI_API_KEY": LLM_KEY}
BOTH = {**LLM_ALONE, "CAPENH_VLM_API_KEY": VLM_KEY}


@pytest.mark.parametrize(
    ("url", "llm_url", "key"),
    [
        ("http://gpu:8000/v1", "http://gpu:8000/v1", LLM_KEY),
        ("http://gpu:8000/v1", "http://GPU:8000/other", LLM_KEY),
        (
            "https://api.openai.com/v1",
            None,
            LLM_KEY,
        ),  # where the key of an LLM without address goes
        ("https://api.openai.com:443/v1", "https://api.openai.com/v1", LLM_KEY),
        ("http://gpu:8001/v1", "http://gpu:8000/v1", None),
        ("https://gpu:8000/v1", "http://gpu:8000/v1", None),
        ("http://other:8000/v1", "http://gpu:8000/v1", None),
        ("http://gpu:8000/v1", None, None),
        ("https://api.openai.com.evil.net/v1", None, None),
        ("https://api.openai.com@evil.net/v1", None, None),
        ("https://api.openai.com/v1", "http://gpu:8000/v1", None),
    ],
)
def test_the_llms_key_goes_to_the_same_server_only(url, llm_url, key):
    assert vlm_key(url, LLM_ALONE, llm_url=llm_url) == key
    assert vlm_key(url, BOTH, llm_url=llm_url) == VLM_KEY
    assert vlm_key(url, {"OPENAI_API_KEY": " ", "CAPENH_VLM_API_KEY": ""}, llm_url=llm_url) is None


def test_the_key_is_sent_and_stands_in_no_repr():
    with FakeLlmServer(see, api_key=VLM_KEY) as one, FakeLlmServer(see, api_key=VLM_KEY) as two:
        vlm = served(one, two, environment=BOTH)
        replies = captioned(vlm, images(4))
    assert len(one.requests) + len(two.requests) == 4  # one with another key is answered by 401
    assert VLM_KEY not in repr([vars(vlm), replies, LlmSettings(None, None)])
