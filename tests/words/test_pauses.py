"""A pause in words, and who may end it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qbwc_server import words
from qbwc_server.words.customer import pauses

_SINCE = datetime(2026, 3, 2, 15, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("paused_by", "asks", "may"),
    [
        ("customer", "customer", True),
        ("customer", "support", True),
        ("support", "customer", False),
        ("support", "support", True),
        (None, "customer", False),
        (None, "support", True),
    ],
)
def test_support_ends_any_pause_and_a_customer_his_own(
    paused_by: str | None, asks: str, *, may: bool
) -> None:
    """What was paused by an older program counts as support's."""
    assert pauses.may_resume(paused_by, asks) is may


@pytest.mark.parametrize(
    ("mode", "paused_by", "told"),
    [
        ("paused", "customer", "paused_by_customer"),
        ("paused", "support", "paused"),
        ("paused", None, "paused"),
        ("live", "customer", "live"),
        ("preview", None, "preview"),
    ],
)
def test_a_pause_is_told_by_who_began_it(
    mode: str, paused_by: str | None, told: str
) -> None:
    """And what goes on is told as it is, whatever was left in the row."""
    assert pauses.told(mode, paused_by) == told
    assert words.state("company", told).do


def test_the_longest_reason_leaves_who_ends_it_in_sight() -> None:
    """Web Connector shows so much: since when, by whom and who resumes stand first."""
    for told in ("paused", "paused_by_customer"):
        said = words.fitting(pauses.whole(told, _SINCE, "Payroll. " * 40))
        assert len(said) <= words.LONGEST
        assert "since 2026-03-02 15:04 UTC" in said
        assert "resume it" in said.lower()
        assert "Why: Payroll." in said
