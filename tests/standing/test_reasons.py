"""All that hinders a company: each is a reason with who acts, and a stop leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qbwc_server import words
from qbwc_server.companies import attention
from qbwc_server.companies.attention import Attention
from qbwc_server.standing.reasons import Counted, Facts, of
from qbwc_server.words import urgency
from qbwc_server.words.urgency import Place

_NOW = datetime(2026, 3, 9, 15, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_WELL = Facts("live", _NOW - 9 * _HOUR, last_seen_at=_NOW)


def _asks(*reasons: str) -> tuple[Attention, ...]:
    return tuple(
        Attention(number, one, urgency.place(one), "Stop.", _NOW, _NOW)
        for number, one in enumerate(reasons)
    )


def test_a_company_that_works_has_none() -> None:
    """Nor is it one that somebody else guessed a password a while ago."""
    assert of(_WELL) == []
    assert of(replace(_WELL, wrong_password_at=_NOW + _HOUR)) == []


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"mode": "paused"}, [("paused", "support")]),
        ({"mode": "paused", "late_at": _NOW}, [("paused", "support")]),
        (
            {"mode": "paused_by_customer", "late_at": _NOW},
            [("paused_by_customer", "customer")],
        ),
        ({"mode": "preview"}, [("preview", "customer")]),
        ({"mode": "first_reads"}, [("first_reads", "nobody")]),
        ({"late_at": _NOW}, [("late", "customer")]),
        ({"last_seen_at": None}, [("waiting", "customer")]),
        (
            {"last_seen_at": None, "wrong_password_at": _NOW},
            [("wrong_password", "customer")],
        ),
        (
            {"late_at": _NOW, "wrong_password_at": _NOW + _HOUR},
            [("wrong_password", "customer"), ("late", "customer")],
        ),
        (
            {"late_at": _NOW, "wrong_password_at": _NOW - _HOUR},
            [("late", "customer")],
        ),
        (
            {"late_at": _NOW, "guessed_at": _NOW + _HOUR},
            [("late", "customer"), ("guessed", "support")],
        ),
        ({"late_at": _NOW, "guessed_at": _NOW - _HOUR}, [("late", "customer")]),
        ({"guessed_at": _NOW + _HOUR}, []),
        (
            {"mode": "paused", "late_at": _NOW, "guessed_at": _NOW + _HOUR},
            [("paused", "support")],
        ),
        ({"has_mosaic_key": False}, [("mosaic-key-missing", "customer")]),
        (
            {"has_mosaic_key": False, "attentions": _asks("mosaic-key-missing")},
            [("mosaic-key-missing", "customer")],
        ),
        (
            {"attentions": _asks("company-file-moved")},
            [("company-file-moved", "nobody")],
        ),
        (
            {
                "attentions": _asks(
                    "time-tracking-off", "mosaic-unauthorised", "backup-restored"
                ),
                "late_at": _NOW,
                "mode": "preview",
                "counted": (
                    ("records", Counted(3)),
                    ("faults", Counted(1)),
                    ("unused", Counted(2)),
                    ("failed", Counted(0)),
                ),
            },
            [
                ("backup-restored", "support"),
                ("late", "customer"),
                ("mosaic-unauthorised", "customer"),
                ("unused", "support"),
                ("faults", "support"),
                ("records", "customer"),
                ("preview", "customer"),
                ("time-tracking-off", "customer"),
            ],
        ),
    ],
)
def test_none_hides_another(
    values: dict[str, object], wanted: list[tuple[str, str]]
) -> None:
    """In the order in which they go on, with who acts on each."""
    found = of(replace(_WELL, **values))  # type: ignore[arg-type]
    assert [(one.reason, one.who_must_act) for one in found] == wanted


@pytest.mark.parametrize("stop", sorted(attention.STOPPING))
def test_a_stop_is_first_and_never_nobody_s(stop: str) -> None:
    """Whatever else there is."""
    asks = _asks("wrong-company-file", stop)
    first, *_ = of(replace(_WELL, mode="paused", attentions=asks))
    assert (first.reason, first.why) == (stop, "Stop.")
    assert first.place < Place.PAUSED
    assert first.who_must_act in {"customer", "support"}
    assert first.next_step == words.attention(stop).do
