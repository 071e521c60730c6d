"""Every option, once: its name, type, default and help, for each door of the program."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from capenh_pipeline.domain.colours import check_colour
from capenh_pipeline.domain.option_values import check_value, convert
from capenh_pipeline.domain.sidecars import check_suffixes
from capenh_pipeline.domain.vlm_prompts import prompts_for_llm, vlm_prompts
from capenh_pipeline.errors import ConfigurationError

PREFIX = "CAPENH_"
DEFAULT_VLM = "florence-community/Florence-2-large-ft"
DEFAULT_LOCAL_LLM = "Qwen/Qwen3-4B-Instruct-2507"


def _option(
    default: Any,
    help: str,  # noqa: A002  # the word that argparse uses
    *,
    group: str,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    metavar: str | None = None,
) -> Any:
    metadata = {"help": help, "group": group, "choices": choices}
    return field(default=default, metadata={**metadata, "minimum": minimum, "metavar": metavar})


@dataclass(frozen=True)
class Options:
    """What a user can choose. `None` means not set."""

    dataset_dir: str | None = _option(
        None, "Folder of images (required).", group="Dataset", metavar="DIR"
    )
    recursive: bool = _option(False, "Look in sub-folders too.", group="Dataset")
    caption_suffix: str = _option(
        "", "A manual caption is read from NAME + this + .txt.", group="Dataset"
    )
    limit: int | None = _option(
        None, "Work on the first N images only, in path order.", group="Dataset", minimum=1
    )
    store: str | None = _option(
        None, "Folder of the results; by default DATASET_DIR/.capenh.", group="Store", metavar="DIR"
    )
    shard_digits: int = _option(
        1, "1 (16 partitions) or 2 (256); a store keeps what it began with.", group="Store"
    )
    checkpoint_rows: int = _option(
        256, "Save finished captions after at most this many.", group="Store", minimum=1
    )
    checkpoint_s: float = _option(
        30.0, "Save finished captions after at most this many seconds.", group="Store", minimum=0
    )
    model_id: str = _option(
        DEFAULT_VLM, "Vision-language model: a Hugging Face id or a local folder.", group="VLM"
    )
    revision: str | None = _option(
        None, "Branch, tag or commit of the vision-language model.", group="VLM"
    )
    trust_remote_code: bool = _option(
        False, "Run Python code that comes with the checkpoint.", group="VLM"
    )
    prompt: str = _option(
        "<MORE_DETAILED_CAPTION>",
        "What the vision-language model is asked. Given several times, or as a JSON list, each "
        "perhaps as NAME=PROMPT: several captions an image.",
        group="VLM",
        metavar="[NAME=]PROMPT",
    )
    vlm_system_prompt: str | None = _option(
        None, "Text file with a system prompt for the VLM.", group="VLM", metavar="FILE"
    )
    max_new_tokens: int = _option(512, "Longest VLM caption, in tokens.", group="VLM", minimum=1)
    on_length: str = _option(
        "trim",
        "A VLM caption that max_new_tokens cuts off is trimmed to its last whole sentence, or "
        "first tried once more with twice the tokens.",
        group="VLM",
        choices=("trim", "retry"),
    )
    num_beams: int | None = _option(
        None,
        "Beams of the search for a caption, 1 is greedy; by default the checkpoint's own.",
        group="VLM",
        minimum=1,
    )
    no_repeat_ngram_size: int | None = _option(
        None,
        "No so many tokens stand twice in a VLM caption, 0 lets them; "
        "by default the checkpoint's own.",
        group="VLM",
        minimum=0,
    )
    min_pixels: int | None = _option(
        None,
        "Smaller images are enlarged for the VLM to so many pixels, where its size is not fixed.",
        group="VLM",
        minimum=1,
    )
    max_pixels: int | None = _option(
        None,
        "Larger images are reduced for the VLM to so many pixels, where its size is not fixed.",
        group="VLM",
        minimum=1,
    )
    background: str = _option(
        "white", "Colour under transparent images: a name, or #rrggbb.", group="VLM"
    )
    image_timeout_s: float = _option(
        60.0,
        "Seconds that reading one image may take.",
        group="VLM",
        minimum=0.001,
    )
    isolate_images: bool = _option(
        False,
        "Decode images in processes of their own: one that crashes its decoder costs its row only.",
        group="VLM",
    )
    batch_size: int = _option(
        0,
        "Images a batch, fewer where they would take gigabytes; 0 grows it while that is faster "
        "and fits the memory.",
        group="VLM",
        minimum=0,
    )
    device: str = _option("auto", "Where the VLM runs: auto, cpu, cuda, cuda:1, mps.", group="VLM")
    dtype: str = _option(
        "auto",
        "Number format of the VLM's weights.",
        group="VLM",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    attn_implementation: str | None = _option(
        None,
        "Attention of the VLM by its name in transformers (eager, sdpa, flash_attention_2); "
        "by default what transformers chooses.",
        group="VLM",
    )
    quantization: str = _option(
        "none",
        "Weights of the VLM in fewer bits, through bitsandbytes.",
        group="VLM",
        choices=("none", "8bit", "4bit"),
    )
    compile: bool = _option(
        False, "Compile the VLM with torch.compile: a slow start, then faster.", group="VLM"
    )
    num_workers: int = _option(
        0, "Threads that read and prepare images; 0 chooses by the cores.", group="VLM", minimum=0
    )
    base_url: str | None = _option(
        None,
        "OpenAI-compatible LLM server, as http://127.0.0.1:8000/v1; "
        "without it (and without OPENAI_BASE_URL or OPENAI_API_KEY) a local model is served here.",
        group="LLM",
        metavar="URL",
    )
    model: str | None = _option(
        None,
        "LLM by the name the server knows (by default its only one); "
        f"without a server a Hugging Face id or a local folder (by default {DEFAULT_LOCAL_LLM}).",
        group="LLM",
    )
    llm_system_prompt: str | None = _option(
        None, "Text file with a system prompt for the LLM.", group="LLM", metavar="FILE"
    )
    llm_captions: str | None = _option(
        None,
        "Names of the VLM captions that the LLM sees, separated by commas; by default all.",
        group="LLM",
        metavar="NAMES",
    )
    concurrency: int = _option(16, "Requests to the LLM server in flight.", group="LLM", minimum=1)
    llm_max_tokens: int = _option(
        1024, "Longest answer of the LLM, in tokens, reasoning included.", group="LLM", minimum=1
    )
    llm_temperature: float = _option(
        0.0, "Sampling temperature of the LLM.", group="LLM", minimum=0
    )
    llm_timeout_s: float = _option(
        120.0, "Seconds that one LLM request may take.", group="LLM", minimum=0.001
    )
    combined_suffix: str = _option(
        "_combined", "A combined caption is written to NAME + this + .txt.", group="Caption files"
    )
    generated_suffix: str = _option(
        "_generated", "A VLM caption is written to NAME + this + .txt.", group="Caption files"
    )
    cache_generated_captions_to_disk: bool = _option(
        False, "Write the VLM captions beside the images too.", group="Caption files"
    )
    trigger_word: str | None = _option(
        None, "Word that every combined caption file has to hold.", group="Caption files"
    )
    write_policy: str = _option(
        "protect",
        "What happens to a caption file that a person wrote or edited.",
        group="Caption files",
        choices=("protect", "overwrite"),
    )
    retry_failed: bool = _option(False, "Compute rows again that failed before.", group="Run")

    def __post_init__(self) -> None:
        for option in option_fields():
            check_value(option, getattr(self, option.name))
        if self.shard_digits not in (1, 2):
            raise ConfigurationError(f"--shard_digits is {self.shard_digits}; it is 1 or 2.")
        if (self.min_pixels or 0) > (self.max_pixels or float("inf")):
            raise ConfigurationError(
                f"--min_pixels is {self.min_pixels}, more than --max_pixels, {self.max_pixels}."
            )
        check_colour(self.background, option="background")
        prompts = vlm_prompts(self.prompt)
        prompts_for_llm(prompts, self.llm_captions)
        check_suffixes(
            caption_suffix=self.caption_suffix,
            combined_suffix=self.combined_suffix,
            generated_suffix=self.generated_suffix,
            prompts=prompts,
        )


def option_fields() -> tuple[Field[Any], ...]:
    """Return every option; help, group and choices are in its `metadata`."""
    return fields(Options)


def environment_name(option: str) -> str:
    """Return the environment variable of an option: `model_id` is `CAPENH_MODEL_ID`."""
    return PREFIX + option.upper()


def options_from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that `environment` sets, converted to their types.

    Raises:
        ConfigurationError: a value does not fit its option's type.
    """
    return {
        option.name: convert(option, environment[name], source=name)
        for option in option_fields()
        if (name := environment_name(option.name)) in environment
    }
