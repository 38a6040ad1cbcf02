"""What can be wrong with a language model's provider."""

from backend.errors import UpstreamFault


class ModelFault(UpstreamFault):
    """The provider of the language model gave no answer that can be used.

    Args:
        reason: not-set-up, key-refused, rate-limited, unavailable, cut-off, bad-answer, too-long, or refused.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = f"ai-{reason}"
