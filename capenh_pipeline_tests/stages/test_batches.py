"""Batches through a VLM: a bad image costs its own row, and a full memory costs nothing."""

import threading

import pytest

from capenh_pipeline.engines.in_process import InProcess
from capenh_pipeline.errors import ModelError, RowError, Stopped
from capenh_pipeline.models.base import Generation, VlmReply
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.batches import BatchCaptioner
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.caption_jobs import Task
from capenh_pipeline.stages.caption_worker import CaptionWorker
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.image_files import image_file

RED = (255, 0, 0)
BLUES = [(0, 0, 20 * number) for number in range(10)]


@pytest.fixture
def files(tmp_path):
    """Ten images of ten colours; the seventh is red."""
    colours = list(BLUES)
    colours[6] = RED
    return [image_file(colour(tmp_path / f"{n}.png", rgb)) for n, rgb in enumerate(colours)]


def model(**arguments):
    return ColourVlm(VlmSettings("any", prompts=("colour",)), **arguments)


def captioner(vlm, *, batch_size=4, preparing=1, retry_length=False):
    if isinstance(batch_size, int):
        batch_size = BatchSize(batch_size, batch_size, has_room=lambda: True)
    reader = ImageReader(vlm, background="white", timeout_s=60, is_isolated=False)
    checks = CaptionChecks(retry_length=retry_length)
    worker = CaptionWorker(vlm, reader, checks, sizes=batch_size, preparing=preparing)
    return BatchCaptioner(InProcess(worker), checks, batch_size=batch_size)


def captions(vlm, files, **arguments):
    outcomes = captioner(vlm, **arguments).caption(Task(file, (0,)) for file in files)
    return {
        outcome.file.path.name: outcome.result
        if isinstance(outcome.result, RowError)
        else outcome.result.caption
        for outcome in outcomes
    }


def expected(files):
    said = {file.path.name: f"colour (0, 0, {20 * n})" for n, file in enumerate(files)}
    return said | {"6.png": f"colour {RED}"}


@pytest.mark.parametrize(("lanes", "preparing"), [(1, 0), (1, 1), (1, 5), (2, 0), (3, 2)])
def test_every_image_gets_its_own_caption(files, lanes, preparing):
    assert captions(model(lanes=lanes), files, preparing=preparing) == expected(files)


def test_batches_are_as_large_as_asked(files):
    vlm = model()
    captions(vlm, files, batch_size=4)
    assert sorted(vlm.batches) == [2, 4, 4]


def test_an_image_that_the_model_cannot_take_fails_alone(files):
    found = captions(model(fails=lambda rgb: rgb == RED), files)
    error = found.pop("6.png")
    assert error.kind == "model_error"
    assert "this image cannot be seen" in str(error)
    assert found == {name: said for name, said in expected(files).items() if name != "6.png"}


def test_a_model_that_fails_on_every_image_is_an_error_of_the_run(files):
    with pytest.raises(ModelError, match="this image cannot be seen"):
        captions(model(fails=lambda rgb: True), files)


def test_a_few_bad_images_at_the_start_do_not_stop_the_run(files):
    bad = files[:7]
    seen = captions(model(fails=lambda rgb: rgb in BLUES[:7]), [*bad, *files[7:]])
    assert [name for name, said in seen.items() if not isinstance(said, str)] == [
        file.path.name for file in bad if file.path.name != "6.png"
    ]


def test_a_full_memory_halves_the_batch_and_is_remembered(files):
    vlm = model(memory_images=2)
    assert captions(vlm, files, batch_size=8, preparing=0) == expected(files)
    tried = [size for size in vlm.batches if size > 2]
    assert tried[:2] == [8, 4]
    assert vlm.batches[-1] <= 2


def test_an_image_that_does_not_fit_alone_fails_alone(files):
    found = captions(model(memory_images=0), files[:1])
    assert found["0.png"].kind == "out_of_memory"


def test_files_that_cannot_be_decoded_fail_alone(files, tmp_path):
    content = files[3].path.read_bytes()
    files[3].path.write_bytes(content[: len(content) // 2])
    files[5].path.unlink()
    broken = [*files[:3], image_file(files[3].path), *files[4:]]
    found = captions(model(), broken)
    assert found.pop("3.png").kind == "truncated"
    assert found.pop("5.png").kind == "unreadable"
    assert found == {n: c for n, c in expected(files).items() if n not in ("3.png", "5.png")}


def test_an_image_that_changed_since_the_scan_is_not_captioned_as_the_old_one(files):
    colour(files[2].path, (1, 2, 3))
    assert captions(model(), files)["2.png"].kind == "changed"


def outcomes(vlm, files, prompts=(0,), **arguments):
    tasks = [Task(file, prompts) for file in files]
    return list(captioner(vlm, **arguments).caption(tasks))


class SpeakingVlm(ColourVlm):
    """Says what `said` returns for a colour's text and the generation that it is asked with."""

    said = staticmethod(lambda text, generation: VlmReply(text, "stop", 3))

    def reply(self, text, generation):
        return self.said(text, generation)


def speaking(said):
    return type("Vlm", (SpeakingVlm,), {"said": staticmethod(said)})(VlmSettings("any"))


LOOP = "a dog and a cat, " * 6


def test_a_caption_that_goes_round_in_circles_is_tried_once_more_without_repetition(files):
    asked = []

    def said(text, generation):
        asked.append(generation)
        good = generation.no_repeat_ngram_size
        return VlmReply("A dog and a cat." if good else LOOP, "stop" if good else "length", 3)

    (found,) = outcomes(speaking(said), files[:1])
    assert (found.result.caption, found.attempts) == ("A dog and a cat.", 2)
    assert found.generation == Generation(no_repeat_ngram_size=3)
    assert asked == [Generation(), Generation(no_repeat_ngram_size=3)]


def test_a_caption_that_still_goes_round_in_circles_is_a_failed_row(files):
    vlm = speaking(lambda text, generation: VlmReply(LOOP, "length", 3))
    (found,) = outcomes(vlm, files[:1])
    assert (found.result.kind, found.attempts) == ("loop", 2)
    assert "'a dog and a cat'" in str(found.result)


def test_only_the_captions_that_are_not_good_are_tried_again(files):
    vlm = speaking(
        lambda text, generation: VlmReply(
            LOOP if "(0, 0, 40)" in text and generation == Generation() else text, "stop", 3
        )
    )
    found = outcomes(vlm, files[:4])
    assert sorted(outcome.attempts for outcome in found) == [1, 1, 1, 2]
    assert vlm.batches == [4, 1]


def test_second_attempts_are_made_in_batches_of_their_own(files):
    def said(text, generation):
        again = generation == Generation() and text.endswith("0, 20)")
        return VlmReply(LOOP if again or "0, 0, 4" in text else text, "stop", 3)

    vlm = speaking(said)
    found = outcomes(vlm, [*files[:3], *files[3:]], batch_size=2, preparing=0)
    assert {outcome.file.path.name for outcome in found if outcome.attempts == 2} == {
        "1.png",
        "2.png",
    }
    assert vlm.batches == [2] * 6  # five of ten images, and one of two


def test_a_caption_that_was_cut_off_keeps_its_whole_sentences(files):
    vlm = speaking(lambda text, generation: VlmReply("A dog. It is bro", "length", 9))
    (found,) = outcomes(vlm, files[:1])
    assert found.result == VlmReply("A dog.", "length", 9)
    assert found.attempts == 1


@pytest.mark.parametrize(("factor_needed", "reason"), [(2, "stop"), (4, "length")])
def test_a_caption_that_was_cut_off_is_tried_with_twice_the_tokens_if_told_to(
    files, factor_needed, reason
):
    def said(text, generation):
        done = generation.token_factor >= factor_needed
        return VlmReply(
            "A dog. It is brown." if done else "A dog. It is", "stop" if done else "length", 5
        )

    (found,) = outcomes(speaking(said), files[:1], retry_length=True)
    assert (found.result.finish_reason, found.attempts) == (reason, 2)
    assert found.result.caption == ("A dog. It is brown." if reason == "stop" else "A dog.")


def test_every_prompt_gets_its_caption_and_each_file_is_read_once(files):
    vlm, read = ColourVlm(VlmSettings("any", prompts=("short", "long"))), []
    vlm.shrink = lambda image: read.append(image) or image
    found = outcomes(vlm, files[:2], prompts=(0, 1))
    assert {
        (outcome.file.path.name, outcome.prompt): outcome.result.caption for outcome in found
    } == {
        ("0.png", 0): "short (0, 0, 0)",
        ("0.png", 1): "long (0, 0, 0)",
        ("1.png", 0): "short (0, 0, 20)",
        ("1.png", 1): "long (0, 0, 20)",
    }
    assert len(read) == 2


def test_only_the_prompts_without_a_caption_are_asked(files):
    vlm = ColourVlm(VlmSettings("any", prompts=("short", "long")))
    found = captioner(vlm).caption([Task(files[0], (0, 1)), Task(files[1], (1,))])
    said = sorted(outcome.result.caption for outcome in found)
    assert said == ["long (0, 0, 0)", "long (0, 0, 20)", "short (0, 0, 0)"]


def test_a_file_that_cannot_be_read_fails_for_every_prompt(files):
    files[0].path.unlink()
    found = outcomes(ColourVlm(VlmSettings("any", prompts=("a", "b"))), files[:1], prompts=(0, 1))
    assert [(o.prompt, o.result.kind) for o in found] == [(0, "unreadable"), (1, "unreadable")]


def test_images_of_like_cost_share_a_batch(files):
    vlm = model()
    vlm.visual_tokens = lambda width, height: width
    widths = [16, 900, 16, 900, 16, 900, 16, 900]
    sized = [
        ImageFile(file.image_hash, file.path, width, 16, "PNG")
        for file, width in zip(files, widths, strict=False)
    ]
    found = outcomes(vlm, sized)
    assert [outcome.file.width for outcome in found] == [16] * 4 + [900] * 4


def test_a_batch_of_large_images_is_cut_where_its_memory_ends(files):
    vlm = model()
    # 800 MB each, in each of two threads
    large = [ImageFile(file.image_hash, file.path, 20000, 10000, "PNG") for file in files]
    outcomes(vlm, large, batch_size=8)
    assert max(vlm.batches) == 2


def test_a_device_that_is_lost_ends_the_run(files):
    class LostVlm(ColourVlm):
        def generate(self, inputs, generation):
            raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(ModelError, match="device-side assert"):
        outcomes(LostVlm(VlmSettings("any")), files)


def test_who_stops_early_stops_the_model(files):
    vlm = model(lanes=2)
    found = captioner(vlm, batch_size=1).caption(Task(file, (0,)) for file in files)
    next(found)
    assert not vlm.is_stopped
    found.close()
    assert vlm.is_stopped
    assert len(vlm.batches) < len(files)


def test_who_reads_to_the_end_leaves_the_model_usable(files):
    vlm = model()
    outcomes(vlm, files)
    assert not vlm.is_stopped


@pytest.mark.parametrize("second", [LOOP, None])
def test_a_second_attempt_that_is_worse_does_not_replace_the_first(files, second):
    def said(text, generation):
        if generation == Generation():
            return VlmReply("A dog. It is bro", "length", 9)
        if second is None:
            raise RuntimeError("CUDA out of memory.")
        return VlmReply(second, "length", 18)

    (found,) = outcomes(speaking(said), files[:1], retry_length=True)
    assert (found.result, found.attempts) == (VlmReply("A dog.", "length", 9), 2)
    assert found.generation == Generation()


def test_a_batch_that_is_halved_is_asked_as_it_was(files):
    def said(text, generation):
        if generation == Generation():
            return VlmReply(LOOP, "length", 3)
        return VlmReply(str(generation.no_repeat_ngram_size), "stop", 3)

    vlm = speaking(said)
    generate = vlm.generate

    def small(inputs, generation):
        if generation != Generation() and len(inputs) > 1:
            raise RuntimeError("CUDA out of memory.")
        return generate(inputs, generation)

    vlm.generate = small
    assert [outcome.result.caption for outcome in outcomes(vlm, files[:4])] == ["3"] * 4


def test_no_more_batches_are_in_the_model_than_it_has_lanes(files):
    lock, now, most = threading.Lock(), 0, 0

    class Watched(ColourVlm):
        def generate(self, inputs, generation):
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            threading.Event().wait(0.01)
            with lock:
                now -= 1
            return super().generate(inputs, generation)

    outcomes(Watched(VlmSettings("any"), lanes=2), files, batch_size=1, preparing=4)
    assert most == 2


def test_one_image_that_never_fits_does_not_make_all_batches_small(files):
    class OneIsTooMuch(ColourVlm):
        def generate(self, inputs, generation):
            if any(colour == RED for _, colour in inputs):
                self.batches.append(0)
                raise RuntimeError("CUDA out of memory.")
            return super().generate(inputs, generation)

    vlm = OneIsTooMuch(VlmSettings("any"))
    found = outcomes(vlm, [files[6], *files[:6], *files[7:]], batch_size=4, preparing=0)
    assert [o.result.kind for o in found if isinstance(o.result, RowError)] == ["out_of_memory"]
    assert 4 in vlm.batches


def test_bad_images_alone_do_not_stop_a_run_whose_model_works(files):
    vlm = model(fails=lambda rgb: rgb != (128, 128, 128))  # a plain grey image is fine
    found = outcomes(vlm, files)
    assert len(found) == len(files)
    assert {outcome.result.kind for outcome in found} == {"model_error"}


def test_a_device_without_memory_for_any_image_is_an_error_of_the_run(files):
    with pytest.raises(ModelError, match="out of memory"):
        outcomes(model(memory_images=0), files)


def test_failures_after_the_first_good_caption_never_stop_a_run(files):
    found = outcomes(model(fails=lambda rgb: rgb != BLUES[0]), files, batch_size=1, preparing=0)
    assert len([o for o in found if isinstance(o.result, RowError)]) == len(files) - 1


@pytest.mark.parametrize("error", [MemoryError(), AssertionError("no"), OSError("gone")])
def test_whatever_a_model_raises_on_an_image_is_its_row(files, error):
    class Odd(ColourVlm):
        def prepare(self, images, prompt):
            if any(image.getpixel((0, 0)) == RED for image in images):
                raise error
            return super().prepare(images, prompt)

    found = outcomes(Odd(VlmSettings("any")), files)
    assert [o.file.path.name for o in found if isinstance(o.result, RowError)] == ["6.png"]


def test_an_interruption_stops_the_model_before_it_waits_for_its_threads(files):
    class Endless(ColourVlm):
        stopped = threading.Event()

        def generate(self, inputs, generation):
            if not self.stopped.wait(60):
                raise AssertionError("nobody stopped it")
            raise Stopped

        def stop(self):
            self.stopped.set()

    def tasks():
        yield from (Task(file, (0,)) for file in files[:4])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(captioner(Endless(VlmSettings("any")), batch_size=1).caption(tasks()))
    assert Endless.stopped.is_set()


def test_only_first_attempts_tell_how_fast_a_batch_is(files):
    class Noted(BatchSize):
        def record(self, images, seconds):
            noted.append(images)

    noted = []
    vlm = speaking(
        lambda text, generation: VlmReply(LOOP if generation == Generation() else text, "stop", 3)
    )
    outcomes(vlm, files[:4], batch_size=Noted(2, 2, has_room=lambda: True))
    assert noted == [2, 2]
    assert vlm.batches == [2, 2, 2, 2]


def test_who_stops_early_stops_the_reading_in_the_middle_of_a_batch(files):
    class Slow(ColourVlm):
        late = ()
        stopped = threading.Event()

        def shrink(self, image):
            if image.getpixel((0, 0)) not in BLUES[:5]:  # the second batch
                self.late += (image,)
                self.stopped.wait(60)
            return image

        def stop(self):
            self.stopped.set()

    vlm = Slow(VlmSettings("any"))
    found = captioner(vlm, batch_size=5, preparing=1).caption(Task(file, (0,)) for file in files)
    next(found)
    found.close()
    assert vlm.stopped.is_set()
    assert len(vlm.late) <= 1
