import os
import socket
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline import buckets
from capenh_pipeline.dataset import units, walk_process
from capenh_pipeline.dataset.scan import file_path, list_dataset
from capenh_pipeline.errors import DatasetError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def paths(root, *, recursive=True, **options):
    return list_dataset(root, recursive=recursive, **options).images()["path"].to_list()


def test_the_listing_has_a_row_a_file_with_its_size_and_times(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"12345")
    found = (tmp_path / "a.jpg").stat()

    listing = list_dataset(tmp_path, recursive=False)

    assert listing.images().to_dicts() == [
        {
            "path": "a.jpg",
            "path_bytes": None,
            "size_bytes": 5,
            "mtime_ns": found.st_mtime_ns,
            "ctime_ns": found.st_ctime_ns,
        }
    ]
    assert list(listing.images().schema.values()) == [pl.String, pl.Binary, *[pl.Int64] * 3]
    assert listing.warnings == ()


def test_only_image_extensions_count_in_any_letter_case(tmp_path):
    images = ["1.jpg", "2.JPEG", "3.Png", "4.webp", "5.bmp", "6.gif", "7.tif", "8.TIFF", "9.avif"]
    images += ["a.heic", "b.HEIF", "c.jxl"]
    touch(tmp_path, *images, "a.txt", "jpg", "b.jpg.txt", "c.jp2", "d.")

    assert paths(tmp_path) == images


def test_the_order_is_that_of_the_paths_whatever_the_folder_returns(tmp_path):
    touch(tmp_path, "b.jpg", "sub/a.jpg", "a.jpg", "sub/deep/z.jpg", "é.jpg", "Z.jpg")

    assert paths(tmp_path) == ["Z.jpg", "a.jpg", "b.jpg", "sub/a.jpg", "sub/deep/z.jpg", "é.jpg"]


def test_sub_folders_are_listed_only_on_request(tmp_path):
    touch(tmp_path, "a.jpg", "sub/b.jpg")

    assert paths(tmp_path, recursive=False) == ["a.jpg"]
    assert paths(tmp_path, recursive=True) == ["a.jpg", "sub/b.jpg"]


def test_a_sub_folder_named_like_an_image_is_a_folder(tmp_path):
    touch(tmp_path, "album.jpg/b.jpg")

    assert paths(tmp_path) == ["album.jpg/b.jpg"]


def test_hidden_files_and_folders_are_skipped(tmp_path):
    touch(tmp_path, "a.jpg", ".b.jpg", ".capenh/c.jpg", "sub/.hidden/d.jpg", ".jpg")

    assert paths(tmp_path) == ["a.jpg"]


def test_a_dataset_that_is_hidden_itself_is_listed(tmp_path):
    touch(tmp_path, ".data/a.jpg")

    assert paths(tmp_path / ".data") == ["a.jpg"]


def test_a_folder_to_skip_is_skipped_however_it_is_spelt(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "store/b.jpg", "sub/store/c.jpg")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)

    expected = ["a.jpg", "sub/store/c.jpg"]
    assert paths(tmp_path, skip=[tmp_path / "store"]) == expected
    assert paths(Path("link"), skip=[Path("sub/../store")]) == expected
    assert paths(Path(), skip=[tmp_path / "link" / "store"]) == expected


def test_a_link_to_a_folder_is_not_followed_so_a_loop_ends(tmp_path):
    touch(tmp_path, "data/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "other.jpg").symlink_to(tmp_path / "elsewhere")

    assert paths(tmp_path / "data") == ["a.jpg"]


def test_a_link_to_a_file_is_read_with_the_size_of_the_file(tmp_path):
    touch(tmp_path, "data/a.jpg")
    (tmp_path / "target").write_bytes(b"1234567")
    (tmp_path / "data" / "b.jpg").symlink_to(tmp_path / "target")

    images = list_dataset(tmp_path / "data", recursive=False).images()

    assert images["path"].to_list() == ["a.jpg", "b.jpg"]
    assert images["size_bytes"].to_list() == [1, 7]


def test_what_is_not_a_file_is_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    touch(tmp_path, "a.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    os.mkfifo(tmp_path / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")

        assert paths(tmp_path) == ["a.jpg"]


def test_a_name_that_is_not_utf8_is_listed_as_bytes_and_leads_back_to_its_file(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/s\xfcb"))
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"coffee")
    touch(tmp_path, "new\nline.jpg")

    images = list_dataset(tmp_path, recursive=True).images()

    assert images["path"].to_list() == ["new\nline.jpg", "s\\xfcb/caf\\xe9.jpg"]
    assert images["path_bytes"].to_list() == [None, b"s\xfcb/caf\xe9.jpg"]
    contents = [
        file_path(tmp_path, *row).read_bytes()
        for row in images.select("path", "path_bytes").iter_rows()
    ]
    assert contents == [b"x", b"coffee"]


def test_composed_and_decomposed_letters_are_two_files_and_lead_back_to_each(tmp_path):
    names = ["cafe\u0301.jpg", "caf\u00e9.jpg"]
    for name in names:
        (tmp_path / name).write_text(name)

    found = paths(tmp_path)

    assert found == names
    assert [file_path(tmp_path, name, None).read_text() for name in found] == names


def test_two_names_that_print_alike_are_one_row_and_a_warning(tmp_path):
    touch(tmp_path, "caf\\xe9.jpg")
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"coffee")

    listing = list_dataset(tmp_path, recursive=False)

    assert listing.images().select("path", "path_bytes").rows() == [("caf\\xe9.jpg", None)]
    assert "caf\\xe9.jpg" in listing.warnings[0]


def test_many_names_that_print_alike_are_one_warning(tmp_path, monkeypatch):
    """However many portions they are in."""
    monkeypatch.setattr(buckets, "MOST_ROWS", 2)
    for number in range(9):
        touch(tmp_path, f"{number}/\\xff.jpg")
        (tmp_path / str(number) / os.fsdecode(b"\xff.jpg")).touch()

    listing = list_dataset(tmp_path, recursive=True)

    assert listing.warnings == (
        "Two file names print as 0/\\xff.jpg; rename one, only one is used.",
    )


def test_a_sub_folder_that_cannot_be_read_is_a_warning_and_the_rest_goes_on(ordinary_user):
    touch(ordinary_user, "a/1.jpg", "locked/2.jpg", "closed/3.jpg", "closed/4.jpg", "z/5.jpg")
    (ordinary_user / "locked").chmod(0)
    (ordinary_user / "closed").chmod(0o444)  # its names can be read, its files cannot

    listing = list_dataset(ordinary_user, recursive=True)

    assert listing.images()["path"].to_list() == ["a/1.jpg", "z/5.jpg"]
    assert listing.warnings == (
        "The folder closed was skipped: Permission denied.",
        "The folder locked was skipped: Permission denied.",
    )


def test_a_link_into_a_place_that_cannot_be_read_is_a_warning(ordinary_user):
    touch(ordinary_user, "data/a.jpg", "locked/b.jpg")
    (ordinary_user / "data" / "b.jpg").symlink_to(ordinary_user / "locked" / "b.jpg")
    (ordinary_user / "locked").chmod(0)

    listing = list_dataset(ordinary_user / "data", recursive=True)

    assert listing.images()["path"].to_list() == ["a.jpg"]
    assert listing.warnings == ("The file b.jpg was skipped: Permission denied.",)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "cannot be opened (No such file or directory)"),
        ("file", "is not a folder"),
        ("file/sub", "cannot be opened (Not a directory)"),
        ("n" * 300, "cannot be opened (File name too long)"),
    ],
)
def test_a_folder_that_cannot_be_the_dataset_is_refused(tmp_path, name, says):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(DatasetError) as failure:
        list_dataset(tmp_path / name, recursive=True)

    assert says in str(failure.value)


def test_a_dataset_folder_that_cannot_be_read_is_refused_with_the_reason(ordinary_user):
    (ordinary_user / "locked").mkdir()
    (ordinary_user / "locked").chmod(0)

    with pytest.raises(DatasetError, match="Permission denied"):
        list_dataset(ordinary_user / "locked", recursive=True)


def test_a_folder_without_images_is_refused_and_the_extensions_are_named(tmp_path):
    touch(tmp_path, "a.txt")

    with pytest.raises(DatasetError, match="jpg, jpeg, png, webp, bmp, gif, tif, tiff, avif, heic"):
        list_dataset(tmp_path, recursive=True)


def test_images_in_sub_folders_alone_suggest_the_option_that_finds_them(tmp_path):
    touch(tmp_path, "sub/a.jpg")

    with pytest.raises(DatasetError, match="--recursive"):
        list_dataset(tmp_path, recursive=False)


def names(listing):
    return listing.images()["path"].to_list(), listing.texts()["path"].to_list()


def listed(root):
    return list_dataset(root, recursive=True)


def compared(root, before, *, trust_dir_mtime=False):
    """List what is news: all files of folders that are not as they were."""
    return list_dataset(root, recursive=True, known=before.units, trust_dir_mtime=trust_dir_mtime)


def is_known(root, before, **options):
    after = compared(root, before, **options)
    return names(after) == ([], []) and after.units.sort("folder").equals(
        before.units.sort("folder")
    )


def test_text_files_are_listed_with_their_states_whatever_they_are(tmp_path):
    touch(tmp_path, "a.jpg", "a.txt", "sub/B.TXT", "sub/c.text", ".hidden.txt")
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "broken.txt").symlink_to("nowhere")
    (tmp_path / "loop.txt").symlink_to("loop.txt")

    texts = listed(tmp_path).texts()

    assert texts["path"].to_list() == ["a.txt", "folder.txt", "loop.txt", "sub/B.TXT"]
    found = (tmp_path / "a.txt").stat()
    assert texts.row(0)[2:5] == (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    assert texts.row(2)[2:5] == (-1, 0, 0)  # nobody can tell, so it is read each time


def test_of_a_dataset_that_is_known_only_folders_that_changed_are_news(tmp_path):
    touch(tmp_path, "a.jpg", "one/b.jpg", "one/b.txt", "two/c.jpg", "two/deep/d.jpg", "empty/x")
    before = listed(tmp_path)
    assert is_known(tmp_path, before)
    (tmp_path / "one" / "b.txt").write_bytes(b"edited in place")
    (tmp_path / "two" / "c.jpg").rename(tmp_path / "two" / "e.jpg")
    touch(tmp_path, "new/f.jpg")

    after = compared(tmp_path, before)

    assert names(after) == (["new/f.jpg", "one/b.jpg", "two/e.jpg"], ["one/b.txt"])
    assert after.units.sort("folder").equals(listed(tmp_path).units.sort("folder"))
    assert is_known(tmp_path, after)


def test_a_large_folder_is_of_parts_and_a_file_changes_one_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "UNIT_FILES", 16)
    touch(tmp_path, *(f"{number}.jpg" for number in range(100)))
    before = listed(tmp_path).units
    (tmp_path / "7.jpg").write_bytes(b"edited in place")

    after = listed(tmp_path).units

    assert (before["parts"].unique().item(), before["files"].sum()) == (4, 100)
    assert units.changed_units(after, before).height == 1


def tree(root):
    touch(
        root,
        *(f"{one}/{two}/{name}" for one in "abc" for two in "123" for name in ("x.jpg", "x.txt")),
    )
    touch(root, "y.jpg", "a/y.jpg")


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_that_help_find_the_same(tmp_path, processes):
    tree(tmp_path)
    before = listed(tmp_path)
    (tmp_path / "b" / "2" / "x.txt").unlink()
    found = list_dataset(tmp_path, recursive=True, known=before.units, processes=processes)

    alone = compared(tmp_path, before)
    assert found.files().equals(alone.files())
    assert found.units.sort("folder").equals(alone.units.sort("folder"))
    assert names(found) == (["b/2/x.jpg"], [])
    everything = list_dataset(tmp_path, recursive=True, processes=processes)
    assert everything.files().equals(listed(tmp_path).files())


def test_a_process_that_ends_is_done_without(tmp_path, monkeypatch):
    tree(tmp_path)
    monkeypatch.setattr(walk_process, "_MODULE", "capenh_pipeline.errors")
    found = list_dataset(tmp_path, recursive=True, processes=2)
    assert found.files().equals(listed(tmp_path).files())


def test_a_digest_tells_files_that_exchange_something(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    for name, seconds in (("a.jpg", 10), ("b.jpg", 20)):
        os.utime(tmp_path / name, (seconds, seconds))
    before = listed(tmp_path)
    for name, seconds in (("a.jpg", 20), ("b.jpg", 10)):
        os.utime(tmp_path / name, (seconds, seconds))

    assert names(compared(tmp_path, before))[0] == ["a.jpg", "b.jpg"]


def test_a_folder_whose_times_are_trusted_is_not_looked_into_again(tmp_path):
    touch(tmp_path, "a.jpg", "a.txt", "sub/b.jpg", "sub/b.txt")
    before = listed(tmp_path)
    (tmp_path / "sub" / "b.jpg").write_bytes(b"edited in place")

    assert is_known(tmp_path, before, trust_dir_mtime=True)
    assert names(compared(tmp_path, before)) == (["sub/b.jpg"], ["sub/b.txt"])


def test_what_a_link_leads_to_is_found_when_it_is_back(tmp_path):
    """As on a drive that was not mounted: the folder of the link shows nothing of it."""
    touch(tmp_path, "dataset/a.jpg", "dataset/sub/b.jpg")
    for link in ("a.txt", "sub/c.jpg"):
        (tmp_path / "dataset" / link).symlink_to(tmp_path / "drive" / link)
    before = listed(tmp_path / "dataset")
    touch(tmp_path, "drive/a.txt", "drive/sub/c.jpg")

    after = compared(tmp_path / "dataset", before, trust_dir_mtime=True)
    assert names(after) == (["a.jpg", "sub/b.jpg", "sub/c.jpg"], ["a.txt"])
    assert is_known(tmp_path / "dataset", after, trust_dir_mtime=True)


def test_folders_that_print_alike_are_told_apart(tmp_path):
    touch(tmp_path, "a.jpg", "\\xff/x.jpg")
    other = tmp_path / os.fsdecode(b"\xff")
    other.mkdir()
    touch(other, "x.jpg")
    before = listed(tmp_path)
    assert len(before.warnings) == 1
    (other / "x.jpg").write_bytes(b"edited in place")

    after = compared(tmp_path, before, trust_dir_mtime=True)
    assert after.files()["folder"].to_list() == [b"\xff"]


def test_a_folder_that_changed_is_listed_again_and_those_that_are_trusted_are_not(tmp_path):
    touch(tmp_path, "a.jpg", "one/b.jpg", "one/b.txt", "two/c.jpg", "two/deep/d.jpg")
    before = listed(tmp_path)
    (tmp_path / "one" / "b.txt").unlink()
    touch(tmp_path, "one/new/e.jpg", "two/deep/f.txt")
    (tmp_path / "two" / "c.jpg").write_bytes(b"edited in place")

    after = compared(tmp_path, before, trust_dir_mtime=True)

    images, texts = names(after)
    assert images == ["one/b.jpg", "one/new/e.jpg", "two/deep/d.jpg"]
    assert texts == ["two/deep/f.txt"]
    assert is_known(tmp_path, after, trust_dir_mtime=True)


def test_a_folder_that_is_gone_takes_its_files_along(tmp_path):
    touch(tmp_path, "a.jpg", "one/deep/b.jpg", "one/deep/b.txt")
    before = listed(tmp_path)
    (tmp_path / "one").rename(tmp_path / "two")

    after = compared(tmp_path, before, trust_dir_mtime=True)
    assert names(after) == (["two/deep/b.jpg"], ["two/deep/b.txt"])
    assert after.units["folder"].sort().to_list() == [b"", b"two", b"two/deep"]


def test_a_folder_that_could_not_be_read_is_tried_again(ordinary_user):
    touch(ordinary_user, "a.jpg", "locked/b.jpg")
    (ordinary_user / "locked").chmod(0)
    before = listed(ordinary_user)
    assert compared(ordinary_user, before, trust_dir_mtime=True).warnings == before.warnings != ()
    (ordinary_user / "locked").chmod(0o700)

    after = compared(ordinary_user, before, trust_dir_mtime=True)
    assert names(after)[0] == ["locked/b.jpg"]


def test_folders_with_names_that_are_not_utf8_are_known_too(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/s\xfcb"))
    touch(tmp_path, "a.jpg")
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "b.jpg").write_bytes(b"x")
    before = listed(tmp_path)
    assert is_known(tmp_path, before, trust_dir_mtime=True)
    (folder / "deep" / "c.jpg").write_bytes(b"x")

    after = compared(tmp_path, before, trust_dir_mtime=True)

    assert names(after)[0] == ["s\\xfcb/deep/b.jpg", "s\\xfcb/deep/c.jpg"]
    assert after.images()["path_bytes"].to_list() == [b"s\xfcb/deep/b.jpg", b"s\xfcb/deep/c.jpg"]


@pytest.mark.parametrize(
    "seconds",
    [-5, -(2**31), 4_102_444_800, 12_000_000_000],
    ids=["before 1970", "in 1901", "in 2100", "after 2262"],
)
def test_a_time_of_change_in_the_past_or_the_future_stops_nothing(tmp_path, seconds):
    touch(tmp_path, "a.jpg", "b.jpg", "a.txt")
    for path in tmp_path.iterdir():
        os.utime(path, (seconds, seconds))
    found_ns = (tmp_path / "a.jpg").stat().st_mtime_ns  # some file systems keep less

    listing = list_dataset(tmp_path, recursive=False)

    listed_ns = min(found_ns, 2**63 - 1)  # what a table can hold
    assert listing.images()["mtime_ns"].to_list() == [listed_ns] * 2
    assert listing.texts()["mtime_ns"].to_list() == [listed_ns]


def test_a_folder_that_changed_after_2262_is_listed_and_known_again(tmp_path):
    touch(tmp_path, "sub/a.jpg")
    os.utime(tmp_path / "sub", (12_000_000_000, 12_000_000_000))
    before = listed(tmp_path)

    assert names(before) == (["sub/a.jpg"], [])
    assert is_known(tmp_path, before, trust_dir_mtime=True)
