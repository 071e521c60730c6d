"""`capenh store check` on damage made on purpose, one kind at a time."""

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.tables.hold import hold
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stored import caption, draw_images, opened

CLEAN, FOUND = 0, 1


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    dataset = tmp_path_factory.mktemp("check") / "images"
    draw_images(dataset)
    caption(dataset)
    return dataset


@pytest.fixture
def check(store):
    """Check the store; return the exit code, the lines of what was found, and all that was said."""

    def checked(*flags, **options):
        code, out, err = store("check", *flags, **options)
        lines = [line for line in out.splitlines() if line.split("  ")[0].isupper()]
        return code, lines, out + err

    return checked


def a_part(dataset, table):
    return min((dataset / ".capenh" / table).rglob("*.parquet"))


def rewritten(part, rows):
    """Put other rows in the place of a part, as a program does that knows no checksum."""
    part.unlink()
    place = part.with_name(f"{part.name[:17]}-x.parquet")
    rows.write_parquet(place)
    return place


def flip_a_bit(part, *, byte):
    content = bytearray(part.read_bytes())
    content[byte] ^= 1
    part.write_bytes(content)


def rows_by_table(dataset):
    store = Store.existing(dataset / ".capenh")
    return {
        schema.name: store.table(schema).read().sort(schema.shard_by, *schema.key)
        for schema in TABLES
    }


def assert_keys_are(before, dataset):
    after = rows_by_table(dataset)
    for schema in TABLES:
        key = pl.col(schema.key)
        assert after[schema.name].select(key).equals(before[schema.name].select(key))


def assert_repaired(dataset, check, kind, path, *flags, rows):
    """It is found until it is repaired, and not after that; no row is lost."""
    code, lines, _ = check(*flags)
    assert code == FOUND
    assert [line.split("  ")[:2] for line in lines] == [[kind, str(path)]]
    code, repaired, said = check("--repair", *flags)
    assert (code, repaired) == (CLEAN, lines)
    assert "  repaired: " in said
    assert check(*flags)[:2] == (CLEAN, [])
    assert all(rows[name].equals(found) for name, found in rows_by_table(dataset).items())


def test_a_sound_store_is_clean_and_it_says_what_was_looked_at(dataset, check):
    code, lines, said = check("--deep")
    assert (code, lines) == (CLEAN, [])
    assert "34 rows, 6 caption files, 7 images" in said
    assert "Nothing is wrong." in said


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("image_manifest", b""),
        ("vlm_captions", b"not parquet"),
        ("combined_captions", b"PAR1" + bytes(40) + b"PAR1"),
        ("caption_files", b""),
    ],
)
def test_a_part_that_does_not_open_is_moved_aside_and_computed_again(
    dataset, check, table, content
):
    before = rows_by_table(dataset)
    part = a_part(dataset, table)
    part.write_bytes(content)
    code, lines, said = check()
    assert code == FOUND
    assert lines[0].startswith(f"UNREADABLE  {part}  a part that cannot be read (")
    assert len(lines) == 1
    assert "--repair" in said
    assert check("--repair")[0] == CLEAN
    assert check()[:2] == (CLEAN, [])
    aside = dataset / ".capenh" / "damaged" / part.relative_to(dataset / ".capenh")
    assert aside.read_bytes() == content
    caption(dataset)
    assert_keys_are(before, dataset)


def test_a_part_whose_end_is_whole_and_whose_middle_is_not_is_found(dataset, check):
    part = a_part(dataset, "vlm_captions")
    content = bytearray(part.read_bytes())
    content[4:60] = bytes(56)
    part.write_bytes(content)
    assert check()[1][0].startswith(f"UNREADABLE  {part}  ")


@pytest.mark.parametrize("table", [schema.name for schema in TABLES])
def test_a_flipped_bit_anywhere_in_a_part_is_found_and_the_part_put_aside(dataset, check, table):
    before = rows_by_table(dataset)
    part = a_part(dataset, table)
    sound = part.read_bytes()
    moments = seeded(9)
    for byte in (0, len(sound) - 1, *(moments.randrange(len(sound)) for _ in range(20))):
        flip_a_bit(part, byte=byte)
        code, lines, _ = check()
        assert (code, len(lines)) == (FOUND, 1)
        assert lines[0].split("  ")[:2] == ["UNREADABLE", str(part)]
        part.write_bytes(sound)
    flip_a_bit(part, byte=byte)
    assert check("--repair")[0] == CLEAN
    assert check()[:2] == (CLEAN, [])
    assert (dataset / ".capenh" / "damaged" / part.relative_to(dataset / ".capenh")).exists()
    caption(dataset)
    assert_keys_are(before, dataset)


def test_a_part_that_reads_well_and_says_what_nobody_wrote_is_found(dataset, check):
    """Parquet has no checksum of its own here."""
    part = a_part(dataset, "combined_captions")
    rows = pl.read_parquet(part).with_columns(caption=pl.lit("another"))
    rows.write_parquet(part)
    code, lines, said = check("--deep")
    assert (code, len(lines)) == (FOUND, 1)
    assert lines[0].startswith(f"UNREADABLE  {part}  a part that cannot be read (its bytes are not")
    assert "The files beside the store are looked at when that is mended." in said
    assert check("--repair")[0] == CLEAN
    assert "another" not in rows_by_table(dataset)["combined_captions"]["caption"].to_list()


def test_a_changed_part_is_neither_read_nor_written_anew_as_a_sound_one(dataset, check, store):
    """Whoever would go by its rows stops at it, with a sentence, and leaves it to be found."""
    part = a_part(dataset, "vlm_captions")
    pl.read_parquet(part).with_columns(caption=pl.lit("another")).write_parquet(part)
    table = opened(dataset).store.table(TABLES[1])
    hashes = pl.read_parquet(part).select("image_hash", "recipe_hash")
    table.append(hashes.with_columns(caption=pl.lit("newer")))
    for words in (["info"], ["compact"], ["reshard", "--digits", 2]):
        code, _, said = store(*words)
        assert (code, said.count("\n")) == (2, 1)
        assert f"{part} cannot be read (its bytes are not those that were written" in said
    found = [line.split("  ")[:2] for line in check()[1]]
    assert ["UNREADABLE", str(part)] in found


def test_parts_of_older_versions_have_no_checksum_and_are_counted(dataset, check):
    part = a_part(dataset, "vlm_captions")
    rewritten(part, pl.read_parquet(part))
    code, lines, said = check()
    assert (code, lines) == (CLEAN, [])
    assert ", 1 parts without a checksum, " in said


def test_no_older_snapshot_shows_in_the_place_of_one_that_is_put_aside(dataset, check, store):
    """`prune` would take images that are not in it for such that left the dataset."""
    part = a_part(dataset, "image_manifest")
    old = part.with_name("part-000000000000-x.parquet")
    pl.read_parquet(part).clear().write_parquet(old)
    part.write_bytes(b"")
    assert check("--repair")[0] == CLEAN
    assert not old.exists()
    assert "is missing" in store("prune", "--yes")[2]


def test_two_damaged_parts_of_one_name_are_both_kept(dataset, check):
    part = a_part(dataset, "vlm_captions")
    for content in (b"one", b"two"):
        part.write_bytes(content)
        check("--repair")
    kept = (dataset / ".capenh" / "damaged").rglob("part-*")
    assert sorted(path.read_bytes() for path in kept) == [b"one", b"two"]


@pytest.mark.parametrize("table", ["image_manifest", "combined_captions", "scan_index"])
def test_rows_in_the_wrong_shard_are_moved_to_theirs(dataset, check, table):
    before = rows_by_table(dataset)
    part = a_part(dataset, table)
    wrong = next(key for key in "0123456789abcdef" if f"shard={key}" != part.parent.name)
    place = part.parents[1] / f"shard={wrong}" / "part-000000000009-x.parquet"
    place.parent.mkdir(exist_ok=True)
    there = [path.name for path in place.parent.iterdir()]
    if table == "image_manifest" and there:  # the newest part of a snapshot is all of it
        rows = [pl.read_parquet(place.parent / name) for name in there]
        pl.concat([*rows, pl.read_parquet(part)]).write_parquet(place)
        part.unlink()
    else:
        part.rename(place)
    assert_repaired(dataset, check, "MISPLACED", place, rows=before)


def test_a_row_in_the_wrong_shard_does_not_win_over_a_newer_one_in_its_own(dataset, check):
    table = opened(dataset).store.table(TABLES[1])
    part = a_part(dataset, table.schema.name)
    key = part.parent.name.removeprefix("shard=")
    stale = pl.read_parquet(part).with_columns(caption=pl.lit("stale"), seq=pl.lit(0, pl.Int64))
    wrong = "1" if key == "0" else "0"
    (part.parents[1] / f"shard={wrong}").mkdir(exist_ok=True)
    stale.write_parquet(part.parents[1] / f"shard={wrong}" / "part-000000000000-x.parquet")
    assert check("--repair")[0] == CLEAN
    assert "stale" not in table.read()["caption"].to_list()


@pytest.mark.parametrize("table", ["image_manifest", "combined_captions", "scan_index"])
def test_a_key_that_stands_twice_in_a_part_is_merged(dataset, check, table):
    before = rows_by_table(dataset)
    part = a_part(dataset, table)
    rows = pl.read_parquet(part)
    older = rows.with_columns(status=pl.lit("older"), seq=pl.lit(0, pl.Int64))
    place = rewritten(part, pl.concat([rows, older.select(rows.columns)]))
    assert_repaired(dataset, check, "DUPLICATE", place, rows=before)


def test_what_nobody_sees_of_a_snapshot_is_no_damage(dataset, check):
    """A crash may leave an old part beside the newest one."""
    part = a_part(dataset, "image_manifest")
    rows = pl.read_parquet(part)
    pl.concat([rows, rows]).write_parquet(part.with_name("part-000000000000-x.parquet"))
    assert check()[:2] == (CLEAN, [])


def test_a_row_of_no_shard_counts_as_damage_of_its_part(dataset, check):
    part = a_part(dataset, "vlm_captions")
    rows = pl.read_parquet(part)
    place = rewritten(part, rows.with_columns(image_hash=pl.lit(None, pl.String)))
    assert check()[1][0].startswith(f"UNREADABLE  {place}  ")
    assert check("--repair")[0] == CLEAN


@pytest.mark.parametrize("folder", ["", "vlm_captions/shard=0"])
def test_temporary_files_of_the_store_are_deleted(dataset, check, folder):
    before = rows_by_table(dataset)
    path = dataset / ".capenh" / folder / ".tmp-0123"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half")
    assert_repaired(dataset, check, "TEMPORARY", path, rows=before)


def test_while_a_run_is_at_work_its_temporary_files_are_no_damage(dataset, check):
    (dataset / ".capenh" / ".tmp-0123").write_bytes(b"half")
    with hold(dataset / ".capenh"):
        code, lines, said = check()
    assert (code, lines) == (CLEAN, [])
    assert "A run is at work on the store" in said


def test_a_temporary_file_beside_a_caption_file_that_was_begun_is_deleted(dataset, check):
    table = opened(dataset).store.table(TABLES[3])
    row = table.read().head(1).with_columns(size_bytes=pl.lit(None, pl.Int64))
    table.append(row)
    begun = dataset / Path(row["path"][0])
    ours, other = begun.parent / (".tmp-" + "0" * 32), begun.parent / ".tmp-mine"
    ours.write_text("half")
    other.write_text("mine")
    assert_repaired(dataset, check, "TEMPORARY", ours, rows=rows_by_table(dataset))
    assert other.read_text() == "mine"


def test_a_caption_file_that_a_run_is_about_to_write_is_not_gone(dataset, check):
    table = opened(dataset).store.table(TABLES[3])
    row = table.read().head(1).with_columns(size_bytes=pl.lit(None, pl.Int64))
    table.append(row)
    (dataset / row["path"][0]).unlink()
    with hold(dataset / ".capenh"):
        assert check()[:2] == (CLEAN, [])
    assert check()[0] == FOUND


def test_an_entry_of_the_ledger_whose_file_is_gone_is_removed(dataset, check):
    rows = rows_by_table(dataset)
    (dataset / "00_combined.txt").unlink()
    rows["caption_files"] = rows["caption_files"].filter(pl.col("path") != "00_combined.txt")
    assert_repaired(dataset, check, "LEDGER", dataset / "00_combined.txt", rows=rows)


def test_where_no_image_is_nothing_is_said_of_files_that_are_gone(dataset, check):
    """The drive is not mounted; without the ledger our own files would pass for a person's."""
    before = rows_by_table(dataset)
    for path in dataset.rglob("*.*"):
        if path.suffix in (".png", ".jpg", ".txt"):
            path.unlink()
    code, lines, said = check("--repair", "--deep")
    assert (code, lines) == (CLEAN, [])
    assert f"None of the images is in {dataset}" in said
    assert before["caption_files"].equals(rows_by_table(dataset)["caption_files"])


@pytest.mark.parametrize("is_noticed", [True, False])
def test_an_image_that_is_not_what_its_hash_says_is_read_again(dataset, check, is_noticed):
    path = dataset / "05.png"
    colour(path, (200, 0, 0))
    if not is_noticed:  # as if the disk had changed the bytes
        found = path.stat()
        table = opened(dataset).store.table(TABLES[4])
        row = table.read().filter(path="05.png")
        stamps = {"size_bytes": found.st_size, "mtime_ns": found.st_mtime_ns}
        stamps["ctime_ns"] = found.st_ctime_ns
        table.append(row.with_columns(pl.lit(value).alias(name) for name, value in stamps.items()))
    rows = rows_by_table(dataset)
    for table in ("image_manifest", "scan_index"):
        rows[table] = rows[table].filter(pl.col("path") != "05.png")
    assert check()[:2] == (CLEAN, [])
    assert ("is the disk sound?" in check("--deep")[2]) is not is_noticed
    assert_repaired(dataset, check, "HASH", path, "--deep", rows=rows)
    caption(dataset)
    assert "(200, 0, 0)" in (dataset / "05_combined.txt").read_text()


def test_what_a_stopped_reshard_left_is_removed(dataset, check, tmp_path):
    before = rows_by_table(dataset)
    copy = Store.existing(shutil.copytree(dataset / ".capenh", tmp_path / "copy"))
    reshard(copy, 2)
    left = min((copy.root / "vlm_captions").iterdir())
    place = dataset / ".capenh" / "vlm_captions" / left.name
    shutil.copytree(left, place)
    assert_repaired(dataset, check, "RESHARD", place, rows=before)
    assert not place.exists()


def test_a_folder_that_a_reshard_left_because_of_somebodys_file_is_no_damage(dataset, check):
    """Nothing could mend it: it would be found for ever."""
    folder = dataset / ".capenh" / "vlm_captions" / "shard=0f"
    folder.mkdir()
    assert check()[0] == FOUND
    (folder / ".DS_Store").write_bytes(b"")
    assert check()[:2] == (CLEAN, [])
    part = a_part(dataset, "vlm_captions")
    shutil.copy(part, folder)
    assert check("--repair")[0] == CLEAN
    assert check()[:2] == (CLEAN, [])
    assert [path.name for path in folder.iterdir()] == [".DS_Store"]


@pytest.mark.parametrize(("content", "digits"), [(b"\xff", 1), (b'{"format": 1}', 1), (None, 2)])
def test_a_marker_that_is_lost_is_written_by_what_the_folders_say(dataset, check, content, digits):
    before = rows_by_table(dataset)
    reshard(Store.existing(dataset / ".capenh"), digits)
    marker = dataset / ".capenh" / "store.json"
    marker.unlink()
    if content is not None:
        marker.write_bytes(content)
    assert_repaired(dataset, check, "MARKER", marker, rows=before)
    assert Store.existing(dataset / ".capenh").shard_digits == digits


def test_a_marker_that_is_lost_amid_a_reshard_loses_no_row(dataset, check, tmp_path):
    before = rows_by_table(dataset)
    copy = Store.existing(shutil.copytree(dataset / ".capenh", tmp_path / "copy"))
    reshard(copy, 2)
    half = sorted(copy.root.rglob("*.parquet"))[::2]
    for path in half:
        place = dataset / ".capenh" / path.relative_to(copy.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (dataset / ".capenh" / "store.json").unlink()
    assert check("--repair")[0] == CLEAN
    assert check()[:2] == (CLEAN, [])
    assert all(before[name].equals(rows) for name, rows in rows_by_table(dataset).items())


def test_a_restored_marker_names_the_dataset_of_a_store_that_lies_elsewhere(
    dataset, check, tmp_path
):
    shutil.move(dataset / ".capenh", tmp_path / "store")
    (tmp_path / "store" / "store.json").unlink()
    assert check("--repair", store=tmp_path / "store")[0] == CLEAN
    assert str(dataset) in (tmp_path / "store" / "store.json").read_text()


def test_several_kinds_at_once_are_mended_at_once(dataset, check):
    (dataset / ".capenh" / "store.json").write_bytes(b"")
    (dataset / ".capenh" / ".tmp-0123").write_bytes(b"half")
    (dataset / "00_combined.txt").unlink()
    part = a_part(dataset, "vlm_captions")
    rows = pl.read_parquet(part)
    wrong = "0" if part.parent.name != "shard=0" else "1"
    (part.parents[1] / f"shard={wrong}").mkdir(exist_ok=True)
    twice = part.parents[1] / f"shard={wrong}" / "part-000000000003-x.parquet"
    pl.concat([rows, rows]).write_parquet(twice)
    (part.parent / "part-000000000001-x.parquet").write_bytes(b"")
    code, lines, said = check("--repair")
    assert code == CLEAN
    kinds = ["MARKER", "UNREADABLE", "MISPLACED", "DUPLICATE", "TEMPORARY", "LEDGER"]
    assert [line.split("  ")[0] for line in lines] == kinds
    assert "Found: 6, of which 6 are repaired." in said
    assert check()[:2] == (CLEAN, [])


def test_a_name_with_a_line_end_is_one_line(dataset, check):
    colour(dataset / "two\nlines.png", (99, 0, 0))
    caption(dataset)
    (dataset / "two\nlines_combined.txt").unlink()
    code, lines, _ = check()
    assert (code, len(lines)) == (FOUND, 1)
    assert "two\\nlines_combined.txt" in lines[0]


def test_a_folder_without_a_store_and_a_store_of_a_later_format_are_said_to_be_so(
    dataset, check, tmp_path
):
    code, _, said = check(store=tmp_path / "nowhere")
    assert (code, said.count("\n")) == (2, 1)
    assert f"There is no store at {tmp_path / 'nowhere'}" in said
    assert not (tmp_path / "nowhere").exists()
    (dataset / ".capenh" / "store.json").write_text('{"format": 99, "shard_digits": 1}')
    code, _, said = check("--repair")
    assert (code, said.count("\n")) == (2, 1)
    assert "has format 99" in said


def test_a_repair_waits_for_no_run_and_names_it(dataset, check):
    with hold(dataset / ".capenh"):
        code, _, said = check("--repair")
    assert (code, said.count("\n")) == (2, 1)
    assert f"process {os.getpid()} on " in said
