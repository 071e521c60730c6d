"""Whatever people do between runs: each run computes what the design predicts, and ends up where
a run from scratch does."""

import shutil
from contextlib import suppress
from itertools import count
from uuid import uuid4

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    SCAN_INDEX,
    VLM_CAPTIONS,
)
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.scanning import list_files
from capenh_pipeline.stages.sidecar_plan import sidecars_of
from capenh_pipeline_tests.history import (
    COLOURS,
    LLM_RECIPES,
    NAMES,
    TEXT_FILES,
    TEXTS,
    UNSEEN,
    VLM_RECIPES,
    History,
    Request,
    hash_of,
    recipes_of,
    stored_requests,
    stored_vlm,
)
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import StageRuns

FACTS = ["path", "image_hash", "width", "manual_caption", "status", "error_kind"]
ALL_TABLES = (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS, CAPTION_FILES, SCAN_INDEX)


class Crash(BaseException):
    """Ends a run in its midst, as a kill or Ctrl-C does."""


names = st.sampled_from(NAMES)
changes = st.one_of(
    st.tuples(st.just("put"), names, st.sampled_from(COLOURS)),
    st.tuples(st.sampled_from(["copy", "move", "delete"]), names, names),
    st.tuples(st.just("write"), st.sampled_from(TEXT_FILES), st.sampled_from(TEXTS)),
)
days = st.fixed_dictionaries(
    {
        "changes": st.lists(changes, max_size=3),
        "vlm": st.sampled_from(VLM_RECIPES),
        "llm": st.sampled_from(LLM_RECIPES),
        "crash": st.none() | st.integers(0, 60),
        "compact": st.booleans(),
        "runs": st.integers(1, 3),
    }
)


class Life:
    """A dataset and its store, which is beside the images if none is named; and what people do."""

    def __init__(self, folder, store=None):
        self.history = History(folder)
        self.runs = StageRuns(folder, {"recursive": True, "store": store}, fails=cannot_be_seen)
        self.options = {}
        for number, name in enumerate(NAMES[:2]):
            self.history.put(name, number)

    def live(self, day):
        for change, name, other in day["changes"]:
            if change in ("put", "write") or (name in self.history.images and name != other):
                getattr(self.history, change)(name, other)
        self.options = {**day["vlm"], **day["llm"]}
        if day["crash"] is not None:
            self.crash(moments=day["crash"])
        if day["compact"]:
            store = self.runs.opened().store
            for schema in ALL_TABLES:
                store.table(schema).compact(shard_keys(store.shard_digits))
        for _ in range(day["runs"]):
            self.run()
        self.look_into_the_caption_files()

    def crash(self, *, moments):
        """A run is stopped at some moment: what it has told is there, and nothing is lost."""
        history, wanted = self.history, self.wanted()
        self.runs.moment = stop_after(moments)
        self.runs.asked.clear()
        with suppress(Crash):
            self.runs.run(**self.options)
        self.runs.moment = lambda: None
        vlm, requests = stored_vlm(self.runs), stored_requests(self.runs)
        assert history.vlm.items() <= vlm.items() <= (history.vlm | wanted.vlm).items()
        assert history.requests <= requests <= history.requests | wanted.requests
        lost = {Request(**asked) for asked in self.runs.asked} - requests
        assert len(lost) <= 1  # the one whose answer was on its way
        history.vlm, history.requests = vlm, requests

    def run(self):
        history, wanted = self.history, self.wanted()
        self.runs.seen.clear()
        self.runs.asked.clear()
        self.runs.run(**self.options)

        asked = [Request(**asked) for asked in self.runs.asked]
        assert sorted(asked, key=str) == sorted(wanted.requests - history.requests, key=str)
        colours = [number for _, (number, _, _) in self.runs.seen]
        shown = [number for number in colours if number in COLOURS]  # a model is tried with grey
        missing = wanted.vlm.keys() - history.vlm.keys()
        assert {hash_of(number) for number in shown} == {image_hash for image_hash, _ in missing}
        assert UNSEEN in shown or len(shown) == len(missing)  # what fails is asked about again

        history.vlm |= wanted.vlm
        history.requests |= wanted.requests
        assert stored_vlm(self.runs) == history.vlm
        assert stored_requests(self.runs) == history.requests
        rows = captions(self.runs.opened(**self.options)).select("path", "caption").iter_rows()
        assert dict(rows) == wanted.captions

    def wanted(self):
        return self.history.wanted(self.options, recipes_of(self.runs, self.options))

    def look_into_the_caption_files(self):
        """Each holds the caption, or what a person wrote."""
        kept = [path for paths in self.runs.reports[-1].kept_files.values() for path in paths]
        assert set(kept) <= self.history.texts.keys()
        run = self.runs.opened(**self.options)
        images = list_files(run, None).images()["path"]
        names = sidecars_of(run, images).files.select("path", "combined")
        captioned = captions(run).join(names, on="path").drop_nulls(["combined", "caption"])
        expected = dict(captioned.select("combined", pl.col("caption") + "\n").iter_rows())
        expected |= self.history.texts
        assert {path: (self.history.folder / path).read_text() for path in expected} == expected

    def compare_with_a_run_from_scratch(self):
        """In a copy of what people put there, without a store and without caption files."""
        with memory_folder() as folder:
            for path in [*self.history.images, *self.history.texts]:
                (folder / path).parent.mkdir(exist_ok=True)
                shutil.copyfile(self.history.folder / path, folder / path)
            scratch = StageRuns(folder, {"recursive": True}, fails=cannot_be_seen)
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


@pytest.fixture(params=["disk", "s3"])
def new_store(request):
    """Return what names a new store: None, or a folder in a bucket."""
    if request.param == "disk":
        return lambda: None
    bucket = request.getfixturevalue("s3_folder")
    return lambda: str(bucket / uuid4().hex)


def play(history, store=None):
    with memory_folder() as folder:
        life = Life(folder, store)
        for day in history:
            life.live(day)
        life.compare_with_a_run_from_scratch()


lasting = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to shrink a history takes minutes
)


@pytest.mark.slow
@settings(lasting, max_examples=4)
@given(st.lists(days, min_size=3, max_size=3))
def test_each_run_of_a_short_history_computes_what_is_missing_and_ends_as_from_scratch(history):
    play(history)


BUSY_DAYS = [
    {
        "changes": [("put", "a.bmp", 2), ("write", "a.png.txt", "sks")],
        "vlm": VLM_RECIPES[0],
        "llm": LLM_RECIPES[0],
        "crash": 30,
        "compact": False,
        "runs": 1,
    },
    {
        "changes": [("move", "a.png", "a_combined.png"), ("write", "sub/b.txt", "a dog")],
        "vlm": VLM_RECIPES[1],
        "llm": LLM_RECIPES[0],
        "crash": None,
        "compact": True,
        "runs": 2,
    },
    {
        "changes": [("delete", "a.bmp", "a.png"), ("copy", "sub/b.png", "a.png")],
        "vlm": VLM_RECIPES[0],
        "llm": LLM_RECIPES[1],
        "crash": 12,
        "compact": True,
        "runs": 1,
    },
]


@pytest.mark.slow
def test_wherever_the_store_is_a_busy_history_computes_what_is_missing(new_store):
    play(BUSY_DAYS, new_store())


@pytest.mark.soak
@settings(lasting, max_examples=10)
@given(st.lists(days, min_size=1, max_size=4))
def test_wherever_the_store_is_each_run_of_a_history_computes_what_is_missing(new_store, history):
    play(history, new_store())


@pytest.mark.soak
@settings(lasting, max_examples=80, phases=[Phase.generate, Phase.shrink])
@given(st.lists(days, min_size=1, max_size=12))
def test_each_run_of_a_long_history_computes_what_is_missing_and_ends_as_from_scratch(history):
    play(history)
