"""Which entries are one: equal ones, counted; and what cannot be told is asked."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.kinds.identity import (
    Birth,
    Doubt,
    Fate,
    Likeness,
    Word,
    born_meanwhile,
    likeness,
    log_says_not_made,
    lost_creations,
    may_be_lost,
    nearly,
    pairs,
)
from qbwc_server.kinds.time_entry import from_mosaic
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
    snapshot = from_mosaic(there)
    may_be = snapshot is not None and may_be_lost(Doubt(ENTRY, SENT), there, snapshot)
    assert may_be is (fate is not Fate.NOT_SEEN)


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


def test_what_a_person_called_one_is_the_lost_one() -> None:
    """However it was edited, and however many others are equal."""
    words = {("T", 3): Word.ONE}
    lost = {"d": Doubt(entry(), SENT, "T"), "e": Doubt(entry(), SENT, "U")}
    there = [body(1), body(2), body(3, minutes=60, notes="call", edited=60)]
    found = lost_creations(lost, there, words)
    assert found["d"].fate is Fate.MADE
    assert found["d"].mosaic_ids == (3,)
    assert found["e"].fate is Fate.ASK
    assert found["e"].mosaic_ids == (1, 2)


@pytest.mark.parametrize(
    ("two", "fate", "left"),
    [
        ((), Fate.ASK, (1, 2)),
        ((1,), Fate.MADE, (2,)),
        ((1, 2), Fate.NOT_SEEN, ()),
    ],
)
def test_what_a_person_called_another_is_not_the_lost_one(
    two: tuple[int, ...], fate: Fate, left: tuple[int, ...]
) -> None:
    """Neither an equal one nor one that was edited is asked about again."""
    words = {("T", number): Word.TWO for number in two}
    found = lost_creations({"d": Doubt(entry(), SENT, "T")}, [body(1), body(2)], words)
    assert (found["d"].fate, found["d"].mosaic_ids) == (fate, left)
    edited = body(1, minutes=60, edited=60)
    found = lost_creations({"d": Doubt(entry(), SENT, "T")}, [edited], words)
    assert found["d"].fate is (Fate.NOT_SEEN if 1 in two else Fate.ASK)


def test_a_word_is_about_the_one_that_it_names_only() -> None:
    """Two equal ones were lost; one of them is not the second entry, the other may."""
    lost = {"d": Doubt(entry(), SENT, "T"), "e": Doubt(entry(), SENT, "U")}
    found = lost_creations(lost, [body(1), body(2)], {("U", 1): Word.TWO})
    assert {key: one.mosaic_ids for key, one in found.items()} == {"d": (1,), "e": (2,)}


ACCENT = ("Gdansk", "Gda\u0144sk")
"""Notes as QuickBooks keeps them, and as Mosaic does."""


@pytest.mark.parametrize(
    ("here", "there", "words", "expected"),
    [
        ({"A": ""}, {1: ""}, {}, {"A": 1}),
        ({"A": ""}, {1: "x"}, {}, {}),
        ({"A": "", "B": ""}, {1: ""}, {}, {"A": 1}),
        ({"A": ""}, {1: "", 2: ""}, {}, {"A": 1}),
        # The exact ones first, whoever comes first.
        (
            {"A": ACCENT[0], "B": ACCENT[0]},
            {1: ACCENT[1], 2: ACCENT[0]},
            {},
            {"A": 2, "B": 1},
        ),
        ({"A": "Plan  A", "B": "Plan A"}, {1: "Plan A"}, {}, {"B": 1}),
        ({"A": "a", "B": "a  "}, {1: "a  ", 2: "a"}, {}, {"A": 2, "B": 1}),
        # A person's word is above all.
        ({"A": ""}, {1: "x", 2: ""}, {("A", 1): Word.ONE}, {"A": 1}),
        ({"A": "", "B": ""}, {1: ""}, {("B", 1): Word.ONE}, {"B": 1}),
        ({"A": ""}, {1: ""}, {("A", 1): Word.TWO}, {}),
        ({"A": ""}, {1: "", 2: ""}, {("A", 1): Word.TWO}, {"A": 2}),
        ({"A": ""}, {1: ""}, {("B", 1): Word.ONE, ("A", 2): Word.TWO}, {"A": 1}),
        # As many as can be: two entries that were taken apart, and their copies.
        ({"A": "", "B": ""}, {1: "", 2: ""}, {("B", 2): Word.TWO}, {"A": 2, "B": 1}),
        (
            {"A": "", "B": "", "C": ""},
            {1: "", 2: "", 3: ""},
            {("C", 3): Word.TWO, ("B", 3): Word.TWO, ("C", 2): Word.TWO},
            {"A": 3, "B": 2, "C": 1},
        ),
    ],
)
def test_equal_entries_are_paired_over_the_whole_day(
    here: dict[str, str],
    there: dict[int, str],
    words: dict[tuple[str, int], Word],
    expected: dict[str, int],
) -> None:
    """By their notes; all else is equal."""
    found = pairs(
        {one: entry(notes=text) for one, text in here.items()},
        {one: entry(notes=text, billable=False) for one, text in there.items()},
        words,
    )
    assert found == expected


def test_no_entry_is_paired_twice_and_none_is_left_over() -> None:
    """Over all small sets of notes and words: as many pairs as can be made."""
    choices = ("Plan", "Plan ", "Pla\u0144")
    for left in itertools.product(choices, repeat=2):
        for right in itertools.product(choices, repeat=2):
            for two in itertools.product((False, True), repeat=4):
                here = {f"T{n}": entry(notes=text) for n, text in enumerate(left)}
                there = {n: entry(notes=text) for n, text in enumerate(right)}
                every = list(itertools.product(here, there))
                words = {
                    pair: Word.TWO for pair, it in zip(every, two, strict=True) if it
                }
                found = pairs(here, there, words)
                assert len(set(found.values())) == len(found)
                fits = {
                    pair
                    for pair in every
                    if pair not in words and likeness(here[pair[0]], there[pair[1]])
                }
                assert set(found.items()) <= fits
                straight = {("T0", 0), ("T1", 1)}, {("T0", 1), ("T1", 0)}
                most = max(len(fits & ways) for ways in straight)
                assert len(found) == max(most, min(1, len(fits)))


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("born", "made", "asked"),
    [
        # By the number of transactions, where QuickBooks tells it.
        (Birth(SENT, 5), Birth(SENT, 6), True),
        (Birth(SENT, 7), Birth(SENT, 6), False),
        (Birth(SENT + MINUTE, 5), Birth(SENT, 6), True),
        (Birth(None, 5), Birth(None, 6), True),
        # Else by the clock of that side.
        (Birth(SENT), Birth(SENT), True),
        (Birth(SENT - MINUTE), Birth(SENT), True),
        (Birth(SENT + MINUTE), Birth(SENT), False),
        (Birth(None), Birth(SENT), True),
        (Birth(SENT), Birth(None), True),
        # What is much older than ours was in no read for another reason.
        (Birth(SENT - 11 * MINUTE, 5), Birth(SENT, 6), False),
        (Birth(SENT - 11 * MINUTE), Birth(SENT), False),
    ],
)
def test_an_equal_entry_may_have_been_typed_while_ours_was_made(
    born: Birth, made: Birth, *, asked: bool
) -> None:
    """One that came after ours is another hour, and so is one that differs."""
    within = 10 * MINUTE
    assert born_meanwhile(entry(), entry(), (born, made), within) is asked
    assert not born_meanwhile(entry(minutes=1), entry(), (born, made), within)


@pytest.mark.parametrize(
    ("others", "age", "not_made"),
    [
        ((-1, 2), 2, True),
        ((-1, 2), 1.9, False),
        ((-1, 1.9), 9, False),
        ((-1,), 9, False),
        ((2,), 9, False),
        ((0, 2), 9, False),
        ((), 9, False),
    ],
)
def test_a_log_tells_only_what_it_would_have_shown(
    others: tuple[float, ...], age: float, *, not_made: bool
) -> None:
    """In minutes from the sending; two are the time in which an answer settles."""
    left = [SENT + one * MINUTE for one in others]
    now, settle = SENT + age * MINUTE, 2 * MINUTE
    assert log_says_not_made(SENT, left, now, settle) is not_made


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
