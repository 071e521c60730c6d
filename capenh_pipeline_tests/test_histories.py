"""Whatever people do between runs: each run computes what the design predicts, and ends up where
a run from scratch does."""

import shutil
from itertools import count

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    SCAN_INDEX,
    VLM_CAPTIONS,
)
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.caption_files import wanted_files
from capenh_pipeline.stages.captions import captions
from capenh_pipeline_tests.history import (
    COLOURS,
    LLM_RECIPES,
    NAMES,
    TEXTS,
    UNSEEN,
    VLM_RECIPES,
    History,
    Request,
    hash_of,
    recipes_of,
    stem_of,
    stored_requests,
    stored_vlm,
)
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import StageRuns

FACTS = ["path", "image_hash", "width", "manual_caption", "status", "error_kind"]
ALL_TABLES = (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS, CAPTION_FILES, SCAN_INDEX)

names, numbers = st.sampled_from(NAMES), st.sampled_from(COLOURS)


class Crash(BaseException):
    """Ends a run in its midst, as a kill or Ctrl-C does."""


class DatasetMachine(RuleBasedStateMachine):
    """A dataset and its store, and the rules by which people change them."""

    def __init__(self):
        super().__init__()
        self.folder = memory_folder()
        self.history = History(self.folder.__enter__())
        self.runs = StageRuns(self.history.folder, {"recursive": True}, fails=cannot_be_seen)
        self.options = {**VLM_RECIPES[0], **LLM_RECIPES[0]}
        self.history.put("a.png", 0)

    def teardown(self):
        try:
            self.run()
        finally:
            self.folder.__exit__(None, None, None)

    @rule(name=names, number=numbers)
    def add_or_edit_an_image(self, name, number):
        self.history.put(name, number)

    @rule(name=names, other=names)
    def copy_an_image(self, name, other):
        if name in self.history.images:
            self.history.put(other, self.history.images[name])

    @rule(name=names, other=names)
    def move_an_image(self, name, other):
        if name in self.history.images and name != other:
            (self.history.folder / other).parent.mkdir(exist_ok=True)
            (self.history.folder / name).rename(self.history.folder / other)
            self.history.images[other] = self.history.images.pop(name)

    @rule(name=names)
    def delete_an_image(self, name):
        if name in self.history.images and len(self.history.images) > 1:
            (self.history.folder / name).unlink()
            del self.history.images[name]

    @rule(name=names, text=st.sampled_from(TEXTS), is_own=st.booleans())
    def write_a_manual_caption(self, name, text, is_own):
        self.history.write(f"{name if is_own else stem_of(name)}.txt", text)

    @precondition(lambda self: self.history.texts)
    @rule(data=st.data())
    def delete_a_manual_caption(self, data):
        name = data.draw(st.sampled_from(sorted(self.history.texts)))
        (self.history.folder / name).unlink()
        del self.history.texts[name]

    @rule(vlm=st.sampled_from(VLM_RECIPES), llm=st.sampled_from(LLM_RECIPES))
    def choose_recipes(self, vlm, llm):
        self.options = {**vlm, **llm}

    @rule()
    def compact(self):
        store = self.runs.opened().store
        for schema in ALL_TABLES:
            store.table(schema).compact(shard_keys(store.shard_digits))

    @rule(moments=st.integers(0, 60))
    def crash(self, moments):
        """A run is stopped at some moment: what it has told is there, and nothing is lost."""
        history, wanted = self.history, self.wanted()
        self.runs.moment = stop_after(moments)
        self.runs.asked.clear()
        try:
            self.runs.run(**self.options)
        except Crash:
            pass
        finally:
            self.runs.moment = lambda: None
        vlm, requests = stored_vlm(self.runs), stored_requests(self.runs)
        assert history.vlm.items() <= vlm.items() <= (history.vlm | wanted.vlm).items()
        assert history.requests <= requests <= history.requests | wanted.requests
        lost = {Request(**asked) for asked in self.runs.asked} - requests
        assert len(lost) <= 1  # the one whose answer was on its way
        history.vlm, history.requests = vlm, requests

    @rule()
    def run(self):
        history, wanted = self.history, self.wanted()
        self.runs.seen.clear()
        self.runs.asked.clear()
        self.runs.run(**self.options)

        asked = [Request(**asked) for asked in self.runs.asked]
        assert sorted(asked, key=str) == sorted(wanted.requests - history.requests, key=str)
        shown = [number for _, (number, _, _) in self.runs.seen]
        missing = wanted.vlm.keys() - history.vlm.keys()
        assert {hash_of(number) for number in shown} == {image_hash for image_hash, _ in missing}
        assert UNSEEN in shown or len(shown) == len(missing)  # what fails is asked about again

        history.vlm |= wanted.vlm
        history.requests |= wanted.requests
        assert stored_vlm(self.runs) == history.vlm
        assert stored_requests(self.runs) == history.requests
        self.look_into_the_caption_files()
        self.compare_with_a_run_from_scratch()

    def wanted(self):
        return self.history.wanted(self.options, recipes_of(self.runs, self.options))

    def look_into_the_caption_files(self):
        """Each holds the caption, or what a person wrote."""
        kept = [path for paths in self.runs.reports[-1].kept_files.values() for path in paths]
        assert set(kept) <= self.history.texts.keys()
        wanted = wanted_files(self.runs.opened(**self.options))
        expected = dict(wanted.select("path", pl.col("text") + "\n").iter_rows())
        expected |= self.history.texts
        assert {path: (self.history.folder / path).read_text() for path in expected} == expected

    def compare_with_a_run_from_scratch(self):
        """In a copy of what people put there, without a store and without caption files."""
        with memory_folder() as folder:
            for path in [*self.history.images, *self.history.texts]:
                (folder / path).parent.mkdir(exist_ok=True)
                shutil.copyfile(self.history.folder / path, folder / path)
            scratch = StageRuns(folder, self.runs.options, fails=cannot_be_seen)
            scratch.run(**self.options)
            assert visible(self.runs, self.options) == visible(scratch, self.options)


def visible(runs, options):
    """Return what a run with these options leaves: manifest and captions, by path."""
    run = runs.opened(**options)
    manifest = run.store.table(IMAGE_MANIFEST).read(columns=FACTS).sort("path")
    return manifest.rows(), captions(run).drop("path_bytes").sort("path").rows()


def cannot_be_seen(colour):
    return colour[0] == UNSEEN


def stop_after(moments):
    """Return what raises when it has been called that often, and from then on."""
    counter = count()

    def moment():
        if next(counter) >= moments:
            raise Crash

    return moment


def play(examples, steps):
    run_state_machine_as_test(
        DatasetMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_each_run_of_a_short_history_computes_what_is_missing_and_ends_as_from_scratch():
    play(examples=3, steps=15)


@pytest.mark.soak
def test_each_run_of_a_long_history_computes_what_is_missing_and_ends_as_from_scratch():
    play(examples=60, steps=30)
