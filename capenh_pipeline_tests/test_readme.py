"""The README says what the code does."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import duckdb
import pytest

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.option_values import value_type
from capenh_pipeline.domain.options import (
    Options,
    environment_name,
    option_fields,
)
from capenh_pipeline.models.server_keys import SECRETS
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.store_check import HASH, LEDGER
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline.store_commands import ACTIONS
from capenh_pipeline.tables.audit import DUPLICATE, MISPLACED, RESHARD, TEMPORARY, UNREADABLE
from capenh_pipeline.tables.lost_marker import LOST
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour

README = Path(__file__).parents[1] / "README.md"
_MARKERS = re.compile(r"<!-- options:.*?-->\n(.*?)<!-- end of options -->", re.DOTALL)


def options_table() -> str:
    """Return the table of all options in Markdown, as it has to stand in the README."""
    lines = ["| option | default | what it does |", "|---|---|---|"]
    for option in option_fields():
        default = option.default
        shown = "" if default in (None, "") or default is False else f"`{default}`"
        choices = " Choices: " + ", ".join(option.metadata["choices"]) + "."
        text = option.metadata["help"] + (choices if option.metadata["choices"] else "")
        value = "" if value_type(option) is bool else f" {option.metadata['metavar'] or '…'}"
        lines.append(f"| `--{option.name}{value}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_options_is_the_codes():
    found = _MARKERS.search(README.read_text())
    assert found, "README.md has no table of options"
    assert found[1] == options_table()


def deployment_table() -> str:
    """Return the table of what a deployment chooses, as it has to stand in the README."""
    lines = ["| variable | default | what it does |", "|---|---|---|"]
    for field in fields(Deployment):
        shown = "" if field.default in (None, False) else f"`{field.default}`"
        lines.append(f"| `{environment_name(field.name)}` | {shown} | {field.metadata['help']} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_a_deployment_is_the_codes():
    found = re.search(
        r"<!-- deployment -->\n(.*?)<!-- /deployment -->", README.read_text(), re.DOTALL
    )
    assert found
    assert found[1] == deployment_table()


def test_every_environment_variable_of_the_readme_is_an_option():
    known = {environment_name(option.name) for option in (*option_fields(), *fields(Deployment))}
    known |= {*SECRETS}
    assert set(re.findall(r"CAPENH_[A-Z_]+", README.read_text())) <= known


def test_every_action_on_a_store_stands_with_its_flags():
    text = README.read_text()
    for name, action in ACTIONS.items():
        command = f"    capenh store {name} --dataset_dir ~/images {action.usage}".rstrip()
        assert re.search(rf"^{re.escape(command)} +# ", text, re.MULTILINE), name


def test_every_kind_of_damage_is_explained_and_no_other():
    kinds = {LOST, UNREADABLE, MISPLACED, DUPLICATE, RESHARD, TEMPORARY, LEDGER, HASH}
    assert set(re.findall(r"^\| `([A-Z]+)` \|", README.read_text(), re.MULTILINE)) == kinds


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


@pytest.fixture
def edited_dataset(tmp_path):
    """Two equal images with captions of their own, one of them edited after the first run."""
    images = tmp_path / "images"
    for name in ("a", "b"):
        colour(images / f"{name}.png", (1, 2, 3))
        (images / f"{name}.txt").write_text(f"first {name}")
    for text in ("first a", "second a"):
        (images / "a.txt").write_text(text)
        outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
        run = outside.open_run(Options(dataset_dir=str(images), base_url="http://x/v1"))
        build_image_manifest(run)
        fill_vlm_captions(run, load=ColourVlm, before_load=lambda: None)
        fill_combined_captions(run, connect=lambda choice: EchoLlm())
    return tmp_path


def test_the_polars_example_reads_the_store(edited_dataset):
    program = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert program
    done = subprocess.run(  # noqa: S603  # our own README
        [sys.executable, "-c", program[1]],
        cwd=edited_dataset,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "second a" in done.stdout
    assert "first b" in done.stdout


def test_the_duckdb_example_pairs_each_image_with_its_own_captions(edited_dataset):
    query = re.search(r"```sql\n(.*?)```", README.read_text(), re.DOTALL)
    assert query
    text = query[1].replace("'images/", f"'{edited_dataset}/images/")
    rows = duckdb.sql(text).fetchall()
    assert [row[:2] for row in rows] == [("a.png", "second a"), ("b.png", "first b")]
    assert "second a" in rows[0][3]
