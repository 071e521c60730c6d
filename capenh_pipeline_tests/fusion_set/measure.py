"""How often the gates are right about the labelled answers."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from capenh_pipeline.domain.fusion.gates import GATES
from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.prompts import DEFAULT_LLM_SYSTEM_PROMPT, told_system_prompt
from capenh_pipeline.stages.fusion import Fusion
from capenh_pipeline_tests.fusion_set.labelled import LabelledAnswer

_PUTTING_BACK_MENDS = ({"term_lost"}, {"term_lost", "retention"})


@dataclass(frozen=True)
class Outcome:
    """What the gates said of an answer: `kind` is the fault's, None if there was none."""

    answer: LabelledAnswer
    kind: str | None
    caption: str

    @property
    def is_right(self) -> bool:
        """A good answer is left as it is; a bad one is mended, or rejected for what is wrong."""
        if self.kind is not None:
            return self.kind in self.answer.kinds
        return self.caption == _expected(self.answer) or self._has_terms_put_back

    @property
    def _has_terms_put_back(self) -> bool:
        """Return whether the answer was mended by its terms alone, wherever they now stand."""
        terms = self.answer.sources.terms
        if {*self.answer.kinds} not in _PUTTING_BACK_MENDS:
            return False
        if not all(re.search(rf"(?<!\w){re.escape(term)}(?!\w)", self.caption) for term in terms):
            return False
        return _words(self.caption, but=terms) == _words(self.answer.answer, but=terms)

    def __str__(self) -> str:
        said = f"rejected as {self.kind}" if self.kind else f"made {_quoted(self.caption)}"
        kinds = " or ".join(self.answer.kinds) or "good"
        return f"{self.answer.id} ({kinds}): {_quoted(self.answer.answer)} was {said}"


@dataclass(frozen=True)
class GateScore:
    """How one gate fared.

    Attributes:
        answers: bad answers whose first label is this gate.
        stopped: those of them that were mended or rejected, for whatever reason.
        named: those that were mended or rejected for a reason that is a label of theirs.
        rejected: answers that were rejected for this reason, and
        rightly: those of them that are bad.
    """

    gate: str
    answers: int
    stopped: int
    named: int
    rejected: int
    rightly: int

    @property
    def recall(self) -> float:
        return self.stopped / self.answers

    @property
    def precision(self) -> float:
        return self.rightly / self.rejected if self.rejected else 1.0


def outcome(answer: LabelledAnswer) -> Outcome:
    """Judge an answer as a run with the default options does."""
    verdict = judged(answer)
    kind = None if verdict.fault is None else verdict.fault.kind
    return Outcome(answer, kind, verdict.caption)


def judged(answer: LabelledAnswer) -> Verdict:
    """Return the verdict of a run with the default options, and those that `answer` asks for."""
    options = Options(caption_language=answer.language, max_words=answer.max_words)
    system_prompt = told_system_prompt(
        answer.system_prompt or DEFAULT_LLM_SYSTEM_PROMPT,
        max_words=answer.max_words,
        language=answer.language,
    )
    return Fusion(options).judge(answer.sources, system_prompt)(answer.answer)


def gate_scores(outcomes: Iterable[Outcome]) -> tuple[GateScore, ...]:
    """Return the scores of all gates, in the gates' order."""
    outcomes = [*outcomes]
    bad = [o for o in outcomes if o.answer.kinds]
    answers = Counter(o.answer.gate for o in bad)
    stopped = Counter(o.answer.gate for o in bad if is_rejected_or_mended(o))
    named = Counter(o.answer.gate for o in bad if o.is_right)
    rejected = Counter(o.kind for o in outcomes)
    rightly = Counter(o.kind for o in bad)
    counts = (answers, stopped, named, rejected, rightly)
    return tuple(GateScore(gate, *(count[gate] for count in counts)) for gate in GATES)


def is_rejected_or_mended(outcome: Outcome) -> bool:
    """Return whether a bad answer was stopped, for whatever reason."""
    return outcome.kind is not None or outcome.is_right


def _expected(answer: LabelledAnswer) -> str | None:
    if answer.fixed is not None or answer.kinds:
        return answer.fixed
    return answer.answer


def _words(text: str, *, but: Iterable[str]) -> Counter[str]:
    for term in but:
        text = re.sub(rf"(?<!\w){re.escape(term)}(?!\w)", " ", text, flags=re.IGNORECASE)
    return Counter(re.findall(r"\w+", text))


def _quoted(text: str, *, max_chars: int = 110) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= max_chars else f"{line[: max_chars - 1]}…")
