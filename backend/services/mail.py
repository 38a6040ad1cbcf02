"""E-mail, if Config names a server. Sent after the commit, in a thread, with a deadline."""

import logging
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage

from anyio import fail_after, to_thread

from backend.db import Tx, reading
from backend.errors import UpstreamFault
from backend.rules.config_keys import (
    SMTP_FROM,
    SMTP_HOST,
    SMTP_PASSWORD,
    SMTP_PORT,
    SMTP_SECURITY,
    SMTP_USERNAME,
)
from backend.services.config import value_of

log = logging.getLogger(__name__)

_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    security: str
    username: str
    password: str
    sender: str


async def send(to: str, subject: str, text: str) -> bool:
    """Send a letter; False where no mail server is configured.

    Raises:
        UpstreamFault: the server does not answer in time, or does not take it.
    """
    async with reading() as tx:
        server = await _server(tx)
    if not server.host:
        return False
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = server.sender or f"pequeroku@{server.host}", to, subject
    letter.set_content(text)
    try:
        with fail_after(_DEADLINE_S):
            await to_thread.run_sync(_hand_over, server, letter, abandon_on_cancel=True)
    except (OSError, smtplib.SMTPException, TimeoutError) as fault:
        log.warning("the mail server %s did not take a letter: %s", server.host, type(fault).__name__)
        raise UpstreamFault("The mail server did not take the letter. Send the link yourself.") from fault
    return True


async def _server(tx: Tx) -> _Server:
    return _Server(
        await value_of(tx, SMTP_HOST),
        await value_of(tx, SMTP_PORT),
        await value_of(tx, SMTP_SECURITY),
        await value_of(tx, SMTP_USERNAME),
        await value_of(tx, SMTP_PASSWORD),
        await value_of(tx, SMTP_FROM),
    )


def _hand_over(server: _Server, letter: EmailMessage) -> None:
    context = ssl.create_default_context()
    if server.security == "tls":
        client = smtplib.SMTP_SSL(server.host, server.port, timeout=_DEADLINE_S, context=context)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=_DEADLINE_S)
    with client:
        if server.security == "starttls":
            client.starttls(context=context)
        if server.username:
            client.login(server.username, server.password)
        client.send_message(letter)
