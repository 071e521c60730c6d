"""What decides whether the embedded server works on several requests at once."""

import json

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.models.base import MergeReply
from capenh_pipeline.models.local_server_batching import ONE_BY_ONE, Backlog, batching
from capenh_pipeline_tests.fakes.hub import FakeHub
from capenh_pipeline_tests.models.hub_process import printed
from capenh_pipeline_tests.models.llm_rows import rows

ASK = """
import json, sys
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.local_server_batching import unbatched_settings
for model_id in sys.argv[1:]:
    print(json.dumps(unbatched_settings(locate_model(model_id), None)))
"""


def reply_to(request):
    caption = Verdict("A dog.", None, None, (), None)
    return MergeReply(request.key, caption, None, None, "stop", 1, 1, 1, 0.1)


def test_the_generation_settings_of_a_hub_model_count_with_and_without_the_hub(tmp_path):
    models = {
        "org/plain": {"config.json": b"{}"},
        "org/loud": {"config.json": b"{}", "generation_config.json": b'{"top_k": 20}'},
        "org/wary": {"config.json": b"{}", "generation_config.json": b'{"repetition_penalty": 2}'},
        "org/old": {"config.json": json.dumps({"no_repeat_ngram_size": 3}).encode()},
        "org/broken": {"config.json": b"{}", "generation_config.json": b"["},
    }
    expected = [[], [], ["repetition_penalty"], ["no_repeat_ngram_size"], []]
    with FakeHub() as hub:
        for model, files in models.items():
            hub.push(model, files)
        online = {"cache": tmp_path, "HF_ENDPOINT": hub.endpoint}
        assert printed([ASK, *models], **online)[0] == expected
        assert printed([ASK, *models], **online, HF_HUB_OFFLINE="1")[0] == expected


def test_requests_without_a_reply_come_first_the_second_time():
    asked = rows(6)
    backlog = Backlog(asked)
    first = iter(backlog)
    pulled = [next(first) for _ in range(4)]
    assert not backlog.has_replies
    for request in (pulled[2], pulled[0]):
        backlog.close(reply_to(request))
    assert backlog.has_replies
    assert [*backlog] == [asked[1], asked[3], asked[4], asked[5]]


def test_no_request_may_be_longer_than_the_cache():
    words = batching(cache_tokens=6400).arguments
    assert "--continuous-batching" in words
    blocks, tokens = (
        int(words[words.index(name) + 1]) for name in ("--cb-num-blocks", "--cb-block-size")
    )
    assert blocks * tokens == 6400


def test_a_server_that_answers_one_by_one_has_the_next_request_waiting():
    assert (ONE_BY_ONE.arguments, ONE_BY_ONE.requests_in_flight()) == ((), 2)
