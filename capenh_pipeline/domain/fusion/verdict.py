"""What comes of judging an answer."""

from dataclasses import dataclass

from capenh_pipeline.errors import RowError


@dataclass(frozen=True)
class Verdict:
    """A judged answer.

    Attributes:
        caption: the answer after everything that is safe to mend was mended.
        retention: share of the manual caption's facts that it keeps, 0 to 1; None without a
            manual caption, or one without facts.
        support: share of its content words that a source supports, 0 to 1; None if it has none.
        fixes: what was mended, snake_case words in order.
        fault: why it is not good enough, or None. Its text names the fault to the LLM and to
            people alike.
    """

    caption: str
    retention: float | None
    support: float | None
    fixes: tuple[str, ...]
    fault: RowError | None
