"""How many tokens a text is for the text encoder of an image model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from capenh_pipeline.errors import ModelError

_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
"""Files of which a tokenizer has at least one; transformers makes an empty one up without them."""


def token_counter(folder: str) -> Callable[[str], int]:
    """Return a function of a text to its number of tokens, special ones included.

    Nothing is downloaded and no code of the folder is run.

    Args:
        folder: a local folder with the files of a tokenizer, as `tokenizer` in that of a pipeline.

    Raises:
        ModelError: the folder has no tokenizer that can be read.
    """
    if not any((Path(folder) / name).is_file() for name in _VOCABULARIES):
        raise ModelError(
            f"There is no tokenizer in {folder}; name a folder with a {_VOCABULARIES[0]}."
        )
    tokenizer = _load(folder)

    def count(text: str) -> int:
        return len(tokenizer(text, verbose=False)["input_ids"])

    return count


def _load(folder: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # tokenizers raises Exception itself
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The tokenizer in {folder} cannot be read: {reason}") from error
