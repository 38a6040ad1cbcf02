"""What can be configured while we run: every key, its type, its default and its bounds. Pure."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

from backend.errors import Invalid
from backend.rules import links, mcp, telling

T = TypeVar("T", int, float, str, bool)

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key. `default` gives its type; `minimum` and `maximum` are inclusive; `choices`, if any, are all there is.
    A text may have a `check` of its own, which raises Invalid.

    A `secret` is kept sealed and is never shown again. It is `sent_to` where another key says: whoever changes that
    has to give the secret anew, or it could be read by having it sent to oneself.
    """

    name: str
    default: T
    help: str
    group: str
    unit: str = ""
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    is_url: bool = False
    check: Callable[[str], object] | None = None
    sent_to: str = ""

    def parse(self, text: str) -> T:
        """A value from what a person typed.

        Raises:
            Invalid: it is none, with what would be.
        """
        said = text.strip()
        if isinstance(self.default, bool):
            return cast(T, self._truth(said))
        if isinstance(self.default, int | float):
            return cast(T, self._number(said))
        if len(said) > _LONGEST:
            raise self._wrong(f"at most {_LONGEST} characters")
        if not said.isprintable():
            raise self._wrong("one line of text that can be shown")
        if self.choices and said not in self.choices:
            raise self._wrong("one of " + ", ".join(self.choices))
        if self.is_url and said and not _is_url(said):
            raise self._wrong("an address that begins with https:// or http://")
        if self.check is not None:
            self.check(said)
        return cast(T, said)

    def write(self, value: T) -> str:
        """The value as it is stored; `parse` reads it."""
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _truth(self, said: str) -> bool:
        if said.lower() not in ("true", "false"):
            raise self._wrong("true or false")
        return said.lower() == "true"

    def _number(self, said: str) -> int | float:
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        try:
            number = int(said) if isinstance(self.default, int) else float(said)
            is_finite = math.isfinite(number)
        except (ValueError, OverflowError):
            raise self._wrong(kind) from None
        low, high = self.minimum, self.maximum
        if not is_finite or (low is not None and number < low) or (high is not None and number > high):
            bounds = f" from {low:g}" if low is not None else ""
            raise self._wrong(kind + bounds + (f" to {high:g}" if high is not None else ""))
        return number

    def _wrong(self, wanted: str) -> Invalid:
        return Invalid(f"{self.name} must be {wanted}.", field="value")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


_QUOTAS, _ACCOUNTS, _MAIL, _AI, _UPKEEP = "New users", "Sign-in", "E-mail", "AI", "Upkeep"
_TIPS = "Tips"

DEFAULT_CREDITS = Key(
    "default_credits", 3, "Credits of a new user's quota.", _QUOTAS, "credits", minimum=0, maximum=100_000
)
DEFAULT_AI_USE_PER_DAY = Key(
    "default_ai_use_per_day",
    5,
    "AI requests a day of a new user's quota.",
    _QUOTAS,
    "requests",
    minimum=0,
    maximum=100_000,
)
DEFAULT_MAX_CONTAINERS = Key(
    "default_max_containers",
    20,
    "How many containers a new user may keep, stopped ones too.",
    _QUOTAS,
    minimum=0,
    maximum=10_000,
)

SIGN_UP = Key(
    "sign_up", "closed", "Who may make an account: nobody, who has an invitation, or anybody.", _ACCOUNTS,
    choices=("closed", "invitation", "open"),
)  # fmt: skip
PUBLIC_URL = Key("public_url", "", "Where people reach us, for links in e-mails and for OIDC.", _ACCOUNTS, is_url=True)
GOOGLE_CLIENT_ID = Key(
    "google_client_id", "", "OAuth client id for sign-in with Google; empty: not offered.", _ACCOUNTS
)
GOOGLE_CLIENT_SECRET = Key("google_client_secret", "", "Its secret.", _ACCOUNTS, secret=True)
OIDC_NAME = Key("oidc_name", "Single sign-on", "What the button of your own OIDC provider says.", _ACCOUNTS)
OIDC_ISSUER = Key(
    "oidc_issuer",
    "",
    "Issuer of your OIDC provider; empty: not offered. Another one erases the secret.",
    _ACCOUNTS,
    is_url=True,
)
OIDC_CLIENT_ID = Key("oidc_client_id", "", "Our client id there.", _ACCOUNTS)
OIDC_CLIENT_SECRET = Key("oidc_client_secret", "", "And the secret.", _ACCOUNTS, secret=True, sent_to="oidc_issuer")

SMTP_HOST = Key(
    "smtp_host",
    "",
    "Mail server; empty: no e-mail is sent, and links are shown instead. Another one erases the password.",
    _MAIL,
)
SMTP_PORT = Key("smtp_port", 587, "Its port.", _MAIL, minimum=1, maximum=65535)
SMTP_SECURITY = Key("smtp_security", "starttls", "How it is spoken to.", _MAIL, choices=("starttls", "tls", "none"))
SMTP_USERNAME = Key("smtp_username", "", "Name to sign in there; empty: none.", _MAIL)
SMTP_PASSWORD = Key("smtp_password", "", "And the password.", _MAIL, secret=True, sent_to="smtp_host")
SMTP_FROM = Key("smtp_from", "", "The sender's address.", _MAIL)

OPENAI_API_KEY = Key(
    "openai_api_key", "", "Key of the AI provider; empty: no assistant.", _AI, secret=True, sent_to="openai_api_url"
)
OPENAI_API_URL = Key(
    "openai_api_url",
    "https://api.groq.com/openai/v1",
    "An OpenAI-compatible provider. Another one erases the key.",
    _AI,
    is_url=True,
)
OPENAI_MODEL = Key("openai_model", "openai/gpt-oss-120b", "The provider's name of the model.", _AI)
TOKEN_INPUT_PRICE = Key("token_input_price", 1.5e-7, "Price of a prompt token.", _AI, "per token", minimum=0, maximum=1)
TOKEN_OUTPUT_PRICE = Key(
    "token_output_price", 7.5e-7, "Price of a token of the answer.", _AI, "per token", minimum=0, maximum=1
)
_MODEL_FOR = "The model that {}; empty: openai_model."
AI_MODEL_ASSISTANT = Key("ai_model_assistant", "", _MODEL_FOR.format("works in containers"), _AI)
AI_MODEL_TIP_GENERATOR = Key("ai_model_tip_generator", "", _MODEL_FOR.format("writes tips"), _AI)
AI_MODEL_EMBEDDER = Key("ai_model_embedder", "", _MODEL_FOR.format("measures how near texts are"), _AI)
AI_MODEL_JUDGE = Key("ai_model_judge", "", _MODEL_FOR.format("judges answers"), _AI)
AI_MODELS: Mapping[str, Key[str]] = {
    "assistant": AI_MODEL_ASSISTANT,
    "tip-generator": AI_MODEL_TIP_GENERATOR,
    "embedder": AI_MODEL_EMBEDDER,
    "judge": AI_MODEL_JUDGE,
}
"""By alias: no other place knows the name of a model."""
AI_BUDGET_PER_DAY = Key(
    "ai_budget_per_day", 0.0, "What a user's questions may cost a day, in the currency of the prices; 0: no bound.",
    _AI, minimum=0, maximum=1_000_000,
)  # fmt: skip
AI_STEPS = Key("ai_steps_per_turn", 40, "How often the model is asked before a turn ends.", _AI, minimum=1, maximum=500)
AI_TURN_SECONDS = Key(
    "ai_turn_seconds", 1800, "How long a turn may take, without the time it waits for a click.", _AI, "seconds",
    minimum=10, maximum=86_400,
)  # fmt: skip
AI_TURN_TOKENS = Key(
    "ai_tokens_per_turn", 1_000_000, "How many tokens a turn may use in all.", _AI, "tokens",
    minimum=1000, maximum=100_000_000,
)  # fmt: skip
AI_CONTEXT_TOKENS = Key(
    "ai_context_tokens", 100_000, "How much the model takes at once; older parts are summed up before that.", _AI,
    "tokens",
    minimum=4000, maximum=10_000_000,
)  # fmt: skip
AI_MCP_SERVERS = Key(
    "ai_mcp_servers",
    "",
    "MCP servers for the assistant, as name=address, with a blank between two. Another list erases the tokens.",
    _AI,
    check=mcp.servers_of,
)
AI_MCP_TOKENS = Key(
    "ai_mcp_tokens", "", "And what they are shown, where they want that: name=token.", _AI, secret=True,
    check=mcp.tokens_of, sent_to="ai_mcp_servers",
)  # fmt: skip
AI_CHECKPOINTS_KEPT = Key(
    "ai_checkpoints_kept", 10, "How many turns of each container can be undone; 0: no checkpoints are made.", _AI,
    "turns", minimum=0, maximum=100,
)  # fmt: skip

TODOIST_CLIENT_ID = Key("todoist_client_id", "", "OAuth client id at Todoist; empty: not offered.", _TIPS)
TODOIST_CLIENT_SECRET = Key(
    "todoist_client_secret", "", "Its secret; Todoist signs its messages with it.", _TIPS, secret=True
)
GOOGLE_CALENDAR = Key(
    "google_calendar",
    False,
    "Offer to read from Google when people are busy; google_client_id's client has to allow calendar.freebusy.",
    _TIPS,
)

AUDIT_RETENTION_DAYS = Key(
    "audit_retention_days",
    365,
    "How long audit and AI usage rows are kept; 0: for ever.",
    _UPKEEP,
    "days",
    minimum=0,
    maximum=36_500,
)
INBOX_RETENTION_DAYS = Key(
    "inbox_retention_days", 90, "How long notifications and the log of webhooks are kept.", _UPKEEP, "days",
    minimum=1, maximum=3650,
)  # fmt: skip
STREAM_RETENTION_DAYS = Key(
    "stream_retention_days", 30, "How long events of the tips are kept, here and in NATS.", _UPKEEP, "days",
    minimum=1, maximum=3650,
)  # fmt: skip
RUN_RETENTION_DAYS = Key(
    "run_retention_days", 14, "How long one-shot runs, and the events that programs go on from, are kept.", _UPKEEP,
    "days", minimum=1, maximum=3650,
)  # fmt: skip
IDLE_CPU_PERCENT = Key(
    "idle_cpu_percent", 5.0, "A container that uses less than this, and nobody looks into, is idle.", _UPKEEP, "%",
    minimum=0, maximum=100,
)  # fmt: skip
EXPIRY_WARNING_H = Key(
    "expiry_warning_h",
    24,
    "How long before a container expires its owner is warned.",
    _UPKEEP,
    "hours",
    minimum=1,
    maximum=720,
)
WEBHOOKS_TO_PRIVATE = Key(
    "webhooks_to_private", False, "Let webhooks go to private and loopback addresses. Everybody's can, then.", _UPKEEP
)

TIPS_WINDOW_H = Key(
    "tips_window_h", 4, "How long after a tip was seen an answer to it counts.", _TIPS, "hours", minimum=1, maximum=48
)
TIPS_LATER_MIN = Key(
    "tips_later_min", 60, "How long a tip stays away after “later”.", _TIPS, "minutes", minimum=5, maximum=1440
)
TIPS_RETENTION_DAYS = Key(
    "tips_retention_days", 365, "How long decisions, and what came of them, are kept.", _TIPS, "days",
    minimum=30, maximum=3650,
)  # fmt: skip
PUSHES_A_DAY = Key(
    "pushes_a_day",
    2,
    "How many tips a person's browser is sent in any 24 hours; 0: none.",
    _TIPS,
    minimum=0,
    maximum=48,
)
PUSH_LOOK_EVERY_MIN = Key(
    "push_look_every_min",
    30,
    "How often it is looked, for each person whose browsers get tips, whether one is worth sending.",
    _TIPS,
    "minutes",
    minimum=5,
    maximum=1440,
)
QUIET_HOURS = Key(
    "quiet_hours", "22:00-08:00", "When nobody is sent a tip who has not chosen other hours; empty: any time is good.",
    _TIPS, check=telling.check_hours,
)  # fmt: skip
QUIET_ZONE = Key("quiet_zone", "UTC", "The time zone of that.", _TIPS, check=telling.check_zone)
PUSH_TO_PRIVATE = Key(
    "push_to_private", False, "Let tips be sent to push services at private and loopback addresses, without TLS too.",
    _TIPS,
)  # fmt: skip

TIPS_LINKS = Key(
    "tips_links",
    "",
    "Links to other programs on the administration's page of tips, as name=address, with a blank between two.",
    _TIPS,
    check=links.links_of,
)

KEYS: Mapping[str, Key[Any]] = {
    value.name: cast(Key[Any], value) for value in list(globals().values()) if isinstance(value, Key)
}
"""All of them, by name, in the order they are shown."""
