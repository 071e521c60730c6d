"""A small dataset with all that a report can meet: odd names, hostile texts, every state."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from capenh_pipeline.domain.recipes import request_hash
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, FAILED, OK, VLM_CAPTIONS
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import INPUTS, llm_choice, with_requests
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import vlm_choice
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.stored import opened

NOT_UTF8 = b"caf\xe9.png"
HOSTILE = (
    "</script><script>window.hacked = 1</script> <img src=x onerror=alert(1)> \u2028 \"'&amp; <!--"
)


class Sample(NamedTuple):
    """An image: its texts, and what the rows about it say besides."""

    name: str
    manual: str | None
    seen: str | None
    caption: str | None
    cells: dict[str, Any] = {}  # noqa: RUF012  # never changed
    vlm_cells: dict[str, Any] = {}  # noqa: RUF012


SAMPLES = [
    Sample(
        "100% #1? a:b.png",
        "sks dog on a red sofa",
        "A brown dog sits on a couch.",
        "The sks dog sits on a red couch, smiling.",
        {"retention": 0.75, "support": 0.8},
    ),
    Sample("quote\"<b>&amp;'.png", HOSTILE, HOSTILE, HOSTILE),
    Sample("back\\slash\nline.png", "one\ntwo", "Three lines.", "one two three lines"),
    Sample(
        "sub folder/ünï \U0001f415.png", None, "A dog \U0001f415.", "A dog \U0001f415 \u2028 barks."
    ),
    Sample("sub folder/עברית.png", "כלב חום על ספה", "A dog.", "כלב חום על ספה אדומה"),
    Sample("sub folder/日本語.png", "茶色の犬", "A brown dog.", "茶色の犬と猫"),
    Sample(
        "joined.png",
        "a cat",
        "A grey wall.",
        "a cat. A grey wall.",
        {
            "fallback": True,
            "error_kind": "retention",
            "error": "It keeps too little.",
            "retention": 1.0,
        },
    ),
    Sample("edited.png", "a bird", "A bird.", "A small bird."),
    Sample(
        "refused.png",
        "a fish",
        "A fish.",
        None,
        {"status": FAILED, "error_kind": "rejected", "error": "The server said no."},
    ),
    Sample(
        "loop.png",
        None,
        None,
        None,
        {},
        {"status": FAILED, "error_kind": "loop", "error": "It repeats itself."},
    ),
    Sample("new.png", None, None, None),
    Sample(os.fsdecode(NOT_UTF8), "a coffee", "A cup.", "A cup of coffee."),
]
BROKEN = "broken.jpg"
EDITED = "A Person wrote this."


def make_dataset(dataset: Path, **options: Any) -> Run:
    """Make images and a store that has all of `SAMPLES`, and one file that is no image."""
    for seed, sample in enumerate(SAMPLES):
        draw(dataset / sample.name, seed)
        if sample.manual is not None:
            text = (dataset / sample.name).with_suffix(".txt")
            text.write_text(sample.manual)
    (dataset / BROKEN).write_bytes(b"not an image")
    run = opened(dataset, **options)
    build_image_manifest(run)
    append_rows(run, {_printable(sample.name): sample for sample in SAMPLES})
    write_files(run)
    (dataset / "edited_combined.txt").write_text(EDITED)
    return run


def append_rows(run: Run, samples: dict[str, Sample]) -> None:
    """Keep the captions of images by their paths, as a run would."""
    stamp = {"created_at": run.now(), "run_id": run.run_id}
    recipe = vlm_choice(run).prompts[0].recipe.hash
    images = manifest_rows(run).filter(pl.col("width").is_not_null())
    hashes = dict(images.select("path", "image_hash").iter_rows())
    made = {"effective_model_id": "colour", "model_id": "capenh/colour", "prompt": "say", **stamp}
    seen = [
        {
            "image_hash": hashes[path],
            "recipe_hash": recipe,
            "caption": sample.seen,
            "status": OK,
            **made,
            **sample.vlm_cells,
        }
        for path, sample in samples.items()
        if sample.seen is not None or sample.vlm_cells
    ]
    run.store.table(VLM_CAPTIONS).append(_frame(seen, VLM_CAPTIONS.columns))
    choice, rows = llm_choice(run), []
    for row in with_requests(run, images, choice).select("path", *INPUTS).iter_rows(named=True):
        sample = samples[row.pop("path")]
        if sample.caption is None and not sample.cells:
            continue
        request = request_hash(
            row["recipe_hash"], row["manual_caption"], [(None, row["vlm_caption"])]
        )
        cells = {"status": OK, "caption": sample.caption, "model": "echo", "prompt_tokens": 1000}
        rows.append({**row, "request_hash": request, **cells, **stamp, **sample.cells})
    run.store.table(COMBINED_CAPTIONS).append(_frame(rows, COMBINED_CAPTIONS.columns))


def _frame(rows: list[dict[str, Any]], columns: Any) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={name: columns[name] for name in columns if any(name in row for row in rows)}
    )


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
