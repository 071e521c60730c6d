"""A dataset in object storage: the same runs as on a disk, and no edit of a person is lost."""

import pytest

from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.stages.quality import files_match
from capenh_pipeline_tests.object_storage.dataset import BLUE, RED, Bucket, picture
from capenh_pipeline_tests.object_storage.folders import OTHERS
from capenh_pipeline_tests.stage_runs import NOTHING, Cost


def test_images_are_captioned_and_their_captions_are_beside_them(bucket):
    assert "sks dog" in bucket.text("a_combined.txt")
    assert "(200, 0, 0)" in bucket.text("a_combined.txt")
    assert "(0, 200, 0)" in bucket.text("sub/b_combined.txt")
    manifest = bucket.runs.manifest()
    assert {path: row["manual_caption"] for path, row in manifest.items()} == {
        "a.png": "sks dog",
        "sub/b.png": None,
    }
    assert manifest["a.png"]["mtime_ns"] == int((bucket.folder / "a.png").stat().st_mtime) * 10**9


def test_a_second_run_reads_no_image_and_computes_nothing(bucket):
    number = len(bucket.plan.asked)
    assert bucket.runs.run() == NOTHING
    assert bucket.read_since(number) == []
    third = len(bucket.plan.asked)
    assert bucket.runs.run() == NOTHING
    names = [one for one in bucket.plan.asked[third:] if "combined.txt" in one]
    assert names == []  # its shards are settled: not even looked at


@pytest.mark.slow
@pytest.mark.parametrize("folder", [None, "results"])
def test_the_store_is_in_the_dataset(new_bucket, folder):
    """It is no part of it, whatever it is called."""
    store = str(new_bucket.folder / folder) if folder else None
    assert new_bucket.runs.run(store=store) == Cost(3, 2, 2, 2)
    number = len(new_bucket.plan.asked)
    assert new_bucket.runs.run(store=store) == NOTHING
    assert new_bucket.read_since(number) == []
    assert (new_bucket.folder / (folder or ".capenh") / "store.json").exists()


def test_an_edited_manual_caption_costs_one_request(bucket):
    bucket.put("a.txt", b"sks cat")
    assert bucket.runs.run() == Cost(1, 0, 1, 1)
    assert "sks cat" in bucket.text("a_combined.txt")


def test_an_image_that_is_replaced_by_another_of_its_size_is_seen(bucket):
    bucket.put("sub/b.png", picture(BLUE))
    assert bucket.runs.run() == Cost(1, 1, 1, 1)
    assert "(0, 0, 200)" in bucket.text("sub/b_combined.txt")


def test_an_image_that_is_written_again_with_its_bytes_costs_one_look(bucket):
    bucket.put("sub/b.png", (bucket.folder / "sub" / "b.png").read_bytes())
    cost = bucket.runs.run()
    assert cost._replace(files_read=0) == NOTHING


def test_new_renamed_and_deleted_images_cost_what_they_cost_on_a_disk(bucket):
    bucket.put("new.png", picture(BLUE))
    assert bucket.runs.run() == Cost(1, 1, 1, 1)
    bucket.put("other/moved.png", (bucket.folder / "new.png").read_bytes())
    (bucket.folder / "new.png").unlink()
    assert bucket.runs.run() == Cost(1, 0, 0, 1)
    assert bucket.text("other/moved_combined.txt") == bucket.text("new_combined.txt")
    (bucket.folder / "a.png").unlink()
    assert bucket.runs.run() == NOTHING
    assert {*bucket.runs.manifest()} == {"other/moved.png", "sub/b.png"}


def test_an_edit_of_a_combined_caption_is_kept_unless_it_is_to_be_overwritten(bucket):
    ours = bucket.text("a_combined.txt")
    bucket.put("a_combined.txt", b"a person wrote this")
    bucket.put("a.txt", b"sks cat")
    bucket.runs.run()
    assert bucket.text("a_combined.txt") == "a person wrote this"
    (kept,) = [path for paths in bucket.runs.reports[-1].kept_files.values() for path in paths]
    assert kept == "a_combined.txt"
    assert bucket.runs.run(write_policy="overwrite").files_written == 1
    assert bucket.text("a_combined.txt") == ours.replace("dog", "cat")


def test_a_caption_file_that_is_deleted_is_written_again(bucket):
    (bucket.folder / "a_combined.txt").unlink()
    assert bucket.runs.run() == Cost(0, 0, 0, 1)
    assert bucket.runs.run() == NOTHING


@pytest.mark.parametrize("there", [True, False])
def test_an_edit_between_the_look_and_the_writing_is_kept(bucket, there):
    """The edit is made by the proxy itself, just before it passes on the request that writes."""
    if not there:
        (bucket.folder / "a_combined.txt").unlink()
    bucket.put("a.txt", b"sks cat")
    edits = []

    def edit_first(_number: int, method: str) -> None:
        if method == "PUT" and bucket.plan.asked[-1].endswith("/a_combined.txt") and not edits:
            edits.append(1)
            bucket.put_behind_the_proxy("a_combined.txt", b"a person was quicker")

    bucket.plan.fault_of = edit_first
    bucket.runs.run()
    assert edits
    assert bucket.text("a_combined.txt") == "a person was quicker"
    assert [*bucket.runs.reports[-1].kept_files.values()] == [["a_combined.txt"]]
    assert bucket.runs.run().files_written == 0
    assert bucket.text("a_combined.txt") == "a person was quicker"


ODD = [
    "a b",
    "ü",
    "50%",
    "a%20b",
    "#1?",
    "{x}",
    "back\\slash",
    "q'\"&<>",
    "*~",
    "😀",
    "e\u0301",
    "a+b",
]


def test_names_may_have_any_character_but_those_that_control(new_bucket):
    bucket = new_bucket
    for number, name in enumerate(ODD):
        bucket.put(f"odd {name}/{name}.png", picture((number, 9, 9)))
        bucket.put(f"odd {name}/{name}.txt", f"it is {number}".encode())
    bucket.runs.run()
    for number, name in enumerate(ODD):
        text = bucket.text(f"odd {name}/{name}_combined.txt")
        assert f"it is {number} " in text
        assert f"({number}, 9, 9)" in text
    assert bucket.runs.run() == NOTHING


def test_the_check_of_caption_files_tells_edited_ones_from_ones_that_are_gone(bucket):
    assert files_match(bucket.runs.opened()).passed
    bucket.put("a_combined.txt", b"a person wrote this")
    found = files_match(bucket.runs.opened())
    assert (found.passed, found.numbers["edited"]) == (True, 1)
    (bucket.folder / "sub" / "b_combined.txt").unlink()
    found = files_match(bucket.runs.opened())
    assert (found.passed, found.numbers["wrong"]) == (False, 1)


def test_a_folder_has_prompts_of_its_own(bucket):
    bucket.put("sub/prompt.txt", b"see more")
    bucket.put("sub/llm_prompt.txt", b"Be short.")
    assert bucket.runs.run(folder_prompts=True) == Cost(0, 1, 1, 1)
    assert bucket.runs.seen[-1][0] == "see more"


def test_images_are_read_in_processes_of_their_own(new_bucket):
    assert new_bucket.runs.run(isolate_images=True) == Cost(3, 2, 2, 2)


def test_the_ledger_has_the_states_that_a_listing_has(bucket):
    ledger = bucket.runs.opened().store.table(CAPTION_FILES).read().drop_nulls("size_bytes")
    assert ledger.height == 2
    assert (ledger["ctime_ns"] < 0).all()


@pytest.mark.parametrize("folder", OTHERS)
def test_other_servers_do_the_same(folder, request, tmp_path):
    folder = request.getfixturevalue(folder)
    (folder / "a.png").put(picture(RED))
    (folder / "sub" / "b +%20.png").put(picture(BLUE))
    (folder / "a.txt").put(b"sks dog")
    runs = Bucket.runs_over(folder, tmp_path / "store")
    assert runs.run() == Cost(3, 2, 2, 2)
    assert runs.run() == NOTHING
    assert runs.run() == NOTHING
    (folder / "a.txt").put(b"sks cat")
    assert runs.run() == Cost(1, 0, 1, 1)
    caption = folder / "a_combined.txt"
    assert b"sks cat" in caption.read_bytes()
    caption.put(b"a person wrote this")
    (folder / "a.txt").put(b"sks hen")
    assert runs.run() == Cost(1, 0, 1, 0)
    assert caption.read_bytes() == b"a person wrote this"
    (folder / "sub" / "b +%20_combined.txt").unlink()
    assert runs.run() == Cost(0, 0, 0, 1)
    assert runs.run() == NOTHING
