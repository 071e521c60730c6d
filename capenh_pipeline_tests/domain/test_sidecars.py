from types import SimpleNamespace

import polars as pl
import pytest

from capenh_pipeline.domain.sidecars import (
    check_suffixes,
    generated_suffixes,
    plan_sidecars,
    raw_sidecar,
)
from capenh_pipeline.domain.vlm_prompts import VlmPrompt
from capenh_pipeline.errors import ConfigurationError

SHORT_AND_LONG = VlmPrompt("short", "<CAPTION>"), VlmPrompt("long", "<DETAILED_CAPTION>")


def plan(*paths, caption="", combined="_combined", generated=("_generated",)):
    files, warnings = plan_sidecars(
        pl.Series(paths, dtype=pl.String),
        caption_suffix=caption,
        combined_suffix=combined,
        generated_suffixes=generated,
    )
    manual = files.select("own_manual", "manual").rows()
    return SimpleNamespace(
        manual=[tuple(name for name in names if name) for names in manual],
        combined=files["combined"].to_list(),
        generated=tuple(files[f"generated_{place}"].to_list() for place in range(len(generated))),
        warnings=warnings,
    )


def test_the_files_of_an_image_carry_its_name_without_the_extension():
    result = plan("sub/dog.park.jpg", caption="_manual")

    assert result.manual == [("sub/dog.park_manual.txt",)]
    assert result.combined == ["sub/dog.park_combined.txt"]
    assert result.generated == (["sub/dog.park_generated.txt"],)
    assert result.warnings == ()


def test_images_that_share_a_name_get_files_with_the_whole_name_and_one_warning():
    result = plan("a.jpg", "a.png", "b.jpg", "b.png", "c.jpg")

    assert result.combined == [
        "a.jpg_combined.txt",
        "a.png_combined.txt",
        "b.jpg_combined.txt",
        "b.png_combined.txt",
        "c_combined.txt",
    ]
    assert result.generated[0][:2] == ["a.jpg_generated.txt", "a.png_generated.txt"]
    assert result.manual[1] == ("a.png.txt", "a.txt")
    (warning,) = result.warnings
    assert "4 images" in warning
    assert all(name in warning for name in ("a.jpg", "a.txt", "a.jpg.txt"))


def test_names_are_compared_without_letter_case():
    result = plan("A.JPG", "A.png", "a.jpg")

    assert result.combined == ["A.JPG_combined.txt", "A.png_combined.txt", "a.jpg_combined.txt"]
    (generated,) = result.generated
    assert generated == ["A.JPG_generated.txt", "A.png_generated.txt", "a.jpg_generated.txt"]


def test_composed_and_decomposed_letters_are_one_name():
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.png"

    result = plan(composed, decomposed)

    assert result.combined == [f"{composed}_combined.txt", f"{decomposed}_combined.txt"]


def test_equal_names_in_different_folders_do_not_meet():
    result = plan("a.jpg", "sub/a.png", "Sub/a.png")

    assert result.combined == ["a_combined.txt", "sub/a_combined.txt", "Sub/a_combined.txt"]
    assert result.warnings == ()


@pytest.mark.parametrize("other", ["a_combined.jpg", "A_Combined.PNG"])
def test_a_caption_file_never_lands_on_what_could_be_the_manual_caption_of_another_image(other):
    result = plan("a.jpg", other)

    assert result.combined[0] == "a.jpg_combined.txt"
    assert result.generated[0][0] == "a_generated.txt"


def test_the_manual_caption_that_images_share_is_protected_too():
    result = plan("x.jpg", "x_combined.jpg", "x_combined.png")

    assert result.manual[1] == ("x_combined.jpg.txt", "x_combined.txt")
    assert result.combined[0] == "x.jpg_combined.txt"


def test_an_image_whose_every_name_is_taken_gets_no_file_and_a_warning():
    result = plan("a.jpg", "a.jpg_combined.webp", "a_combined.jpg")

    assert result.combined == [None, "a.jpg_combined_combined.txt", "a_combined_combined.txt"]
    assert result.generated[0][0] == "a_generated.txt"
    (warning,) = result.warnings
    assert "No caption file is written for 1" in warning
    assert "a.jpg" in warning


def test_the_whole_name_of_one_image_does_not_meet_the_short_name_of_another():
    result = plan("a.jpg", "a.jpg.png", "a.webp")

    assert result.combined == [None, "a.jpg_combined.txt", "a.webp_combined.txt"]


def test_outputs_of_different_kinds_never_meet():
    result = plan("a.jpg", "a_x.jpg", combined="_x_y", generated=["_y"])

    # "a_x_y.txt" could be the combined file of a.jpg and the generated file of a_x.jpg
    assert result.combined == ["a_x_y.txt", "a_x_x_y.txt"]
    assert result.generated == (["a_y.txt", "a_x.jpg_y.txt"],)


def test_each_prompt_has_its_own_files_and_they_never_meet():
    result = plan("a.jpg", "a_x.jpg", generated=["_x_y", "_y"])

    assert result.generated == (["a_x_y.txt", "a_x_x_y.txt"], ["a_y.txt", "a_x.jpg_y.txt"])


def test_captions_that_are_not_written_take_no_names_and_raise_no_warning():
    result = plan("a.jpg", "a_generated.jpg", "a.jpg_generated.jpg", generated=())

    assert (result.generated, result.warnings) == ((), ())


def test_no_output_is_given_twice_or_lands_on_a_manual_caption_in_a_nasty_folder():
    stems = ["a", "A", "a_combined", "a.jpg", "a.jpg_combined", "a_combined_generated", "\u00e9"]
    paths = [stem + end for stem in stems for end in (".jpg", ".png", ".JPG", "_generated.gif")]

    result = plan(*paths, generated=["_generated_short", "_generated"])

    files = result.combined + result.generated[0] + result.generated[1]
    outputs = [path for path in files if path is not None]
    assert len(outputs) == len(set(outputs)) > len(paths)
    assert not set(outputs) & {file for files in result.manual for file in files}


@pytest.mark.parametrize(
    ("sidecar", "raw"),
    [
        ("s\\xfcb/caf\\xe9.jpg_combined.txt", "s\udcfcb/caf\udce9.jpg_combined.txt"),
        ("s\\xfcb/caf\\xe9_combined.txt", "s\udcfcb/caf\udce9_combined.txt"),
    ],
)
def test_bytes_that_are_not_utf8_stay_in_the_names(sidecar, raw):
    assert raw_sidecar("s\\xfcb/caf\\xe9.jpg", b"s\xfcb/caf\xe9.jpg", sidecar) == raw
    assert raw_sidecar("cafe.jpg", None, "cafe_combined.txt") == "cafe_combined.txt"


def test_a_newline_in_a_name_is_a_character_like_any_other():
    assert plan("a\nb.jpg").combined == ["a\nb_combined.txt"]


def test_a_hundred_thousand_images_are_planned_in_one_go():
    paths = [f"folder_{index // 1000}/image_{index}.jpg" for index in range(100_000)]

    assert plan(*paths).combined[-1] == "folder_99/image_99999_combined.txt"


def test_the_captions_of_several_prompts_are_told_apart_by_their_names():
    assert generated_suffixes("_generated", SHORT_AND_LONG) == (
        "_generated_short",
        "_generated_long",
    )


def test_the_captions_of_one_prompt_have_the_suffix_alone():
    assert generated_suffixes("_generated", SHORT_AND_LONG[:1]) == ("_generated",)


def test_three_suffixes_that_differ_are_accepted():
    check_suffixes(
        caption_suffix="", combined_suffix="_combined", generated_suffix=".gen", prompts=()
    )


def test_the_names_of_prompts_are_enough_to_tell_their_files_from_others():
    check_suffixes(
        caption_suffix="", combined_suffix="_x", generated_suffix="", prompts=SHORT_AND_LONG
    )


@pytest.mark.parametrize("option", ["caption_suffix", "combined_suffix"])
def test_a_prompt_whose_files_would_be_others_is_refused_with_the_name_of_the_file(option):
    suffixes = {"caption_suffix": "", "combined_suffix": "_combined", option: "_Short"}

    with pytest.raises(ConfigurationError) as failure:
        check_suffixes(**suffixes, generated_suffix="", prompts=SHORT_AND_LONG)

    said = str(failure.value)
    assert f"--{option}" in said
    assert "--generated_suffix with a prompt's name" in said
    assert "NAME_short.txt" in said


@pytest.mark.parametrize(
    ("caption", "combined", "generated", "named"),
    [
        ("", "", "_generated", ["--caption_suffix", "--combined_suffix"]),
        ("_x", "_combined", "_X", ["--caption_suffix", "--generated_suffix"]),
        ("", "_x", "_x", ["--combined_suffix", "--generated_suffix"]),
        ("", "/x", "_x", ["--combined_suffix"]),
        ("\0", "_y", "_x", ["--caption_suffix"]),
    ],
)
def test_suffixes_that_cannot_work_are_refused_by_name(caption, combined, generated, named):
    with pytest.raises(ConfigurationError) as failure:
        check_suffixes(
            caption_suffix=caption,
            combined_suffix=combined,
            generated_suffix=generated,
            prompts=(),
        )

    assert all(option in str(failure.value) for option in named)
