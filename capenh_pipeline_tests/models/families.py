"""The families of VLMs that are tested end to end, each by a tiny checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capenh_pipeline_tests import checkpoints


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        name: as in its model type.
        write: writes a checkpoint to a folder.
        prompt: what it is asked.
        asked: words that it reads for this prompt.
        takes_system_prompt: whether it has a place for one.
        package: what its processor cannot do without, besides what is always installed.
    """

    name: str
    write: Callable[[Path], Path]
    prompt: str = "is it a zebra"
    asked: str = "zebra"
    takes_system_prompt: bool = True
    package: str | None = None


FLORENCE = {
    "prompt": "<CAPTION>",
    "asked": "What does the image describe",
    "takes_system_prompt": False,
}
FAMILIES = [
    Family("florence2", checkpoints.copy_florence, **FLORENCE),
    Family("florence2_original", checkpoints.write_original_florence, **FLORENCE),
    Family("qwen2_5_vl", checkpoints.write_qwen2_5_vl),
    Family("qwen3_vl", checkpoints.write_qwen3_vl),
    Family("llava_joycaption", checkpoints.write_joycaption),
    Family("llava_next", checkpoints.write_llava),
    Family("smolvlm", checkpoints.write_smolvlm, package="num2words"),
    Family("internvl", checkpoints.write_internvl),
    Family("gemma3", checkpoints.write_gemma3),
    Family("janus", checkpoints.write_janus),
    Family("paligemma", checkpoints.write_paligemma, takes_system_prompt=False),
    Family("blip", checkpoints.write_blip, takes_system_prompt=False),
    Family("blip2", checkpoints.write_blip2, takes_system_prompt=False),
]
