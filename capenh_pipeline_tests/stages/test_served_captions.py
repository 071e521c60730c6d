"""Captions of a served VLM: the same rows as of one in this process, and no request too many."""

import json
import threading
from dataclasses import replace

import pytest
from PIL import Image

from capenh_pipeline.defs.versions import code_versions
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.errors import ConfigurationError, ServerError
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.settling import fingerprint
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.fragile_decoder import DEADLY
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, Response, error_body
from capenh_pipeline_tests.fakes.loopback import text_of
from capenh_pipeline_tests.fakes.vlm_server import COLOURS, picture_in, see
from capenh_pipeline_tests.images import colour

LOOP = "a red ball, " * 30


def never(*_):
    raise AssertionError("a model was loaded")


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    for name in ("red", "green", "blue"):
        colour(folder / f"{name}.png", COLOURS[name])
    return folder


@pytest.fixture
def fill(open_run):
    """Caption the images with a server; its requests are counted."""

    def filled(server, **options):
        asked = {"vlm_base_url": server.base_url, "model_id": "fake-llm", "prompt": "see"}
        run = open_run(**{**asked, **options})
        build_image_manifest(run)
        before = len(server.requests)
        report = fill_vlm_captions(run, load=never, before_load=lambda: None)
        rows = run.store.table(VLM_CAPTIONS).read().sort("caption", nulls_last=True)
        return rows, len(server.requests) - before, report

    return filled


def test_a_row_says_where_it_came_from(images, fill):
    with FakeLlmServer(see, models=None) as server:
        rows, requests, _ = fill(server, model_id="org/model", max_new_tokens=77)
    assert rows["caption"].to_list() == ["see blue", "see green", "see red"]
    assert requests == 3
    row = rows.row(0, named=True)
    assert (row["model_id"], row["effective_model_id"]) == ("org/model", "fake-llm")
    assert (row["prompt"], row["run_id"], row["attempts"], row["revision"]) == (
        "see",
        "test",
        1,
        None,
    )
    assert (row["finish_reason"], row["new_tokens"], row["status"]) == ("stop", 7, "ok")
    options = json.loads(row["options"])
    assert (options["served_model"], options["max_pixels"]) == ("org/model", 1024 * 1024)
    assert options["effective"] == {"max_tokens": 77, "temperature": 0.0}


def test_a_second_run_sends_nothing_wherever_the_server_is(images, fill):
    with FakeLlmServer(see) as server:
        fill(server)
        assert fill(server)[1] == 0
    with FakeLlmServer(see) as elsewhere:
        two = f"{elsewhere.base_url},{elsewhere.base_url}/"
        for options in ({}, {"vlm_base_url": two}, {"concurrency": 3, "llm_timeout_s": 9}):
            assert fill(elsewhere, **options)[1] == 0
        assert elsewhere.model_lists == 0


def test_where_the_server_is_costs_no_look_either(images, open_run):
    one, other = (
        open_run(vlm_base_url=url, model_id="m") for url in ("http://a/v1", "http://b/v1,http://c")
    )
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"model_id": "other"},
        {"max_pixels": 900},
        {"min_pixels": 400},
        {"background": "black"},
        {"max_new_tokens": 9},
        {"on_length": "retry"},
        {"prompt": "look"},
    ],
)
def test_what_can_change_a_caption_costs_all_and_going_back_nothing(changed, images, fill):
    with FakeLlmServer(see, models=None) as server:
        fill(server)
        rows, requests, _ = fill(server, **changed)
        assert requests == 3
        assert rows["recipe_hash"].n_unique() == 2
        assert fill(server)[1] == 0
        assert fill(server, max_pixels=1024 * 1024)[1] == 0  # as by default


def test_several_prompts_are_asked_of_one_reading_of_an_image(images, fill):
    with FakeLlmServer(see) as server:
        rows, requests, _ = fill(server, prompt='["short=one", "long=two"]')
        assert requests == 6
    assert sorted(rows["caption"]) == sorted(
        f"{prompt} {name}" for prompt in ("one", "two") for name in ("red", "green", "blue")
    )


def test_a_prompt_of_a_folder_is_asked_below_it(images, fill):
    (images / "prompt.txt").write_text("what is in the folder")
    with FakeLlmServer(see) as server:
        rows, _, _ = fill(server, folder_prompts=True)
    assert set(rows["prompt"]) == {"what is in the folder"}


def test_a_system_prompt_stands_before_the_image(images, fill, tmp_path):
    (tmp_path / "system.txt").write_text("You see colours.")
    with FakeLlmServer(see) as server:
        fill(server, vlm_system_prompt=str(tmp_path / "system.txt"))
    assert {text_of(request.body, "system") for request in server.requests} == {"You see colours."}


def test_an_image_is_sent_as_a_person_sees_it(tmp_path, fill):
    """Upright, transparency on the background, and within the budget."""
    folder = tmp_path / "images"
    folder.mkdir()
    wide = Image.new("RGBA", (80, 20), (255, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90°
    wide.save(folder / "a.png", exif=exif)
    with FakeLlmServer(see) as server:
        rows, _, _ = fill(server, background="blue", max_pixels=400)
    assert rows["caption"].to_list() == ["see blue"]
    picture = picture_in(server.requests[0].body)
    assert (picture.mode, picture.size) == ("RGB", (10, 40))


def test_a_bad_image_costs_its_own_row(images, fill):
    with FakeLlmServer(see) as server:
        fill(server)
        victim = colour(images / "victim.png", COLOURS["cyan"], size=(300, 300))
        content = victim.read_bytes()
        victim.write_bytes(content[: len(content) // 2])
        rows, requests, report = fill(server)
    assert requests == 0
    assert (report.total("computed"), report.total("failed")) == (1, 1)
    (row,) = rows.filter(status="failed").rows(named=True)
    assert row["error_kind"] in ("undecodable", "truncated")
    assert row["model_id"] == "fake-llm"


def test_an_image_that_ends_its_process_costs_its_own_row(fragile_decoder, images, fill):
    colour(images / "deadly.png", DEADLY)
    with FakeLlmServer(see) as server:
        rows, _, _ = fill(server, isolate_images=True)
    assert rows.select("caption", "error_kind").rows()[-1] == (None, "crashed")
    assert rows["caption"].drop_nulls().len() == 3


def test_rejected_rows_fail_and_are_tried_again_only_when_told_to(images, fill):
    rejected = Response(status=400, body=error_body("too large"))

    def picky(payload):
        answer = see(payload)
        return rejected if answer == "see red" else answer

    with FakeLlmServer(picky) as server:
        rows, _, report = fill(server)
        assert report.total("failed") == 1
        assert fill(server)[1] == 0
        server.reply = see
        assert fill(server, retry_failed=True)[1] == 1
    (row,) = rows.filter(status="failed").rows(named=True)
    assert row["error_kind"] == "rejected"
    assert f"The VLM server at {server.base_url} answered 400: too large" in row["error"]


def test_a_server_that_says_nothing_makes_failed_rows(images, fill):
    with FakeLlmServer(lambda payload: Response(None)) as server:
        rows, _, _ = fill(server)
    assert set(rows["error_kind"]) == {"empty"}


def test_a_caption_that_goes_round_in_circles_is_tried_once_more(images, fill):
    def reply(payload):
        answer = see(payload)
        if answer == "see red":
            return LOOP
        return LOOP if answer == "see blue" and "frequency_penalty" not in payload else answer

    with FakeLlmServer(reply) as server:
        rows, requests, _ = fill(server)
    assert requests == 5
    assert rows.select("caption", "error_kind", "attempts").rows() == [
        ("see blue", None, 2),
        ("see green", None, 1),
        (None, "loop", 2),
    ]
    assert json.loads(rows["options"][0])["effective"]["frequency_penalty"] == 1.0


@pytest.mark.parametrize(
    ("on_length", "caption", "reason", "attempts"),
    [("trim", "A red dog.", "length", 1), ("retry", "A red dog. It sits.", "stop", 2)],
)
def test_a_caption_that_is_cut_off(on_length, caption, reason, attempts, images, fill):
    def reply(payload):
        if payload["max_tokens"] == 512:
            return Response("A red dog. It si", finish_reason="length")
        return "A red dog. It sits."

    with FakeLlmServer(reply) as server:
        rows, _, _ = fill(server, on_length=on_length)
    cells = rows.select("caption", "finish_reason", "attempts").rows()
    assert cells == [(caption, reason, attempts)] * 3


def test_what_was_captioned_before_the_server_refused_is_kept(images, fill):
    first = threading.Event()

    def reply(payload):
        if first.is_set():
            return Response(status=401, body=error_body("no more"))
        first.set()
        return see(payload)

    with FakeLlmServer(reply) as server:
        with pytest.raises(ServerError, match="wants an API key"):
            fill(server, concurrency=1)
        server.reply = see
        assert fill(server)[1] == 2


def test_a_task_of_florence_is_warned_of_before_it_is_asked(images, fill, caplog):
    words = "<MORE_DETAILED_CAPTION> is a task of Florence-2 and plain text to this model: give "

    def reply(payload):
        assert words in caplog.text
        return see(payload)

    with FakeLlmServer(reply) as server:
        for _ in range(2):
            rows, _, _ = fill(server, prompt="<MORE_DETAILED_CAPTION>")
    assert set(rows["status"]) == {"ok"}
    assert caplog.text.count(words) == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("revision", "main"),
        ("trust_remote_code", True),
        ("num_beams", 3),
        ("no_repeat_ngram_size", 3),
        ("batch_size", 8),
        ("device", "cuda"),
        ("dtype", "float16"),
        ("attn_implementation", "eager"),
        ("quantization", "4bit"),
        ("compile", True),
    ],
)
def test_an_option_that_a_server_cannot_follow_is_refused(option, value):
    with pytest.raises(ConfigurationError, match=f"^--{option} is for a VLM in this process"):
        Options(vlm_base_url="http://x/v1", **{option: value})


@pytest.mark.parametrize("address", ["x", "ftp://x/v1", "http://x/v1,nonsense", ","])
def test_an_address_that_is_none_is_refused_before_any_work(address, images, fill):
    with (
        FakeLlmServer(see) as server,
        pytest.raises(ConfigurationError, match=r"^--vlm_base_url is "),
    ):
        fill(server, vlm_base_url=address)


def test_the_ui_calls_captions_stale_by_what_counts():
    options = Options(vlm_base_url="http://x/v1", model_id="a")
    version = code_versions(options)["vlm_captions"]
    assert code_versions(replace(options, vlm_base_url="http://y/v1"))["vlm_captions"] == version
    for changes in ({"model_id": "b"}, {"max_pixels": 9}, {"vlm_base_url": None}):
        assert code_versions(replace(options, **changes))["vlm_captions"] != version
