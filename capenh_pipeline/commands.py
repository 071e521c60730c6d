"""What each command does; Dagster is imported when one runs, so that `--help` is quick."""

import logging
import os
import shlex
import shutil
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline.demo.dataset import draw_dataset
from capenh_pipeline.domain.options import Options, environment_name, options_from_environment
from capenh_pipeline.domain.paths import one_line
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.files import absolute_path, make_folder, nameable_path, write_atomically
from capenh_pipeline.free_port import LOOPBACK, free_port
from capenh_pipeline.models.hub_commits import cached_commit, known
from capenh_pipeline.report.report import write_report
from capenh_pipeline.stages import plan
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.combined_captions import llm_choice
from capenh_pipeline.stages.failures import NO_FAILURES, failures
from capenh_pipeline.stages.figures import described, rows_of_run
from capenh_pipeline.stages.fusion import Fusion
from capenh_pipeline.stages.progress import BarProgress, LineProgress, Progress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.summary import RunResult, caption_table, left_over, summary
from capenh_pipeline.stages.vlm_captions import vlm_choice
from capenh_pipeline.tables.hold import is_held
from capenh_pipeline.tables.store import Store

ALL_THERE, SOME_FAILED = 0, 1
SERVER_VARIABLES = ("OPENAI_BASE_URL", "OPENAI_API_KEY")

Environment = Mapping[str, str]
Values = Mapping[str, Any]


def enhance(values: Values, environment: Environment) -> int:
    """Bring all captions of a dataset up to date and say what was done."""
    Options(**values)  # what is wrong with the options is said before Dagster is imported
    began = time.monotonic()
    with console() as progress:
        run, result = _run_job(values, environment, progress)
    failed = failures(run) if result.failed else NO_FAILURES
    seconds = time.monotonic() - began
    details = described(rows_of_run(run, result.run_id), run.options) if result.combined else []
    details += left_over(plan.images_left(run)) if result.left else []
    text = summary(
        result,
        failed,
        details=details,
        seconds=seconds,
        dataset=run.dataset,
        store=run.store.root,
    )
    write_line(sys.stdout, text)
    if failed.height:
        write_line(sys.stdout, f"All of them: {_failures_command(values, environment)}")
        write_line(sys.stdout, "Once the cause is mended, --retry_failed tries them again.")
    return SOME_FAILED if failed.height or result.left else ALL_THERE


def _run_job(values: Values, environment: Environment, progress: Progress) -> tuple[Run, RunResult]:
    from capenh_pipeline.defs.instance import dagster_home, open_instance
    from capenh_pipeline.defs.launch import run_job
    from capenh_pipeline.defs.pipeline import pipeline_definitions
    from capenh_pipeline.defs.resources import Outside

    outside = Outside(environment=lambda: environment, progress=progress)
    run = _open_run(outside, values)
    home = dagster_home(run.store.root, environment)
    with run.store.held(), open_instance(home) as instance:
        result = run_job(
            pipeline_definitions(values, outside),
            store=run.store,
            instance=instance,
        )
    return run, result


def show_plan(values: Values, environment: Environment) -> int:
    """Print what a run would compute and what that would cost."""
    from capenh_pipeline.defs.resources import Outside

    run = _open_run(Outside(environment=lambda: environment), values)
    for line in plan.described(plan.plan(run)):
        write_line(sys.stdout, line)
    return ALL_THERE


def list_failures(values: Values, environment: Environment) -> int:
    """Print one line for each failure: path, stage, kind and reason, separated by tabs."""
    from capenh_pipeline.defs.resources import Outside

    failed = failures(_open_run(Outside(environment=lambda: environment), values))
    for row in failed.iter_rows():
        write_line(sys.stdout, "\t".join(one_line(str(cell)) for cell in row))
    return SOME_FAILED if failed.height else ALL_THERE


def report(values: Values, environment: Environment, *, output: str | None) -> int:
    """Write the report page and say where it is; the store is only read, and nobody is asked."""
    from capenh_pipeline.defs.resources import Outside, store_folder

    options = Options(**values)
    store = Store.existing(store_folder(options))
    path = None if output is None else absolute_path(output, option="output")
    outside = Outside(environment=lambda: environment, hub_commit=known(cached_commit))
    run = outside.open_run(replace(options, shard_digits=store.shard_digits))
    written = write_report(run, path)
    for line in written.described():
        write_line(sys.stdout, line)
    return ALL_THERE if written.counts["ok"] == written.counts["images"] else SOME_FAILED


def demo(folder: str, environment: Environment) -> int:
    """Draw the demo dataset, caption it with the two tiny models and show what came out."""
    from capenh_pipeline.defs.resources import Outside

    dataset = nameable_path(folder, option="DIR")
    values = {
        "dataset_dir": str(dataset),
        "recursive": True,
        "model_id": str(FLORENCE_FOLDER),
        "model": str(MERGE_LLM_FOLDER),
    }
    _write_settings(dataset / ".env", {**values, "dataset_dir": "."})
    draw_dataset(dataset)
    offline = {name: value for name, value in environment.items() if name not in SERVER_VARIABLES}
    code = enhance(values, offline)
    run = _open_run(Outside(environment=lambda: offline), values)
    width = max(100, shutil.get_terminal_size().columns)
    write_line(sys.stdout, f"\n{caption_table(captions(run), width=width)}\n")
    write_line(sys.stdout, f"The Dagster UI:  cd {shlex.quote(folder)} && {_program()} ui")
    return code


def open_ui(values: Values, environment: Environment, *, port: str | None) -> int:
    """Become the Dagster UI of a dataset's store, on 127.0.0.1.

    The daemon runs beside it, so that sensors and schedules work.
    """
    chosen = str(free_port(port))
    from capenh_pipeline.defs.instance import dagster_home, open_instance
    from capenh_pipeline.defs.launch import end_killed_runs
    from capenh_pipeline.defs.resources import Outside

    run = Outside(environment=lambda: environment).open_run(Options(**values))
    home = dagster_home(run.store.root, environment)
    with open_instance(home) as instance:  # its tables are there before several processes ask
        if not is_held(run.store.root):
            end_killed_runs(run.store, instance)
    variables = {
        environment_name(name): "" if value is None else str(value)
        for name, value in values.items()
    }
    # `dg dev`, which is named there, needs a project folder and another package.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    arguments = ["dagster", "dev", "-m", "capenh_pipeline.definitions", "-h", LOOPBACK]
    os.execve(  # noqa: S606  # our own interpreter, without a shell
        sys.executable,
        [sys.executable, *quiet, "-m", *arguments, "-p", chosen],
        {**os.environ, **variables, "DAGSTER_HOME": str(home)},
    )


def _open_run(outside: Any, values: Values) -> Run:
    """Open the run, and find out what is wrong with its options before any work is done."""
    run = outside.open_run(Options(**values))
    vlm_choice(run)
    llm_choice(run)
    Fusion(run.options)
    return run


@contextmanager
def console() -> Generator[Progress]:
    """Show warnings and progress on the standard error that we were started with.

    Dagster redirects the standard streams while an asset is computed, so this takes a copy.
    """
    logger = logging.getLogger("capenh_pipeline")
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1) as stream:
        handler = logging.StreamHandler(stream)
        logger.addHandler(handler)
        try:
            is_terminal = stream.isatty()
            yield BarProgress(stream) if is_terminal else LineProgress(partial(write_line, stream))
        finally:
            logger.removeHandler(handler)


def write_line(stream: TextIO | None, line: str) -> None:
    """Write a line to a standard stream, if there is one."""
    if stream is not None:  # None: it was closed before we started
        stream.write(f"{line}\n")


def _failures_command(values: Values, environment: Environment) -> str:
    """Return the command that lists the failures, with the flags that the environment lacks."""
    known = options_from_environment(environment)
    words = [_program(), "failures"]
    for name, value in values.items():
        if value != known.get(name) and name not in ("retry_failed", "retry_transient", "limit"):
            text = "" if value is None else value  # it may begin with -
            words.append(f"--{name}" if value is True else f"--{name}={text}")
    return shlex.join(words)


def _program() -> str:
    """Return what starts this program from any folder: its name, or its path if it is not found."""
    installed = Path(sys.executable).with_name("capenh")
    found = shutil.which("capenh")
    if not installed.exists():
        return f"{sys.executable} -m capenh_pipeline"
    return "capenh" if found and Path(found).samefile(installed) else str(installed)


def _write_settings(path: Path, values: Values) -> None:
    """Leave the options where every door looks for them when it is used from that folder.

    Raises:
        ConfigurationError: there are other settings, which stay as they are.
    """
    lines = [f"{environment_name(name)}={str(value)!r}\n" for name, value in values.items()]
    content = "".join(lines).encode()
    if path.exists() and path.read_bytes() != content:
        raise ConfigurationError(f"{path} is there and not the demo's; name another folder.")
    make_folder(path.parent)
    write_atomically(path, content)
