"""What becomes of an answer that is not good enough, through the stage and a real server."""

import polars as pl
import pytest

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.failures import failures
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, Response, error_body
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.vlm_rows import keep_captions

MANUAL = "Rosalind with 3 red apples"
SEEN = "A woman in a blue coat holds apples in front of a wooden door."
GOOD = "Rosalind, a woman in a blue coat, holds 3 red apples in front of a wooden door."
FORGETFUL = "A woman in a blue coat holds red apples in front of a wooden door."
INVENTIVE = "Rosalind holds 3 red apples beside a huge green dragon near Paris under a rainbow."


@pytest.fixture
def combine(tmp_path, open_run):
    """Combine one image's two captions with a server that gives some answers in turn."""
    colour(tmp_path / "images" / "a.png", (1, 2, 3))
    (tmp_path / "images" / "a.txt").write_text(MANUAL)

    def combined(*answers, **options):
        remaining = iter(answers)
        no_more = Response(status=400, body=error_body("no more answers"))
        with FakeLlmServer(lambda payload: next(remaining, no_more), models=None) as server:
            run = open_run(base_url=server.base_url, prompt="see", **options)
            build_image_manifest(run)
            keep_captions(run, {"a.png": {None: SEEN}})
            report = fill_combined_captions(run, connect=Outside().connect_llm)
            rows = run.store.table(COMBINED_CAPTIONS).read()
            return Combined(run, report, rows, [request.body for request in server.requests])

    return combined


class Combined:
    def __init__(self, run, report, rows, requests):
        self.run, self.report, self.rows, self.requests = run, report, rows, requests

    @property
    def row(self):
        return self.rows.row(-1, named=True)


def test_a_good_answer_is_kept_with_its_scores(combine):
    row = combine(GOOD).row
    assert (row["status"], row["caption"], row["fallback"]) == ("ok", GOOD, False)
    assert row["retention"] == 1.0
    assert row["support"] >= 0.9
    assert row["fixes"] == []
    assert row["error_kind"] is None


def test_what_is_safe_to_mend_is_mended(combine):
    done = combine(f'Here is the combined caption:\n\n"**{GOOD}**"')
    assert (done.row["caption"], done.row["attempts"]) == (GOOD, 1)
    assert "preamble" in done.row["fixes"]


def test_an_answer_that_loses_a_fact_is_asked_for_again_and_told_which(combine):
    done = combine(FORGETFUL, GOOD)
    assert (done.row["caption"], done.row["attempts"], done.row["fallback"]) == (GOOD, 2, False)
    *_, answer, complaint = done.requests[1]["messages"]
    assert answer == {"role": "assistant", "content": FORGETFUL}
    assert complaint["role"] == "user"
    assert "Rosalind" in complaint["content"]
    assert done.row["prompt_tokens"] == 22  # of both answers


def test_an_answer_that_invents_is_told_what(combine):
    done = combine(INVENTIVE, GOOD)
    assert done.row["caption"] == GOOD
    assert "dragon" in done.requests[1]["messages"][-1]["content"]


def test_without_a_good_answer_the_two_captions_are_joined_and_the_reason_is_told(combine):
    done = combine(*[FORGETFUL] * 3)
    row = done.row
    assert (row["status"], row["fallback"], row["error_kind"]) == ("ok", True, "retention")
    assert row["caption"].startswith(MANUAL)
    assert "wooden door" in row["caption"]
    assert "Rosalind" in row["error"]
    assert (row["retention"], row["attempts"], len(done.requests)) == (1.0, 3, 3)
    assert done.report.total("fallback") == 1
    assert failures(done.run).is_empty()


def test_without_a_good_answer_the_row_fails_if_that_is_wanted(combine):
    done = combine(FORGETFUL, FORGETFUL, llm_attempts=2, on_rejected="fail")
    assert (done.row["status"], done.row["error_kind"]) == ("failed", "retention")
    assert done.row["caption"] is None
    assert failures(done.run)["error_kind"].to_list() == ["retention"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response("I'm sorry, but I can't help with that."), "refusal"),
        (Response(None, message={"refusal": "No."}), "refusal"),
        (Response(GOOD[:20], finish_reason="length"), "length"),
        (Response("", finish_reason="content_filter"), "content_filter"),
        (Response(None), "empty"),
    ],
)
def test_whatever_is_wrong_with_an_answer_there_is_a_caption(combine, answer, kind):
    row = combine(answer, llm_attempts=1).row
    assert (row["status"], row["fallback"], row["error_kind"]) == ("ok", True, kind)
    assert row["caption"].startswith(MANUAL)


def test_a_server_s_fault_is_no_reason_to_fall_back(combine):
    done = combine(Response(status=400, body=error_body("context too long")))
    assert (done.row["status"], done.row["error_kind"]) == ("failed", "rejected")
    assert not done.row["fallback"]


@pytest.mark.parametrize("option", ["retention", "support,retention", "all"])
def test_a_gate_that_is_skipped_lets_its_fault_through(combine, option):
    row = combine(FORGETFUL, skip_gates=option).row
    assert (row["caption"], row["fallback"]) == (FORGETFUL, False)
    assert row["retention"] < 0.8


def test_a_lower_limit_lets_more_through_but_no_lost_name(combine):
    without_a_noun = "Rosalind, a woman, holds 3 red things in front of a door."
    assert combine(without_a_noun, min_retention=0.7).row["caption"] == without_a_noun
    assert combine(FORGETFUL, min_retention=0.1, llm_attempts=1).row["error_kind"] == "retention"
    assert combine(FORGETFUL, min_retention=0.0).row["caption"] == FORGETFUL


def test_a_fallback_is_asked_for_again_with_retry_failed_alone(combine):
    combine(FORGETFUL, llm_attempts=1)
    assert combine(llm_attempts=1).requests == []
    done = combine(GOOD, retry_failed=True)
    assert (done.rows.height, done.row["caption"]) == (1, GOOD)
    assert combine(retry_failed=True).requests == []


def test_a_trigger_word_that_the_file_gets_counts_in_the_length_of_a_caption(combine):
    beside = f"{GOOD} The door is in front of a wooden door."
    assert len(GOOD.split()) == 17
    assert combine(beside, max_words=19, trigger_word="ohwx woman").row["caption"] == GOOD
    done = combine(GOOD, max_words=18, trigger_word="ohwx woman", llm_attempts=1)
    assert done.row["error"] == "it is too long: 19 words, at most 18"
    assert done.requests[0]["messages"][0]["content"].endswith("Write at most 16 words.")


def test_a_lost_trigger_word_is_put_in(combine, tmp_path):
    (tmp_path / "images" / "a.txt").write_text(f"{MANUAL}, ohwx-v2")
    row = combine(*[GOOD] * 3, trigger_word="ohwx-v2").row
    assert row["caption"] == f"ohwx-v2, {GOOD}"
    assert (row["status"], row["fallback"], row["retention"]) == ("ok", False, 1.0)


def test_locked_terms_keep_their_letter_case(combine, tmp_path):
    (tmp_path / "terms.txt").write_text("ROSALIND\n\nsomething else\n")
    (tmp_path / "images" / "a.txt").write_text("ROSALIND with 3 red apples")
    row = combine(GOOD, locked_terms=str(tmp_path / "terms.txt")).row
    assert row["caption"] == GOOD.replace("Rosalind", "ROSALIND")
    assert "something else" not in row["caption"]


def test_a_caption_that_is_too_long_ends_with_a_sentence(combine):
    done = combine(f"{GOOD} The door is in front of a wooden door.", max_words=20)
    assert done.row["caption"] == GOOD
    assert "Write at most 20 words." in done.requests[0]["messages"][0]["content"]


def test_every_row_says_how_it_was_asked(combine):
    row = combine(GOOD, max_words=30).row
    assert row["system_prompt"].endswith("Write at most 30 words.")
    assert '"max_words":30' in row["options"]
    assert row["latency_s"] > 0


def test_the_scores_are_shown_as_distributions(combine):
    done = combine(GOOD)
    shard = done.row["image_hash"][0]
    shown = done.report.figures[shard]
    assert shown["retention_distribution"] == [0] * 9 + [1]
    assert shown["retention_mean"] == 1.0
    assert shown["latency_p95_s"] == pytest.approx(done.row["latency_s"], abs=1e-6)


def test_older_rows_have_no_scores_and_are_read_as_they_are(combine):
    done = combine(GOOD)
    old = done.rows.drop("retention", "support", "fallback", "fixes", "latency_s", "options")
    table = done.run.store.table(COMBINED_CAPTIONS)
    table.append(old.with_columns(pl.lit("older").alias("request_hash")))
    assert table.read()["retention"].to_list() == [1.0, None]
