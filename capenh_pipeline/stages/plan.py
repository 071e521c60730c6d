"""What a run would compute, how long it would take and what it would cost; computes nothing."""

from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl

from capenh_pipeline.dataset.scan import images_of, texts_of
from capenh_pipeline.domain.costs import CHARACTERS_A_TOKEN, cost_of
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, OK, VLM_CAPTIONS, TableSchema
from capenh_pipeline.models.choice import LlmChoice
from capenh_pipeline.stages.combined_captions import (
    INPUTS,
    captions_to_combine,
    llm_choice,
    llm_recipes,
    with_requests,
)
from capenh_pipeline.stages.incremental import missing_rows
from capenh_pipeline.stages.ledger import ledger_of
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.manual_captions import OURS, caption_candidates, with_manual_captions
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import ScanIndex
from capenh_pipeline.stages.scanning import list_files
from capenh_pipeline.stages.sidecar_plan import sidecars_of
from capenh_pipeline.stages.spending import ANSWER_TOKENS
from capenh_pipeline.stages.vlm_captions import captions_to_make, vlm_choice

MESSAGE_TOKENS = 150
"""What the two captions of a request are assumed to have until there was one."""

SECONDS_FOR_A_RATE = 10
"""A shorter run says little about how fast a model is: a batch is finished at one moment."""


@dataclass(frozen=True)
class Tokens:
    """What one combined caption is expected to take.

    Attributes:
        read: tokens of the request.
        written: tokens of the answer.
        basis: where these are from, for people.
    """

    read: float
    written: float
    basis: str


@dataclass(frozen=True)
class Plan:
    """What is missing.

    Attributes:
        images: files of the dataset.
        to_scan: those that are new, or may have changed since they were read.
        vlm_rows: VLM captions to be made; a file that is new or has another size counts as a new
            image.
        llm_rows: combined captions to be made; the same.
        tokens: expected for one of `llm_rows`.
        cost: of all of them, None without prices.
        vlm_rows_per_s: as an earlier run had, None if there was none.
        llm_rows_per_s: the same of the LLM.
    """

    images: int
    to_scan: int
    vlm_rows: int
    llm_rows: int
    tokens: Tokens
    cost: float | None
    vlm_rows_per_s: float | None
    llm_rows_per_s: float | None

    @property
    def seconds(self) -> float | None:
        """Expected time of both models, None if one has work and no known rate."""
        work = [(self.vlm_rows, self.vlm_rows_per_s), (self.llm_rows, self.llm_rows_per_s)]
        if any(rows and not rate for rows, rate in work):
            return None
        return sum(rows / rate for rows, rate in work if rate)


def plan(run: Run) -> Plan:
    """Find out what a run would do, from the store, the dates of image files and manual captions.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
        ConfigurationError: a prompt's file cannot be read.
    """
    listing, index = list_files(run, None).files(), ScanIndex(run)
    files = images_of(listing)
    files = files.head(run.options.limit or files.height)
    known = _known_images(run).join(files, on=["path", "size_bytes"], how="semi")
    new = files.height - known.height
    images = _with_manual_captions(run, known, listing, index)
    vlm, llm = vlm_choice(run, images), llm_choice(run)
    unseen = missing_rows(
        run,
        VLM_CAPTIONS,
        captions_to_make(images, vlm),
        recipe_hashes=[asked.recipe.hash for asked in vlm.all_prompts],
    )
    unasked = _missing_requests(run, images, llm).height
    llm_rows = unasked + _requests_to_come(run, images, unseen, llm) + new
    tokens = _tokens(run, llm)
    return Plan(
        images=files.height,
        to_scan=files.height - index.known(files).height,
        vlm_rows=unseen.height + new * len(vlm.prompts),
        llm_rows=llm_rows,
        tokens=tokens,
        cost=cost_of(run.options, llm_rows * tokens.read, llm_rows * tokens.written),
        vlm_rows_per_s=_rate(run, VLM_CAPTIONS),
        llm_rows_per_s=_rate(run, COMBINED_CAPTIONS),
    )


def images_left(run: Run) -> list[str]:
    """Return the paths of the images whose combined captions were not asked for."""
    images, choice = manifest_rows(run), llm_choice(run)
    left = _missing_requests(run, images, choice)
    requests = with_requests(run, images.filter(pl.col("status") == OK), choice)
    return requests.join(left, on=INPUTS, how="semi", nulls_equal=True)["path"].to_list()


def described(found: Plan) -> list[str]:
    """Return a plan as lines for people."""
    tokens = found.tokens
    read, written = found.llm_rows * tokens.read, found.llm_rows * tokens.written
    return [
        f"images             {found.images:>12,}   {found.to_scan:,} of them to scan",
        f"VLM captions       {found.vlm_rows:>12,}   to be made",
        f"combined captions  {found.llm_rows:>12,}   to be made",
        f"LLM tokens         {read + written:>12,.0f}   {read:,.0f} in, {written:,.0f} out: "
        f"{tokens.read:.0f} and {tokens.written:.0f} a caption, {tokens.basis}",
        f"cost               {_amount(found.cost, ',.4f', 'set --price_in and --price_out')}",
        f"hours              {_hours(found)}",
        "Nothing was computed.",
    ]


def _known_images(run: Run) -> pl.DataFrame:
    """Return the rows of the manifest, also those beyond a limit: files before it may be gone."""
    return manifest_rows(replace(run, options=replace(run.options, limit=None)))


def _with_manual_captions(
    run: Run, images: pl.DataFrame, listing: pl.DataFrame, index: ScanIndex
) -> pl.DataFrame:
    """Return the `images` that can be opened, with their manual captions of this moment."""
    opened = images.filter(pl.col("width").is_not_null()).drop("manual_caption")
    names = sidecars_of(run, images_of(listing)["path"]).files
    sidecars = names.join(opened, on="path", how="semi", maintain_order="left")
    texts = index.look_into(caption_candidates(run, sidecars, texts_of(listing)))
    nothing = pl.lit(None, pl.String)
    unjudged = opened.with_columns(pl.lit(OK).alias("status"), error_kind=nothing, error=nothing)
    ledger = ledger_of(run, texts, columns=OURS)
    return with_manual_captions(unjudged, sidecars, texts, ledger)


def _missing_requests(run: Run, images: pl.DataFrame, choice: LlmChoice) -> pl.DataFrame:
    """Return the `INPUTS` of the combined captions that could be asked for and are not there."""
    wanted, recipes = captions_to_combine(run, images, choice), [*llm_recipes(choice, images)]
    return missing_rows(run, COMBINED_CAPTIONS, wanted, recipe_hashes=recipes)


def _requests_to_come(
    run: Run, images: pl.DataFrame, unseen: pl.DataFrame, choice: LlmChoice
) -> int:
    """Return how many requests there will be once the missing VLM captions are made."""
    readable = images.filter(pl.col("status") == OK).join(unseen, on="image_hash", how="semi")
    requests = with_requests(run, readable, choice).filter(pl.col("vlm_caption").is_null())
    return requests.select(INPUTS).n_unique()


def _tokens(run: Run, choice: LlmChoice) -> Tokens:
    columns = ["recipe_hash", "prompt_tokens", "completion_tokens"]
    rows = run.store.table(COMBINED_CAPTIONS).read(run.shards, columns=columns)
    told = rows.filter(pl.col("prompt_tokens") > 0)
    same = told.filter(pl.col("recipe_hash") == choice.recipe.hash)
    for known, whose in ((same, "of this recipe"), (told, "of other recipes")):
        if known.height:
            read, written = known.select(columns[1:]).mean().row(0)
            return Tokens(read, written, f"the mean of {known.height:,} captions {whose}")
    system = len(choice.recipe.values["system_prompt"]) / CHARACTERS_A_TOKEN
    return Tokens(system + MESSAGE_TOKENS, ANSWER_TOKENS, "assumed, as there is none to go by")


def _rate(run: Run, schema: TableSchema) -> float | None:
    """Return the rows a second of the last run that was long enough to tell."""
    rows = run.store.table(schema).read(run.shards, columns=["run_id", "created_at"])
    runs = rows.group_by("run_id").agg(
        pl.len().alias("rows"),
        pl.col("created_at").max().alias("end"),
        (pl.col("created_at").max() - pl.col("created_at").min()).alias("time"),
    )
    is_long = pl.col("time") >= timedelta(seconds=SECONDS_FOR_A_RATE)
    last = runs.filter(is_long).sort("end").tail(1)
    return (last["rows"].item() - 1) / last["time"].item().total_seconds() if last.height else None


def _amount(value: float | None, form: str, without: str) -> str:
    return f"{'unknown':>12}   {without}" if value is None else f"{value:>12{form}}"


def _hours(found: Plan) -> str:
    rates = [
        f"{name} {rate:.1f} a second"
        for name, rate in (("VLM", found.vlm_rows_per_s), ("LLM", found.llm_rows_per_s))
        if rate
    ]
    measured = f"   measured: {', '.join(rates)}" if rates else ""
    hours = None if found.seconds is None else found.seconds / 3600
    without = measured.strip() or f"no run of {SECONDS_FOR_A_RATE} s has measured it"
    return _amount(hours, ",.2f", without) + (measured if hours is not None else "")
