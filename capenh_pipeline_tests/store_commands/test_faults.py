"""`capenh store` on a disk that fails once, and under `kill -9`: a sentence, and no row lost."""

import errno
import itertools
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.command import command
from capenh_pipeline_tests.fakes.sudden_death import failing_at
from capenh_pipeline_tests.stored import OPTIONS, caption, draw_images, store_command

ACTIONS = [("compact",), ("prune", "--yes"), ("reshard", "--digits", 2), ("check", "--repair")]
ERRORS = [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EROFS]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Two recipes, and damage of several kinds that costs no row."""
    dataset = tmp_path_factory.mktemp("faults") / "images"
    draw_images(dataset, 3)
    caption(dataset, prompt="old")
    caption(dataset)
    return dataset


def broken(dataset):
    """Misplace a part, double the rows of another, and leave a temporary file."""
    parts = sorted((dataset / ".capenh" / "vlm_captions").rglob("*.parquet"))
    rows = pl.read_parquet(parts[0])
    parts[0].unlink()
    pl.concat([rows, rows]).write_parquet(parts[0].with_name("part-000000000001-x.parquet"))
    wrong = parts[0].parents[1] / "shard=z".replace("z", _free(parts))
    wrong.mkdir()
    parts[-1].rename(wrong / parts[-1].name)
    (dataset / ".capenh" / ".tmp-0123").write_bytes(b"half")
    return dataset


def _free(parts):
    taken = {part.parent.name.removeprefix("shard=") for part in parts}
    return next(key for key in "0123456789abcdef" if key not in taken)


def wanted(dataset):
    """The rows that no action may lose, by table."""
    store = Store.existing(dataset / ".capenh")
    tables = {schema.name: store.table(schema).read().sort(schema.key) for schema in TABLES}
    seen = tables["vlm_captions"]
    return {**tables, "vlm_captions": seen.filter(pl.col("prompt") != "old")}


def every_fault(damaged, tmp_path, words, capfd, *, every):
    kept = wanted(damaged)
    for step in itertools.count(step=every):
        copy = Path(shutil.copytree(damaged, tmp_path / str(step)))
        if words[0] == "check":
            broken(copy)
        error = ERRORS[step % len(ERRORS)]
        capfd.readouterr()
        code, is_met = failing_at(step, error, copy, partial(store_command, copy, *words))
        said = capfd.readouterr().err
        assert (code, said.count("\n")) in ((2, 1), (0, 0)), said
        assert "Traceback" not in said
        if not is_met:
            assert code == 0
            return step
        assert store_command(copy, *words) == 0
        assert store_command(copy, "check") == 0
        for name, rows in wanted(copy).items():
            assert kept[name].equals(rows), name
    return None


@pytest.mark.parametrize("words", [("prune", "--yes"), ("check", "--repair")])
def test_a_fault_of_the_disk_is_one_sentence_and_loses_nothing(damaged, tmp_path, words, capfd):
    assert every_fault(damaged, tmp_path, words, capfd, every=7) > 10


@pytest.mark.soak
@pytest.mark.parametrize("words", ACTIONS, ids=[words[0] for words in ACTIONS])
def test_every_fault_of_the_disk_is_one_sentence_and_loses_nothing(damaged, tmp_path, words, capfd):
    assert every_fault(damaged, tmp_path, words, capfd, every=1) > 10


@pytest.mark.soak
def test_a_reshard_that_is_killed_at_random_moments_loses_nothing(damaged, tmp_path):
    """Real processes and `kill -9`: twenty of them, to and fro."""
    dataset = Path(shutil.copytree(damaged, tmp_path / "images"))
    moments, kept, killed = seeded(5), wanted(dataset), 0
    flags = [f"--{name}={value}" for name, value in OPTIONS.items()]
    for turn in range(20):
        words = ["store", "reshard", "--dataset_dir", dataset, "--digits", 1 + turn // 2 % 2]
        with subprocess.Popen(command(*words, *flags), stdout=subprocess.DEVNULL) as process:  # noqa: S603
            held = dataset / ".capenh" / "run.json"
            while process.poll() is None and not held.exists():
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.3))
            process.kill()
        killed += process.returncode != 0
        held.unlink(missing_ok=True)
        for name, rows in wanted(dataset).items():
            assert kept[name].equals(rows), name
    assert killed > 5
    assert store_command(dataset, "reshard", "--digits", 2) == 0
    assert store_command(dataset, "check") == 0
