"""A Florence-2 small enough to be trained on one core: 2.2 M parameters, 64 px images."""

from typing import Any

from PIL import Image

from capenh_pipeline.demo.byte_pairs import train_byte_pairs
from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.scenes import sample_scenes, true_captions

SIDE_PX = 64
_PATCH_STRIDES = (4, 2, 2, 1)
_SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_BOS, _PAD, _EOS = 0, 1, 2
_WIDTH = 128
_CORPUS_SCENES = 4000
_MAX_NEW_TOKENS = 96
# What Florence2Processor writes for the three caption tasks.
_TASK_PROMPTS = (
    "What does the image describe?",
    "Describe in detail what is shown in the image.",
    "Describe with a paragraph what is shown in the image.",
)
_POST_PROCESSING_TASKS = (
    "ocr",
    "phrase_grounding",
    "pure_text",
    "description_with_bboxes",
    "description_with_polygons",
    "polygons",
    "bboxes",
    "description_with_bboxes_or_polygons",
)


def build_processor() -> Any:
    """Return a `Florence2Processor` whose tokenizer has learnt the captions of some scenes."""
    from transformers import BartTokenizer, CLIPImageProcessorPil, Florence2Processor

    vocabulary, merges = train_byte_pairs(
        _caption_corpus(), vocabulary_size=640, special_tokens=_SPECIAL_TOKENS
    )
    bart: Any = BartTokenizer
    tokenizer = bart(
        vocab=vocabulary,
        merges=merges,
        extra_special_tokens={"image_token": "<image>"},
        model_max_length=256,
    )
    images: Any = CLIPImageProcessorPil(
        size={"height": SIDE_PX, "width": SIDE_PX}, do_center_crop=False, resample=3
    )
    images.image_seq_length = _image_tokens()
    return Florence2Processor(
        image_processor=images,
        tokenizer=tokenizer,
        post_processor_config={task: {} for task in _POST_PROCESSING_TASKS},
    )


def build_model(tokenizer: Any) -> Any:
    """Return an untrained `Florence2ForConditionalGeneration` for the words of `tokenizer`."""
    from transformers import Florence2Config, Florence2ForConditionalGeneration, GenerationConfig

    special: dict[str, Any] = {
        "bos_token_id": _BOS,
        "pad_token_id": _PAD,
        "eos_token_id": _EOS,
        "decoder_start_token_id": _EOS,
    }
    config = Florence2Config(
        text_config=_text_config(len(tokenizer), special),
        vision_config=_vision_config(),
        image_token_id=tokenizer.image_token_id,
        **special,
    )
    model = Florence2ForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        **special, forced_bos_token_id=_BOS, max_new_tokens=_MAX_NEW_TOKENS, num_beams=1
    )
    return model


def task_inputs(processor: Any, task: str) -> list[int]:
    """Return the tokens with which `processor` asks `task` of an image."""
    image = Image.new("RGB", (SIDE_PX, SIDE_PX))
    return processor(text=[task], images=[image]).input_ids[0]


def _caption_corpus() -> list[str]:
    source = sample_scenes(seeded(1), held_out=False)
    captions = [
        text for _ in range(_CORPUS_SCENES) for text in true_captions(next(source)).values()
    ]
    return [*_TASK_PROMPTS, *captions]


def _image_tokens() -> int:
    """Return what one image becomes for the language model: its patches and their mean."""
    side = SIDE_PX
    for stride in _PATCH_STRIDES:
        side //= stride
    return side * side + 1


def _text_config(words: int, special: dict[str, Any]) -> dict[str, Any]:
    from transformers import BartConfig

    config = BartConfig(
        vocab_size=words,
        d_model=_WIDTH,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=384,
        decoder_ffn_dim=384,
        max_position_embeddings=160,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        forced_eos_token_id=_EOS,
        **special,
    )
    return config.to_dict()


def _vision_config() -> Any:
    from transformers import Florence2VisionConfig

    heads = (2, 2, 4, 5)
    return Florence2VisionConfig(
        depths=(1, 1, 1, 1),
        patch_stride=_PATCH_STRIDES,
        embed_dim=(32, 64, 128, 160),
        num_heads=heads,
        num_groups=heads,
        window_size=4,
        drop_path_rate=0.0,
        projection_dim=_WIDTH,
    )
