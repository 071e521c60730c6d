import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.export.caption_files import ExportOutcome
from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline_tests.export.folder import Dataset, Killed

ROOT = Path(__file__).parents[2]


MOMENTS = ["before writing", "after writing"]


@pytest.mark.parametrize("when", MOMENTS)
@pytest.mark.parametrize("text", ["dog", "brown dog", "black dog"])
def test_a_file_is_still_ours_after_a_kill(dataset, when, text):
    dataset.export({"a.txt": "dog"})
    dataset.die({"a.txt": "brown dog", "b.txt": "cat"}, when=when)

    outcome = dataset.export({"a.txt": text, "b.txt": "cat"})

    assert (outcome.kept, outcome.failed) == ([], [])
    assert dataset.files() == {"a.txt": f"{text}\n".encode(), "b.txt": b"cat\n"}
    assert dataset.export({"a.txt": text, "b.txt": "cat"}) == ExportOutcome(unchanged=2)


@pytest.mark.parametrize("first", MOMENTS)
@pytest.mark.parametrize("second", MOMENTS)
def test_a_file_is_still_ours_after_two_kills(dataset, first, second):
    dataset.export({"a.txt": "dog"})
    dataset.die({"a.txt": "brown dog"}, when=first)
    dataset.die({"a.txt": "black dog"}, when=second)

    assert dataset.export({"a.txt": "white dog"}) == ExportOutcome(written=["a.txt"])


@pytest.mark.parametrize("when", MOMENTS)
def test_what_a_person_writes_after_a_kill_is_theirs(dataset, when):
    dataset.export({"a.txt": "dog"})
    dataset.die({"a.txt": "brown dog", "b.txt": "cat"}, when=when)
    (dataset.root / "a.txt").write_text("Rex")
    (dataset.root / "b.txt").write_text("Tom")

    outcome = dataset.export({"a.txt": "brown dog", "b.txt": "cat"})

    assert outcome == ExportOutcome(kept=["a.txt", "b.txt"])


@pytest.mark.parametrize("when", MOMENTS)
def test_a_person_s_file_that_was_being_replaced_is_still_theirs_if_it_was_not(dataset, when):
    (dataset.root / "a.txt").write_text("Rex")
    dataset.dies = when
    with pytest.raises(Killed):
        dataset.export({"a.txt": "dog"}, overwrite=True)
    dataset.dies = None

    outcome = dataset.export({"a.txt": "brown dog"})

    expected = {"before writing": ExportOutcome(kept=["a.txt"])}
    assert outcome == expected.get(when, ExportOutcome(written=["a.txt"]))


def test_what_a_killed_writer_left_behind_is_removed_unless_it_may_be_another_run_s(dataset):
    dataset.export({"a.txt": "dog"})
    dataset.die({"a.txt": "brown dog", "b.txt": "cat", "c.txt": "cow"}, when="before writing")
    names = [f"{name}.txtrun-1".encode() for name in "abc"]
    left = [f"{TEMPORARY_PREFIX}{sha256_hex(name)[:32]}" for name in names]
    for name in left:
        (dataset.root / name).write_text("half a ca")

    outcome = dataset.export({"a.txt": "dog", "b.txt": "cat"})

    assert outcome == ExportOutcome(unchanged=1, written=["b.txt"])
    assert dataset.files() == {left[2]: b"half a ca", "a.txt": b"dog\n", "b.txt": b"cat\n"}


WRITER = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from capenh_pipeline_tests.export.folder import Dataset

def record(rows):
    name = "first" if rows["size_bytes"].is_null().all() else "last"
    rows.write_parquet(f"{sys.argv[2]}/{name}.parquet")

dataset = Dataset(Path(sys.argv[1]))
dataset.record = record
dataset.export({f"{index}.txt": "dog " * 100 for index in range(900)})
"""


def test_no_kill_of_the_process_makes_our_files_look_like_a_person_s(dataset, tmp_path_factory):
    entries = tmp_path_factory.mktemp("ledger")
    command = [sys.executable, "-c", WRITER, dataset.root, entries]
    with subprocess.Popen(command, cwd=ROOT) as writer:  # noqa: S603  # this very interpreter
        while writer.poll() is None and len(list(dataset.root.iterdir())) < 100:
            time.sleep(0.001)
        writer.send_signal(signal.SIGKILL)
    assert len(dataset.files()) >= 100
    dataset.entries = [pl.read_parquet(entries / "first.parquet")]

    texts = {f"{index}.txt": "cat" for index in range(900)}
    outcome = dataset.export(texts)

    assert outcome == ExportOutcome(written=list(texts))
    assert dataset.files() == dict.fromkeys(texts, b"cat\n")


def test_two_exports_of_the_same_at_once_both_come_to_their_end(tmp_path):
    """Two hosts over a shared folder see no lock of each other."""
    together = threading.Barrier(2)
    texts = {f"{number}.txt": f"dog {number}" for number in range(300)}

    def export(run_id):
        dataset = Dataset(tmp_path, run_id=run_id)
        together.wait()
        return dataset.export(texts)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(export, ["one", "other"]))

    assert [(outcome.kept, outcome.failed) for outcome in outcomes] == [([], []), ([], [])]
    assert Dataset(tmp_path).files() == {name: f"{text}\n".encode() for name, text in texts.items()}
