"""Values of options: out of the text that somebody wrote, and within what an option allows."""

import math
from dataclasses import Field
from typing import Any, get_args

from capenh_pipeline.errors import ConfigurationError

_WORDS_FOR_TRUE = {"1", "true", "yes", "on"}
_WORDS_FOR_FALSE = {"0", "false", "no", "off", ""}


def value_type(option: Field[Any]) -> Any:
    """Return the type of an option's value, without the `None` that says "not set"."""
    return next((kind for kind in get_args(option.type) if kind is not type(None)), option.type)


def convert(option: Field[Any], text: str, *, source: str) -> Any:
    """Return `text` as a value of `option`; `source` names where it was written.

    Raises:
        ConfigurationError: it does not fit.
    """
    kind = value_type(option)
    if text == "" and option.default is None:
        return None
    if kind is bool:
        return _convert_bool(text, source)
    try:
        return kind(text)
    except ValueError:
        noun = {"int": "a whole number", "float": "a number"}[kind.__name__]
        raise ConfigurationError(f"{source} is {text!r}; it must be {noun}.") from None


def _convert_bool(text: str, source: str) -> bool:
    if text.lower() in _WORDS_FOR_TRUE:
        return True
    if text.lower() in _WORDS_FOR_FALSE:
        return False
    raise ConfigurationError(f"{source} is {text!r}; it must be true or false.")


def check_value(option: Field[Any], value: Any) -> None:
    """Make sure that `value` is one that `option` can have.

    Raises:
        ConfigurationError: it is not.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"--{option.name} is {value}; it must be a number.")
    if isinstance(value, str) and not _is_utf8(value):
        raise ConfigurationError(
            f"--{option.name} is not UTF-8 text; write it in UTF-8 (a file or folder: rename it)."
        )
    choices, minimum = option.metadata["choices"], option.metadata["minimum"]
    if choices and value is not None and value not in choices:
        raise ConfigurationError(
            f"--{option.name} is {value!r}; it must be one of {', '.join(choices)}."
        )
    if minimum is not None and value is not None and value < minimum:
        raise ConfigurationError(f"--{option.name} is {value}; it must be at least {minimum}.")


def _is_utf8(value: str) -> bool:
    """Return whether the text has no bytes in it that were not UTF-8 on the command line."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
