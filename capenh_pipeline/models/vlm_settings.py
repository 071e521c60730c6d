"""What a VLM is loaded with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VlmSettings:
    """What a VLM is loaded with.

    Attributes:
        model_id: hub id or local folder.
        revision: branch, tag or commit of the hub.
        trust_remote_code: run Python code that comes with the checkpoint.
        prompts: what it will be asked, each a Florence-2 task or text.
        system_prompt: text that a chat model reads before the prompt.
        max_new_tokens: longest caption.
        num_beams: of the search, 1 is greedy; None is the checkpoint's own.
        no_repeat_ngram_size: tokens in a row that do not come twice; None is the checkpoint's own.
        min_pixels: least pixels of an image, for a processor with a pixel budget.
        max_pixels: most pixels of it.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: auto, float32, bfloat16 or float16.
        attn_implementation: a word of transformers; None is its own choice.
        quantization: none, 8bit or 4bit (bitsandbytes).
        compile: whether torch compiles the model.
    """

    model_id: str
    revision: str | None = None
    trust_remote_code: bool = False
    prompts: tuple[str, ...] = ("<MORE_DETAILED_CAPTION>",)
    system_prompt: str | None = None
    max_new_tokens: int = 512
    num_beams: int | None = None
    no_repeat_ngram_size: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    attn_implementation: str | None = None
    quantization: str = "none"
    compile: bool = False
