"""What a person is to have a look at, in one sentence each."""

from __future__ import annotations

import pytest

from qbwc_server.words import looks


@pytest.mark.parametrize(
    ("how", "entries", "minutes", "told"),
    [
        (
            "typed",
            1,
            60,
            "1 entry, 1:00 hours, was typed on both sides and is one",
        ),
        (
            "typed",
            1200,
            60_005,
            "1,200 entries, 1,000:05 hours, were typed on both sides and are one each",
        ),
        (
            "lost",
            2,
            450,
            (
                "2 entries, 7:30 hours, were sent to Mosaic without an answer, and "
                "were found there by being equal"
            ),
        ),
    ],
)
def test_what_was_joined_is_told_in_entries_and_hours(
    how: str, entries: int, minutes: int, told: str
) -> None:
    """One is told as one."""
    assert looks.joined(how, entries, minutes) == told


def test_a_rule_is_named_only_where_somebody_set_it() -> None:
    """The default is told by what it does."""
    assert looks.kept("mosaic", 3, two_way=True) == (
        "3 time entries were changed on both sides; Mosaic's values were kept"
    )
    assert "QuickBooks to Mosaic only" in looks.kept("quickbooks", 1, two_way=False)
    for policy, told in {
        "newest": "the later change, Mosaic's, was kept",
        "mosaic": "as is set for this connection",
        "quickbooks": "Mosaic's value was kept.",
        "ask": "Mosaic's value was kept.",
    }.items():
        assert told in looks.kept_because("mosaic", policy, two_way=True)
    one_way = looks.kept_because("quickbooks", "newest", two_way=False)
    assert "to Mosaic only" in one_way
