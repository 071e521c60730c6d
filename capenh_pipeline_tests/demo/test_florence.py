from PIL import Image

from capenh_pipeline.demo.florence import build_model, build_processor, task_inputs
from capenh_pipeline.demo.scenes import MORE_DETAILED, TASKS


def test_the_untrained_model_is_small_and_answers(torch):
    processor = build_processor()
    model = build_model(processor.tokenizer)
    assert sum(weights.numel() for weights in model.parameters()) < 2_500_000
    inputs = processor(
        text=[MORE_DETAILED], images=[Image.new("RGB", (90, 90))], return_tensors="pt"
    )
    assert model.generate(**inputs, max_new_tokens=3).shape[0] == 1


def test_each_task_is_asked_in_its_own_words():
    processor = build_processor()
    prompts = {task: tuple(task_inputs(processor, task)) for task in TASKS}
    assert len(set(prompts.values())) == len(TASKS)
    image_token = processor.tokenizer.image_token_id
    assert all(prompt.count(image_token) == 17 for prompt in prompts.values())
