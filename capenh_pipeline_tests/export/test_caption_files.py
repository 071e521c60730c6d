import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.export.caption_files import FILES_AT_ONCE, ExportOutcome
from capenh_pipeline_tests.export.folder import NOW, Dataset

ROOT = Path(__file__).parents[2]


def rewrite(path, text):
    """Write a file as an editor does that keeps the size and puts the old times back."""
    found = path.stat()
    path.write_text(text)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_a_file_holds_the_text_in_utf8_and_one_newline(dataset):
    (dataset.root / "sub").mkdir()

    outcome = dataset.export({"a_combined.txt": "ein Hündchen, 犬", "sub/b.txt": "two\nlines\n"})

    assert outcome == ExportOutcome(written=["a_combined.txt", "sub/b.txt"])
    assert dataset.files() == {
        "a_combined.txt": "ein Hündchen, 犬\n".encode(),
        "sub/b.txt": b"two\nlines\n",
    }


def test_the_ledger_says_what_is_coming_before_and_what_is_there_after(dataset):
    dataset.export({"a.txt": "dog"})

    before, after = (entry.row(0, named=True) for entry in dataset.entries)
    found = (dataset.root / "a.txt").stat()
    assert after == {
        "path": "a.txt",
        "path_bytes": None,
        "path_hash": path_hash("a.txt", None),
        "image_hash": "ab" * 32,
        "image_path": "a.png",
        "kind": "combined",
        "content_hash": sha256_hex(b"dog\n"),
        "previous_hash": None,
        "size_bytes": 4,
        "mtime_ns": found.st_mtime_ns,
        "ctime_ns": found.st_ctime_ns,
        "written_at": NOW,
        "run_id": "run-1",
    }
    assert before == after | {"size_bytes": None, "mtime_ns": None, "ctime_ns": None}
    assert dataset.ledger.schema == pl.Schema(CAPTION_FILES.columns)


def test_a_new_caption_replaces_ours_and_the_ledger_remembers_the_old_one(dataset):
    dataset.export({"a.txt": "dog"})

    outcome = dataset.export({"a.txt": "brown dog"})

    assert outcome == ExportOutcome(written=["a.txt"])
    assert dataset.files() == {"a.txt": b"brown dog\n"}
    assert dataset.ledger["previous_hash"].to_list() == [sha256_hex(b"dog\n")]


def test_a_file_that_did_not_change_is_left_alone_without_an_entry(dataset):
    texts = {"a.txt": "dog", "b.txt": "cat"}
    dataset.export(texts)
    before = [(dataset.root / name).stat() for name in texts]

    outcome = dataset.export(texts)

    assert outcome == ExportOutcome(unchanged=2)
    assert len(dataset.entries) == 2
    assert [(dataset.root / name).stat() for name in texts] == before


def test_a_file_that_was_deleted_is_written_again(dataset):
    dataset.export({"a.txt": "dog"})
    (dataset.root / "a.txt").unlink()

    assert dataset.export({"a.txt": "dog"}) == ExportOutcome(written=["a.txt"])
    assert dataset.files() == {"a.txt": b"dog\n"}


@pytest.mark.parametrize("new_text", ["dog", "brown dog"])
def test_a_file_that_a_person_edited_is_kept_and_named(dataset, new_text):
    dataset.export({"a.txt": "dog", "b.txt": "cat"})
    rewrite(dataset.root / "a.txt", "Rex\n")

    outcome = dataset.export({"a.txt": new_text, "b.txt": "black cat"})

    assert outcome == ExportOutcome(written=["b.txt"], kept=["a.txt"])
    assert dataset.files() == {"a.txt": b"Rex\n", "b.txt": b"black cat\n"}


def test_a_file_that_a_person_wrote_before_us_is_kept(dataset):
    (dataset.root / "a.txt").write_text("Rex")

    assert dataset.export({"a.txt": "dog"}) == ExportOutcome(kept=["a.txt"])
    assert dataset.export({"a.txt": "dog"}) == ExportOutcome(kept=["a.txt"])
    assert dataset.files() == {"a.txt": b"Rex"}
    assert dataset.entries == []


def test_a_person_s_file_is_replaced_on_request(dataset):
    dataset.export({"a.txt": "dog"})
    (dataset.root / "a.txt").write_text("Rex")
    (dataset.root / "b.txt").write_text("Tom")

    outcome = dataset.export({"a.txt": "dog", "b.txt": "cat"}, overwrite=True)

    assert outcome == ExportOutcome(written=["a.txt", "b.txt"])
    assert dataset.files() == {"a.txt": b"dog\n", "b.txt": b"cat\n"}


def test_a_file_that_holds_the_wanted_text_is_adopted_and_ours_from_then_on(dataset):
    (dataset.root / "a.txt").write_text("dog\n")

    assert dataset.export({"a.txt": "dog"}) == ExportOutcome(unchanged=1)
    assert dataset.export({"a.txt": "dog"}) == ExportOutcome(unchanged=1)
    assert len(dataset.entries) == 1
    assert dataset.export({"a.txt": "brown dog"}) == ExportOutcome(written=["a.txt"])


def test_a_dataset_that_was_copied_is_recognised(dataset, tmp_path_factory):
    dataset.export({"a.txt": "dog"})
    copy = Dataset(tmp_path_factory.mktemp("elsewhere"))
    shutil.copyfile(dataset.root / "a.txt", copy.root / "a.txt")
    copy.entries = dataset.entries

    assert copy.export({"a.txt": "brown dog"}) == ExportOutcome(written=["a.txt"])


def test_files_that_are_not_wanted_any_more_are_left_alone(dataset):
    dataset.export({"a.txt": "dog", "b.txt": "cat"})

    dataset.export({"b.txt": "cat"})

    assert dataset.files() == {"a.txt": b"dog\n", "b.txt": b"cat\n"}


def test_a_link_is_a_person_s_file_and_its_target_is_never_written(dataset, tmp_path_factory):
    target = tmp_path_factory.mktemp("outside") / "precious.txt"
    target.write_text("dog\n")
    (dataset.root / "a.txt").symlink_to(target)
    (dataset.root / "b.txt").symlink_to("nowhere")

    outcome = dataset.export({"a.txt": "dog", "b.txt": "cat"})
    assert outcome == ExportOutcome(kept=["a.txt", "b.txt"])

    outcome = dataset.export({"a.txt": "brown dog", "b.txt": "cat"}, overwrite=True)
    assert outcome == ExportOutcome(written=["a.txt", "b.txt"])
    assert target.read_text() == "dog\n"
    assert not (dataset.root / "a.txt").is_symlink()
    assert dataset.files() == {"a.txt": b"brown dog\n", "b.txt": b"cat\n"}


def test_a_file_that_cannot_be_written_is_a_failure_and_the_rest_goes_on(dataset):
    too_long = f"{'n' * 260}.txt"
    (dataset.root / "folder.txt").mkdir()

    outcome = dataset.export(
        {too_long: "a", "gone/b.txt": "b", "folder.txt": "c", "d.txt": "d"}, overwrite=True
    )

    assert outcome.written == ["d.txt"]
    assert dict(outcome.failed) == {
        too_long: "The caption file cannot be written: File name too long; rename the image (its "
        "caption is in the store) and run again.",
        "gone/b.txt": "The caption file cannot be written: No such file or directory; mend that "
        "and run again.",
        "folder.txt": "The caption file cannot be written: Is a directory; rename the folder of "
        "its name and run again.",
    }
    assert dataset.files() == {"d.txt": b"d\n"}


def test_a_folder_in_the_place_of_a_file_is_kept(dataset):
    (dataset.root / "folder.txt").mkdir()

    assert dataset.export({"folder.txt": "c"}) == ExportOutcome(kept=["folder.txt"])


def test_a_file_whose_name_is_not_utf8_is_written_beside_its_image(dataset):
    name = ("caf\\xe9.txt", b"caf\xe9.txt")

    assert dataset.export({name: "coffee", "caf\\xe9.txt": "x"}).written == [name[0]] * 2
    assert dataset.export({name: "coffee"}) == ExportOutcome(unchanged=1)
    assert dataset.export({name: "tea"}) == ExportOutcome(written=[name[0]])
    assert dataset.files() == {"caf\udce9.txt": b"tea\n", "caf\\xe9.txt": b"x\n"}


def test_new_files_have_the_rights_that_the_user_s_umask_leaves(dataset):
    old = os.umask(0o027)
    try:
        dataset.export({"a.txt": "dog"})
    finally:
        os.umask(old)

    assert (dataset.root / "a.txt").stat().st_mode & 0o777 == 0o640


def test_many_files_need_two_entries_a_thousand(dataset):
    texts = {f"{index}.txt": str(index) for index in range(FILES_AT_ONCE + 1)}

    assert dataset.export(texts) == ExportOutcome(written=list(texts))
    assert [entry.height for entry in dataset.entries] == [FILES_AT_ONCE] * 2 + [1] * 2
    assert dataset.export(texts) == ExportOutcome(unchanged=FILES_AT_ONCE + 1)


def test_a_file_that_a_person_writes_while_we_do_is_kept(dataset):
    dataset.export({"a.txt": "dog"})
    dataset.while_writing = lambda: [
        (dataset.root / name).write_text("Rex") for name in ("a.txt", "b.txt")
    ]

    outcome = dataset.export({"a.txt": "brown dog", "b.txt": "cat"})

    assert outcome == ExportOutcome(kept=["a.txt", "b.txt"])
    assert dataset.files() == {"a.txt": b"Rex", "b.txt": b"Rex"}
    assert dataset.export({"a.txt": "dog", "b.txt": "cat"}).kept == ["a.txt", "b.txt"]


CRAMPED = """
import sys
from pathlib import Path
from capenh_pipeline.errors import StoreError
from capenh_pipeline_tests.export.folder import Dataset

try:
    Dataset(Path(sys.argv[1])).export({f"{index}.txt": "x" * 5000 for index in range(100)})
except StoreError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("option", "reason"),
    [("size=64k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_disk_that_takes_no_file_at_all_stops_the_run(tmp_path, option, reason):
    """Needs the right to mount in a name space of one's own, which Linux gives most users."""
    mount = f'mount -t tmpfs -o {option} none "$1" || exit 77; exec "$2" -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", tmp_path, sys.executable, CRAMPED]
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare command")
    done = subprocess.run(  # noqa: S603  # this very interpreter
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("mounting is not allowed")

    assert done.returncode == 1
    assert done.stderr.startswith(f"Caption files cannot be written to {tmp_path} ({reason})")
