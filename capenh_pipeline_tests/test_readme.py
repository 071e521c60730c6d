"""The README says what the code does."""

import re
from pathlib import Path

from capenh_pipeline.domain.options import (
    default_of,
    environment_name,
    option_fields,
    value_type,
)

README = Path(__file__).parents[1] / "README.md"
_MARKERS = re.compile(r"<!-- options:.*?-->\n(.*?)<!-- end of options -->", re.DOTALL)


def options_table() -> str:
    """Return the table of all options in Markdown, as it has to stand in the README."""
    lines = ["| option | default | what it does |", "|---|---|---|"]
    for option in option_fields():
        default = default_of(option)
        shown = "" if default in (None, "", False) else f"`{default}`"
        choices = " Choices: " + ", ".join(option.metadata["choices"]) + "."
        text = option.metadata["help"] + (choices if option.metadata["choices"] else "")
        value = "" if value_type(option) is bool else f" {option.metadata['metavar'] or '…'}"
        lines.append(f"| `--{option.name}{value}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_options_is_the_codes():
    found = _MARKERS.search(README.read_text())
    assert found, "README.md has no table of options"
    assert found[1] == options_table()


def test_every_environment_variable_of_the_readme_is_an_option():
    known = {environment_name(option.name) for option in option_fields()}
    assert set(re.findall(r"CAPENH_[A-Z_]+", README.read_text())) <= known


def test_every_make_target_of_the_readme_exists():
    makefile = (README.parent / "Makefile").read_text()
    for target in set(re.findall(r"^    make ([a-z ]+)", README.read_text(), re.MULTILINE)):
        for word in target.split():
            assert re.search(rf"^{word}:", makefile, re.MULTILINE), word


def test_every_path_of_the_layout_exists():
    package = README.parent / "capenh_pipeline"
    for folder in ("dataset", "models", "tables", "export", "domain", "stages", "defs"):
        assert f"`{folder}/`" in README.read_text()
        assert (package / folder).is_dir()
