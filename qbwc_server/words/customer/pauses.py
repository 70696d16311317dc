"""A pause in words: since when, by whom, why, and who has it go on. Pure.

Who paused has it go on: support ends any pause, a customer only his own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

CUSTOMER: Final = "customer"
BY_CUSTOMER: Final = "paused_by_customer"
MEANS: Final = (
    "Until it is resumed, QuickBooks is left alone and nothing is written on either "
    "side. Nothing is lost: time that people type meanwhile, in QuickBooks or in "
    "Mosaic, is carried over afterwards."
)
"""What a customer is told before he pauses."""


def told(mode: str, paused_by: str | None) -> str:
    """Return a mode as it is told more closely: a customer's pause is another one."""
    return BY_CUSTOMER if mode == "paused" and paused_by == CUSTOMER else mode


def may_resume(paused_by: str | None, asks: str) -> bool:
    """Tell whether who asks, the customer or support, may have a pause end."""
    return asks != CUSTOMER or paused_by == CUSTOMER


def whole(told_mode: str, since: datetime, why: str | None) -> str:
    """Return what the end of a run says of a pause, in two sentences.

    What must be known stands first, for the reason may be too long to be shown whole.
    """
    theirs = told_mode == BY_CUSTOMER
    by = "on the setup page" if theirs else "by our support"
    ends = "Resume it there" if theirs else "Ask them to resume it"
    at = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    because = f". Why: {why}" if why else ""
    return f"Paused {by} since {at}. {ends}{because}."
