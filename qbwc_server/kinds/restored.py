"""What a restored backup did to a time entry, and what follows from it. Pure.

A mark on the record says where it stands. Nothing that a restore took was deleted by
anybody: as long as nobody has said what is right, it is asked, and never acted on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from qbwc_server.kinds.list_plan import Snapshot
from qbwc_server.kinds.time_entry import BILLED, FIELDS, QUICKBOOKS_ONLY, in_hours
from qbwc_server.kinds.two_way import Action, Company, Do, Entry, Missing

Way: TypeAlias = Literal["mosaic", "quickbooks"]
WAYS: tuple[Way, ...] = ("mosaic", "quickbooks")
"""Which side is right after a restore: what it undid is put back, or is right so."""
_GOES_BACK = "A restored backup took it away; it is added to QuickBooks again."
_OLDER = "A restored backup has an older form of it; the newer values are put back."
_AGAIN = "A restored backup has it again after it was deleted; it is deleted again."
_NAMED = 5
"""People who are named with their hours; the others are counted."""


class Mark(StrEnum):
    """What a restored backup did to an entry, and what was said of that.

    Of the company file: the restored file lacks it, shows an older form of it, or has
    it again after it was deleted. Then: it goes back to QuickBooks, as a new entry or
    with its newer values, or is deleted there again although time goes one way; or it
    is right that it is not there. Of our own database: the
    restored copy did not know it; a person said that it is meant as it is.
    """

    MISSING = "missing"
    OLDER = "older"
    AGAIN = "again"
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    LEFT = "left"
    COPY = "copy"
    MEANT = "meant"


ASKED = frozenset({Mark.MISSING, Mark.OLDER, Mark.AGAIN})
"""Those of the company file about which a person has the word."""
NOT_THERE = frozenset({Mark.MISSING, Mark.ADD})
"""Those that QuickBooks does not have, although nobody deleted them."""
GOING_BACK = frozenset({Mark.ADD, Mark.CHANGE, Mark.REMOVE})
"""What is written to QuickBooks also where time goes one way: what a restore undid."""
OPEN = ASKED | GOING_BACK
"""Those of the company file that are not over yet, whatever was said of them before."""


def after_compare(
    mark: Mark,
    way: Way | None,
    *,
    by_itself: bool,
    in_mosaic: bool,
    deleted_in_mosaic: bool,
    two_way: bool,
    by_a_person: bool = True,
) -> Mark | None:
    """Return the mark of an entry when everything was compared.

    `way` is which side is right, None where that is not said; `by_itself` that nobody
    said it, because the difference is small. `by_a_person` is that a person deleted
    what is there again, or said so: Mosaic may only not have shown it. None if there is
    nothing more to say: the entry is planned as any other.
    """
    if mark is Mark.MISSING and deleted_in_mosaic:
        return Mark.LEFT
    if mark not in ASKED or way is None:
        return mark
    if way == "quickbooks":
        return said(mark, back=False)
    if mark is Mark.AGAIN:
        if by_itself and not (by_a_person and two_way):
            return mark
        return said(mark, back=True, two_way=two_way)
    if not in_mosaic or (by_itself and not two_way):
        return mark
    return said(mark, back=True)


def said(mark: Mark, *, back: bool, two_way: bool = True) -> Mark | None:
    """Return the mark after a word: back as it was, or right as the file has it.

    Where time goes both ways, what is there again is deleted as anything that a person
    deleted.
    """
    if not back:
        return Mark.LEFT if mark is Mark.MISSING else None
    if mark is Mark.AGAIN:
        return None if two_way else Mark.REMOVE
    return {Mark.MISSING: Mark.ADD, Mark.OLDER: Mark.CHANGE}.get(mark)


def step(entry: Entry, company: Company) -> Action | None:
    """Return what is done about an entry that a restored backup befell.

    None where its plan goes as that of any other.
    """
    lost = entry.lost
    mark = None if entry.restored is None else Mark(entry.restored)
    if mark in ASKED:
        return Action(Do.NOTHING, _question(mark, entry, company), "refused")
    if mark is Mark.ADD and lost is not None:
        if entry.locked is not None:
            return Action(
                Do.NOTHING, f"{entry.locked} {_GOES_BACK} It waits.", "locked"
            )
        fields = values(lost, FIELDS)
        for name, missing in entry.unlisted.items():
            # Made anew it has another ListID, to which Mosaic's may be linked.
            fields[name] = entry.back.get(name, missing)
            if isinstance(fields[name], Missing):
                reason = f"{_GOES_BACK} {missing.reason}"
                return Action(Do.NOTHING, reason, missing.state)
        return Action(Do.ADD, _GOES_BACK, fields=fields)
    if mark is Mark.CHANGE and lost is not None and entry.quickbooks is not None:
        return _changed(entry, entry.quickbooks, lost)
    if mark is Mark.REMOVE and entry.quickbooks is not None:
        if entry.locked is not None:
            return Action(Do.NOTHING, f"{entry.locked} {_AGAIN} It waits.", "locked")
        return Action(Do.DEL, _AGAIN)
    return None


def _changed(entry: Entry, now: Snapshot, lost: Snapshot) -> Action | None:
    names = differing(now, lost)
    if not names:
        return None
    if entry.locked is not None:
        return Action(Do.NOTHING, f"{entry.locked} {_OLDER} It waits.", "locked")
    # QuickBooks wants the person and the duration in every change (its schema).
    wanted = values(lost, dict.fromkeys(("person", "minutes", *names)))
    return Action(Do.MOD, _OLDER, fields=wanted)


def when_shown(mark: str | None, lost: Snapshot | None, now: Snapshot) -> str | None:
    """Return what is left of a mark when QuickBooks shows the entry.

    What was missing is there; what was older may be as it was known.
    """
    if mark in {Mark.AGAIN, Mark.REMOVE, Mark.COPY, Mark.MEANT}:
        return mark
    return mark if mark in {Mark.OLDER, Mark.CHANGE} and lost != now else None


def values(snapshot: Snapshot, names: Iterable[str]) -> dict[str, Any]:
    """Return fields as they can be written: an invoice cannot be written with them."""
    found = {name: snapshot.get(name) for name in names}
    if found.get("billable") == BILLED:
        found["billable"] = "Billable"
    return found


def differing(now: Snapshot, lost: Snapshot) -> list[str]:
    """Return the fields in which QuickBooks has something else than we knew."""
    names = (*FIELDS, *QUICKBOOKS_ONLY)
    here, there = values(now, names), values(lost, names)
    return [name for name in names if (here[name] or None) != (there[name] or None)]


def _question(mark: Mark | None, entry: Entry, company: Company) -> str:
    if mark is Mark.AGAIN:
        return (
            f"There again with the restored file, after it was deleted: {entry.name}. "
            "Say whether it is to be deleted again or is right so."
        )
    if mark is Mark.OLDER:
        before = in_hours(int((entry.lost or {}).get("minutes") or 0))
        told = (
            f"Older in the restored file than we knew it: {entry.name}; it had {before}"
        )
    else:
        told = f"Not in the restored file: {entry.name}"
    if entry.mosaic is None:
        return (
            f"{told}. It was in QuickBooks alone. Say whether it is to be put back "
            "there, from what we know, or is right so."
        )
    if mark is Mark.OLDER:
        right = "is right so, and goes to Mosaic"
    else:
        right = "is to be removed from Mosaic too"
    also = "" if company.two_way else ", from what we know"
    return (
        f"{told}. Mosaic has it. Say whether it is to be put back in QuickBooks{also}, "
        f"or {right}."
    )


def told(taken: Sequence[tuple[str, str, int]], asked: str = "") -> str:
    """Return in words what a restore took: entries, hours, and whose.

    `taken` are the mark, the person and the minutes of each entry, as we knew it. What
    is `asked` comes before all numbers: Web Connector's Status has no room for all.
    """
    parts = ["A backup of the company file was restored.", asked]
    gone, older = (
        [one for one in taken if one[0] == mark] for mark in (Mark.MISSING, Mark.OLDER)
    )
    counted = [
        f"{_counted(some, one, more)} ({_sum(some)})"
        for some, one, more in (
            (gone, "time entry is missing in it", "time entries are missing in it"),
            (older, "is older than we knew it", "are older than we knew them"),
        )
        if some
    ]
    minutes: dict[str, int] = {}
    for _, person, many in (*gone, *older):
        minutes[person] = minutes.get(person, 0) + many
    if counted:
        parts.append(f"{' and '.join(counted)}: {by_person(minutes)}.")
    again = [one for one in taken if one[0] == Mark.AGAIN]
    if again:
        one, more = "is there again", "are there again"
        parts.append(f"Of what was deleted, {_counted(again, one, more)}.")
    if not (counted or again):
        parts.append("Nothing of time is missing in it.")
    return " ".join(part for part in parts if part)


def _counted(some: Sequence[object], one: str, more: str) -> str:
    return f"{len(some):,} {one if len(some) == 1 else more}"


def _sum(taken: Iterable[tuple[str, str, int]]) -> str:
    return f"{in_hours(sum(minutes for _, _, minutes in taken))} hours"


def by_person(minutes: Mapping[str, int]) -> str:
    """Return whose hours they are, those with most first: "Ann Lee 12:30, ..."."""
    most = sorted(minutes.items(), key=lambda one: (-one[1], one[0]))
    named = ", ".join(f"{name} {in_hours(many)}" for name, many in most[:_NAMED])
    rest = most[_NAMED:]
    if not rest:
        return named
    others = in_hours(sum(many for _, many in rest))
    return f"{named}, and {len(rest)} others {others}"
