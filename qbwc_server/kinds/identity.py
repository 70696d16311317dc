"""Whether two time entries are one: the only module that says so. Pure.

Two entries are one by what a side said itself about a write, by a person's word, or
because they are equal; nothing weaker joins. What cannot be told is asked, and held.

Equal means: day, minutes, person, job and service item in Mosaic's terms, and notes
but for their spelling and for what QuickBooks cannot keep. Whether it is billable is no
part of it: where equal entries differ in that, it is a conflict of the one entry.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

from qbwc_server.kinds.time_entry import (
    CLOCKS_DIFFER,
    from_mosaic,
    moment,
    notes_for_quickbooks,
)

_HERE = TypeVar("_HERE", bound=Hashable)
_SAME_PERSON = ("date", "person")
_SAME = ("date", "minutes", "person", "job", "item")


class Likeness(IntEnum):
    """How alike two entries are; what is more alike is paired first."""

    OTHER = 0
    AS_KEPT = 1
    EXACT = 2


def likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> Likeness:
    """Tell how alike two entries are, both in Mosaic's terms.

    A field that has no counterpart is like nothing: what is left out is another entry.
    """
    if any(name not in one or one[name] != other.get(name) for name in _SAME):
        return Likeness.OTHER
    here, there = str(one.get("notes") or ""), str(other.get("notes") or "")
    if here == there:
        return Likeness.EXACT
    same = _as_kept(here) == _as_kept(there)
    return Likeness.AS_KEPT if same else Likeness.OTHER


def nearly(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Return the one field in which two entries of a person and day differ.

    None where they are equal, differ in more, or are of another person or day. One
    that was edited on one side, while nobody knew of it, looks like that. Both are in
    Mosaic's terms; whether it is billable is no part of it.
    """
    if any(name not in one or one[name] != other.get(name) for name in _SAME_PERSON):
        return None
    fields = (name for name in _SAME if name not in _SAME_PERSON)
    found = [name for name in fields if one.get(name) != other.get(name)]
    here, there = str(one.get("notes") or ""), str(other.get("notes") or "")
    if _as_kept(here) != _as_kept(there):
        found.append("notes")
    return found[0] if len(found) == 1 else None


class Fate(StrEnum):
    """What became of a creation in Mosaic whose answer was lost."""

    MADE = "made"
    ASK = "ask"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A creation whose answer was lost: what it wanted, and when it left."""

    wanted: Mapping[str, Any]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a doubt.

    `mosaic_ids` are, where it was made, the one entry that is it; where nobody can
    tell, all that may be it.
    """

    fate: Fate
    mosaic_ids: tuple[int, ...] = field(default=())


def lost_creations(
    doubts: Mapping[_HERE, Doubt], bodies: Iterable[Mapping[str, Any]]
) -> dict[_HERE, Finding]:
    """Return what became of lost creations, from entries that no record has.

    `bodies` are Mosaic's, as its client gives them, of all days to which somebody may
    have moved one since. Only what was created for the same person after the request
    left can be it:

    - as many equal ones as there are equal doubts, or fewer: they are theirs;
    - more: nobody can tell which of them, so it is asked;
    - one that was edited since it was created, and is not equal: it may have been;
    - one that nobody touched, and that differs, is another entry.
    """
    candidates = [
        (body, snapshot)
        for body in bodies
        if (snapshot := from_mosaic(body)) is not None
    ]
    findings: dict[_HERE, Finding] = {}
    taken: set[int] = set()
    for group in _alike(doubts):
        first = min(doubts[key].sent_at for key in group)
        equal = [
            int(body["mosaic_id"])
            for body, snapshot in candidates
            if _may_be(doubts[group[0]], first, body, snapshot)
            and likeness(doubts[group[0]].wanted, snapshot)
        ]
        if len(equal) > len(group):
            findings |= {key: Finding(Fate.ASK, tuple(equal)) for key in group}
        else:
            for key, number in zip(group, equal, strict=False):
                findings[key] = Finding(Fate.MADE, (number,))
        taken |= set(equal)
    for key, doubt in doubts.items():
        if key in findings:
            continue
        edited = tuple(
            int(body["mosaic_id"])
            for body, snapshot in candidates
            if int(body["mosaic_id"]) not in taken
            and _may_be(doubt, doubt.sent_at, body, snapshot)
            and _was_edited(body)
        )
        fate = Fate.ASK if edited else Fate.NOT_SEEN
        findings[key] = Finding(fate, edited)
    return findings


def may_be_lost(doubt: Doubt, body: Mapping[str, Any]) -> bool:
    """Tell whether an entry of Mosaic that nobody knows may be a lost creation.

    Until that is settled it is held: what nobody touched and differs is another entry.
    """
    snapshot = from_mosaic(body)
    if snapshot is None or not _may_be(doubt, doubt.sent_at, body, snapshot):
        return False
    return bool(likeness(doubt.wanted, snapshot)) or _was_edited(body)


def was_edited_since(doubt: Doubt, body: Mapping[str, Any]) -> bool:
    """Tell whether an entry was created since a request left, and edited after that.

    Whoever's it is now: until the request was looked for, by its reference too, it is
    held. By itself that makes it nobody's lost creation.
    """
    return _made_since(doubt.sent_at, body) and _was_edited(body)


def _may_be(
    doubt: Doubt, since: datetime, body: Mapping[str, Any], snapshot: Mapping[str, Any]
) -> bool:
    same_person = snapshot["person"] == doubt.wanted.get("person")
    return bool(same_person and _made_since(since, body))


def _made_since(moment_sent: datetime, body: Mapping[str, Any]) -> bool:
    """Tell whether an entry was created after a moment; unknown counts as so."""
    created = moment(body.get("created_at"))
    return created is None or created >= moment_sent - CLOCKS_DIFFER


def _was_edited(body: Mapping[str, Any]) -> bool:
    """Tell whether an entry was changed since it was created; unknown counts as so."""
    created, updated = moment(body.get("created_at")), moment(body.get("updated_at"))
    return created is None or updated is None or updated != created


def _alike(doubts: Mapping[_HERE, Doubt]) -> Sequence[list[_HERE]]:
    groups: list[list[_HERE]] = []
    for key, doubt in doubts.items():
        for group in groups:
            if likeness(doubts[group[0]].wanted, doubt.wanted):
                group.append(key)
                break
        else:
            groups.append([key])
    return groups


def _as_kept(notes: str) -> str:
    """Return notes as QuickBooks would keep them, but for how blanks were typed."""
    return " ".join(notes_for_quickbooks(notes).split())
