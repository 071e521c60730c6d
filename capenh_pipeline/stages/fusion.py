"""How a run judges what the LLM made of two captions, and what a row gets in the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from capenh_pipeline.dataset.prompt_files import read_terms
from capenh_pipeline.domain.fusion.budget import Budget, count_words
from capenh_pipeline.domain.fusion.fit import FITS
from capenh_pipeline.domain.fusion.gates import ANSWER_FAULTS, TERM_LOST, skipped_gates
from capenh_pipeline.domain.fusion.instructions import without_instructions
from capenh_pipeline.domain.fusion.join import joined
from capenh_pipeline.domain.fusion.judge import Rules, judge
from capenh_pipeline.domain.fusion.scores import retention, support
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.terms import terms_in
from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import FAILED, OK
from capenh_pipeline.files import absolute_path
from capenh_pipeline.models.base import MergeReply
from capenh_pipeline.models.prompt_tokens import token_counter

TOKENS_A_WORD = 1.5
"""What an LLM is told to stay below; punctuation and rare words are tokens of their own."""


def locked_terms(options: Options) -> tuple[str, ...]:
    """Return the words that captions keep as they are written, where the manual caption has them.

    Raises:
        ConfigurationError: their file cannot be read.
    """
    return read_terms(options.locked_terms, option="locked_terms")


class Fusion:
    """The rules of a run for its combined captions.

    Args:
        options: what the user chose.

    Raises:
        ConfigurationError: the file of locked terms cannot be read.
        ModelError: the folder that `fit_tokenizer` names has no tokenizer.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._always = (options.trigger_word,) if options.trigger_word else ()
        self._terms = (*self._always, *locked_terms(options))
        self._budget = _budget(options, always=self._always)
        self._rules = Rules(
            min_retention=options.min_retention,
            min_support=options.min_support,
            skipped=skipped_gates(options.skip_gates),
            language=options.caption_language,
            budget=self._budget,
        )

    @property
    def max_words(self) -> int | None:
        """Words that the LLM is told to write at most, by either limit; None is no limit.

        There has to be room for the trigger word.
        """
        fit = FITS[self._options.fit].max_tokens if self._options.fit else 0
        limits = [limit for limit in (self._options.max_words, int(fit / TOKENS_A_WORD)) if limit]
        return max(min(limits) - count_words(" ".join(self._always)), 1) if limits else None

    def sources(self, manual: str | None, seen: Sequence[tuple[str | None, str]]) -> Sources:
        """Return what a caption is made of."""
        terms = terms_in(manual, self._terms) if manual else ()
        return Sources(manual, tuple(text for _, text in seen), terms)

    def judge(self, sources: Sources, system_prompt: str) -> Callable[[str], Verdict]:
        """Return what judges an answer of the LLM."""
        rules = replace(self._rules, system_prompts=(system_prompt,))
        return lambda answer: judge(answer, sources, rules)

    def cells(self, reply: MergeReply, sources: Sources) -> Mapping[str, Any]:
        """Return the cells of a row that say what came of its request.

        A term that the LLM will not keep was put in. Where no answer was good enough, the two
        captions are joined, if the options want that: the row is then good, and its error says
        what was wrong with the last answer.
        """
        verdict = reply.verdict
        if verdict and reply.error_kind in (None, TERM_LOST):
            return {
                "caption": verdict.caption,
                "status": OK,
                "fallback": False,
                "retention": verdict.retention,
                "support": verdict.support,
                "fixes": list(verdict.fixes),
            }
        reason = {"error_kind": reply.error_kind, "error": reply.error}
        if reply.error_kind in ANSWER_FAULTS and self._options.on_rejected == "join":
            return {**self._joined(sources), **reason, "status": OK, "fallback": True}
        return {**reason, "status": FAILED, "fallback": False}

    def _joined(self, sources: Sources) -> dict[str, Any]:
        language, texts = self._options.caption_language, [*sources.seen]
        told = tuple(without_instructions(text) or text for text in sources.seen)
        caption = joined(replace(sources, seen=told), self._budget, language=language)
        kept = None
        if sources.manual is not None:
            texts.append(sources.manual)
            kept = retention(sources.manual, caption, terms=sources.terms, language=language).value
        return {
            "caption": caption,
            "retention": kept,
            "support": support(caption, texts, language=language).value,
        }


def _budget(options: Options, *, always: tuple[str, ...]) -> Budget | None:
    if options.fit is None:
        return Budget(options.max_words, always=always) if options.max_words else None
    fit, count = FITS[options.fit], FITS[options.fit].approximate
    if options.fit_tokenizer:
        count = token_counter(str(absolute_path(options.fit_tokenizer, option="fit_tokenizer")))
    return Budget(options.max_words, fit.max_tokens, count, always)
