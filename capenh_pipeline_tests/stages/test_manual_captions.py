"""What a person does to a text file beside an image, and what the next run makes of it."""

import os
from pathlib import Path

import polars as pl

from capenh_pipeline.dataset.manual_captions import MOST_BYTES
from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST, SCAN_INDEX
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns

NOT_UTF8 = b"caf\xe9"


def said(runs: StageRuns) -> dict[str, str | None]:
    """Return the manual captions by path; of an image that failed, why."""
    rows = runs.opened().store.table(IMAGE_MANIFEST).read().sort("path")
    told = rows.select("path", pl.coalesce("error_kind", "manual_caption"))
    return dict(told.iter_rows())


def edit_unseen(path: Path, text: str) -> None:
    """Write as many bytes as there are, and set the time of the last change back."""
    found = path.stat()
    assert len(text.encode()) == found.st_size
    path.write_text(text)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_a_caption_that_changes_is_read_and_costs_what_it_now_says(runs):
    for content, caption, cost in (
        (b"sks dog", "sks dog", Cost(1, 0, 1, 1)),
        (b"  \r\n\t", None, Cost(1, 0, 1, 1)),
        (b"", None, Cost(1, 0, 0, 0)),
        (b"\xef\xbb\xbf sks\r\n", "sks", Cost(1, 0, 0, 1)),
        (NOT_UTF8, "manual_caption_not_utf8", Cost(1, 0, 0, 0)),
        (b"sks", "sks", Cost(1, 0, 0, 0)),
    ):
        (runs.dataset / "a.txt").write_bytes(content)
        assert runs.run() == cost
        assert said(runs)["a.png"] == caption
    assert runs.run() == NOTHING


def test_a_caption_that_is_deleted_and_written_again_costs_one_request(runs):
    (runs.dataset / "a.txt").unlink()
    assert runs.run() == Cost(0, 0, 1, 1)
    assert said(runs)["a.png"] is None

    (runs.dataset / "a.txt").write_text("sks")
    assert runs.run() == Cost(1, 0, 0, 1)
    assert said(runs)["a.png"] == "sks"


def test_an_edit_that_keeps_size_and_time_of_a_caption_is_seen(runs):
    edit_unseen(runs.dataset / "a.txt", "cat")

    assert runs.run() == Cost(1, 0, 1, 1)
    assert said(runs)["a.png"] == "cat"


def test_an_edit_that_keeps_size_and_time_of_an_image_is_seen(runs):
    image = runs.dataset / "shared.bmp"  # without compression: any colour has as many bytes
    found = image.stat()
    colour(image, (99, 0, 0))
    os.utime(image, ns=(found.st_atime_ns, found.st_mtime_ns))

    assert runs.run() == Cost(1, 1, 1, 1)
    assert "(99, 0, 0)" in (runs.dataset / "shared.bmp_combined.txt").read_text()


def test_a_caption_that_may_have_changed_unseen_is_read_again(runs):
    """It was younger than two seconds when it was read: time stamps cannot tell."""
    index = runs.opened().store.table(SCAN_INDEX)
    young = index.read().filter(path="a.txt")
    index.append(young.with_columns(is_racy=pl.lit(value=True), caption=pl.lit("of before")))
    os.utime(runs.dataset / "a.png")  # so that there is something to look at

    assert runs.run().files_read == 2
    assert said(runs)["a.png"] == "sks"


def test_files_that_were_young_when_they_were_read_are_read_once_more(tmp_path):
    colour(tmp_path / "a.png", (0, 0, 0))
    (tmp_path / "a.txt").write_text("sks")
    young, old = StageRuns(tmp_path), StageRuns(tmp_path)
    young.now = lambda: old.now().replace(year=2000)  # before any file changed

    assert young.run().files_read == 2
    assert young.run().files_read == 2
    assert old.run().files_read == 2
    assert old.run().files_read == 0


def test_one_of_two_images_that_share_a_name_can_have_a_caption_of_its_own(runs):
    (runs.dataset / "shared.txt").write_text("both")
    assert runs.run() == Cost(1, 0, 2, 2)
    assert said(runs) == {"a.png": "sks", "shared.bmp": "both", "shared.png": "both"}

    (runs.dataset / "shared.png.txt").write_text("mine")
    assert runs.run() == Cost(1, 0, 1, 1)
    assert said(runs) == {"a.png": "sks", "shared.bmp": "both", "shared.png": "mine"}

    (runs.dataset / "shared.png.txt").write_bytes(NOT_UTF8)
    assert runs.run() == Cost(1, 0, 0, 0)
    assert said(runs)["shared.png"] == "manual_caption_not_utf8"

    (runs.dataset / "shared.png.txt").write_text(" ")
    assert runs.run() == Cost(1, 0, 0, 1)
    assert said(runs)["shared.png"] == "both"

    (runs.dataset / "shared.png").unlink()  # nobody shares the name any more
    assert runs.run() == Cost(0, 0, 0, 1)
    assert said(runs) == {"a.png": "sks", "shared.bmp": "both"}


def test_a_caption_that_is_no_file_any_more_is_named_and_nothing_waits_for_it(runs):
    caption = runs.dataset / "a.txt"
    for make, remove in (
        (caption.mkdir, caption.rmdir),
        (lambda: os.mkfifo(caption), caption.unlink),
        (lambda: caption.symlink_to("a.txt"), caption.unlink),
    ):
        caption.unlink()
        make()
        assert runs.run()[1:] == (0, 0, 0)
        assert said(runs)["a.png"] == "manual_caption_unreadable"

        remove()
        caption.write_text("sks")
        assert runs.run() == Cost(1, 0, 0, 0)
        assert said(runs)["a.png"] == "sks"


def test_a_file_that_is_too_large_for_a_caption_is_looked_at_once(runs):
    """It stays a failure, and is looked at again when its size or times change."""
    caption = runs.dataset / "a.txt"
    with caption.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert runs.run() == Cost(1, 0, 0, 0)
    assert said(runs)["a.png"] == "manual_caption_too_large"
    assert runs.run() == NOTHING
    assert said(runs)["a.png"] == "manual_caption_too_large"
    assert runs.run(retry_failed=True).files_read == 1

    caption.write_text("sks")
    assert runs.run() == Cost(1, 0, 0, 0)
    assert said(runs)["a.png"] == "sks"


def test_what_a_killed_run_has_left_of_ours_is_not_what_a_person_wrote(runs):
    """It has told the ledger of a new text, and the file still holds the one before."""
    ours = runs.dataset / "a_combined.txt"
    earlier = ours.read_text()
    runs.run(trigger_word="dog")
    ours.write_text(earlier)
    ledger = runs.opened().store.table(CAPTION_FILES)
    begun = ledger.read().filter(path="a_combined.txt")
    ledger.append(begun.with_columns(pl.lit(None).alias("size_bytes")))
    colour(runs.dataset / "a_combined.png", (9, 9, 9))

    runs.run()
    assert said(runs)["a_combined.png"] is None


def test_a_caption_behind_a_link_is_read_and_edits_of_its_target_are_seen(runs, tmp_path_factory):
    target = tmp_path_factory.mktemp("elsewhere") / "words"
    target.write_text("sks dog")
    (runs.dataset / "a.txt").unlink()
    (runs.dataset / "a.txt").symlink_to(target)
    assert runs.run() == Cost(1, 0, 1, 1)

    edit_unseen(target, "sks cat")
    assert runs.run() == Cost(1, 0, 1, 1)
    assert said(runs)["a.png"] == "sks cat"

    target.unlink()  # a broken link is no caption
    assert runs.run() == Cost(0, 0, 1, 1)
    assert said(runs)["a.png"] is None
