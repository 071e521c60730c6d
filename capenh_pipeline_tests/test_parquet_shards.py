"""Datasets of Hugging Face: what is in Parquet and Arrow files costs what it costs in a folder."""

import os
import struct
import subprocess
import sys
from functools import partial
from io import BytesIO

import polars as pl
import pyarrow
import pytest
from pyarrow import ipc, parquet

from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.dataset.scan import list_dataset
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.options import Options
from capenh_pipeline.errors import ConfigurationError, DatasetError
from capenh_pipeline.places import table_faults, table_rows
from capenh_pipeline.places.containers import is_gone
from capenh_pipeline.places.kept_rows import keep_rows, kept_rows
from capenh_pipeline.places.reading import read_file
from capenh_pipeline_tests import damaged_tables
from capenh_pipeline_tests.defs.watched import Watched
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns
from capenh_pipeline_tests.tables_of_images import arrow_of, parquet_of, table_of, write_table
from capenh_pipeline_tests.tars import png, write_tar

RED, GREEN, BLUE = png((200, 0, 0)), png((0, 200, 0)), png((0, 0, 200))
ROWS = [(RED, "sks dog"), (GREEN, None), (BLUE, "sks cat")]
OPTIONS = {"recursive": True, "parquet_shards": True}
TABLES = Layers(tables=True)


@pytest.fixture(params=["parquet", "arrow"])
def table(tmp_path, request):
    return write_table(tmp_path / "data" / f"train-0.{request.param}", ROWS)


@pytest.fixture
def runs(table):
    """A dataset of one table, after a run."""
    started = StageRuns(table.parent, OPTIONS)
    assert started.run() == Cost(5, 3, 3, 3)
    return started


def test_rows_are_images_and_their_captions_lie_beside_the_table(runs):
    found = runs.manifest()
    assert {path: row["image_hash"] for path, row in found.items()} == {
        f"train-0/00000{row}.png": sha256_hex(content) for row, (content, _) in enumerate(ROWS)
    }
    assert [row["manual_caption"] for row in found.values()] == [text for _, text in ROWS]
    assert [row["size_bytes"] for row in found.values()] == [len(content) for content, _ in ROWS]
    assert "sks dog" in (runs.dataset / "train-0" / "000000_combined.txt").read_text()
    assert (runs.dataset / "train-0" / "000001_combined.txt").exists()
    assert [*runs.dataset.rglob("*.png")] == []


def test_a_second_run_reads_and_computes_nothing(runs):
    assert runs.run() == NOTHING
    assert runs.run(trust_dir_mtime=True) == NOTHING


@pytest.mark.parametrize("trust", [False, True])
def test_a_table_that_is_replaced_costs_what_is_new_in_it(runs, table, trust):
    runs.run()
    rows = [(RED, "sks dog"), (BLUE, None), (BLUE, "sks cat"), (png((9, 9, 9)), "new")]
    write_table(table.with_name(f"new{table.suffix}"), rows).replace(table)
    cost = runs.run(trust_dir_mtime=trust)
    assert cost == Cost(7, 1, 2, 2)  # all of it is read, as nobody knows what is new in it
    assert runs.run(trust_dir_mtime=trust) == NOTHING


def test_a_table_that_is_gone_takes_its_rows_along(runs, table):
    write_table(table.with_name(f"other{table.suffix}"), [(BLUE, None)])
    table.unlink()
    assert runs.run().vlm_images == 0
    assert [*runs.manifest()] == ["other/000000.png"]


def test_a_correction_in_the_folder_counts_before_the_table(runs):
    (runs.dataset / "train-0" / "000000.txt").write_text("sks wolf")
    assert runs.run() == Cost(1, 0, 1, 1)
    assert "sks wolf" in (runs.dataset / "train-0" / "000000_combined.txt").read_text()


def test_an_edited_caption_of_a_row_is_kept_and_one_that_is_deleted_written_again(runs):
    caption = runs.dataset / "train-0" / "000000_combined.txt"
    caption.write_text("a person's")
    (runs.dataset / "train-0" / "000002_combined.txt").unlink()
    assert runs.run() == Cost(0, 0, 0, 1)
    assert caption.read_text() == "a person's"
    assert runs.run() == NOTHING


def test_what_datasets_itself_has_written_is_read(tmp_path):
    datasets = pytest.importorskip("datasets", reason="not installed (the extra `dev`)")
    from PIL import Image

    images = [Image.new("RGB", (16, 16), (red, 0, 0)) for red in (1, 2, 3)]
    features = datasets.Features({"image": datasets.Image(), "caption": datasets.Value("string")})
    made = datasets.Dataset.from_dict({"image": images, "caption": ["a", None, "b"]}, features)
    made.to_parquet(tmp_path / "data" / "a" / "train-00000-of-00001.parquet")
    made.save_to_disk(tmp_path / "data" / "b")
    runs = StageRuns(tmp_path / "data", OPTIONS)
    runs.run()
    for folder in ("a/train-00000-of-00001", "b/data-00000-of-00001"):
        rows = [row for path, row in runs.manifest().items() if path.startswith(f"{folder}/00000")]
        assert [row["manual_caption"] for row in rows] == ["a", None, "b"]
        assert {row["status"] for row in rows} == {"ok"}


def test_images_in_a_column_of_bytes_are_read_and_named_by_what_they_are(tmp_path):
    starts = [b"\xff\xd8\xff", b"RIFF1234WEBP", b"GIF89a", b"BM", b"\0\0\0\x1cftypavif", b"?", b""]
    rows = {"key": ["x"] * 7, "jpg": pyarrow.array(starts, pyarrow.binary())}
    (tmp_path / "data").mkdir()
    parquet.write_table(pyarrow.table(rows), tmp_path / "data" / "0.parquet")
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES).images()
    endings = ["jpg", "webp", "gif", "bmp", "avif", "png", "png"]
    assert found["path"].to_list() == [f"0/00000{row}.{end}" for row, end in enumerate(endings)]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize(
    "made_of",
    [
        lambda column: column.dictionary_encode(),
        lambda column: column.cast(
            pyarrow.string_view() if column.type == pyarrow.string() else pyarrow.binary_view()
        ),
    ],
)
def test_what_polars_and_pandas_make_of_images_and_texts_is_read(tmp_path, made_of, ending):
    columns = pyarrow.array([RED, GREEN], pyarrow.binary()), pyarrow.array(["sks dog", None])
    table = pyarrow.table(dict(zip(("image", "text"), map(made_of, columns), strict=True)))
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / f"x.{ending}"
    with path.open("wb") as file:
        if ending == "parquet":
            parquet.write_table(table, file)
        else:
            with ipc.new_file(file, table.schema) as stream:
                stream.write_table(table)
    runs = StageRuns(tmp_path / "data", OPTIONS)
    runs.run()
    found = [(row["image_hash"], row["manual_caption"]) for row in runs.manifest().values()]
    assert found == [(sha256_hex(RED), "sks dog"), (sha256_hex(GREEN), None)]


def frame_of(rows):
    return pl.DataFrame(rows, schema=["image", "text"], orient="row")


def polars_file(path):
    frame_of(ROWS).write_ipc(path, record_batch_size=2)


def polars_stream(path):
    frame_of(ROWS).write_ipc_stream(path)


def old_file(path):
    write_file(path, ipc.IpcWriteOptions(use_legacy_format=True))


def old_stream(path):
    write_file(path, ipc.IpcWriteOptions(use_legacy_format=True), new=ipc.new_stream)


def write_file(path, options, *, new=ipc.new_file):
    table = table_of(ROWS)
    with new(path, table.schema, options=options) as file:
        file.write_table(table, max_chunksize=2)


@pytest.mark.parametrize("write", [polars_file, polars_stream, old_file, old_stream])
def test_arrow_is_read_whoever_wrote_it(tmp_path, write):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "x.arrow")
    runs = StageRuns(tmp_path / "data", OPTIONS)
    assert runs.run() == Cost(5, 3, 3, 3)
    found = [(row["image_hash"], row["manual_caption"]) for row in runs.manifest().values()]
    assert found == [(sha256_hex(content), text) for content, text in ROWS]


def test_of_several_columns_of_images_that_of_the_name_counts(tmp_path):
    masks = [{"bytes": BLUE, "path": None}] * 2
    columns = {"mask": masks, "jpg": [BLUE, BLUE], "image": [RED, GREEN]}
    (tmp_path / "data").mkdir()
    parquet.write_table(pyarrow.table(columns), tmp_path / "data" / "x.parquet")
    assert read_file(tmp_path / "data" / "x" / "000001.png") == GREEN


def test_a_text_that_is_not_utf_8_is_a_failed_row(tmp_path):
    table = table_of([(RED, "a"), (GREEN, "b")])
    bad = pyarrow.array([b"a", b"\xff"]).view(pyarrow.string())
    (tmp_path / "data").mkdir()
    table = table.set_column(table.schema.get_field_index("text"), "text", bad)
    parquet.write_table(table, tmp_path / "data" / "x.parquet")
    runs = StageRuns(tmp_path / "data", OPTIONS)
    runs.run()
    row = runs.manifest()["x/000001.png"]
    assert (row["status"], row["error"]) == ("failed", "000001.txt is not UTF-8; save it as UTF-8.")


def test_a_text_in_a_view_that_is_not_utf_8_is_a_failed_row_too(tmp_path):
    texts = pyarrow.array([b"a", b"\xff" * 20], pyarrow.binary_view()).view(pyarrow.string_view())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.arrow").write_bytes(stream_of({"image": [RED, GREEN], "text": texts}))
    assert read_file(tmp_path / "data" / "x" / "000000.txt") == b"a"
    assert read_file(tmp_path / "data" / "x" / "000001.txt") == b"\xff" * 20


def test_a_group_that_is_larger_than_its_file_is_not_decoded_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(table_faults, "MOST_GROUP_BYTES", 1 << 20)
    (tmp_path / "data").mkdir()
    table = table_of([(RED + bytes(100_000), None)] * 1000)  # one image, a thousand times
    parquet.write_table(table, tmp_path / "data" / "x.parquet")
    write_table(tmp_path / "data" / "y.parquet", ROWS)
    assert (tmp_path / "data" / "x.parquet").stat().st_size < 100_000
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images().height == 3
    assert "rows lie in groups of more than 1 MB" in found.warnings[0]


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_group_of_arrow_is_not_decompressed_where_it_is_too_large(
    tmp_path, monkeypatch, compression
):
    monkeypatch.setattr(table_faults, "MOST_GROUP_BYTES", 1 << 20)
    write_table(tmp_path / "data" / "y.parquet", ROWS)
    small, large = (RED, "sks dog"), (RED + bytes(600_000), None)
    content = arrow_of([small, small, large, large], compression=compression)
    (tmp_path / "data" / "x.arrow").write_bytes(content)
    assert len(content) < 100_000
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images().height == 3 + 2
    assert "rows lie in groups of more than 1 MB" in found.warnings[0]
    assert read_file(tmp_path / "data" / "x" / "000001.txt") == b"sks dog"


def test_a_group_that_is_compressed_as_before_arrow_1_0_is_not_either(tmp_path):
    table = pyarrow.table({"image": pyarrow.array([b"ab"], pyarrow.binary())})
    told = {"ARROW:experimental_compression": "zstd"}  # so 0 and 2, where images end, are a size
    options = ipc.IpcWriteOptions(metadata_version=ipc.MetadataVersion.V4)
    write_table(tmp_path / "data" / "y.parquet", ROWS)
    with ipc.new_stream(tmp_path / "data" / "x.arrow", table.schema, options=options) as stream:
        stream.write_batch(*table.to_batches(), custom_metadata=told)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert "rows lie in groups of more than 512 MB" in found.warnings[0]


def as_categories(images):
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 20 + [1]), images)


def as_views(images):
    _, views, content = images.cast(pyarrow.binary_view()).buffers()
    first, second = views[:16].to_pybytes(), views[16:32].to_pybytes()
    buffers = [None, pyarrow.py_buffer(first * 20 + second), content]
    return pyarrow.Array.from_buffers(pyarrow.binary_view(), 21, buffers)


@pytest.mark.parametrize("repeated", [as_categories, as_views])
def test_an_image_that_is_told_once_is_not_copied_for_rows_without_end(
    tmp_path, monkeypatch, repeated
):
    monkeypatch.setattr(table_faults, "MOST_GROUP_BYTES", 1 << 20)
    rows = repeated(pyarrow.array([RED + bytes(100_000), RED]))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.arrow").write_bytes(stream_of({"image": rows}))
    (tmp_path / "data" / "a.png").write_bytes(RED)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images()["path"].to_list() == ["a.png"]
    assert "rows lie in groups of more than 1 MB" in found.warnings[0]
    assert read_file(tmp_path / "data" / "x" / "000020.png") == RED


def test_images_that_begin_with_rows_of_none_are_read(tmp_path):
    rows = [(None, None), (None, None), (RED, None)]
    write_table(tmp_path / "data" / "x.parquet", rows)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images()["size_bytes"].to_list() == [0, 0, len(RED)]


def test_images_and_texts_that_are_told_once_for_many_rows_are_read(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.arrow").write_bytes(categories_of([*ROWS, *ROWS]))
    runs = StageRuns(tmp_path / "data", OPTIONS)
    assert runs.run() == Cost(10, 3, 3, 6)
    assert runs.manifest()["x/000005.png"]["manual_caption"] == "sks cat"


def test_an_image_that_is_null_is_a_row_that_says_so(tmp_path):
    write_table(tmp_path / "data" / "x.parquet", [(RED, "a"), (None, "b"), (GREEN, None)])
    runs = StageRuns(tmp_path / "data", OPTIONS)
    runs.run()
    row = runs.manifest()["x/000001.png"]
    assert (row["status"], row["error"]) == ("failed", "The file is empty.")


def write_twice(path, name):
    table = table_of(ROWS)
    parquet.write_table(table.append_column(name, table[name]), path)


@pytest.mark.parametrize(
    ("write", "warning"),
    [
        (lambda path: path.write_bytes(b"no table"), "rest of x.parquet was skipped: it is no who"),
        (lambda path: write_table(path, [(None, "a")]), "its images are elsewhere; embed them"),
        (lambda path: parquet.write_table(pyarrow.table({"a": [1]}), path), "no column of images"),
        (lambda path: write_twice(path, "image"), "several columns of the name image"),
        (lambda path: write_twice(path, "text"), "several columns of the name text"),
    ],
)
def test_what_is_no_table_of_images_is_a_warning(tmp_path, write, warning):
    write_table(tmp_path / "data" / "good.parquet", ROWS)
    write(tmp_path / "data" / "x.parquet")
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images().height == 3
    assert len(found.warnings) == 1
    assert warning in found.warnings[0]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_table_that_ends_in_its_middle_is_a_warning(tmp_path, ending):
    table = write_table(tmp_path / "data" / f"x.{ending}", ROWS)
    (tmp_path / "data" / "a.png").write_bytes(RED)
    os.truncate(table, table.stat().st_size // 2)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images()["path"].to_list() == ["a.png"]
    assert found.warnings[0].startswith(f"The rest of x.{ending} was skipped: it is no whole table")


def test_images_that_are_said_to_lie_beyond_the_file_are_a_warning(tmp_path):
    table = write_table(tmp_path / "data" / "x.arrow", [(RED, None), (RED, None)])
    (tmp_path / "data" / "a.png").write_bytes(RED)
    bounds = [struct.pack("<iii", 0, end, 2 * len(RED)) for end in (len(RED), 1 << 30)]
    table.write_bytes(table.read_bytes().replace(*bounds))
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images()["path"].to_list() == ["a.png"]
    assert found.warnings[0].startswith("The rest of x.arrow was skipped: it is no whole table")


def categories_of(rows):
    """Return an Arrow file with a footer, in which images and texts are told once each."""
    images, texts = (
        pyarrow.array(values).dictionary_encode() for values in zip(*rows, strict=True)
    )
    return stream_of({"image": images, "text": texts}, new=ipc.new_file, max_chunksize=2)


def categories_in_structs_of(rows):
    """Return an Arrow stream of images that are told once each, as `bytes` of structs."""
    images = pyarrow.array([content for content, _ in rows]).dictionary_encode()
    return stream_of({"image": pyarrow.StructArray.from_arrays([images], ["bytes"])})


def views_of(rows):
    """Return an Arrow stream, in which images and texts are told where they are."""
    images, texts = zip(*rows, strict=True)
    return stream_of(
        {
            "image": pyarrow.array(images, pyarrow.binary_view()),
            "text": pyarrow.array(
                [text and f"{text} and more" for text in texts], pyarrow.string_view()
            ),
        }
    )


def stream_of(columns, *, new=ipc.new_stream, max_chunksize=None):
    table = pyarrow.table(columns)
    made = pyarrow.BufferOutputStream()
    with new(made, table.schema) as stream:
        stream.write_table(table, max_chunksize=max_chunksize)
    return made.getvalue().to_pybytes()


def footer_of(rows):
    """Return what polars writes."""
    made = BytesIO()
    frame_of(rows).write_ipc(made)
    return made.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("bits", [0x10, 0x80, 0xFF])
@pytest.mark.parametrize(
    "content_of",
    [
        parquet_of,
        arrow_of,
        partial(arrow_of, compression="lz4"),
        categories_of,
        categories_in_structs_of,
        views_of,
        footer_of,
    ],
    ids=["parquet", "arrow", "lz4", "categories", "categories_in_structs", "views", "footer"],
)
def test_a_table_of_which_a_byte_is_damaged_ends_no_process(tmp_path, content_of, bits):
    table = tmp_path / ("x.parquet" if content_of is parquet_of else "x.arrow")
    table.write_bytes(content_of(ROWS))
    command = [sys.executable, "-m", damaged_tables.__name__, str(table), str(bits)]
    done = subprocess.run(  # noqa: S603  # our own module
        command, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_groups_that_are_too_large_are_a_warning_and_those_before_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(table_faults, "MOST_GROUP_BYTES", 2000)
    table = table_of([*ROWS, (RED + bytes(5000), None)])
    (tmp_path / "data").mkdir()
    parquet.write_table(table, tmp_path / "data" / "x.parquet", row_group_size=2)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images().height == 2
    assert "rows lie in groups of more than" in found.warnings[0]
    assert found.warnings[0].endswith("fewer rows a group (row_group_size).")


def test_a_footer_that_leads_beyond_the_file_is_a_warning(tmp_path):
    content = bytearray(footer_of(ROWS))
    footer = len(content) - 10 - struct.unpack_from("<i", content, len(content) - 10)[0]
    root = footer + struct.unpack_from("<I", content, footer)[0]
    fields = root - struct.unpack_from("<i", content, root)[0]
    columns = root + struct.unpack_from("<H", content, fields + 6)[0]
    struct.pack_into("<I", content, columns, 0xFFFFFFFF)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(RED)
    (tmp_path / "data" / "x.arrow").write_bytes(content)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images()["path"].to_list() == ["a.png"]
    assert found.warnings == ("The rest of x.arrow was skipped: it is no whole table.",)


def test_of_groups_of_arrow_that_are_held_other_columns_count_too(tmp_path, monkeypatch):
    monkeypatch.setattr(table_rows, "_MOST_HELD_BYTES", 250_000)
    others = pyarrow.array([bytes(50_000)] * 8)
    path = write_table(tmp_path / "data" / "x.arrow", ROWS)
    table = table_of([(RED, None)] * 8).append_column("other", others)
    with ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table, max_chunksize=2)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images().height == 8
    assert len([group for source, group in table_rows._held if source.place == path]) == 2


def test_of_files_for_one_folder_the_first_is_read_and_the_other_named(tmp_path):
    write_table(tmp_path / "data" / "x.parquet", ROWS)
    write_tar(tmp_path / "data" / "x.tar", {"a.png": RED})
    layers = Layers(tars=True, tables=True)
    found = list_dataset(tmp_path / "data", recursive=True, layers=layers)
    assert found.images()["path"].to_list() == ["x/a.png"]
    assert found.warnings == ("The file x.parquet was skipped: x.tar is read as x.",)


def test_what_datasets_keeps_beside_its_arrow_files_is_left_alone(tmp_path):
    write_table(tmp_path / "data" / "data-0.arrow", ROWS)
    write_table(tmp_path / "data" / "cache-0123.arrow", ROWS)
    found = list_dataset(tmp_path / "data", recursive=True, layers=TABLES)
    assert found.images().height == 3


def test_what_is_in_a_table_is_found_out_once(tmp_path, table):
    listed = partial(list_dataset, table.parent, recursive=True)
    listed(layers=Layers(tables=True, kept=tmp_path / "kept"))
    (list_of_members,) = (tmp_path / "kept").iterdir()
    rows = kept_rows(list_of_members).filter(pl.col("name") != b"000001.png")
    keep_rows(tmp_path / "other" / list_of_members.name, rows)
    found = listed(layers=Layers(tables=True, kept=tmp_path / "other"))
    assert found.images()["path"].to_list() == ["train-0/000000.png", "train-0/000002.png"]


def test_whether_an_image_is_there_is_known_without_its_group(table):
    list_dataset(table.parent, recursive=True, layers=TABLES)
    looks = [*table_rows._held]
    assert not is_gone(table.with_suffix("") / "000001.png")
    assert is_gone(table.with_suffix("") / "000003.png")
    assert [*table_rows._held] == looks


def test_other_processes_look_into_tables_too(tmp_path):
    for number in range(6):
        write_table(tmp_path / "d" / f"{number}.parquet", ROWS)
    found = list_dataset(tmp_path / "d", recursive=True, layers=TABLES, processes=2)
    assert found.images()["path"].to_list() == [
        f"{number}/00000{row}.png" for number in range(6) for row in range(3)
    ]


def test_a_sensor_sees_what_changes_in_a_table(tmp_path):
    table = write_table(tmp_path / "data" / "x.parquet", [(RED, "a"), (GREEN, None)])
    watched = Watched(tmp_path / "data")
    watched.values |= {"parquet_shards": True}
    watched.define()
    assert watched.requested() is not None
    assert watched.look().skip_message == "Nothing has changed: 2 images."
    write_table(table, [(RED, "b"), (GREEN, None)])
    shards = sorted(sha256_hex(content)[0] for content in (RED, GREEN))  # both have another mtime
    assert watched.requested() == (shards[0], shards[-1])
    assert watched.requested() is None


def test_without_the_option_tables_are_left_alone(table):
    (table.parent / "b.png").write_bytes(BLUE)
    runs = StageRuns(table.parent, {"recursive": True})
    runs.run()
    assert [*runs.manifest()] == ["b.png"]


@pytest.mark.parametrize("option", ["parquet_shards", "tar_shards"])
def test_where_there_are_tables_and_no_images_the_option_is_named(tmp_path, option):
    name = {"parquet_shards": "x.parquet", "tar_shards": "x.tar"}[option]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).touch()
    with pytest.raises(DatasetError, match=f"add --recursive --{option} .* files like {name}"):
        list_dataset(tmp_path / "data", recursive=False)


def test_what_does_not_go_together_is_a_sentence():
    with pytest.raises(ConfigurationError, match="--parquet_shards and --caption_suffix do not"):
        Options(parquet_shards=True, caption_suffix="_x")
