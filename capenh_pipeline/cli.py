"""The command line: `capenh enhance`, `plan`, `demo`, `failures`, `report`, `ui` and `store`."""

import argparse
import difflib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any, NoReturn

from capenh_pipeline import commands
from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.domain.option_values import convert, value_type
from capenh_pipeline.domain.options import option_fields, options_from_environment
from capenh_pipeline.domain.vlm_prompts import joined_prompts
from capenh_pipeline.errors import CapenhError, ConfigurationError
from capenh_pipeline.store_commands import ACTIONS
from capenh_pipeline.store_commands.action import Action

WRONG_USE, INTERRUPTED, NOBODY_READS = 2, 130, 141

_OUTPUT = "Where the page goes; by default report.html in the store."

_JOINED = {"prompt": joined_prompts, "vlm_base_url": ",".join}
"""Options that may be given several times, and what makes one value of what was given."""

Environment = Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0: all wanted captions exist. 1: some images failed. 2: wrong use or configuration, or the
    run could not go on. 130: interrupted, by Ctrl-C or SIGTERM.
    """
    words = sys.argv[1:] if arguments is None else arguments
    # Polars puts a handler of its own in place, which can raise twice or in another thread.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service or a container is stopped
    try:
        chosen, unknown = argument_parser().parse_known_args(
            [_with_underscores(word) for word in words]
        )
        if unknown:
            raise _unknown(unknown[0], chosen.parser)
        return chosen.command(chosen, read_environment())
    except CapenhError as error:
        sys.stderr.write(f"capenh: {error}\n")
        return WRONG_USE
    except BrokenPipeError:  # whoever read our output has seen enough: `capenh … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except KeyboardInterrupt:
        sys.stderr.write("capenh: interrupted; everything finished so far is kept.\n")
        return INTERRUPTED


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each option comes from `domain.options`."""
    parser = _Parser(
        prog="capenh", description="Image captions that can be trusted.", allow_abbrev=False
    )
    names = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        described = names.add_parser(
            name, help=command.__doc__, description=command.__doc__, allow_abbrev=False
        )
        described.usage = f"capenh {name} {_USAGE[name]}"
        described.set_defaults(command=command, parser=described)
        if command is _demo:
            described.add_argument("folder", nargs="?", default="capenh-demo", metavar="DIR")
        else:
            _add_options(described)
        if command is _ui:
            described.add_argument(
                "--port", help="Port on 127.0.0.1. Default: 3000, or a free one."
            )
        if command is _report:
            described.add_argument("--output", metavar="FILE", help=_OUTPUT)
    _add_store_actions(names)
    return parser


def _add_store_actions(names: Any) -> None:
    about = "Look after a store: what is in it, whether it is sound, and less of it."
    store = names.add_parser("store", help=about, description=about, allow_abbrev=False)
    store.usage = "capenh store ACTION --dataset_dir DIR [OPTION ...]"
    actions = store.add_subparsers(
        title="actions", required=True, metavar="ACTION", prog="capenh store"
    )
    for name, action in ACTIONS.items():
        about = action.run.__doc__
        described = actions.add_parser(name, help=about, description=about, allow_abbrev=False)
        described.usage = f"capenh store {name} --dataset_dir DIR {action.usage}[OPTION ...]"
        described.set_defaults(command=_store, action=action, parser=described)
        for flag, argument in action.flags.items():
            described.add_argument(f"--{flag}", **argument)
        _add_options(described)


def _enhance(chosen: argparse.Namespace, environment: Environment) -> int:
    """Bring all captions of a dataset up to date."""
    return commands.enhance(_values(chosen, environment), environment)


def _plan(chosen: argparse.Namespace, environment: Environment) -> int:
    """Say what there is to do and what it would cost; do nothing."""
    return commands.show_plan(_values(chosen, environment), environment)


def _demo(chosen: argparse.Namespace, environment: Environment) -> int:
    """Draw a small dataset and caption it, offline."""
    return commands.demo(chosen.folder, environment)


def _failures(chosen: argparse.Namespace, environment: Environment) -> int:
    """List every image that has failed, and why."""
    return commands.list_failures(_values(chosen, environment), environment)


def _report(chosen: argparse.Namespace, environment: Environment) -> int:
    """Write an HTML page with every image, its captions, scores and failures."""
    return commands.report(_values(chosen, environment), environment, output=chosen.output)


def _ui(chosen: argparse.Namespace, environment: Environment) -> int:
    """Open the Dagster UI on a dataset's store."""
    return commands.open_ui(_values(chosen, environment), environment, port=chosen.port)


def _store(chosen: argparse.Namespace, environment: Environment) -> int:
    action: Action = chosen.action
    given = {flag: getattr(chosen, flag) for flag in action.flags}
    return action.run(_values(chosen, environment), environment, **given)


_USAGE = {
    "enhance": "--dataset_dir DIR [OPTION ...]",
    "plan": "--dataset_dir DIR [OPTION ...]",
    "demo": "[DIR]",
    "failures": "--dataset_dir DIR [OPTION ...]",
    "report": "--dataset_dir DIR [--output FILE] [OPTION ...]",
    "ui": "--dataset_dir DIR [--port PORT] [OPTION ...]",
}
_COMMANDS = {
    "enhance": _enhance,
    "plan": _plan,
    "demo": _demo,
    "failures": _failures,
    "report": _report,
    "ui": _ui,
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; see {self.prog} --help.")


def _unknown(word: str, parser: argparse.ArgumentParser) -> ConfigurationError:
    flag = word.partition("=")[0]
    flags = [f"--{option.name}" for option in option_fields()]
    close = difflib.get_close_matches(flag, flags, n=1)
    hint = f"did you mean {close[0]}?" if close else f"see {parser.prog} --help."
    return ConfigurationError(f"{word} is not known; {hint}")


def _with_underscores(word: str) -> str:
    """Return `--batch-size` as `--batch_size`, the way the options are spelt."""
    if not word.startswith("--"):
        return word
    flag, equals, value = word[2:].partition("=")
    return f"--{flag.replace('-', '_')}{equals}{value}"


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Each option is also an environment variable (--model_id is CAPENH_MODEL_ID), in the "
        "environment\nor in .env, and a field of the Dagster launchpad. Flags may be spelt with - "
        "instead of _."
    )
    groups: dict[str, Any] = {}
    for option in option_fields():
        group = option.metadata["group"]
        if group not in groups:
            groups[group] = parser.add_argument_group(group)
        groups[group].add_argument(
            f"--{option.name}", default=argparse.SUPPRESS, **_argument(option)
        )


def _argument(option: Field[Any]) -> dict[str, Any]:
    help_text, default = option.metadata["help"], option.default
    if value_type(option) is bool:
        return {"help": help_text, "nargs": "?", "const": True, "metavar": "true|false"}
    if default not in (None, ""):
        help_text += f" Default: {default}."
    choices = option.metadata["choices"]
    name = "TEXT" if value_type(option) is str else "N"
    metavar = "|".join(choices) or option.metadata["metavar"] or name
    action = "append" if option.name in _JOINED else "store"
    return {"help": help_text.replace("%", "%%"), "metavar": metavar, "action": action}


def _values(chosen: argparse.Namespace, environment: Environment) -> dict[str, Any]:
    """Return the option values of the command line over those of the environment."""
    values = options_from_environment(environment)
    for option in option_fields():
        if option.name in chosen:
            given = getattr(chosen, option.name)
            if option.name in _JOINED:
                given = _JOINED[option.name](given)
            is_text = isinstance(given, str)
            flag = f"--{option.name}"
            values[option.name] = convert(option, given, source=flag) if is_text else given
    return values
