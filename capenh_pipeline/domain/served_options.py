"""What is different about the options where the VLM is served elsewhere."""

from dataclasses import fields

from capenh_pipeline.domain.vlm_options import DEFAULT_VLM, VlmOptions
from capenh_pipeline.errors import ConfigurationError

DEFAULT_PIXELS = 1024 * 1024
"""A megapixel is what most models look at (Qwen-VL 1,300 tokens of it, OpenAI's 765)."""

_OF_A_MODEL_HERE = (
    *("revision", "trust_remote_code", "num_beams", "no_repeat_ngram_size", "batch_size"),
    *("device", "dtype", "attn_implementation", "quantization", "compile"),
    *("devices", "workers", "engine", "ray_address", "ray_send_images"),
)
"""Options that a server decides on by itself."""


def served_addresses(vlm_base_url: str | None) -> tuple[str, ...]:
    """Return the addresses of the servers of the VLM, each once; none if it is in this process."""
    addresses = (address.strip().rstrip("/") for address in (vlm_base_url or "").split(","))
    return tuple(dict.fromkeys(address for address in addresses if address))


def served_name(options: VlmOptions) -> str | None:
    """Return the name of the model on its servers; None is their only one."""
    return None if options.model_id == DEFAULT_VLM else options.model_id


def served_pixels(options: VlmOptions) -> int:
    """Return the most pixels of an image that is sent."""
    return options.max_pixels or max(DEFAULT_PIXELS, options.min_pixels or 0)


def check_served(options: VlmOptions) -> None:
    """Make sure that a served VLM is not given options that it cannot follow.

    Raises:
        ConfigurationError: it is.
    """
    if not options.vlm_base_url:
        return
    if not served_addresses(options.vlm_base_url):
        raise ConfigurationError(
            f"--vlm_base_url is {options.vlm_base_url!r}, which names no server."
        )
    defaults = {field.name: field.default for field in fields(options)}
    for name in _OF_A_MODEL_HERE:
        if getattr(options, name) != defaults[name]:
            raise ConfigurationError(
                f"--{name} is for a VLM in this process, and --vlm_base_url names a server: "
                "leave one of them out."
            )
