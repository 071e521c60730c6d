"""Models without a chat template, which go on with the prompt."""

from pathlib import Path

from capenh_pipeline_tests.checkpoints.parts import (
    SIDE_PX,
    byte_tokenizer,
    ends_at_times,
    save,
    tower,
)


def write_blip(folder: Path) -> Path:
    """Write a model that goes on with the prompt, and whose tokenizer knows letters and words."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    torch.manual_seed(11)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{a}" for a in letters)]
    text = {**tower(), "vocab_size": len(words), "encoder_hidden_size": 32}
    text |= {"bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(text_config=text, vision_config=tower(), image_text_hidden_size=32)
    processor = BlipProcessor(
        BlipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}),
        BertTokenizer(vocab={word: place for place, word in enumerate(words)}),
    )
    model = BlipForConditionalGeneration(config)
    ends_at_times(model.text_decoder, words.index("[SEP]"))
    return save(folder, model, processor)


def write_blip2(folder: Path) -> Path:
    """Write a model whose processor pads and then does not pad, within one call."""
    import torch
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        BlipImageProcessorPil,
    )

    torch.manual_seed(2)
    processor = Blip2Processor(
        BlipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}),
        byte_tokenizer({}),
        num_query_tokens=4,
    )
    text = {**tower(), "model_type": "opt", "ffn_dim": 64, "word_embed_proj_dim": 32}
    text |= {"vocab_size": len(processor.tokenizer), "bos_token_id": 0, "eos_token_id": 1}
    config = Blip2Config(
        vision_config=tower(),
        qformer_config={**tower(), "encoder_hidden_size": 32},
        text_config=text | {"pad_token_id": 1, "init_std": 0.5},
        num_query_tokens=4,
        image_token_index=len(processor.tokenizer) - 1,
    )
    return save(folder, Blip2ForConditionalGeneration(config), processor)
