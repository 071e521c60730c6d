"""What a large dataset costs when little or nothing is new, against `find` and `sha256sum`."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.benchmarks.big_dataset import OPTIONS, make_images, open_run

SIZES = (10_000, 100_000, 1_000_000)
HASHED, HASHED_BYTES = 400, 1_000_000
CHECKPOINT_ROWS, TABLE_ROWS, BATCH_ROWS = 10_000, 1_000_000, 256

Figures = dict[str, object]


def scale(folder: Path) -> Figures:
    """Return the figures; what is made in `folder` is removed."""
    figures = {**_hashing(folder / "hashed"), **_table(folder / "table")}
    for images in SIZES:
        figures |= _dataset(folder / "images", images)
        shutil.rmtree(folder / "images")
    return figures


def _hashing(dataset: Path) -> Figures:
    """Return `scan_hash_vs_sha256sum`: bytes/s of a first scan ÷ those of `sha256sum`."""
    make_images(dataset, HASHED)
    for path in dataset.rglob("*.png"):
        path.write_bytes(path.read_bytes() + os.urandom(HASHED_BYTES))
    run, cores = open_run(dataset), len(os.sched_getaffinity(0))
    names = [str(path) for path in dataset.rglob("*.png")]
    command = ["xargs", "-0", f"-P{cores}", "-n20", "sha256sum"]
    theirs = ours = 0.0
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(  # noqa: S603  # a fixed command
            command, input="\0".join(names).encode(), stdout=subprocess.DEVNULL, check=True
        )
        theirs = max(theirs, 1 / (time.perf_counter() - began))
        shutil.rmtree(run.store.root / "scan_index", ignore_errors=True)
        shutil.rmtree(run.store.root / "settled", ignore_errors=True)
        began = time.perf_counter()
        build_image_manifest(run)
        ours = max(ours, 1 / (time.perf_counter() - began))
    shutil.rmtree(dataset)
    return {"scan_hash_vs_sha256sum": round(ours / theirs, 2)}


def _table(folder: Path) -> Figures:
    """Return what writing takes: a checkpoint, all checkpoints of a shard, and merging a table."""
    store = Store.open(folder, shard_digits=1, dataset=None)
    table = store.table(VLM_CAPTIONS)
    rows = _rows(CHECKPOINT_ROWS, shard="0")
    checkpoint_ms = min(_seconds(lambda: table.append(rows)) for _ in range(5)) * 1000
    for number in range(10):
        table.append(_rows(TABLE_ROWS // 10, shard="", first=number * TABLE_ROWS // 10))
    cpu = time.process_time()
    table.compact(shard_keys(1))
    figures = {
        "checkpoint_of_10k_rows_ms": round(checkpoint_ms, 1),
        "merge_of_1m_rows_cpu_s": round(time.process_time() - cpu, 1),
        "write_amplification": round(_write_amplification(store), 2),
    }
    shutil.rmtree(folder)
    return figures


def _write_amplification(store: Store) -> float:
    """Return bytes written for a shard, checkpoint by checkpoint and merged ÷ its final bytes."""
    table, shard = store.table(VLM_CAPTIONS), "f"
    before = _written()
    for number in range(60):
        table.append(_rows(BATCH_ROWS, shard=shard, first=number * BATCH_ROWS))
    table.compact([shard])
    written = _written() - before
    return written / sum(part.stat().st_size for part in (table.folder / "shard=f").iterdir())


def _dataset(folder: Path, images: int) -> Figures:
    """Return what a run takes that finds nothing new, and one that finds one image."""
    _step("make", folder, str(images))
    _step("run", folder)  # it notes that all is there
    runs, finds = [], []
    for _ in range(3):
        runs.append(_step("run", folder))
        finds.append(_seconds(lambda: _find(folder)))
    nothing = min(runs, key=lambda took: took["scan_wall_s"])
    whole_s = _seconds(lambda: _enhance(folder))
    look = _step("look", folder)
    _step("run", folder, "trust_dir_mtime")
    trusting = _step("run", folder, "trust_dir_mtime")
    (folder / "00000" / "new.png").write_bytes(
        (folder / "00000" / "00000000.png").read_bytes() + b"!"
    )
    one = _step("run", folder)
    shutil.rmtree(folder / ".capenh" / "settled")
    whole = _step("run", folder)
    assert (nothing["computed"], trusting["computed"], one["computed"]) == (0, 0, 3)
    figures = {
        "scan_s": nothing["scan_wall_s"],
        "find_s": min(finds),
        "scan_peak_mb": nothing["peak_mb"],
        "scan_trusting_s": trusting["scan_wall_s"],
        "noop_cpu_s_beyond_scan": nothing["cpu_s"],
        "noop_enhance_s": whole_s,
        "sensor_look_ms": look["ms"],
        "sensor_looks_for_all": look["looks"],
        "whole_look_s": whole["scan_wall_s"] + whole["wall_s"],
        "whole_look_peak_mb": whole["peak_mb"],
        "one_new_peak_mb": one["peak_mb"],
        "one_new_scan_read_mb": one["scan_read_mb"],
        "one_new_read_mb": one["read_mb"],
        "one_new_written_mb": one["scan_written_mb"] + one["written_mb"],
    }
    return {f"{name}_of_{images}": round(value, 2) for name, value in figures.items()}


def _step(name: str, dataset: Path, *arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", f"{__package__}.scale_step", name, dataset, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return json.loads(done.stdout)


def _find(folder: Path) -> None:
    command = ["find", folder, "-name", ".capenh", "-prune", "-o", "-printf", "%s %T@ %p\\n"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def _enhance(folder: Path) -> None:
    flags = [word for name, value in OPTIONS.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "capenh_pipeline", "enhance", "--dataset_dir", folder, *flags]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    assert "Nothing to do" in done.stdout


def _rows(count: int, *, shard: str, first: int = 0) -> pl.DataFrame:
    hashes = (
        hashlib.sha256(f"{shard}{n}".encode()).hexdigest() for n in range(first, first + count)
    )
    return pl.DataFrame(
        {"image_hash": [shard + text[len(shard) :] for text in hashes]}
    ).with_columns(
        caption=pl.format(
            "A picture of the thing with the name {}", pl.col("image_hash").str.head(9)
        ),
        recipe_hash=pl.lit("0" * 64),
        status=pl.lit("ok"),
        options=pl.lit('{"max_new_tokens":1024,"num_beams":3,"do_sample":false}'),
        created_at=pl.lit(datetime.now(UTC)).cast(VLM_CAPTIONS.columns["created_at"]),
        run_id=pl.lit("a-run"),
    )


def _seconds(work: object) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _written() -> int:
    line = next(x for x in Path("/proc/self/io").read_text().splitlines() if "wchar" in x)
    return int(line.split()[1])
