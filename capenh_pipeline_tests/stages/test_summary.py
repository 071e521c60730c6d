"""What a user reads when a run is over."""

from collections import Counter
from pathlib import Path

import polars as pl

from capenh_pipeline.stages.summary import RunResult, caption_table, left_over, summary

FAILURES = {"path": pl.String, "stage": pl.String, "error_kind": pl.String, "error": pl.String}


def said(failed=0, details=(), **result):
    rows = [(f"{n:02}.png", "vlm_captions", "truncated", "It ends early.") for n in range(failed)]
    return summary(
        RunResult(**result),
        pl.DataFrame(rows, schema=FAILURES, orient="row"),
        details=details,
        seconds=1.25,
        dataset=Path("/images"),
        store=Path("/images/.capenh"),
    )


def totals(**counts):
    return {"vlm_captions": Counter(counts), "caption_files": Counter(kept=counts.get("kept", 0))}


def test_a_run_without_work_says_so():
    assert "Nothing to do: everything was there already (1.2 s)." in said(totals=totals(reused=3))


def test_a_run_without_work_does_not_hide_what_is_missing():
    text = said(failed=1, totals=totals(failed=1))
    assert "everything was there" not in text
    assert "Failed, in 1 image (1):" in text


def test_what_is_left_for_the_next_run_is_not_called_a_failure():
    left = {"combined_captions": Counter(images=3, left=3)}
    text = said(totals=left, details=left_over(["a.png", "b.png"]))
    assert "Nothing to do: what is not there is left (1.2 s)." in text
    assert "Left for the next run (2):\n  a.png\n  b.png" in text


def test_work_is_shown_with_its_tokens_and_where_the_results_are():
    text = said(totals=totals(images=5, computed=3, reused=2, new_tokens=77))
    assert "vlm_captions              5         3         2         0" in text
    assert "Tokens: VLM 77, LLM 0 in and 0 out." in text
    assert "in /images\n" in text
    assert "/images/.capenh" in text


def test_the_first_ten_failures_are_named_and_the_others_counted():
    lines = said(failed=12, totals=totals(failed=12)).splitlines()
    assert "Failed, in 12 images (12):" in lines
    assert "  00.png: vlm_captions: truncated: It ends early." in lines
    assert lines[-1] == "  … and 2 more"


def test_kept_files_are_named_and_all_of_them_counted():
    text = said(totals=totals(kept=40), kept_files=["a_combined.txt"])
    assert "Kept, because a person wrote or edited them (40):\n  a_combined.txt\n" in text
    assert "  … and 39 more" in text


def shown(**vlm_captions):
    rows = pl.DataFrame(
        {
            "path": ["a.png", "b.png"],
            "manual_caption": ["sks", None],
            "vlm_captions": [vlm_captions, None],
            "caption": ["sks a", None],
        }
    )
    table = caption_table(rows, width=100)
    return [line.split() for line in table.splitlines() if line.strip("\u2500 ")]


def test_the_table_of_captions_shows_the_only_vlm_caption_as_it_stands():
    assert shown(caption="A.")[1:] == [["a.png", "sks", "A.", "sks", "a"], ["b.png", "-", "-", "-"]]


def test_the_table_of_captions_shows_several_under_their_names():
    first, second, third = shown(short="a", long=None)[1:]
    assert first == ["a.png", "sks", "short:", "a", "sks", "a"]
    assert second == ["long:", "-"]
    assert third == ["b.png", "-", "-", "-"]
