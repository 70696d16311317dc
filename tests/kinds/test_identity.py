"""Which entries are one: equal ones, counted; and what cannot be told is asked."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.kinds.identity import (
    Doubt,
    Fate,
    Likeness,
    likeness,
    lost_creations,
    may_be_lost,
    nearly,
)
from qbwc_server.kinds.two_way import Missing

SENT = datetime(2026, 3, 3, 15, tzinfo=UTC)
ENTRY: dict[str, Any] = {
    "date": "2026-03-03",
    "minutes": 480,
    "person": 7,
    "job": [10, 11],
    "item": 3,
    "notes": "",
    "billable": True,
}


def entry(**other: Any) -> dict[str, Any]:
    """Return an entry in Mosaic's terms."""
    return {**ENTRY, **other}


def body(
    number: int, *, made: int = 20, edited: int | None = None, **other: Any
) -> dict[str, Any]:
    """Return Mosaic's entry, made and edited so many seconds after the request left."""
    one = entry(**other)
    created = SENT + timedelta(seconds=made)
    updated = created if edited is None else SENT + timedelta(seconds=edited)
    return {
        "mosaic_id": number,
        "date": one["date"],
        "hours": one["minutes"] / 60,
        "member_id": one["person"],
        "project_id": one["job"][0],
        "phase_id": one["job"][1],
        "standard_work_category_id": one["item"],
        "description": one["notes"],
        "is_billable": one["billable"],
        "created_at": created.isoformat(),
        "updated_at": updated.isoformat(),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", "2026-03-04"),
        ("minutes", 479),
        ("person", 8),
        ("job", [10, 12]),
        ("item", None),
        ("notes", "Plan"),
    ],
)
def test_entries_that_differ_in_one_field_are_two(field: str, value: Any) -> None:
    """Each field that tells hours apart, alone."""
    assert likeness(entry(), entry(**{field: value})) is Likeness.OTHER
    assert likeness(entry(**{field: value}), entry()) is Likeness.OTHER


def test_whether_it_is_billable_does_not_tell_entries_apart() -> None:
    """It is a difference of one entry, not a second one."""
    assert likeness(entry(), entry(billable=False)) is Likeness.EXACT


def test_a_field_without_a_counterpart_is_like_nothing() -> None:
    """Whose person is not linked is nobody's entry over there."""
    assert not likeness(entry(person=Missing("not linked")), entry())


@pytest.mark.parametrize(
    ("here", "there", "how"),
    [
        ("Plan", "Plan", Likeness.EXACT),
        ("Plan  A", "Plan A", Likeness.AS_KEPT),
        ("Gdansk", "Gdańsk", Likeness.AS_KEPT),
        ("x" * 4092 + "...", "x" * 5000, Likeness.AS_KEPT),
        ("Plan", "plan", Likeness.OTHER),
        ("Plan A", "Plan B", Likeness.OTHER),
        ("Review of the drawings, part one", "Review of the drawings", Likeness.OTHER),
        ("A/B", "AB", Likeness.OTHER),
    ],
)
def test_notes_are_compared_as_quickbooks_would_keep_them(
    here: str, there: str, how: Likeness
) -> None:
    """Cut and spelt as it does; another text is another entry."""
    assert likeness(entry(notes=here), entry(notes=there)) is how


def doubts(count: int, **other: Any) -> dict[str, Doubt]:
    """Return so many equal creations whose answer was lost."""
    return {f"d{n}": Doubt(entry(**other), SENT) for n in range(count)}


@pytest.mark.parametrize(
    ("lost", "equal"), list(itertools.product((1, 2, 3), (0, 1, 2, 3, 4)))
)
def test_equal_entries_are_counted(lost: int, equal: int) -> None:
    """As many as were lost, or fewer, are theirs; of more nobody can tell which."""
    found = lost_creations(doubts(lost), [body(n) for n in range(equal)])
    fates = [one.fate for one in found.values()]
    if equal > lost:
        assert fates == [Fate.ASK] * lost
        assert all(one.mosaic_ids == tuple(range(equal)) for one in found.values())
    else:
        assert fates == [Fate.MADE] * equal + [Fate.NOT_SEEN] * (lost - equal)
        made = [one.mosaic_ids for one in found.values() if one.mosaic_ids]
        assert made == [(n,) for n in range(equal)]


@pytest.mark.parametrize(
    ("there", "fate"),
    [
        (body(1), Fate.MADE),
        (body(1, edited=60), Fate.MADE),
        (body(1, person=8), Fate.NOT_SEEN),
        (body(1, person=8, edited=60), Fate.NOT_SEEN),
        (body(1, notes="call"), Fate.NOT_SEEN),
        (body(1, notes="call", edited=60), Fate.ASK),
        (body(1, minutes=60, edited=60), Fate.ASK),
        (body(1, date="2026-03-10", edited=60), Fate.ASK),
        (body(1, made=-3600), Fate.NOT_SEEN),
        (body(1, made=-3600, notes="call", edited=60), Fate.NOT_SEEN),
        (body(1, made=-30), Fate.MADE),
        ({**body(1, notes="call"), "created_at": None}, Fate.ASK),
        ({**body(1), "hours": "none"}, Fate.NOT_SEEN),
    ],
)
def test_what_one_entry_tells_of_one_lost_creation(
    there: dict[str, Any], fate: Fate
) -> None:
    """Nothing weaker than equality joins; what may be it is asked."""
    found = lost_creations(doubts(1), [there])["d0"]
    assert found.fate is fate
    assert may_be_lost(Doubt(ENTRY, SENT), there) is (fate is not Fate.NOT_SEEN)


def test_an_entry_is_the_answer_to_one_doubt_only() -> None:
    """An equal one is taken by its equal doubt and is no candidate of another."""
    two = {"a": Doubt(entry(), SENT), "b": Doubt(entry(minutes=60), SENT)}
    found = lost_creations(two, [body(1, edited=60)])
    assert found["a"].mosaic_ids == (1,)
    assert found["b"].fate is Fate.NOT_SEEN


def test_who_is_first_takes_first() -> None:
    """The order of the doubts decides who gets the only one that is there."""
    found = lost_creations(doubts(2), [body(9)])
    assert [one.fate for one in found.values()] == [Fate.MADE, Fate.NOT_SEEN]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"minutes": 90}, "minutes"),
        ({"job": [10, None]}, "job"),
        ({"item": 4}, "item"),
        ({"notes": "call"}, "notes"),
        ({"billable": False}, None),
        ({}, None),
        ({"notes": " "}, None),
        ({"minutes": 90, "notes": "call"}, None),
        ({"minutes": 90, "billable": False}, "minutes"),
        ({"date": "2026-03-04"}, None),
        ({"date": "2026-03-04", "minutes": 90}, None),
        ({"person": 8}, None),
        ({"person": 8, "minutes": 90}, None),
        ({"item": Missing("no item")}, "item"),
        ({"person": Missing("nobody")}, None),
    ],
)
def test_nearly_one_are_those_of_a_person_and_day_but_for_one_field(
    other: dict[str, Any], differs: str | None
) -> None:
    """So looks an entry that was edited on one side while nobody knew."""
    assert nearly(entry(**other), ENTRY) == differs
    assert nearly(ENTRY, entry(**other)) == differs
