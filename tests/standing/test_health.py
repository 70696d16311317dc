"""Is it us? What is said of our own parts, now and at a moment of the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qbwc_server.standing.health import Outage, Seen, of, silences, then

_NOW = datetime(2026, 3, 9, 15, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_UP = (Seen("server", "server", _NOW, _NOW), Seen("worker", "worker", _NOW, _NOW))


@pytest.mark.parametrize(
    ("row", "state", "who"),
    [
        (Seen("server", "server", None, _NOW - 3 * _MINUTE), "up", "nobody"),
        (Seen("server", "server", None, _NOW - 4 * _MINUTE), "down", "operations"),
        (Seen("worker", "worker", None, _NOW - 4 * _MINUTE), "down", "operations"),
        (Seen("mosaic", "https://m.example", None, None, 7, 0), "up", "nobody"),
        (
            Seen("mosaic", "https://m.example", _NOW, _NOW, 7, 7),
            "down",
            "operations",
        ),
        (
            Seen("mosaic", "https://m.example", _NOW, _NOW, 7, 1),
            "partly",
            "operations",
        ),
        (
            Seen("deliveries", "x", waiting=3, oldest_at=_NOW - 20 * _MINUTE),
            "up",
            "nobody",
        ),
        (
            Seen("deliveries", "x", waiting=3, oldest_at=_NOW - 40 * _MINUTE),
            "behind",
            "operations",
        ),
        (Seen("deliveries", "x", waiting=3, oldest_at=_NOW + _MINUTE), "up", "nobody"),
    ],
)
def test_how_each_part_is_and_who_acts(row: Seen, state: str, who: str) -> None:
    """What is not well comes first, and is never the customer's."""
    found = of([*_UP, row], _NOW)
    (part,) = [one for one in found if (one.part, one.what) == (row.part, row.what)]
    assert (part.state, part.who_must_act) == (state, who)
    assert part.is_well is (state == "up")
    assert part.is_well or found[0] is part


def test_what_never_gave_a_sign_of_life_is_down() -> None:
    """No row is no good news."""
    assert [(one.part, one.state) for one in of([], _NOW)] == [
        ("server", "down"),
        ("worker", "down"),
    ]


_OURS = Outage("server", "Down.", _NOW, _NOW + 30 * _MINUTE)
_PC = Outage("silence", "Silent.", _NOW + 20 * _MINUTE, _NOW + 50 * _MINUTE)
_FILE = Outage("company", "Wrong file.", _NOW + 40 * _MINUTE, None)


@pytest.mark.parametrize(
    ("minutes", "who"),
    [
        (-1, ["nobody"]),
        (0, ["operations"]),
        (25, ["operations"]),
        (30, ["customer"]),
        (45, ["customer", "company"]),
        (50, ["company"]),
        (5_000, ["company"]),
    ],
)
def test_whose_it_was_at_a_moment(minutes: int, who: list[str]) -> None:
    """While we were down nobody could call: that is not the customer's silence."""
    found = then([_FILE, _PC, _OURS], _NOW + minutes * _MINUTE)
    assert [one.who for one in found] == who


def test_a_silence_begins_with_the_last_call_and_not_when_it_was_noted() -> None:
    """One that goes on has no end; a note without a beginning tells nothing."""
    notes = [
        (_NOW, None),
        (_NOW + 20 * _MINUTE, _NOW + 10 * _MINUTE),
        (_NOW + 60 * _MINUTE, None),
        (_NOW + 90 * _MINUTE, _NOW + 80 * _MINUTE),
    ]
    late, last = _NOW + 90 * _MINUTE, _NOW + 80 * _MINUTE
    assert [(one.since, one.until) for one in silences(notes, late, last)] == [
        (_NOW + 10 * _MINUTE, _NOW + 60 * _MINUTE),
        (_NOW + 80 * _MINUTE, None),
    ]
