"""Previews: captions beside their images, and failures, as the UI shows them."""

import base64
import html
import io
import re
from dataclasses import replace

import pytest
from PIL import Image

from capenh_pipeline_tests.defs.jobs import materializations
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm, CountingLoader
from capenh_pipeline_tests.images import colour, noise

ALL, OWN = "samples_of_all_shards", "samples"
HOSTILE = (
    "a | b <script>x</script> [x](http://e.vil) ![p](y) `c` *d* www.e.vil me@e.vil \\| ~~s~~\n\n# h"
)


class TalkativeVlm(ColourVlm):
    def generate(self, inputs, generation):
        return [
            replace(reply, caption=f"{reply.caption} {' '.join(f'w{n}:@:@:@' for n in range(900))}")
            for reply in super().generate(inputs, generation)
        ]


@pytest.fixture
def images(tmp_path):
    for number in range(40):
        colour(tmp_path / "images" / f"{number:02}.png", (number * 5, 0, 0), size=(200, 100))
    return tmp_path / "images"


def run(images, *, loader=ColourVlm, fails=lambda rgb: False, **arguments):
    """Return what was told of each asset; the VLM fails on some colours."""

    def failing(settings):
        return ColourVlm(settings, fails=fails)

    return materializations(images, loader=failing if loader is ColourVlm else loader, **arguments)


def rows(materialization, name):
    """Return the cells of a preview."""
    lines = materialization.metadata[name].value.split("\n")[2:]
    return [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]


def shown(cell):
    """Return what a reader of the page sees."""
    return html.unescape(cell.replace("<!-- -->", ""))


def picture(cell):
    data = re.fullmatch(r"!\[\]\(data:image/jpeg;base64,([^)]*)\)", cell)
    return Image.open(io.BytesIO(base64.b64decode(data[1])))


def test_each_shard_shows_its_own_captions_beside_their_images(images):
    (images / "07.txt").write_text("lucky seven")
    shown_rows = [
        row
        for one in run(images)["combined_captions"]
        if OWN in one.metadata
        for row in rows(one, OWN)
    ]
    assert len(shown_rows) > 10
    assert ["07.png", "lucky seven"] in [
        [shown(row[1]), shown(row[2])] for row in shown_rows if len(row) == 5
    ]
    for cell, path, *_, seen, _combined in shown_rows:
        red = int(shown(path)[:2]) * 5
        assert abs(picture(cell).getpixel((50, 20))[0] - red) < 12
        assert str(red) in shown(seen)


@pytest.mark.slow
@pytest.mark.parametrize("asset", ["vlm_captions", "combined_captions"])
def test_the_materialization_that_comes_last_shows_all_shards_and_no_other_does(images, asset):
    found = run(images)[asset]
    assert [ALL in one.metadata for one in found] == [False] * 15 + [True]
    assert len({shown(row[1]) for row in rows(found[-1], ALL)}) == 6


@pytest.mark.slow
def test_a_run_of_one_shard_shows_that_shard_only(images):
    run(images)
    for number in range(16):
        key = f"{number:x}"
        (one,) = run(images, shards=(key, key))["combined_captions"]
        assert ALL not in one.metadata


@pytest.mark.slow
def test_what_a_run_has_made_is_shown_first(images):
    run(images)
    colour(images / "new.png", (255, 0, 0))
    found = run(images)["combined_captions"]
    assert "new.png" in [shown(row[1]) for row in rows(found[-1], ALL)]


@pytest.mark.slow
def test_a_run_with_nothing_to_do_shows_what_was_kept_and_reads_no_image(images):
    run(images)
    kept = images / ".capenh" / "settled" / "previews_of_combined_captions.json"
    kept.write_text(re.sub(r'"thumbnail": "[^"]+"', '"thumbnail": "KEPT"', kept.read_text()))
    shown_again = [
        row[0]
        for one in run(images)["combined_captions"]
        if OWN in one.metadata
        for row in rows(one, OWN)
    ]
    assert set(shown_again) == {"![](data:image/jpeg;base64,KEPT)"}


def test_no_text_is_markup_or_breaks_the_table(images):
    name = "a|b<img src=x onerror=alert(1)>[x](y)www.e.vil.png"
    colour(images / name, (1, 99, 3))
    (images / f"{name[:-4]}.txt").write_text(HOSTILE)
    for one in run(images)["combined_captions"]:
        for own in rows(one, OWN) if OWN in one.metadata else []:
            assert len(own) in (4, 5)
            for cell in own[1:]:
                assert not re.search(r"[|<>\[\]`*_~\\@]", cell.replace("<!-- -->", ""))
                for piece in cell.split("<!-- -->"):  # one is what links are looked for in
                    assert not re.search(r"://|www\.|\S@\S", html.unescape(piece))
            if shown(own[1]) == name:
                assert shown(own[2]) == " ".join(HOSTILE.split())
                break
        else:
            continue
        return
    pytest.fail("the image is not shown")


@pytest.mark.slow
def test_failures_are_shown_by_kind_with_three_examples(images):
    for number in range(30):
        (images / f"bad {number:02}.png").write_bytes(b"bad %d" % number)
    found = run(images, fails=lambda rgb: rgb[0] < 25)
    last = found["image_manifest"][-1]
    assert [row[:2] for row in rows(last, "failures_of_all_shards")] == [
        ["not&#95;an&#95;image", "30"]
    ] * 3
    own = [rows(one, "failures") for one in found["image_manifest"] if "failures" in one.metadata]
    assert all(len(table) <= 3 for table in own)
    assert sum(int(table[0][1]) for table in own) == 30
    seen = rows(found["vlm_captions"][-1], "failures_of_all_shards")
    assert [row[:2] for row in seen] == [["model&#95;error", "5"]] * 3
    assert "failures_of_all_shards" not in found["combined_captions"][-1].metadata


@pytest.mark.slow
@pytest.mark.parametrize(
    ("digits", "own", "whole"),
    [(1, 15_000, 45_000), (2, 7_500, 45_000)],
)
def test_the_bytes_of_a_materialization_are_bounded_whatever_is_in_it(images, digits, own, whole):
    for place, picture_of_noise in enumerate(noise()):
        picture_of_noise.save(images / f"noise{place}.png")
    for path in images.glob("*.png"):
        path.with_suffix(".txt").write_text(":@" * 500)
    loader = CountingLoader(TalkativeVlm)
    shards = ("0" * digits, "f" * digits)
    found = run(images, loader=loader, shards=shards, shard_digits=digits)["combined_captions"]
    assert loader.images
    sizes = [
        sum(len(value.value.encode()) for name, value in one.metadata.items() if name == key)
        for key in (OWN, ALL)
        for one in found
        if key in one.metadata
    ]
    assert max(sizes[:-1]) <= own
    assert sizes[-1] <= whole


def test_an_image_that_is_gone_since_is_said_to_be(images):
    class Vanishing(EchoLlm):
        def merge(self, requests, emit):
            super().merge(requests, emit)
            for path in images.glob("*.png"):
                path.unlink(missing_ok=True)

    found = materializations(images, llm=Vanishing)
    texts = [
        one.metadata[ALL].value for told in found.values() for one in told if ALL in one.metadata
    ]
    assert any("changed or gone" in text for text in texts)
