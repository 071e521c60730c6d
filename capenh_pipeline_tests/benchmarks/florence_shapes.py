"""Florence-2 in its real shapes, with random weights, for machines with a GPU.

`python -m capenh_pipeline_tests.benchmarks.florence_shapes [IMAGES]` prints one JSON object.
The shapes are those of https://huggingface.co/florence-community/Florence-2-base and -large.
Random weights seldom end a caption, so all captions have `TOKENS` tokens.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline_tests.benchmarks.timed_vlm import TimedVlm
from capenh_pipeline_tests.benchmarks.vlm_stage import draw_dataset, stage

IMAGES = 1000
SIDE_PX = 1024
INPUT_PX = 768
TOKENS = 64
BATCH_SIZES = (16, 32, 64, 128, 256, 0)
VOCABULARY = 51_289

SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "base": {
        "vision": {"embed_dim": [128, 256, 512, 1024], "num_heads": [4, 8, 16, 32]},
        "text": {"d_model": 768, "layers": 6, "heads": 12},
    },
    "large": {
        "vision": {"embed_dim": [256, 512, 1024, 2048], "num_heads": [8, 16, 32, 64]},
        "text": {"d_model": 1024, "layers": 12, "heads": 16},
    },
}


def florence_shapes(folder: Path, images: int) -> dict[str, object]:
    """Return images/s of the stage by batch size, 0 for batches that grow, and the device's wait.

    `wait_share`: share of the stage's time in which no batch was on the device.
    """
    dataset = draw_dataset(folder / "images", SIDE_PX, images)
    figures: dict[str, object] = {}
    for name in SHAPES:
        checkpoint = write_florence(folder / name, name)
        settings = VlmSettings(str(checkpoint), max_new_tokens=TOKENS)
        model = TimedVlm(load_vlm(settings))
        for batch_size in BATCH_SIZES:
            began = time.perf_counter()
            per_s, _ = stage(dataset, model, settings, batch_size=batch_size)
            seconds = time.perf_counter() - began
            wait = 1 - model.seconds()["generate"] / seconds
            figures[f"{name}_{batch_size or 'auto'}"] = {
                "images_per_s": round(per_s, 1),
                "wait_share": round(wait, 3),
            }
        model.unload()
    return figures


def write_florence(folder: Path, name: str) -> Path:
    """Write a checkpoint of a real shape, with the demo's tokenizer in front of it."""
    import torch
    from transformers import AutoProcessor, Florence2Config, Florence2ForConditionalGeneration

    processor = AutoProcessor.from_pretrained(FLORENCE_FOLDER)
    processor.image_processor.size = {"height": INPUT_PX, "width": INPUT_PX}
    tokens = (INPUT_PX // 32) ** 2 + 1
    processor.image_processor.image_seq_length = processor.num_image_tokens = tokens
    processor.save_pretrained(folder)
    vision, text = SHAPES[name]["vision"], SHAPES[name]["text"]
    width, layers, heads = text["d_model"], text["layers"], text["heads"]
    torch.manual_seed(1)
    config = Florence2Config(
        vision_config={
            **vision,
            "num_groups": vision["num_heads"],
            "depths": [1, 1, 9, 1],
            "projection_dim": width,
        },
        text_config={
            "model_type": "bart",
            "vocab_size": VOCABULARY,
            "d_model": width,
            "encoder_layers": layers,
            "decoder_layers": layers,
            "encoder_attention_heads": heads,
            "decoder_attention_heads": heads,
            "encoder_ffn_dim": 4 * width,
            "decoder_ffn_dim": 4 * width,
            "max_position_embeddings": 4096,
        },
        image_token_id=processor.tokenizer.image_token_id,
    )
    Florence2ForConditionalGeneration(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
        json.dump(florence_shapes(Path(place), count), sys.stdout, indent=2)
