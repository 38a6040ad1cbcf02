"""What a question to the assistant costs. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestPrice:
    """In the currency of the prices in Config."""

    cost_input: float
    cost_output: float

    @property
    def total_cost(self) -> float:
        return self.cost_input + self.cost_output


def get_request_price(
    prompt_tokens: int, completion_tokens: int, *, input_price: float, output_price: float
) -> RequestPrice:
    """`token_input_price` × prompt tokens, and `token_output_price` × completion tokens.

    Source: AIUsageLog.get_request_price of the original Pequeroku.
    """
    return RequestPrice(input_price * prompt_tokens, output_price * completion_tokens)
