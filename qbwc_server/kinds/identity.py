"""Whether two time entries are one: the only module that says so. Pure.

Two entries are one by what a side said itself about a write, by a person's word, or
because they are equal; nothing weaker joins. What cannot be told is asked, and held.
A person's word, kept by TxnID and Mosaic's number, comes in as a fact like all others.

Equal means: day, minutes, person, job and service item in Mosaic's terms, and notes
but for their spelling and for what QuickBooks cannot keep. Whether it is billable is no
part of it: where equal entries differ in that, it is a conflict of the one entry.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from qbwc_server.kinds import matching
from qbwc_server.kinds.time_entry import (
    CLOCKS_DIFFER,
    from_mosaic,
    moment,
    notes_for_quickbooks,
)

_HERE = TypeVar("_HERE", bound=Hashable)
_Candidate: TypeAlias = tuple[int, Mapping[str, Any], Mapping[str, Any]]
"""An entry of Mosaic: its number, what its API gives, and what that means."""
_SAME_PERSON = ("date", "person")
_SAME = ("date", "minutes", "person", "job", "item")


class Word(StrEnum):
    """What a person said of two entries, for ever or until the next word."""

    ONE = "one"
    TWO = "two"
    ASKED = "asked"
    """Nobody has said it yet: until then they are neither."""


Words: TypeAlias = "Mapping[tuple[str, int], Word]"
"""By QuickBooks' TxnID and Mosaic's number."""


class Likeness(IntEnum):
    """How alike two entries are; what is more alike is paired first."""

    OTHER = 0
    AS_KEPT = 1
    EXACT = 2


def likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> Likeness:
    """Tell how alike two entries are, both in the terms of one side.

    A field that has no counterpart is like nothing: what is left out is another entry.
    """
    if any(name not in one or one[name] != other.get(name) for name in _SAME):
        return Likeness.OTHER
    here, there = str(one.get("notes") or ""), str(other.get("notes") or "")
    if here == there:
        return Likeness.EXACT
    same = _as_kept(here) == _as_kept(there)
    return Likeness.AS_KEPT if same else Likeness.OTHER


def mark(entry: Mapping[str, Any]) -> Hashable:
    """Return what entries have in common that are alike, to find them among many.

    Others may have it too: `likeness` says whether they are alike.
    """
    notes = _as_kept(str(entry.get("notes") or ""))
    return (*(entry.get(name) for name in ("date", "minutes", "person")), notes)


def pairs(
    here: Mapping[str, Mapping[str, Any]],
    there: Mapping[int, Mapping[str, Any]],
    words: Words,
) -> dict[str, int]:
    """Return which entries that each side has alone are one, by their ids.

    `here` are QuickBooks' by TxnID, `there` Mosaic's by number, all in Mosaic's terms
    and all that there are of a person and day, so that of several equal ones each gets
    its own:

    - whom a person called one, however different; whom one called two, or is asked
      about, never;
    - then those that are exactly equal;
    - then those whose notes are equal as QuickBooks keeps them.

    As many are paired as can be: an exact pair is given up only for a pair more.
    """
    found: dict[str, int] = {}
    for (txn_id, number), word in words.items():
        both = txn_id in here and number in there
        free = txn_id not in found and number not in found.values()
        if word is Word.ONE and both and free:
            found[txn_id] = number
    said, taken = frozenset(found), set(found.values())
    left = {number: one for number, one in there.items() if number not in taken}
    like: dict[str, dict[int, Likeness]] = {}
    for txn_id, entry in here.items():
        if txn_id not in said:
            like[txn_id] = {
                number: how
                for number, one in left.items()
                if (txn_id, number) not in words and (how := likeness(entry, one))
            }
    holders: dict[int, str] = {}
    for least in (Likeness.EXACT, Likeness.AS_KEPT):
        edges = {
            txn_id: [number for number, how in those.items() if how >= least]
            for txn_id, those in like.items()
        }
        for txn_id in edges:
            if txn_id not in holders.values():
                matching.give(txn_id, edges, holders)
    return found | {txn_id: number for number, txn_id in holders.items()}


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
    if _as_kept(str(one.get("notes") or "")) != _as_kept(str(other.get("notes") or "")):
        found.append("notes")
    return found[0] if len(found) == 1 else None


class Fate(StrEnum):
    """What became of a creation in Mosaic whose answer was lost."""

    MADE = "made"
    ASK = "ask"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A creation whose answer was lost: what it wanted, and when it left.

    `txn_id` is the entry of QuickBooks that it was made from: a person's word about
    that one and an entry of Mosaic is one about what was lost.
    """

    wanted: Mapping[str, Any]
    sent_at: datetime
    txn_id: str = ""

    @classmethod
    def of(cls, basis: Mapping[str, Any] | None, sent_at: datetime) -> Doubt:
        """Return what a creation wanted, by what both sides were to agree on after."""
        return cls({name: both[1] for name, both in (basis or {}).items()}, sent_at)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a doubt.

    `mosaic_ids` are, where it was made, the one entry that is it; where nobody can
    tell, all that may be it.
    """

    fate: Fate
    mosaic_ids: tuple[int, ...] = field(default=())


def lost_creations(
    doubts: Mapping[_HERE, Doubt],
    bodies: Iterable[Mapping[str, Any]],
    words: Words = MappingProxyType({}),
) -> dict[_HERE, Finding]:
    """Return what became of lost creations, from entries that no record has.

    `bodies` are Mosaic's, as its client gives them, of all days to which somebody may
    have moved one since. What a person called one with a doubt is it, what one called
    another is not. Else only what was created for the same person after the request
    left can be it:

    - as many equal ones as there are equal doubts, or fewer: they are theirs;
    - more: nobody can tell which of them, so it is asked;
    - one that was edited since it was created, and is not equal: it may have been;
    - one that nobody touched, and that differs, is another entry.
    """
    candidates = [
        (int(body["mosaic_id"]), body, snapshot)
        for body in bodies
        if (snapshot := from_mosaic(body)) is not None
    ]
    findings = _said(doubts, [number for number, _, _ in candidates], words)
    taken = {number for one in findings.values() for number in one.mosaic_ids}
    others = {key: _others(doubt, words) for key, doubt in doubts.items()}
    open_ones = {key: it for key, it in doubts.items() if key not in findings}
    groups = _alike(open_ones, others)
    of_mark: dict[Hashable, list[_Candidate]] = {}
    for one in candidates:
        of_mark.setdefault(mark(one[2]), []).append(one)
    # Whoever has fewest to choose from takes first; `sorted` leaves the others' order.
    for group in sorted(groups, key=lambda group: -len(others[group[0]])):
        first = min(doubts[key].sent_at for key in group)
        equal = [
            number
            for number, body, snapshot in of_mark.get(mark(doubts[group[0]].wanted), ())
            if number not in taken
            and number not in others[group[0]]
            and _may_be(doubts[group[0]], first, body, snapshot)
            and likeness(doubts[group[0]].wanted, snapshot)
        ]
        if len(equal) > len(group):
            findings |= {key: Finding(Fate.ASK, tuple(equal)) for key in group}
        else:
            for key, number in zip(group, equal, strict=False):
                findings[key] = Finding(Fate.MADE, (number,))
        taken |= set(equal)
    left = [one for one in candidates if one[0] not in taken and was_edited(one[1])]
    for key, doubt in doubts.items():
        if key in findings:
            continue
        edited = tuple(
            number
            for number, body, snapshot in left
            if number not in others[key]
            and _may_be(doubt, doubt.sent_at, body, snapshot)
        )
        fate = Fate.ASK if edited else Fate.NOT_SEEN
        findings[key] = Finding(fate, edited)
    return findings


def _said(
    doubts: Mapping[_HERE, Doubt], numbers: Sequence[int], words: Words
) -> dict[_HERE, Finding]:
    """Return the doubts of which a person said which entry they are."""
    found: dict[_HERE, Finding] = {}
    for key, doubt in doubts.items():
        for number in numbers:
            if words.get((doubt.txn_id, number)) is Word.ONE:
                found[key] = Finding(Fate.MADE, (number,))
    return found


def _others(doubt: Doubt, words: Words) -> frozenset[int]:
    """Return the entries that a person said a doubt is not."""
    return frozenset(
        number
        for (txn_id, number), word in words.items()
        if txn_id == doubt.txn_id and word is Word.TWO
    )


def may_be_lost(
    doubt: Doubt, body: Mapping[str, Any], snapshot: Mapping[str, Any]
) -> bool:
    """Tell whether an entry of Mosaic that nobody knows may be a lost creation.

    `snapshot` is what `from_mosaic` makes of its body. Until that is settled it is
    held: what nobody touched and differs is another entry.
    """
    if not _may_be(doubt, doubt.sent_at, body, snapshot):
        return False
    return bool(likeness(doubt.wanted, snapshot)) or was_edited(body)


@dataclass(frozen=True, slots=True)
class Birth:
    """When an entry was made, as its own side says it; `number` where that counts."""

    at: datetime | None
    number: int | None = None


def born_meanwhile(
    entry: Mapping[str, Any],
    ours: Mapping[str, Any],
    births: tuple[Birth, Birth],
    within: timedelta,
) -> bool:
    """Tell whether somebody may have typed an hour while we were making it there.

    `entry` was in no read before, `ours` is what we made on the same side; both in
    that side's terms, and `births` theirs. `within` is how old the read may have been
    that we relied on, and the answer. An entry that is not older than ours is one of
    its own. What neither number nor time tells may be either.
    """
    born, made = births
    if not likeness(entry, ours):
        return False
    if born.at is not None and made.at is not None and made.at - born.at > within:
        return False
    if born.number is not None and made.number is not None:
        return born.number < made.number
    return born.at is None or made.at is None or born.at <= made.at


def may_have_come_late(
    doubt: Doubt, entry: Mapping[str, Any], created_at: datetime | None
) -> bool:
    """Tell whether an entry may be a creation that was taken as never made.

    It was sent a second time since; no id says that this is not the first one. `entry`
    is in Mosaic's terms.
    """
    new = _made_since(doubt.sent_at, created_at)
    return new and bool(likeness(doubt.wanted, entry))


def untouched(*bodies: Mapping[str, Any]) -> bool:
    """Tell whether nobody changed any of some entries of Mosaic since it was made."""
    return not any(was_edited(body) for body in bodies)


def log_says_not_made(
    sent_at: datetime, others: Iterable[datetime], now: datetime, settle: timedelta
) -> bool:
    """Tell what it means that Mosaic's request log has no line of a request of ours.

    `others` are when those left that it has, by our own clock and known by our
    reference. Only a log that goes back behind the request, and that has one which
    left a settling time after it, would show it: it may be short, and late.
    """
    known = list(others)
    return (
        now - sent_at >= settle
        and any(one < sent_at for one in known)
        and any(one >= sent_at + settle for one in known)
    )


def was_edited_since(doubt: Doubt, body: Mapping[str, Any]) -> bool:
    """Tell whether an entry was created since a request left, and edited after that.

    Whoever's it is now: until the request was looked for, by its reference too, it is
    held. By itself that makes it nobody's lost creation.
    """
    return _made_since(doubt.sent_at, _created(body)) and was_edited(body)


def _may_be(
    doubt: Doubt, since: datetime, body: Mapping[str, Any], snapshot: Mapping[str, Any]
) -> bool:
    same_person = snapshot["person"] == doubt.wanted.get("person")
    return bool(same_person and _made_since(since, _created(body)))


def _made_since(moment_sent: datetime, created: datetime | None) -> bool:
    """Tell whether an entry was created after a moment; unknown counts as so."""
    return created is None or created >= moment_sent - CLOCKS_DIFFER


def _created(body: Mapping[str, Any]) -> datetime | None:
    return moment(body.get("created_at"))


def was_edited(body: Mapping[str, Any]) -> bool:
    """Tell whether an entry was changed since it was created; unknown counts as so."""
    created, updated = _created(body), moment(body.get("updated_at"))
    return created is None or updated is None or updated != created


def _alike(
    doubts: Mapping[_HERE, Doubt], others: Mapping[_HERE, frozenset[int]]
) -> Sequence[list[_HERE]]:
    """Return doubts in groups that are equal, and that nothing was said apart of."""
    of_mark: dict[Hashable, list[list[_HERE]]] = {}
    for key, doubt in doubts.items():
        groups = of_mark.setdefault(mark(doubt.wanted), [])
        for group in groups:
            if others[group[0]] == others[key] and likeness(
                doubts[group[0]].wanted, doubt.wanted
            ):
                group.append(key)
                break
        else:
            groups.append([key])
    return [group for groups in of_mark.values() for group in groups]


def _as_kept(notes: str) -> str:
    """Return notes as QuickBooks would keep them, but for how blanks were typed."""
    return " ".join(notes_for_quickbooks(notes).split())
