"""What tokens of the LLM cost."""

from capenh_pipeline.domain.llm_options import CostOptions

CHARACTERS_A_TOKEN = 4
"""Of English text: what a request will cost has to be guessed before it is answered."""

_UNIT = 1_000_000


def cost_of(options: CostOptions, prompt_tokens: float, completion_tokens: float) -> float | None:
    """Return the price of tokens that were read and written, None where no price is set."""
    if options.price_in is None and options.price_out is None:
        return None
    read = prompt_tokens * (options.price_in or 0)
    return (read + completion_tokens * (options.price_out or 0)) / _UNIT
