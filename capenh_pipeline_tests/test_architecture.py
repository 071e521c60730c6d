"""What loads what: the definitions stay light, and nothing to do stays nothing."""

import subprocess
import sys

import pytest

HEAVY = "torch", "transformers", "openai", "ray"


def modules_after(program):
    """Return which heavy modules a new interpreter has after `program`."""
    script = f"import sys\n{program}\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("module", ["definitions", "cli", "commands", "demo.dataset"])
def test_loading_the_package_loads_no_model_library(module):
    assert modules_after(f"import capenh_pipeline.{module}") == []


def test_the_help_does_not_wait_for_dagster():
    script = "import sys\nfrom capenh_pipeline.cli import argument_parser\nargument_parser()\n"
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", f"{script}print('dagster' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
