"""Options of the VLM captions."""

from dataclasses import dataclass
from typing import Any

from capenh_pipeline.domain.option import option
from capenh_pipeline.errors import ConfigurationError

DEFAULT_VLM = "florence-community/Florence-2-large-ft"


@dataclass(frozen=True)
class VlmOptions:
    """What a user can choose about the vision-language model."""

    model_id: str = option(
        DEFAULT_VLM,
        "Vision-language model: a Hugging Face id or a local folder; with vlm_base_url the name "
        "that the server knows (by default its only one).",
        group="VLM",
    )
    vlm_base_url: str | None = option(
        None,
        "OpenAI-compatible server that takes images, as http://127.0.0.1:8000/v1: it is asked in "
        "place of a model in this process. Given several times, or separated by commas: servers "
        "of one model that share the work.",
        group="VLM",
        metavar="URL",
    )
    revision: str | None = option(
        None, "Branch, tag or commit of the vision-language model.", group="VLM"
    )
    trust_remote_code: bool = option(
        False, "Run Python code that comes with the checkpoint.", group="VLM"
    )
    prompt: str = option(
        "<MORE_DETAILED_CAPTION>",
        "What the vision-language model is asked. Given several times, or as a JSON list, each "
        "perhaps as NAME=PROMPT: several captions an image.",
        group="VLM",
        metavar="[NAME=]PROMPT",
    )
    vlm_system_prompt: str | None = option(
        None, "Text file with a system prompt for the VLM.", group="VLM", metavar="FILE"
    )
    max_new_tokens: int = option(512, "Longest VLM caption, in tokens.", group="VLM", minimum=1)
    on_length: str = option(
        "trim",
        "A VLM caption that max_new_tokens cuts off is trimmed to its last whole sentence, or "
        "first tried once more with twice the tokens.",
        group="VLM",
        choices=("trim", "retry"),
    )
    num_beams: int | None = option(
        None,
        "Beams of the search for a caption, 1 is greedy; by default the checkpoint's own.",
        group="VLM",
        minimum=1,
    )
    no_repeat_ngram_size: int | None = option(
        None,
        "No so many tokens stand twice in a VLM caption, 0 lets them; "
        "by default the checkpoint's own.",
        group="VLM",
        minimum=0,
    )
    min_pixels: int | None = option(
        None,
        "Smaller images are enlarged for the VLM to so many pixels, where its size is not fixed.",
        group="VLM",
        minimum=1,
    )
    max_pixels: int | None = option(
        None,
        "Larger images are reduced for the VLM to so many pixels, where its size is not fixed; "
        "for a server by default to 1048576.",
        group="VLM",
        minimum=1,
    )
    background: str = option(
        "white", "Colour under transparent images: a name, or #rrggbb.", group="VLM"
    )
    image_timeout_s: float = option(
        60.0,
        "Seconds that reading one image may take.",
        group="VLM",
        minimum=0.001,
    )
    isolate_images: bool = option(
        False,
        "Decode images in processes of their own: one that crashes its decoder costs its row only.",
        group="VLM",
    )
    batch_size: int = option(
        0,
        "Images a batch, fewer where they would take gigabytes; 0 grows it while that is faster "
        "and fits the memory.",
        group="VLM",
        minimum=0,
    )
    device: str = option("auto", "Where the VLM runs: auto, cpu, cuda, cuda:1, mps.", group="VLM")
    dtype: str = option(
        "auto",
        "Number format of the VLM's weights.",
        group="VLM",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    attn_implementation: str | None = option(
        None,
        "Attention of the VLM by its name in transformers (eager, sdpa, flash_attention_2); "
        "by default what transformers chooses.",
        group="VLM",
    )
    quantization: str = option(
        "none",
        "Weights of the VLM in fewer bits, through bitsandbytes.",
        group="VLM",
        choices=("none", "8bit", "4bit"),
    )
    compile: bool = option(
        False, "Compile the VLM with torch.compile: a slow start, then faster.", group="VLM"
    )
    num_workers: int = option(
        0, "Threads that read and prepare images; 0 chooses by the cores.", group="VLM", minimum=0
    )


ENGINES = ("local", "ray")


@dataclass(frozen=True)
class WorkerOptions:
    """What a user can choose about where the VLM runs, beyond one process and device."""

    devices: str | None = option(
        None,
        "A worker process for each of these devices, as cuda:0,cuda:1; auto is every GPU.",
        group="Workers",
        metavar="LIST",
    )
    workers: int = option(
        0,
        "So many processes with a model each, in turn on --devices, else on every GPU or the "
        "--device; 0 is one for each of --devices, none without. With Ray 0 is one for each GPU "
        "of the cluster.",
        group="Workers",
        minimum=0,
    )
    engine: str = option(
        "local",
        "Where workers are: on this machine, or on a Ray cluster.",
        group="Workers",
        choices=ENGINES,
    )
    ray_address: str | None = option(
        None,
        "The Ray cluster, as HOST:PORT (of ray start --head); auto is the one that this machine is "
        "of, local starts one here for the run.",
        group="Workers",
        metavar="ADDRESS",
    )
    ray_send_images: bool = option(
        False,
        "Send the bytes of images to Ray's workers, which then need not see the dataset's folder.",
        group="Workers",
    )
    batch_timeout_s: float = option(
        1800.0,
        "Seconds without a finished batch after which a worker is taken to hang, and replaced.",
        group="Workers",
        minimum=0.001,
    )

    @property
    def has_workers(self) -> bool:
        """Whether the VLM is somewhere else than in this process."""
        return self.engine != "local" or self.workers > 0 or self.devices is not None


def check_workers(options: Any) -> None:
    """Make sure that the options of workers go together.

    Args:
        options: with those of `VlmOptions` and `WorkerOptions`.

    Raises:
        ConfigurationError: they do not.
    """
    if options.engine == "ray":
        if not options.ray_address:
            raise ConfigurationError(
                "--engine ray needs --ray_address: HOST:PORT of a cluster, auto or local."
            )
        if options.devices:
            raise ConfigurationError("--devices are of this machine; Ray chooses its own GPUs.")
    elif options.ray_address or options.ray_send_images:
        raise ConfigurationError("--ray_address and --ray_send_images need --engine ray.")
    if options.devices and options.device != "auto":
        raise ConfigurationError("--device is for one process and --devices for several: give one.")
