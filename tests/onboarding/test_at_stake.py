"""What going live writes, from a preview that was kept."""

from __future__ import annotations

from datetime import timedelta

from qbwc_server.onboarding import at_stake

_PEOPLE = frozenset({"employee", "vendor"})
_TOLD = {
    "leaves": [18_648, 3_442_500],
    "enters": [120, 18_000],
    "counts": {
        "employee": {"create": 35, "link": 4},
        "customer": {"create": 300, "link_change": 20, "in_sync": 40, "archive": 3},
        "service_item": {"link": 12},
        "time_entry": {"create": 18_648, "add": 120},
    },
}


def test_what_is_written_is_counted_once_and_people_apart() -> None:
    """What is only linked is no write; time is told with its minutes."""
    stake = at_stake.of(_TOLD, _PEOPLE)
    assert stake is not None
    assert dict(stake.lists) == {"employee": 35, "customer": 323}
    assert stake.members == 35
    assert stake.to_mosaic == (18_648, 3_442_500)
    assert stake.to_quickbooks == (120, 18_000)
    assert stake.requests == 35 + 323 + 18_648


def test_how_long_it_takes_is_mosaics_rate() -> None:
    """Three hundred requests in five minutes are one a second."""
    stake = at_stake.of(_TOLD, _PEOPLE)
    assert stake is not None
    assert stake.takes(300, 300) == timedelta(seconds=19_006)
    assert stake.takes(600, 300) == timedelta(seconds=9_503)


def test_a_preview_of_an_older_program_tells_nothing() -> None:
    """It is made anew before somebody goes live by it."""
    old = {name: told for name, told in _TOLD.items() if name != "leaves"}
    assert at_stake.of(old, _PEOPLE) is None
