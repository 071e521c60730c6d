"""The command with two models that answer at once, in a process that tests may kill.

Each caption that a model is asked for is a line in a file, whatever becomes of the process
afterwards. All the while, a thread of it compacts the store.
"""

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import alembic.command
import sqlalchemy

from capenh_pipeline import cli
from capenh_pipeline.defs import launch, pipeline, resources
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain import schemas
from capenh_pipeline.models.base import Generation, MergeReply, MergeRequest, VlmReply
from capenh_pipeline.tables import shard
from capenh_pipeline.tables.marker import STORE_FOLDER
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm

Around = Callable[[], AbstractContextManager[object]]

CAPTION_S = 0.01
PAUSE_S = 0.01

TABLES = (
    *(schemas.IMAGE_MANIFEST, schemas.VLM_CAPTIONS, schemas.COMBINED_CAPTIONS),
    *(schemas.CAPTION_FILES, schemas.SCAN_INDEX),
)
SHARDS = ("0", "8")
"""Where the images of the tests are."""

IMPORTED = launch, pipeline, alembic.command, sqlalchemy
"""What the command imports when it runs."""


def started_command(
    dataset: Path, *words: object, calls: Path, said: Path, around: Around
) -> ForkServerProcess:
    """Start `capenh enhance --dataset_dir DATASET WORDS`.

    It is forked from a process that has imported everything and has used nothing.

    Args:
        dataset: the folder of images.
        words: further options.
        calls: gets a line for each caption that a model is asked for.
        said: gets what the command writes.
        around: the context of the command, made in its process.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    fixed = [
        *("enhance", "--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--base_url", "http://127.0.0.1:9/v1", "--model", "any"),
    ]
    arguments = ([*map(str, [*fixed, *words])], calls, said, around)
    process = context.Process(target=_run, args=arguments)
    process.start()
    return process


class RecordedVlm(ColourVlm):
    """Says which captions it was asked for."""

    def __init__(self, calls: Path, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._calls = calls

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        for prompt, colour in inputs:
            _record(self._calls, f"vlm {prompt} {colour}")
        return super().generate(inputs, generation)


class RecordedLlm(EchoLlm):
    """Says which captions it was asked for."""

    def __init__(self, calls: Path) -> None:
        self._calls = calls

    def merge(self, requests: Iterable[MergeRequest], emit: Callable[[MergeReply], None]) -> None:
        for request in requests:
            _record(self._calls, f"llm {request.key['image_hash']} {request.key['vlm_caption']}")
            super().merge([request], emit)


def _record(calls: Path, call: str) -> None:
    with calls.open("a") as file:
        file.write(f"{call}\n")
    time.sleep(CAPTION_S)


def _compact(store: Store, ends: threading.Event) -> None:
    for schema, key in itertools.cycle(itertools.product(TABLES, SHARDS)):
        if ends.wait(PAUSE_S):
            return
        store.table(schema).compact([key])


def _run(words: list[str], calls: Path, said: Path, around: Around) -> None:
    with said.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resources.Outside = partial(
        resources.Outside,
        load_vlm=partial(RecordedVlm, calls),
        connect_llm=lambda _choice: RecordedLlm(calls),
    )
    shard.MAX_PARTS = 1  # so that there is always something to merge
    ends = threading.Event()
    store = Store(root=Path(words[2], STORE_FOLDER), shard_digits=1)
    compacting = threading.Thread(target=_compact, args=(store, ends))
    compacting.start()
    try:
        with around():
            sys.exit(cli.main(words))
    finally:
        ends.set()
        compacting.join()
