"""Processes that write to a store until they are killed; `python writers.py NAME STORE [WRITER]`.

Each prints a line for what the store has acknowledged.
"""

import itertools
import resource
import sys
import time

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.place import place_of
from capenh_pipeline.tables.checkpoint import Checkpoint
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.tables.samples import RECIPE, captions, hash_in, manifest


def append_and_compact(store: Store, writer: str) -> None:
    """Add one row a round and rewrite one of the first three, in one shard for all writers."""
    table = store.table(VLM_CAPTIONS)
    for number in itertools.count():
        table.append(captions("0", {f"{writer}-{number}": "x"}))
        acknowledge(number)
        table.append(captions("0", {f"{writer}-{number % 3}": "x"}))
        table.compact(["0"])


def replace(store: Store, _writer: str) -> None:
    """Make all rows of a snapshot carry the round's number, round after round."""
    table = store.table(IMAGE_MANIFEST)
    for number in itertools.count():
        table.replace("0", manifest("0", dict.fromkeys("abcdef", number)))
        acknowledge(number)


def add_and_wait(store: Store, _writer: str) -> None:
    """Add rows to a checkpoint that is not due for hours, until a signal comes."""
    with Checkpoint(store.table(VLM_CAPTIONS), rows=1000, seconds=10_000) as checkpoint:
        for row in captions("0", {str(number): "x" for number in range(100)}).to_dicts():
            checkpoint.add(row)
        acknowledge(100)
        while True:  # a signal just before a long sleep would wait for its end
            time.sleep(0.01)


def add_until_interrupted(store: Store, writer: str) -> None:
    """Add rows faster than they can be written, and at last say how many."""
    number = 0
    try:
        with Checkpoint(store.table(VLM_CAPTIONS), rows=16, seconds=10_000) as checkpoint:
            for number in itertools.count():
                name = f"{writer}-{number}"
                key = {"image_hash": hash_in("0", name), "recipe_hash": RECIPE}
                checkpoint.add({**key, "caption": name})
                acknowledge("added")
    except KeyboardInterrupt:
        acknowledge(number)


def add_and_leave_it_open(store: Store, _writer: str) -> None:
    """Add rows to a checkpoint that is not due for hours and end without closing it."""
    checkpoint = Checkpoint(store.table(VLM_CAPTIONS), rows=1000, seconds=10_000).__enter__()
    for row in captions("0", {"a": "x", "b": "x"}).to_dicts():
        checkpoint.add(row)


def overflow(store: Store, _writer: str) -> None:
    """Write more than the disk takes in one file, in every way, and say how each ends."""
    table, snapshot = store.table(VLM_CAPTIONS), store.table(IMAGE_MANIFEST)
    for part in range(9):
        table.append(captions("0", {f"{part}-{number}": "x" for number in range(1000)}))
    snapshot.replace("0", manifest("0", {"a": 1}))

    names = [str(number) for number in range(20_000)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    for write in (
        lambda: table.append(captions("0", dict.fromkeys(names, "x"))),
        lambda: table.compact(["0"]),
        lambda: snapshot.replace("0", manifest("0", dict.fromkeys(names, 1))),
    ):
        try:
            write()
        except StoreError as error:
            acknowledge(error)


def acknowledge(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    write = {
        function.__name__: function
        for function in (
            append_and_compact,
            replace,
            add_and_wait,
            add_until_interrupted,
            add_and_leave_it_open,
            overflow,
        )
    }[sys.argv[1]]
    write(Store.open(place_of(sys.argv[2], option="store"), shard_digits=1), sys.argv[3])
