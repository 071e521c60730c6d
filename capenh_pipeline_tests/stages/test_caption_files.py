"""The caption files that a run leaves beside the images."""

import os
import shutil

import pytest

from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stage_runs import StageRuns
from capenh_pipeline_tests.stages.vlm_rows import SHORT_AND_LONG, keep_captions


@pytest.fixture
def images(tmp_path):
    return tmp_path / "images"


@pytest.fixture
def export(open_run):
    """Run all four stages with the given options and return the last one's report."""

    def run_all(**options):
        run = open_run(**{"prompt": "see", **options})
        build_image_manifest(run)
        fill_vlm_captions(run, load=ColourVlm, before_load=lambda: None)
        fill_combined_captions(run, connect=lambda choice: EchoLlm())
        return write_files(run)

    return run_all


def texts(images):
    return {path.name: path.read_text() for path in sorted(images.rglob("*.txt"))}


def total(report, name):
    return sum(shard[name] for shard in report.shards.values())


def echoed(rgb, manual=None):
    element = f"<manual_caption> {manual} </manual_caption> " if manual else ""
    return f"{element}<vlm_caption> see {rgb} </vlm_caption>\n"


def test_a_combined_caption_is_one_line_beside_its_image(images, export):
    colour(images / "a.png", (1, 2, 3))
    (images / "a.txt").write_text("sks")
    export()
    assert texts(images) == {"a.txt": "sks", "a_combined.txt": echoed((1, 2, 3), "sks")}


def test_generated_captions_are_written_when_asked_for_with_any_suffix(images, export):
    colour(images / "a.png", (1, 2, 3))
    export(cache_generated_captions_to_disk=True, generated_suffix=".seen", combined_suffix=".both")
    assert texts(images) == {"a.both.txt": echoed((1, 2, 3)), "a.seen.txt": "see (1, 2, 3)\n"}


def test_each_of_several_generated_captions_has_a_file_of_its_name(images, export):
    colour(images / "a.png", (1, 2, 3))
    options = {"prompt": '["short=see", "look"]', "llm_captions": "short"}
    export(**options)
    assert texts(images) == {"a_combined.txt": echoed((1, 2, 3))}
    export(cache_generated_captions_to_disk=True, **options)
    assert texts(images) == {
        "a_combined.txt": echoed((1, 2, 3)),
        "a_generated_prompt_2.txt": "look (1, 2, 3)\n",
        "a_generated_short.txt": "see (1, 2, 3)\n",
    }


def test_the_generated_caption_of_the_only_prompt_has_no_name_in_its_file(images, export):
    colour(images / "a.png", (1, 2, 3))
    export(cache_generated_captions_to_disk=True, prompt="short=see")
    assert list(texts(images)) == ["a_combined.txt", "a_generated.txt"]


def test_several_generated_captions_keep_clear_of_what_people_wrote(images, export):
    colour(images / "a.png", (1, 2, 3))
    colour(images / "a_generated_short.png", (4, 5, 6))
    (images / "a_generated_short.txt").write_text("what I wrote about a_generated_short.png")
    (images / "a_generated_long.txt").write_text("what I wrote")
    report = export(
        cache_generated_captions_to_disk=True,
        prompt='["short=see", "long=look"]',
        llm_captions="short",
    )
    found = texts(images)
    assert found["a_generated_short.txt"] == "what I wrote about a_generated_short.png"
    assert found["a.png_generated_short.txt"] == "see (1, 2, 3)\n"
    assert found["a_generated_long.txt"] == "what I wrote"
    assert [*report.kept_files.values()] == [["a_generated_long.txt"]]


def test_a_generated_caption_is_written_while_another_of_its_image_is_missing(images, open_run):
    colour(images / "a.png", (1, 2, 3))
    run = open_run(prompt=SHORT_AND_LONG, cache_generated_captions_to_disk=True)
    build_image_manifest(run)
    keep_captions(run, {"a.png": {"short": "a", "long": None}})
    write_files(run)
    assert texts(images) == {"a_generated_short.txt": "a\n"}


def test_two_images_of_one_name_do_not_share_files(images, export):
    colour(images / "a.png", (1, 2, 3))
    colour(images / "a.bmp", (4, 5, 6))
    colour(images / "b.png", (7, 8, 9))
    export()
    assert texts(images) == {
        "a.bmp_combined.txt": echoed((4, 5, 6)),
        "a.png_combined.txt": echoed((1, 2, 3)),
        "b_combined.txt": echoed((7, 8, 9)),
    }


def test_two_images_of_one_name_do_not_share_files_when_only_one_is_within_the_limit(
    images, export
):
    colour(images / "a.bmp", (4, 5, 6))
    colour(images / "a.png", (1, 2, 3))
    export(limit=1)
    assert list(texts(images)) == ["a.bmp_combined.txt"]


def test_a_caption_file_never_lands_on_another_images_manual_caption(images, export):
    colour(images / "a.png", (1, 2, 3))
    colour(images / "a_combined.png", (4, 5, 6))
    (images / "a_combined.txt").write_text("what I wrote about a_combined.png")
    export(write_policy="overwrite")
    found = texts(images)
    assert found["a_combined.txt"] == "what I wrote about a_combined.png"
    assert found["a.png_combined.txt"] == echoed((1, 2, 3))
    assert "what I wrote" in found["a_combined_combined.txt"]


def test_a_file_that_a_person_edited_is_kept_and_named(images, export):
    colour(images / "a.png", (1, 2, 3))
    export()
    (images / "a_combined.txt").write_text("mine")
    report = export(trigger_word="sks")
    assert texts(images) == {"a_combined.txt": "mine"}
    assert total(report, "kept") == 1
    assert [path for paths in report.kept_files.values() for path in paths] == ["a_combined.txt"]


def test_an_earlier_caption_that_a_person_has_put_back_is_kept(images, export):
    colour(images / "a.png", (1, 2, 3))
    export()
    earlier = texts(images)
    export(trigger_word="sks")
    (images / "a_combined.txt").write_text(earlier["a_combined.txt"])
    report = export(trigger_word="sks")
    assert texts(images) == earlier
    assert [*report.kept_files.values()] == [["a_combined.txt"]]


def test_a_file_that_a_person_wrote_before_is_kept(images, export):
    colour(images / "a.png", (1, 2, 3))
    (images / "a_combined.txt").write_text("mine")
    export()
    assert texts(images) == {"a_combined.txt": "mine"}


def test_overwrite_replaces_what_a_person_wrote(images, export):
    colour(images / "a.png", (1, 2, 3))
    (images / "a_combined.txt").write_text("mine")
    export(write_policy="overwrite")
    assert texts(images) == {"a_combined.txt": echoed((1, 2, 3))}


def test_a_file_of_ours_is_replaced_when_its_caption_changes(images, export):
    colour(images / "a.png", (1, 2, 3))
    export()
    export(trigger_word="sks")
    assert texts(images) == {"a_combined.txt": f"sks, {echoed((1, 2, 3))}"}


def test_a_file_that_was_deleted_is_written_again(images, export):
    colour(images / "a.png", (1, 2, 3))
    export()
    (images / "a_combined.txt").unlink()
    report = export()
    assert total(report, "computed") == 1
    assert texts(images) == {"a_combined.txt": echoed((1, 2, 3))}


def test_files_of_an_image_that_left_are_left_alone(images, export):
    colour(images / "a.png", (1, 2, 3))
    colour(images / "b.png", (4, 5, 6))
    export()
    (images / "a.png").unlink()
    export()
    assert set(texts(images)) == {"a_combined.txt", "b_combined.txt"}


def test_duplicates_each_have_their_file(images, export):
    colour(images / "a.png", (1, 2, 3))
    (images / "sub").mkdir()
    (images / "sub" / "b.png").write_bytes((images / "a.png").read_bytes())
    export(recursive=True)
    assert texts(images) == {
        "a_combined.txt": echoed((1, 2, 3)),
        "b_combined.txt": echoed((1, 2, 3)),
    }


def test_an_image_whose_name_is_not_utf8_has_its_file_beside_it(images, export):
    source = colour(images / "a.png", (1, 2, 3))
    os.rename(source, os.fsencode(images) + b"/\xff.png")  # noqa: PTH104  # a name in bytes
    export()
    with open(os.fsencode(images) + b"/\xff_combined.txt") as file:  # noqa: PTH123  # likewise
        assert file.read() == echoed((1, 2, 3))


def test_a_folder_that_is_gone_or_cannot_be_entered_stops_no_export(ordinary_user):
    """The manifest has its image still."""
    colour(ordinary_user / "a.png", (1, 0, 0))
    folder = colour(ordinary_user / "sub" / "b.png", (2, 0, 0)).parent
    runs = StageRuns(ordinary_user, {"recursive": True})
    runs.run()
    folder.chmod(0)
    report = write_files(runs.opened())
    ((image, sentence),) = next(iter(report.failed_files.values()))
    assert image == "sub/b.png"
    assert "Permission denied" in sentence

    folder.chmod(0o755)
    shutil.rmtree(folder)
    folder.write_text("")
    assert not write_files(runs.opened()).failed_files


def test_images_of_folders_that_are_not_listed_get_no_files(tmp_path):
    """They are in the manifest still, and two of them would share a file."""
    colour(tmp_path / "z.png", (1, 2, 3))
    for place, name in enumerate(["a.png", "a.bmp"]):
        folder = colour(tmp_path / "sub" / name, (place, 0, 0)).parent
    runs = StageRuns(tmp_path, {"recursive": True})
    runs.run()
    before = sorted(folder.iterdir())
    write_files(runs.opened(recursive=False))

    assert sorted(folder.iterdir()) == before
