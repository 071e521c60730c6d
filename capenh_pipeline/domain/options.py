"""Every option, once: its name, type, default and help, for each door of the program."""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from capenh_pipeline.domain.colours import check_colour
from capenh_pipeline.domain.fusion.gates import check_language, skipped_gates
from capenh_pipeline.domain.llm_options import (
    CostOptions,
    FusionOptions,
    LlmOptions,
    check_address,
)
from capenh_pipeline.domain.option import option
from capenh_pipeline.domain.option_values import check_value, convert
from capenh_pipeline.domain.served_options import check_served
from capenh_pipeline.domain.sidecars import check_suffixes
from capenh_pipeline.domain.vlm_options import VlmOptions, WorkerOptions, check_workers
from capenh_pipeline.domain.vlm_prompts import prompts_for_llm, vlm_prompts
from capenh_pipeline.errors import ConfigurationError

PREFIX = "CAPENH_"

_WHERE_SECRETS_GO = {
    "base_url": "put a key into OPENAI_API_KEY, or such an address into OPENAI_BASE_URL",
    "vlm_base_url": "put a key into CAPENH_VLM_API_KEY",
}


@dataclass(frozen=True)
class DatasetOptions:
    """What a user can choose about the images and the store."""

    dataset_dir: str | None = option(
        None,
        "Folder of images, or its URL in object storage (required).",
        group="Dataset",
        metavar="DIR",
    )
    recursive: bool = option(False, "Look in sub-folders too.", group="Dataset")
    tar_shards: bool = option(
        False,
        "Look into .tar files too (WebDataset shards), with --recursive: what is in x.tar is as if "
        "it lay in the folder x, where its caption files are written.",
        group="Dataset",
    )
    parquet_shards: bool = option(
        False,
        "Look into .parquet and .arrow files too (Hugging Face datasets), with --recursive: row 12 "
        "of x.parquet is as if it were the image x/000012.jpg, and its column text, or caption, "
        "x/000012.txt.",
        group="Dataset",
    )
    metadata_captions: bool = option(
        False,
        "Take manual captions from metadata.jsonl, .csv and .parquet too (column text, or caption, "
        "of the image file_name); NAME.txt counts first.",
        group="Dataset",
    )
    trust_dir_mtime: bool = option(
        False,
        "Do not look at the files of a folder whose own times are as they were: that is much "
        "faster, and files that are edited in place are not noticed.",
        group="Dataset",
    )
    caption_suffix: str = option(
        "", "A manual caption is read from NAME + this + .txt.", group="Dataset"
    )
    limit: int | None = option(
        None, "Work on the first N images only, in path order.", group="Dataset", minimum=1
    )
    store: str | None = option(
        None,
        "Folder of the results, or its URL in object storage; by default DATASET_DIR/.capenh.",
        group="Store",
        metavar="DIR",
    )
    shard_digits: int = option(
        1,
        "1 (16 partitions) or 2 (256); a store keeps what it began with until it is resharded.",
        group="Store",
    )
    checkpoint_rows: int = option(
        256, "Save finished captions after at most this many.", group="Store", minimum=1
    )
    checkpoint_s: float = option(
        30.0, "Save finished captions after at most this many seconds.", group="Store", minimum=0
    )


@dataclass(frozen=True)
class FileOptions:
    """What a user can choose about caption files and runs."""

    combined_suffix: str = option(
        "_combined", "A combined caption is written to NAME + this + .txt.", group="Caption files"
    )
    generated_suffix: str = option(
        "_generated", "A VLM caption is written to NAME + this + .txt.", group="Caption files"
    )
    cache_generated_captions_to_disk: bool = option(
        False, "Write the VLM captions beside the images too.", group="Caption files"
    )
    write_policy: str = option(
        "protect",
        "What happens to a caption file that a person wrote or edited.",
        group="Caption files",
        choices=("protect", "overwrite"),
    )
    retry_failed: bool = option(
        False, "Compute rows again that failed before, or fell back.", group="Run"
    )
    retry_transient: bool = option(
        False,
        "Compute rows again that failed for a reason that may have passed: a timeout, a server's "
        "error, a rate limit, too little memory. The nightly run does.",
        group="Run",
    )


@dataclass(frozen=True)
class Options(
    FileOptions, CostOptions, FusionOptions, LlmOptions, WorkerOptions, VlmOptions, DatasetOptions
):  # their options are listed from the last to the first
    """What a user can choose. `None` means not set."""

    def __post_init__(self) -> None:
        for field in option_fields():
            check_value(field, getattr(self, field.name))
        if self.shard_digits not in (1, 2):
            raise ConfigurationError(f"--shard_digits is {self.shard_digits}; it is 1 or 2.")
        if (self.min_pixels or 0) > (self.max_pixels or float("inf")):
            raise ConfigurationError(
                f"--min_pixels is {self.min_pixels}, more than --max_pixels, {self.max_pixels}."
            )
        check_colour(self.background, option="background")
        for name, instead in _WHERE_SECRETS_GO.items():
            check_address(getattr(self, name), option=name, instead=instead)
        check_served(self)
        self._check_fusion()
        check_workers(self)
        prompts = vlm_prompts(self.prompt)
        if self.folder_prompts and len(prompts) > 1:
            raise ConfigurationError(
                "--folder_prompts puts prompt.txt in the place of one --prompt, and there are "
                f"{len(prompts)}; give one, or no --folder_prompts."
            )
        prompts_for_llm(prompts, self.llm_captions)
        for name in ("metadata_captions", "parquet_shards"):
            if getattr(self, name) and self.caption_suffix:
                raise ConfigurationError(
                    f"--{name} and --caption_suffix do not go together: the text of an image, say "
                    "a.png, is read as if it stood in a.txt."
                )
        check_suffixes(
            caption_suffix=self.caption_suffix,
            combined_suffix=self.combined_suffix,
            generated_suffix=self.generated_suffix,
            prompts=prompts,
        )

    def _check_fusion(self) -> None:
        skipped_gates(self.skip_gates)
        check_language(self.caption_language)
        for name in ("min_retention", "min_support"):
            if getattr(self, name) > 1:
                raise ConfigurationError(f"--{name} is {getattr(self, name)}; it is at most 1.")
        if self.fit_tokenizer and not self.fit:
            raise ConfigurationError("--fit_tokenizer counts the tokens of --fit: set that too.")
        if self.max_cost is not None and None in (self.price_in, self.price_out):
            raise ConfigurationError("--max_cost needs --price_in and --price_out.")


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
    return values_from_environment(option_fields(), environment)


def values_from_environment(
    options: Iterable[Field[Any]], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return those of some options that `environment` sets; see `options_from_environment`."""
    return {
        option.name: convert(option, environment[name], source=name)
        for option in options
        if (name := environment_name(option.name)) in environment
    }
