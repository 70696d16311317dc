"""Whom a customer asks: what every page ends with, and what is said along. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qbwc_server import __version__
from qbwc_server.companies.registry import Company
from qbwc_server.settings import Settings
from qbwc_server.words.customer.contact import Contact


def of(settings: Settings) -> Contact | None:
    """Return whom the settings name, None for nobody."""
    return Contact.of(
        settings.contact_name, settings.contact_address, settings.contact_hours
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
        f"Attention: {', '.join(one.reason for one in facts.hinders) or 'none'}",
        f"Last run: {'none' if last is None else f'{last.began:%Y-%m-%d %H:%M} UTC'}",
        f"Now: {facts.now:%Y-%m-%d %H:%M} UTC, program {__version__}",
    )
    return "\n".join(lines)
