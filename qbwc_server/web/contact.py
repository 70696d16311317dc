"""Whom a customer asks: what every page ends with, and what is said along. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qbwc_server import __version__
from qbwc_server.companies.registry import Company
from qbwc_server.settings import Settings

_MAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{5,30}")


@dataclass(frozen=True, slots=True)
class Contact:
    """A name, an address, what to open for it ("" where nothing can be), and hours."""

    name: str
    address: str
    opens: str
    hours: str


def of(settings: Settings) -> Contact | None:
    """Return whom the settings name, None for nobody."""
    name, address = settings.contact_name.strip(), settings.contact_address.strip()
    if not name and not address:
        return None
    opens = ""
    if _MAIL.fullmatch(address):
        opens = f"mailto:{address}"
    elif _PHONE.fullmatch(address):
        opens = "tel:" + re.sub(r"[^0-9+]", "", address)
    elif address.startswith("https://"):
        opens = address
    return Contact(
        name or "Our support", address, opens, settings.contact_hours.strip()
    )


def details(company: Company, shown: Mapping[str, Any]) -> str:
    """Return what support wants to know, as a text to copy; no secret is in it."""
    facts, answers = shown["facts"], shown["answers"]
    last = facts.last_run
    lines = (
        f"Company: {company.name} ({company.id}), user name {company.username}",
        f"Company file: {company.file_name or 'not known yet'}",
        f"QuickBooks: {facts.product or 'not known yet'}",
        f"State: {answers.working} Missing: {answers.missing}",
        f"To do: {' '.join(answers.do)}",
        f"Attention: {facts.attention_id or 'none'}",
        f"Last run: {'none' if last is None else f'{last.began:%Y-%m-%d %H:%M} UTC'}",
        f"Now: {facts.now:%Y-%m-%d %H:%M} UTC, program {__version__}",
    )
    return "\n".join(lines)
