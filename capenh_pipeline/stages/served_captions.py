"""Images through a VLM that is served elsewhere: read ahead in threads, many requests in flight."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any, NamedTuple

from capenh_pipeline.domain.identity import canonical_json
from capenh_pipeline.engines.read_ahead import read_ahead
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.choice import VlmChoice, llm_address
from capenh_pipeline.models.image_talk import ImageReply, ImageRequest, request_parameters
from capenh_pipeline.models.image_urls import data_url
from capenh_pipeline.models.served_vlm import ServedVlm, ServedVlmSettings
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.models.vlm_prompting import warn_of_task_token
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.caption_jobs import Outcome, Task
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline.stages.run import Run

MOST_READERS = 8
"""Threads that read images: each holds a decoded one."""

Take = Callable[[Outcome, dict[str, Any]], None]
"""Takes what came of an image and prompt, with the cells that say where it is from."""


class _Key(NamedTuple):
    """What a request is about."""

    file: ImageFile
    prompt: int


class ServedCaptioner:
    """Captions images with a served VLM; a bad image costs its own rows and nothing else."""

    def __init__(self, run: Run, choice: VlmChoice, settings: ServedVlmSettings) -> None:
        self._run = run
        self._choice = choice
        self._settings = settings
        self._vlm = ServedVlm(
            settings, run.environment, llm_url=llm_address(run.options, run.environment)
        )
        self._checks = CaptionChecks(retry_length=run.options.on_length == "retry")

    def caption(self, tasks: Iterable[Task], take: Take) -> None:
        """Ask for each prompt of each task; `take` is called in this thread.

        However it ends, what was answered by then is taken first.

        Raises:
            ServerError: no server can be asked.
            ConfigurationError: no model is named, and the servers list none or several.
        """

        def took(reply: ImageReply) -> None:
            outcome = self._outcome(reply)
            take(outcome, self._origin(outcome, reply.model))

        for prompt in self._settings.prompts:
            warn_of_task_token(prompt)
        options = self._run.options
        with (
            closing(
                ImageReader(
                    self._settings.budget,
                    background=options.background,
                    timeout_s=options.image_timeout_s,
                    is_isolated=options.isolate_images,
                )
            ) as reader,
            closing(self._requests(tasks, reader, take)) as requests,
        ):
            self._vlm.caption(requests, took)

    def _requests(
        self, tasks: Iterable[Task], reader: ImageReader, take: Take
    ) -> Generator[ImageRequest]:
        """Yield a request for each prompt of each image; what cannot be read is taken at once."""

        def read(task: Task) -> tuple[Task, str | RowError]:
            (image,) = reader.read_all([task.file])
            return task, image if isinstance(image, RowError) else data_url(image)

        threads = self._run.options.num_workers or min(usable_cores(), MOST_READERS)
        with closing(read_ahead(tasks, read, workers=threads, stop=reader.stop)) as found:
            for task, image in found:
                for prompt in task.prompts:
                    if isinstance(image, RowError):
                        outcome = Outcome(task.file, prompt, image)
                        take(outcome, self._origin(outcome, None))
                        continue
                    text = self._choice.all_prompts[prompt].prompt.text
                    yield ImageRequest(
                        _Key(task.file, prompt), image, text, again=self._checks.retry
                    )

    def _outcome(self, reply: ImageReply) -> Outcome:
        """Return the better of two answers, as it is to be stored."""
        file, prompt = reply.key
        first, *others = reply.answers
        for second in others:
            if self._checks.is_better(second.result, than=first.result):
                first = second
        result = self._checks.settle(first.result)
        return Outcome(file, prompt, result, reply.attempts, first.generation)

    def _origin(self, outcome: Outcome, model: str | None) -> dict[str, Any]:
        """Return the cells of a row that say where its caption is from."""
        asked = self._choice.all_prompts[outcome.prompt]
        requests = self._settings.requests
        effective = {
            "temperature": requests.temperature,
            **request_parameters(outcome.generation, max_tokens=requests.max_tokens),
        }
        return {
            "recipe_hash": asked.recipe.hash,
            "model_id": self._settings.model or self._vlm.model,
            "effective_model_id": model,
            "prompt": asked.prompt.text,
            "options": canonical_json({**asked.recipe.values, "effective": effective}),
        }
