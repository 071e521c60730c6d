import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

import pytest
from PIL import Image

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.demo.scenes import DETAILED, MORE_DETAILED, SHORT, true_captions
from capenh_pipeline.errors import Stopped
from capenh_pipeline.models.base import Generation, VlmReply
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.models.vlm import TransformersVlm, load_vlm
from capenh_pipeline.models.vlm_loading import open_checkpoint
from capenh_pipeline.models.vlm_memory import is_out_of_memory
from capenh_pipeline.models.vlm_prompting import RawPrompt
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.models.vlm_weights import Weights
from capenh_pipeline_tests.checkpoints import copy_florence
from capenh_pipeline_tests.images import noise
from capenh_pipeline_tests.processes import PATIENCE_S


def answer(vlm: TransformersVlm, images: list[Image.Image]) -> list[VlmReply]:
    return vlm.generate(vlm.prepare(images))


def one_by_one(vlm: TransformersVlm, images: list[Image.Image]) -> list[VlmReply]:
    return [answer(vlm, [image])[0] for image in images]


@pytest.mark.parametrize("task", [SHORT, DETAILED, MORE_DETAILED])
def test_florence_says_what_is_in_the_images_of_a_batch_in_their_order(
    load, scenes, drawings, task
):
    replies = answer(load(FLORENCE_FOLDER, prompt=task), drawings)
    right = [
        reply.caption == true_captions(scene)[task]
        for reply, scene in zip(replies, scenes, strict=True)
    ]
    assert sum(right) >= len(right) - 1  # it is right about 99.6 % of them
    assert {reply.finish_reason for reply in replies} == {"stop"}


def test_florence_says_the_same_in_a_batch_as_alone(load, drawings):
    vlm = load(FLORENCE_FOLDER)
    images = [*drawings, *noise()]
    assert answer(vlm, images) == one_by_one(vlm, images)


def test_a_chat_model_says_the_same_in_a_batch_as_alone(load, llava):
    vlm = load(llava, prompt="What is this?", max_new_tokens=12)
    replies = answer(vlm, noise())
    assert replies == one_by_one(vlm, noise())
    assert len({reply.caption for reply in replies}) > 3


@pytest.mark.parametrize("family", ["blip", "blip2"])
def test_a_model_with_a_raw_prompt_says_the_same_in_a_batch_as_alone(load, request, family):
    folder = request.getfixturevalue(family)
    vlm = load(folder, prompt="a photo of", max_new_tokens=12)
    replies = answer(vlm, noise())
    assert replies == one_by_one(vlm, noise())
    assert len({reply.caption for reply in replies}) > 2


def test_a_decoder_reads_prompts_that_all_end_in_the_last_column(load, llava):
    mask = load(llava, prompt="What is this?", max_new_tokens=12).prepare(noise())["attention_mask"]
    assert mask[:, -1].all()
    assert not mask[:, 0].all()


@pytest.mark.parametrize("prompt", ["zebra", "a zebra and a xylophone"])
def test_the_prompt_is_no_part_of_a_caption(load, llava, blip, blip2, prompt):
    for folder in (llava, blip, blip2):
        for reply in answer(load(folder, prompt=prompt, max_new_tokens=6), noise()):
            assert "zebra" not in reply.caption
            assert reply.new_tokens <= 6


def test_a_caption_that_was_cut_off_says_so_row_by_row(load, scenes, drawings):
    whole = answer(load(FLORENCE_FOLDER), drawings)
    limit = sorted(reply.new_tokens for reply in whole)[len(whole) // 2] - 1
    replies = answer(load(FLORENCE_FOLDER, max_new_tokens=limit), drawings)
    reasons = ["stop" if reply.new_tokens <= limit else "length" for reply in whole]
    assert [reply.finish_reason for reply in replies] == reasons
    assert set(reasons) == {"stop", "length"}
    assert [reply.new_tokens for reply in replies] == [
        min(reply.new_tokens, limit) for reply in whole
    ]


def test_a_caption_that_was_cut_off_says_so_with_beams_too(load, drawings, tmp_path):
    folder = copy_florence(
        tmp_path / "beams", generation={"num_beams": 3, "forced_eos_token_id": 2}
    )
    whole = answer(load(folder), drawings)
    limit = min(reply.new_tokens for reply in whole) + 1
    replies = answer(load(folder, max_new_tokens=limit), drawings)
    for reply, finished in zip(replies, whole, strict=True):
        if finished.new_tokens > limit:
            assert (reply.finish_reason, reply.new_tokens) == ("length", limit)
        else:
            assert reply == finished
    assert {reply.finish_reason for reply in replies} == {"stop", "length"}


def test_sampling_that_a_checkpoint_switches_on_is_off(load, llava):
    vlm = load(llava, prompt="What is this?", max_new_tokens=12)
    assert answer(vlm, noise()) == answer(vlm, noise())


def test_nothing_is_said_on_loading_and_captioning(load, llava, blip, capfd, caplog):
    for folder in (FLORENCE_FOLDER, llava, blip):
        prompt = SHORT if folder == FLORENCE_FOLDER else "A photo of"
        vlm = load_vlm(VlmSettings(str(folder), device="cpu", prompts=(prompt,), max_new_tokens=4))
        answer(vlm, noise())
    assert "".join(capfd.readouterr()) == ""
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_images_can_be_prepared_in_several_threads_at_once(load, blip, llava):
    for folder in (blip, llava):
        vlm = load(folder, prompt="A photo of", max_new_tokens=12)
        alone = vlm.prepare(noise())
        with ThreadPoolExecutor(8) as threads:
            batches = list(threads.map(lambda _, vlm=vlm: vlm.prepare(noise()), range(16)))
        for batch in batches:
            assert batch.keys() == alone.keys()
            assert all((batch[name] == alone[name]).all() for name in alone)


def test_every_thread_prepares_with_a_processor_of_its_own():
    source = locate_model(str(FLORENCE_FOLDER))
    checkpoint = open_checkpoint(source, revision=None, trust_remote_code=False)
    used, together = {}, Barrier(3)

    class Prompting:
        def inputs(self, processor, images):
            used[get_ident()] = processor
            inputs = RawPrompt(SHORT).inputs(processor, images)
            return {**inputs, "pixel_values": inputs["pixel_values"].double()}  # no bytes do that

    model = checkpoint.load_model(Weights("cpu", None))
    vlm = TransformersVlm(model, checkpoint.processor, [Prompting()], VlmSettings("any"))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: (together.wait(PATIENCE_S), vlm.prepare(noise()[:1])), range(3)))
    assert len({id(processor) for processor in used.values()}) == 4  # this thread loaded it


def test_the_model_names_where_it_came_from(load):
    vlm = load(FLORENCE_FOLDER)
    assert vlm.effective_model_id == str(FLORENCE_FOLDER.resolve())
    assert vlm.revision is None


@pytest.mark.skipif(usable_cores() == 1, reason="there is nothing to choose")
def test_a_small_model_on_a_cpu_gets_one_thread_or_all_cores_whichever_it_is_faster_with(
    monkeypatch,
):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(usable_cores() + 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu"))
    chosen = torch.get_num_threads()
    torch.set_num_threads(before)
    assert chosen in {1, usable_cores()}


def test_a_closed_model_holds_no_memory():
    def models_in_memory() -> int:
        gc.collect()
        return sum(type(thing).__name__.startswith("Florence2") for thing in gc.get_objects())

    before = models_in_memory()
    vlm = load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu"))
    while_open = models_in_memory()
    vlm.close()
    assert while_open > before + 10
    assert models_in_memory() < before + 10  # what is left belongs to the processor


def test_memory_that_does_not_suffice_is_told_from_other_errors():
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError(" out of memory."))
    assert not is_out_of_memory(RuntimeError())


def test_a_batch_that_does_not_fit_the_memory_says_so(load):
    vlm = load(FLORENCE_FOLDER)
    batch = vlm.prepare(noise()[:1])
    batch["pixel_values"] = batch["pixel_values"][0, 0, 0, 0].expand(1, 3, 2**22, 2**22)
    with pytest.raises(RuntimeError) as caught:
        vlm.generate(batch)
    assert is_out_of_memory(caught.value)


def test_beams_and_repetition_are_as_the_user_chooses(load, llava):
    plain = answer(load(llava, prompt="What?", max_new_tokens=24), noise())
    beams = answer(load(llava, prompt="What?", max_new_tokens=24, num_beams=3), noise())
    apart = load(llava, prompt="What?", max_new_tokens=24, no_repeat_ngram_size=1)
    assert plain != beams
    for reply in answer(apart, noise()):
        letters = reply.caption.replace(" ", "")
        assert len(set(letters)) == len(letters)  # its tokens are letters


def test_a_row_can_say_what_it_was_made_with(load, tmp_path):
    folder = copy_florence(tmp_path / "beams", generation={"num_beams": 3})
    assert load(folder).effective_options() == {
        "num_beams": 3,
        "no_repeat_ngram_size": 0,
        "max_new_tokens": 159,  # the model has no more positions
        "dtype": "float32",
        "attn_implementation": "sdpa",
    }
    greedy = load(folder, num_beams=1, max_new_tokens=9, attn_implementation="eager")
    assert greedy.effective_options()["num_beams"] == 1
    assert greedy.effective_options()["max_new_tokens"] == 9
    assert greedy.effective_options()["attn_implementation"] == "eager"


def test_one_call_may_have_more_tokens_or_no_repetition(load, llava):
    vlm = load(llava, prompt="What?", max_new_tokens=24)
    (plain,) = answer(vlm, noise()[:1])
    (longer,) = vlm.generate(vlm.prepare(noise()[:1]), Generation(token_factor=2))
    assert 24 < longer.new_tokens <= 48
    (apart,) = vlm.generate(vlm.prepare(noise()[:1]), Generation(no_repeat_ngram_size=1))
    assert len(set(plain.caption)) < len(plain.caption)
    assert len(set(apart.caption)) == len(apart.caption)  # its tokens are letters


def test_several_prompts_are_asked_of_one_model(scenes, drawings):
    settings = VlmSettings(str(FLORENCE_FOLDER), device="cpu", prompts=(SHORT, MORE_DETAILED))
    vlm = load_vlm(settings)
    said = [vlm.generate(vlm.prepare(drawings[:4], prompt)) for prompt in (0, 1)]
    for replies, task in zip(said, settings.prompts, strict=True):
        assert [r.caption for r in replies] == [true_captions(s)[task] for s in scenes[:4]]


def test_a_model_that_is_stopped_ends_in_the_middle_of_a_caption(llava):
    vlm = load_vlm(VlmSettings(str(llava), device="cpu", prompts=("What?",), max_new_tokens=5000))
    steps = iter(range(10**6))
    vlm._model.register_forward_pre_hook(lambda *_: vlm.stop() if next(steps) == 3 else None)
    with pytest.raises(Stopped):
        answer(vlm, noise()[:1])
    assert next(steps) < 6
    with pytest.raises(Stopped):
        answer(vlm, noise()[:1])
