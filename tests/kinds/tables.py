"""The tables of identity and gate in docs/time-entries.md, printed from the code.

Each line is asked of the pure function itself, so a table says what the program does.
`python -m tests.kinds.tables` writes them into the document.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from qbwc_server.kinds import crossed, gate, identity
from qbwc_server.kinds.crossed import Step
from qbwc_server.kinds.gate import Reading, Verdict
from qbwc_server.kinds.identity import Birth, Doubt, Fate, Likeness
from qbwc_server.kinds.tombstone import Stone, Who, Word
from qbwc_server.kinds.two_way import Missing

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "time-entries.md"
NOW: Final = datetime(2026, 3, 3, 15, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
ENTRY: Final[Mapping[str, Any]] = {
    "date": "2026-03-03",
    "minutes": 60,
    "person": 7,
    "job": [10, 11],
    "item": 3,
    "notes": "Plan (draft)",
    "billable": True,
}
_OTHERS: Final[Sequence[tuple[str, Mapping[str, Any]]]] = (
    ("nothing", {}),
    ("blanks in the notes", {"notes": "  Plan  (draft) "}),
    ("whether it is billable", {"billable": False}),
    ("the day", {"date": "2026-03-04"}),
    ("the duration", {"minutes": 61}),
    ("the person", {"person": 8}),
    ("the job", {"job": [10, 12]}),
    ("the service item", {"item": None}),
    ("the notes", {"notes": "plan (draft)"}),
    ("a field that has no counterpart", {"job": Missing("left out")}),
)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [list(head), ["---"] * len(head), *map(list, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def likeness_table() -> str:
    """Return how alike two entries are that differ in one thing."""
    words = {
        Likeness.EXACT: "equal, paired first",
        Likeness.AS_KEPT: "equal",
        Likeness.OTHER: "two",
    }
    lines = [
        (what, words[identity.likeness({**ENTRY, **other}, ENTRY)])
        for what, other in _OTHERS
    ]
    return _table(("they differ in", "they are"), lines)


def lost_table() -> str:
    """Return what becomes of one or two equal creations whose answers were lost."""
    words = {
        Fate.MADE: "made",
        Fate.ASK: "asked",
        Fate.NOT_SEEN: "looked for again, then made again",
    }
    lines = []
    for lost, equal, edited in itertools.product((1, 2), (0, 1, 2, 3), (0, 1)):
        doubts = {number: Doubt(ENTRY, NOW) for number in range(lost)}
        bodies = [_body(number) for number in range(equal)]
        bodies += [_body(9, minutes=75, edited=True)] * edited
        fates = identity.lost_creations(doubts, bodies).values()
        told = " and ".join(dict.fromkeys(words[one.fate] for one in fates))
        lines.append((str(lost), str(equal), "one" if edited else "none", told))
    head = ("equal ones lost", "equal ones there", "an edited other one", "they are")
    return _table(head, lines)


def _body(number: int, *, minutes: int = 60, edited: bool = False) -> dict[str, Any]:
    created = NOW + timedelta(seconds=20)
    updated = created + timedelta(minutes=5) if edited else created
    return {
        "mosaic_id": number + 1,
        "date": ENTRY["date"],
        "hours": minutes / 60,
        "member_id": ENTRY["person"],
        "project_id": ENTRY["job"][0],
        "phase_id": ENTRY["job"][1],
        "standard_work_category_id": ENTRY["item"],
        "description": ENTRY["notes"],
        "is_billable": ENTRY["billable"],
        "created_at": created.isoformat(),
        "updated_at": updated.isoformat(),
    }


def birth_table() -> str:
    """Return which equal entries may have been typed while ours was made."""
    within = timedelta(minutes=10)
    numbers = (("below ours", 1), ("above ours", 3), ("none", None))
    moments = (
        ("before ours", NOW - SECOND),
        ("with ours", NOW),
        ("after ours", NOW + SECOND),
        ("long before ours", NOW - within - SECOND),
        ("unknown", None),
    )
    lines = []
    for (number, count), (when, at) in itertools.product(numbers, moments):
        born = identity.born_meanwhile(
            ENTRY, ENTRY, (Birth(at, count), Birth(NOW, 2)), within
        )
        lines.append((number, when, "asked" if born else "another entry"))
    return _table(("its TxnNumber is", "it was created", "it is"), lines)


def crossed_table() -> str:
    """Return what an equal entry means for a deletion that is to be carried over."""
    day, hour = timedelta(days=1), timedelta(hours=1)
    there = (
        ("there", None, True),
        ("not shown by one reading", Stone(Who.NOT_SHOWN, NOW), False),
        ("the same, and by none for a day", Stone(Who.NOT_SHOWN, NOW - day), False),
        ("deleted by somebody, or not shown", Stone(Who.NOT_SHOWN, NOW), True),
        (
            "not shown; a person says that it is not deleted",
            Stone(Who.NOT_SHOWN, NOW, word=Word.STAYS),
            True,
        ),
        ("taken away by us", Stone(Who.OURS, NOW), True),
        ("taken away by a restored backup", Stone(Who.RESTORE, NOW), True),
    )
    here = (
        ("there", None, False),
        ("there, and something is on its way about it", None, True),
        ("deleted by us, less than a day before", Stone(Who.OURS, NOW - hour), False),
        ("deleted by us, a day before", Stone(Who.OURS, NOW - day), False),
        ("deleted by somebody", Stone(Who.PERSON, NOW), False),
    )
    lines = []
    for (other, lost, counts), (this, gone, busy) in itertools.product(there, here):
        step = crossed.step(NOW, lost, gone, NOW, counts=counts, busy=busy)
        if step is not Step.CARRY:
            lines.append((other, this, step.value))
    lines.append(("anything else", "anything", Step.CARRY.value))
    head = (
        "the equal one is, on the other side",
        "on the side of the deletion",
        "then",
    )
    return _table(head, lines)


def quickbooks_table() -> str:
    """Return when a write to QuickBooks leaves."""
    yes, no = "yes", "no"
    lines = []
    for moved, missed, typed in itertools.product((no, yes), repeat=3):
        verdict = gate.into_quickbooks(
            {"job": "J-1"},
            ["job"],
            {"job": "J-2" if moved == yes else "J-1"},
            [ENTRY] if typed == yes else [],
            ENTRY,
            misses=1 if missed == yes else 0,
        )
        told = "leaves" if verdict is Verdict.GO else "is planned again"
        lines.append((moved, missed, typed, told))
    head = (
        "what it writes is linked otherwise now",
        "Mosaic just did not show it",
        "an equal one stands in QuickBooks alone",
        "an Add",
    )
    return _table(head, lines)


def reads_table() -> str:
    """Return how old a read of a side may be when something is made there."""
    ages = (gate.FRESH, gate.FRESH + SECOND, gate.AGED, gate.AGED + SECOND, -SECOND)
    names = ("5 minutes", "more", "an hour", "more than an hour", "in the future")
    hot = timedelta(days=14)
    lines = []
    for name, age in zip(names, ages, strict=True):
        read = NOW - age
        mosaic = [
            gate.mosaic_was_read(day, 7, [Reading(day, day, read)], NOW, hot)
            for day in (
                (NOW.date() - hot).isoformat(),
                (NOW.date() - hot - timedelta(days=1)).isoformat(),
            )
        ]
        here = [
            gate.quickbooks_was_read(read, read + since, NOW)
            for since in (timedelta(), SECOND)
        ]
        kept = gate.is_fresh(read, NOW, timedelta(minutes=15))
        lines.append((name, *("yes" if it else "no" for it in (*here, *mosaic, kept))))
    head = (
        "begun before",
        "QuickBooks' read, in this session",
        "in an earlier one",
        "Mosaic's, of the last 14 days",
        "of an older day",
        "the write itself, where it settles after 15 minutes",
    )
    return _table(head, lines)


TABLES: Final = {
    "likeness": likeness_table,
    "lost creations": lost_table,
    "births": birth_table,
    "crossed": crossed_table,
    "into QuickBooks": quickbooks_table,
    "reads": reads_table,
}


def in_document(text: str, name: str) -> str | None:
    """Return the table of that name as a document has it, None if it has none."""
    mark = rf"<!-- printed: {re.escape(name)} -->\n(.*?)\n<!-- /printed -->"
    found = re.search(mark, text, re.DOTALL)
    return found[1] if found else None


def main() -> None:
    """Write the tables into the document."""
    text = DOCUMENT.read_text("utf-8")
    for name, printed in TABLES.items():
        if (before := in_document(text, name)) is not None:
            mark = f"<!-- printed: {name} -->\n"
            text = text.replace(mark + before, mark + printed())
    DOCUMENT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
