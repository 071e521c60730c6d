"""The report in a real browser, from disk and without a network."""

import shutil

import pytest

from capenh_pipeline.report.report import write_report
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.report.browser import needs_browser
from capenh_pipeline_tests.report.samples import EDITED, HOSTILE, SAMPLES
from capenh_pipeline_tests.stored import opened

pytestmark = needs_browser

PATHS = "[...document.querySelectorAll('#images .path')].map(e => e.textContent)"
FOUND = "document.querySelector('#found').textContent"
MARKS = "[...document.querySelectorAll('#detail-body .sides {}')].map(e => e.textContent)"
SIDES = "[...document.querySelectorAll('#detail-body .side')].map(e => e.innerText)"


def press_filter(browser, label):
    browser.run(
        "[...document.querySelectorAll('#filters button')]"
        f".find(e => e.textContent.startsWith('{label}')).click()"
    )


def search(browser, text):
    browser.run("document.querySelector('#search').focus()")
    browser.ask("Input.insertText", text=text)


def open_image(browser, path):
    browser.run(
        "[...document.querySelectorAll('#images .card')]"
        f".find(e => e.querySelector('.path').textContent === {path!r}).click()"
    )


def test_every_image_is_shown_from_its_file_whatever_its_name(browser):
    browser.wait("[...document.images].every(image => image.complete)")
    shown = "[...document.images].map(i => [i.src.split(':')[0], i.naturalWidth])"
    assert browser.run(shown) == [["file", 128]] * len(SAMPLES)


def test_nothing_is_loaded_but_files_and_nothing_is_complained_about(browser):
    browser.wait("[...document.images].every(image => image.complete)")
    assert len(browser.asked_for) == 1 + len(SAMPLES)
    assert all(address.startswith("file:///") for address in browser.asked_for)
    assert browser.complaints == []


def test_a_page_that_has_left_its_images_shows_the_small_ones_that_it_carries(
    browser, report, tmp_path
):
    browser.open(shutil.copy(report.path, tmp_path / "mailed.html"))
    browser.wait("[...document.images].every(i => i.src.startsWith('data:') && i.naturalWidth)")
    unseen = {"loop.png", "refused.png"}  # what failed may be what crashed a decoder
    names = [sample.name for sample in SAMPLES if sample.name not in unseen]
    assert browser.run("document.images.length") == len(names)


@pytest.mark.parametrize(
    ("label", "paths"),
    [
        ("Failed", ["broken.jpg", "loop.png", "refused.png"]),
        ("Fallback", ["joined.png"]),
        ("Edited by hand", ["edited.png"]),
        ("Not captioned yet", ["new.png"]),
        (
            "No manual caption",
            ["broken.jpg", "loop.png", "new.png", "sub folder/ünï \U0001f415.png"],
        ),
    ],
)
def test_a_filter_leaves_the_images_that_it_names_and_says_how_many(browser, label, paths):
    press_filter(browser, label)
    assert browser.run(PATHS) == paths
    assert browser.run(FOUND) == f"{len(paths)} of 13 images"
    counts = "[...document.querySelectorAll('#filters button')].map(e => e.textContent)"
    assert f"{label} {len(paths)}" in browser.run(counts)


def test_two_filters_narrow_and_can_be_taken_back(browser):
    press_filter(browser, "Failed")
    press_filter(browser, "No manual caption")
    assert browser.run(PATHS) == ["broken.jpg", "loop.png"]
    press_filter(browser, "Fallback")
    assert browser.run(FOUND).startswith("No image has all of that.")
    browser.run("document.querySelector('#found button').click()")
    assert browser.run(FOUND) == "13 images"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("SMALL bird", ["edited.png"]),
        ("person wrote", ["edited.png"]),
        (
            "sub folder dog",
            ["sub folder/ünï \U0001f415.png", "sub folder/עברית.png", "sub folder/日本語.png"],
        ),
        ("猫", ["sub folder/日本語.png"]),
        ("repeats itself", ["loop.png"]),
        ("100% #1?", ["100% #1? a:b.png"]),
    ],
)
def test_a_search_looks_at_paths_and_all_texts_without_letter_case(browser, text, paths):
    search(browser, text)
    browser.wait(f"{FOUND}.includes(' of ')")
    assert browser.run(PATHS) == paths


def test_an_image_in_full_has_its_texts_side_by_side_with_what_was_added_and_dropped(browser):
    open_image(browser, "100% #1? a:b.png")
    assert browser.run(MARKS.format("del")) == ["sofa"]
    assert browser.run(MARKS.format("ins")) == ["smiling"]
    manual, seen, combined = browser.run(SIDES)
    assert manual == "Manual\n\nsks dog on a red sofa"
    assert seen == "VLM\n\nA brown dog sits on a couch."
    assert combined.split("\n")[2] == "The sks dog sits on a red couch, smiling."
    assert combined.endswith("retention 0.75 · support 0.80")
    left = "[...document.querySelectorAll('#detail-body .side')].map(e => e.offsetTop)"
    assert len(set(browser.run(left))) == 1


def test_words_of_scripts_without_spaces_are_told_apart(browser):
    open_image(browser, "sub folder/日本語.png")
    assert browser.run(MARKS.format("ins")) == ["猫"]


def test_a_text_of_the_right_to_left_begins_on_the_right(browser):
    open_image(browser, "sub folder/עברית.png")
    way = "getComputedStyle(document.querySelector('#detail-body .words')).direction"
    assert browser.run(way) == "rtl"


def test_what_failed_and_why_is_said_and_what_a_person_made_of_a_file_is_shown(browser):
    open_image(browser, "refused.png")
    assert browser.run(SIDES)[-1] == "Failed in combined_captions: rejected\n\nThe server said no."
    open_image(browser, "joined.png")
    assert browser.run(SIDES)[-1] == "Fallback: retention\n\nIt keeps too little."
    open_image(browser, "edited.png")
    assert browser.run(SIDES)[-1] == f"In the file, by hand\n\n{EDITED}"


def test_a_caption_that_is_html_is_shown_as_it_is_and_does_nothing(browser):
    open_image(browser, "quote\"<b>&amp;'.png")
    shown = "document.querySelectorAll('#detail-body .words')[2].textContent"
    assert browser.run(shown) == HOSTILE
    assert browser.run("typeof window.hacked") == "undefined"
    assert browser.complaints == []


def test_a_script_that_came_into_the_page_by_any_way_would_not_run(browser):
    browser.run(
        "document.body.append(Object.assign(document.createElement('script'),"
        "{textContent: 'window.hacked = 1'}))"
    )
    assert browser.run("typeof window.hacked") == "undefined"


def test_the_keyboard_searches_opens_goes_on_and_closes(browser):
    browser.press("/")
    assert browser.run("document.activeElement.id") == "search"
    assert browser.run("document.activeElement.value") == ""
    browser.run("document.querySelector('#images .card').focus()")
    browser.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r")
    title = "document.querySelector('#detail').open && document.querySelector('h2').textContent"
    shown = title.replace("'h2'", "'#detail-title'")
    assert browser.run(shown) == SAMPLES[0].name
    browser.press("ArrowRight")
    assert browser.run(shown) == "back\\slash\nline.png"
    browser.press("ArrowLeft")
    assert browser.run(shown) == SAMPLES[0].name
    browser.ask("Input.dispatchKeyEvent", type="keyDown", key="Escape", windowsVirtualKeyCode=27)
    browser.wait("!document.querySelector('#detail').open")


def test_the_distributions_follow_what_was_found_and_can_be_read_aloud(browser):
    labels = "[...document.querySelectorAll('#charts svg')].map(e => e.getAttribute('aria-label'))"
    assert browser.run(labels)[2].startswith("Combined caption, words: 9 texts, median")
    assert browser.run(labels)[3] == "Retention: 2 texts, median 1, 90\u00a0% from 0.75 to 1"
    press_filter(browser, "Fallback")
    assert browser.run(labels)[2].startswith("Combined caption, words: 1 texts, median 5")


def test_the_runs_are_listed(browser):
    line = browser.run("document.querySelector('#runs tbody').innerText").split("\t")
    assert line[1:] == ["test", "colour, echo", "11", "10", "2", "1", "10,000", "9"]


def test_an_address_keeps_the_view(browser, report):
    press_filter(browser, "Failed")
    address = browser.run("location.hash")
    browser.open(report.path, after=address + "&view=texts&sort=longest")
    assert browser.run(f"{PATHS}.length") == 3
    assert browser.run("document.querySelectorAll('#images .line .side').length") == 12


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("after", ["", "#view=texts"])
def test_a_phone_shows_it_without_scrolling_sideways(browser, report, after, is_dark):
    browser.resize(360, 740, is_dark=is_dark)
    browser.open(report.path, after=after)
    assert browser.run("document.documentElement.scrollWidth") == 360
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(22, 24, 27)" if is_dark else "rgb(251, 251, 250)")
    assert browser.complaints == []


def test_many_images_come_in_pages(browser, many_images):
    browser.open(write_report(many_images).path)
    assert browser.run(FOUND) == "130 images, 1\u201360 shown"
    browser.run("document.querySelector('[aria-label=\"Last page\"]').click()")
    assert browser.run(FOUND) == "130 images, 121\u2013130 shown"
    assert browser.run(f"{PATHS}[0]") == "00000/00000120.png"
    browser.run(
        "Object.assign(document.querySelector('#pages input'), {value: 2})"
        ".dispatchEvent(new Event('change'))"
    )
    assert browser.run(FOUND) == "130 images, 61\u2013120 shown"


def test_a_store_without_images_is_an_empty_page(browser, tmp_path):
    colour(tmp_path / "images" / "a.png", (1, 2, 3))
    browser.open(write_report(opened(tmp_path / "images")).path)
    assert browser.run(FOUND) == "There are no images."
    assert browser.complaints == []
