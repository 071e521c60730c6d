"""Tars, tables and metadata files in a bucket: what is in them costs what it costs on a disk."""

import json

import pytest

from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.dataset.scan import list_dataset
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.containers import is_gone
from capenh_pipeline.places.reading import read_file
from capenh_pipeline_tests.object_storage.folders import OTHERS
from capenh_pipeline_tests.object_storage.proxy import FAULTS, FORBIDDEN
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns
from capenh_pipeline_tests.tables_of_images import arrow_of, parquet_of
from capenh_pipeline_tests.tars import png, tar_of

RED, GREEN, BLUE, GREY = (png(rgb) for rgb in [(200, 0, 0), (0, 200, 0), (0, 0, 200), (9, 9, 9)])
TAR = {"000.png": RED, "000.txt": b"sks dog", "deep/001.png": GREEN}
ROWS = [(BLUE, "sks cat"), (GREY, None)]
METADATA = {"file_name": "t/deep/001.png", "text": "sks tree"}
MANUAL = {
    "t/000.png": "sks dog",
    "t/deep/001.png": "sks tree",
    "p/000000.png": "sks cat",
    "p/000001.png": None,
}
OPTIONS = {"tar_shards": True, "parquet_shards": True, "metadata_captions": True}
LAYERS = Layers(tars=True, tables=True, metadata=True)


def runs_over(folder, store):
    """Return runs over a new dataset in a bucket."""
    (folder / "t.tar").put(tar_of(TAR))
    (folder / "p.parquet").put(parquet_of(ROWS))
    (folder / "metadata.jsonl").put(json.dumps(METADATA).encode())
    return StageRuns(folder, {"recursive": True, "store": str(store), **OPTIONS})


@pytest.fixture
def shards(faulty_folder, tmp_path):
    """A folder in a bucket, the plan of its proxy, and runs with a store on a disk."""
    folder, plan = faulty_folder
    return folder, plan, runs_over(folder, tmp_path / "store")


def read(plan, since):
    """Return what was read, of which there is an object."""
    names = ("t.tar", "p.parquet", "metadata.jsonl")
    return [one for one in plan.asked[since:] if one.startswith("GET") and one.endswith(names)]


def test_what_is_in_objects_is_captioned_and_its_captions_lie_beside_them(shards):
    folder, _, runs = shards
    assert runs.run() == Cost(7, 4, 4, 4)
    found = runs.manifest()
    assert {path: row["manual_caption"] for path, row in found.items()} == MANUAL
    assert found["t/deep/001.png"]["image_hash"] == sha256_hex(GREEN)
    assert found["p/000001.png"]["size_bytes"] == len(GREY)
    assert "sks dog" in (folder / "t" / "000_combined.txt").read_bytes().decode()
    assert (folder / "p" / "000001_combined.txt").is_file()


def test_a_second_run_reads_and_computes_nothing(shards):
    _, plan, runs = shards
    runs.run()
    since = len(plan.asked)
    assert runs.run() == NOTHING
    assert [one for one in read(plan, since) if not one.endswith("metadata.jsonl")] == []


def test_a_tar_is_gone_through_once_and_its_members_are_read_in_pieces(shards):
    folder, plan, _ = shards
    list_dataset(folder, recursive=True, layers=LAYERS)
    assert len([one for one in read(plan, 0) if one.endswith("t.tar")]) == 1
    since = len(plan.asked)
    assert read_file(folder / "t" / "deep" / "001.png") == GREEN
    start = f"GET /{folder.bucket}/{folder.key}"
    assert plan.asked[since:] == [f"{start}/t/deep/001.png", f"{start}/t.tar"]


@pytest.mark.parametrize(("name", "content_of"), [("p.parquet", parquet_of), ("q.arrow", arrow_of)])
def test_a_group_of_rows_is_read_once_whatever_shards_its_images_are_in(shards, name, content_of):
    folder, plan, runs = shards
    (folder / name).put(content_of([(png((n, 0, 0)), None) for n in range(1, 21)]))
    runs.run()
    since = len(plan.asked)
    assert runs.run(prompt="look again").vlm_images >= 20
    asked = [
        one for one in plan.asked[since:] if one == f"GET /{folder.bucket}/{folder.key}/{name}"
    ]
    assert len(asked) == 10


def test_arrow_is_read_too(shards):
    folder, _, runs = shards
    (folder / "p.parquet").unlink()
    (folder / "p.arrow").put(arrow_of(ROWS))
    assert runs.run() == Cost(7, 4, 4, 4)
    assert {path: row["manual_caption"] for path, row in runs.manifest().items()} == MANUAL
    assert runs.run() == NOTHING


@pytest.mark.slow
def test_objects_that_are_replaced_cost_what_is_new_in_them(shards):
    folder, _, runs = shards
    runs.run()
    (folder / "t.tar").put(tar_of({**TAR, "002.png": png((1, 1, 1))}))
    assert runs.run() == Cost(4, 1, 1, 1)
    (folder / "p.parquet").put(parquet_of([ROWS[0], (GREY, "sks wolf")]))
    assert runs.run() == Cost(4, 0, 1, 1)
    (folder / "metadata.jsonl").put(json.dumps({**METADATA, "text": "sks bush"}).encode())
    assert runs.run() == Cost(1, 0, 1, 1)
    assert runs.manifest()["t/deep/001.png"]["manual_caption"] == "sks bush"
    assert runs.run() == NOTHING


def test_a_correction_beside_it_counts_and_an_edited_caption_is_kept(shards):
    folder, _, runs = shards
    runs.run()
    (folder / "t" / "000.txt").put(b"sks fox")
    assert runs.run() == Cost(1, 0, 1, 1)
    (folder / "t" / "000_combined.txt").put(b"a person's")
    assert runs.run().files_written == 0
    assert (folder / "t" / "000_combined.txt").read_bytes() == b"a person's"


def test_a_process_that_has_listed_nothing_reads_them_too(shards):
    folder, _, _ = shards
    assert read_file(folder / "t" / "deep" / "001.png") == GREEN
    assert read_file(folder / "p" / "000001.png") == GREY
    assert read_file(folder / "t" / "deep" / "001.txt") == b"sks tree"
    assert is_gone(folder / "t" / "002.png")
    assert not is_gone(folder / "p" / "000000.txt")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_third_request_may_fail(shards, fault):
    _, plan, runs = shards
    plan.fault_of = lambda number, _method: fault if number % 3 == 2 else None
    assert runs.run() == Cost(7, 4, 4, 4)
    assert {path: row["manual_caption"] for path, row in runs.manifest().items()} == MANUAL


@pytest.mark.parametrize("folder", OTHERS)
def test_other_servers_do_the_same(folder, request, tmp_path):
    folder = request.getfixturevalue(folder)
    runs = runs_over(folder, tmp_path / "store")
    assert runs.run() == Cost(7, 4, 4, 4)
    assert {path: row["manual_caption"] for path, row in runs.manifest().items()} == MANUAL
    (folder / "t.tar").put(tar_of({**TAR, "002.png": png((1, 1, 1))}))
    assert runs.run() == Cost(4, 1, 1, 1)
    assert runs.run() == NOTHING


def test_a_metadata_file_that_is_refused_ends_the_run(shards):
    _, plan, runs = shards
    plan.fault_of = lambda *_: FORBIDDEN if plan.asked[-1].endswith("metadata.jsonl") else None
    with pytest.raises(DatasetError, match=r"metadata.jsonl cannot be read \(access is refused"):
        list_dataset(runs.dataset, recursive=True, layers=LAYERS)


def test_what_is_wrong_with_an_object_is_a_warning(shards):
    folder, _, _ = shards
    (folder / "t.tar").put(tar_of({"000.png": RED, "big.png": bytes(5000)})[:3000])
    (folder / "p.parquet").put(b"no table")
    (folder / "q.arrow").put(b"no table")
    (folder / "t.parquet").put(parquet_of(ROWS))
    (folder / "metadata.jsonl").put(b"{")
    found = list_dataset(folder, recursive=True, layers=LAYERS)
    assert found.images()["path"].to_list() == ["t/000.png"]
    starts = [
        "The file t.parquet was skipped: t.tar is read as t.",
        "The line 1 of metadata.jsonl was skipped: ",
        "The rest of p.parquet was skipped: it is no whole table",
        "The rest of q.arrow was skipped: it is no whole table",
        "The rest of t.tar was skipped: it ends in its middle.",
    ]
    assert len(found.warnings) == len(starts)
    assert all(map(str.startswith, found.warnings, starts))


def test_a_name_that_no_object_can_have_costs_that_image(shards):
    folder, _, runs = shards
    (folder / "t.tar").put(tar_of({"a\tb.png": RED, "\udcff.png": RED, "\udcfe/a.png": RED}))
    runs.run()
    found = {path: row["error"] for path, row in runs.manifest().items() if row["error"]}
    reason = "The file cannot be read: no object can have that name."
    assert found == {"t/a\tb.png": reason, "t/\\xff.png": reason}
    (warning,) = runs.reports[0].warnings
    assert warning == "The folder t/\\xfe was skipped: no object can have that name."


def test_without_the_option_it_is_named(shards):
    folder, _, _ = shards
    with pytest.raises(DatasetError, match=r"--parquet_shards .* files like p.parq"):
        list_dataset(folder, recursive=True)
