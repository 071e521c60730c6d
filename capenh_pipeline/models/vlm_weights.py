"""How the weights of a VLM are put into memory."""

import importlib.util
from dataclasses import dataclass
from typing import Any

from capenh_pipeline.errors import ConfigurationError


@dataclass(frozen=True)
class Weights:
    """Where the weights go, and in which format.

    Attributes:
        device: cpu, cuda, cuda:1 or mps.
        dtype: of torch.
        attn_implementation: a word of transformers; None is its own choice.
        quantization: none, 8bit or 4bit.

    Raises:
        ConfigurationError: the weights are to be quantized, and bitsandbytes is not installed.
    """

    device: str
    dtype: Any
    attn_implementation: str | None = None
    quantization: str = "none"

    def __post_init__(self) -> None:
        if self.quantization != "none" and importlib.util.find_spec("bitsandbytes") is None:
            raise ConfigurationError(
                f"--quantization {self.quantization} needs the package bitsandbytes: "
                "pip install 'capenh_pipeline[quantization]'"
            )

    def quantization_config(self) -> Any:
        """Return what transformers is told, None for whole weights.

        4 bits are NF4 (QLoRA, https://arxiv.org/abs/2305.14314), computed in `dtype`.
        """
        from transformers import BitsAndBytesConfig

        if self.quantization == "8bit":
            return BitsAndBytesConfig(load_in_8bit=True)
        if self.quantization == "4bit":
            return BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=self.dtype
            )
        return None
