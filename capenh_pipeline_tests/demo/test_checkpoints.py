"""What the package ships."""

import json

import pytest

from capenh_pipeline.demo.checkpoints import (
    EVALUATION_FILE,
    FLORENCE_FOLDER,
    MERGE_LLM_FOLDER,
    MODELS_FOLDER,
)
from capenh_pipeline.demo.evaluate import evaluate_florence, evaluate_merge_llm
from capenh_pipeline.demo.scenes import TASKS


def test_both_models_together_take_less_than_ten_megabytes():
    files = [path for path in MODELS_FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 10_000_000


def test_the_vlm_captions_held_out_scenes_truly(torch):
    shares = evaluate_florence(FLORENCE_FOLDER, scenes=60)
    assert set(shares) == set(TASKS)
    assert min(shares.values()) >= 58 / 60


def test_the_llm_merges_held_out_pairs_rightly(torch):
    assert evaluate_merge_llm(MERGE_LLM_FOLDER, pairs=60) >= 58 / 60


@pytest.mark.parametrize("folder", [FLORENCE_FOLDER, MERGE_LLM_FOLDER], ids=lambda path: path.name)
def test_the_measured_figures_ship_with_the_weights(folder):
    figures = json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8"))
    assert figures["made_by"] == "python -m capenh_pipeline.demo.train"


def test_the_measured_figures_reach_the_aims():
    vlm = json.loads((FLORENCE_FOLDER / EVALUATION_FILE).read_text(encoding="utf-8"))
    assert min(vlm["exact_match"].values()) >= 0.99
    llm = json.loads((MERGE_LLM_FOLDER / EVALUATION_FILE).read_text(encoding="utf-8"))
    assert llm["exact_match"] >= 0.97
