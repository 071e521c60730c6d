"""Whether what a VLM said is a caption, and what is done if it is not."""

from dataclasses import dataclass, replace

from capenh_pipeline.domain.vlm_texts import find_loop, whole_sentences
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import AS_LOADED, Generation, VlmReply

LENGTH = "length"

WITHOUT_LOOPS = Generation(no_repeat_ngram_size=3)
"""What a caption that goes round in circles is tried with once more."""

TWICE_AS_LONG = Generation(token_factor=2)

GENERATIONS = (AS_LOADED, WITHOUT_LOOPS, TWICE_AS_LONG)
"""All that captions are made with."""


@dataclass(frozen=True)
class CaptionChecks:
    """The checks of a run.

    Attributes:
        retry_length: whether a caption that was cut off is tried again with twice the tokens.
    """

    retry_length: bool

    def retry(self, result: VlmReply | RowError) -> Generation | None:
        """Return what to generate once more with, or None if `result` is to be settled."""
        if isinstance(result, RowError):
            return None
        if find_loop(result.caption):
            return WITHOUT_LOOPS
        if result.finish_reason == LENGTH and self.retry_length:
            return TWICE_AS_LONG
        return None

    def is_better(self, second: VlmReply | RowError, *, than: VlmReply | RowError) -> bool:
        """Return whether a second attempt is to be settled, not the first."""
        if isinstance(than, RowError) or find_loop(than.caption):
            return True
        return isinstance(second, VlmReply) and not find_loop(second.caption)

    def settle(self, result: VlmReply | RowError) -> VlmReply | RowError:
        """Return what is stored of a result: a caption in whole sentences, or an error."""
        if isinstance(result, RowError):
            return result
        phrase = find_loop(result.caption)
        if phrase:
            return RowError("loop", f"The VLM repeats {phrase!r} again and again.")
        if result.finish_reason == LENGTH:
            return replace(result, caption=whole_sentences(result.caption))
        return result
