"""Sends a notice to a webhook or by e-mail. Knows no database.

Rule: an error never holds the address or its password: both may be secrets.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

_SECONDS = 15


class NotSent(Exception):
    """A notice did not arrive, or nobody knows; it may be tried again."""


def webhook(
    url: str,
    body: Mapping[str, object],
    *,
    transport: httpx.BaseTransport | None = None,
) -> None:
    """POST a body as JSON; any 2xx is success, redirects are not followed.

    Raises:
        NotSent: with the status, or what kept it from arriving.
    """
    try:
        with httpx.Client(transport=transport, timeout=_SECONDS) as client:
            answer = client.post(url, json=dict(body))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotSent(f"webhook: {type(error).__name__}") from None
    if not answer.is_success:
        raise NotSent(f"webhook: HTTP {answer.status_code}")


def email(
    smtp_url: str,
    to: str,
    *,
    subject: str,
    text: str,
    message_id: str,
    sender: str = "",
    ends: str = "",
) -> None:
    """Send a plain message.

    Args:
        smtp_url: smtp://user:password@host:587 (STARTTLS where the server has it; with
            a password it must) or smtps://host:465; `?from=address` names the sender.
        to: one address, or several separated by commas.
        subject: one line.
        text: the message.
        message_id: the same for the same notice, so that a mail program shows one.
        sender: who sends it where `from` is not set; else the first of `to` does.
        ends: an address whose POST has nothing sent any more, for mail programs.

    Raises:
        NotSent: with the kind of trouble.
    """
    parts = urlsplit(smtp_url)
    message = EmailMessage()
    first = sender or to.partition(",")[0].strip()
    sender = parse_qs(parts.query).get("from", [first])[0]
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = f"<{message_id}@{parts.hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    if ends:
        message["List-Unsubscribe"] = f"<{ends}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text)
    try:
        _send(parts.scheme == "smtps", smtp_url, message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotSent(f"e-mail: {type(error).__name__}") from None


def _send(encrypted: bool, smtp_url: str, message: EmailMessage) -> None:
    parts = urlsplit(smtp_url)
    host, context = parts.hostname or "localhost", ssl.create_default_context()
    server: smtplib.SMTP
    if encrypted:
        server = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
    with server:
        server.ehlo()
        if not encrypted and (server.has_extn("starttls") or parts.password):
            server.starttls(context=context)
            server.ehlo()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
