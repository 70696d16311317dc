"""A time entry as both sides have it, and how the two compare. Pure.

Each side is compared with its own past, in its own terms (`agreed` holds both), so a
text or a number that the other side keeps in another form is never taken for a change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from qbwc_server.kinds.edited import SideName
from qbwc_server.kinds.list_plan import Snapshot
from qbwc_server.kinds.time_entry import (
    FIELDS,
    is_billable,
)

Agreed: TypeAlias = "dict[str, dict[str, Any]]"
LINKED = ("person", "job", "item")
"""Fields that name an object by its own number on each side, bound by a link."""
_NEVER: Any = object()
_LETTERS = re.compile(r"\W+")
_TELLING = 20
"""Letters that make the beginning of a text unmistakably that text, cut off."""
_LIMIT = 250
"""No side keeps less of a text; what somebody has shortened is mostly shorter."""


class Do(StrEnum):
    """What is done next about a time entry."""

    NOTHING = "nothing"
    AGREE = "agree"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADD = "add"
    MOD = "mod"
    DEL = "del"


IN_MOSAIC = frozenset({Do.CREATE, Do.UPDATE, Do.DELETE})
IN_QUICKBOOKS = frozenset({Do.ADD, Do.MOD, Do.DEL})


class Part(StrEnum):
    """What a side did with the entry since both last agreed."""

    ABSENT = "absent"
    SAME = "same"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a field has no counterpart; `waits_for` names what would bring it."""

    reason: str
    waits_for: str | None = None
    state: str = "unlinked"


@dataclass(frozen=True, slots=True)
class Company:
    """What a company has decided.

    `policy` is newest, quickbooks, mosaic or ask: which side is right where both
    changed the same field. `newest` asks, too, where nobody knows which was later.
    `held` says why nothing may be written now.
    """

    policy: str = "newest"
    two_way: bool = True
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One time entry as both sides have it.

    `facing` is QuickBooks' entry in Mosaic's terms, `back` Mosaic's in QuickBooks';
    a field without a counterpart is `Missing` there. `locked` says why QuickBooks does
    not let it be changed, `closed` why what Mosaic wants to write lies in a closed
    period. `later` is the side whose change of a field was made later, where both
    changed it and that is known: {field: side}. `settled` are a person's decisions:
    {field: side that is right}, `instead` what a person wants on both sides in place of
    what was kept, in Mosaic's terms. `restored` is the mark of a restored backup
    (`kinds.restored`), `lost` what QuickBooks had before it, `unlisted` which fields of
    that refer to what it has no more, `name` how people call the entry. `came_late` are
    fields in which Mosaic has what a change of ours wanted that was not seen there.
    """

    quickbooks: Snapshot | None = None
    mosaic: Snapshot | None = None
    agreed: Mapping[str, Snapshot] | None = None
    quickbooks_gone: bool = False
    mosaic_gone: bool = False
    facing: Mapping[str, Any] = field(default_factory=dict)
    back: Mapping[str, Any] = field(default_factory=dict)
    locked: str | None = None
    closed: str | None = None
    later: Mapping[str, SideName] = field(default_factory=dict)
    settled: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    restored: str | None = None
    lost: Snapshot | None = None
    unlisted: Mapping[str, Missing] = field(default_factory=dict)
    came_late: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One step, with its reason; `state` is the record's state if nothing is done.

    `fields` are what is written, in the terms of the side it is written to; `basis`
    tells for each of them what both sides then agree on: {field: [QuickBooks',
    Mosaic's]}. `lost` are values that a policy decided against: {field: {...}}.
    `waits_for` is what the entry waits for, None if only a person can free it; `also`
    is whatever else would take a part of the reason away when it arrives. `until` is
    when it is planned again by the clock alone.
    """

    do: Do
    reason: str | None = None
    state: str = "pending"
    fields: Mapping[str, Any] = field(default_factory=dict)
    basis: Mapping[str, list[Any]] = field(default_factory=dict)
    lost: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waits_for: str | None = None
    also: tuple[str, ...] = ()
    until: datetime | None = None


def parts(entry: Entry) -> tuple[Part, Part]:
    """Return what each side, QuickBooks first, did since both last agreed."""
    return (
        _part(
            entry.quickbooks,
            gone=entry.quickbooks_gone,
            changed=any(changed_in(entry, "quickbooks", name) for name in FIELDS),
        ),
        _part(
            entry.mosaic,
            gone=entry.mosaic_gone,
            changed=any(changed_in(entry, "mosaic", name) for name in FIELDS),
        ),
    )


def agreed_after(
    agreed: Mapping[str, Snapshot] | None,
    basis: Mapping[str, list[Any]],
    found: Snapshot,
    side: SideName,
    *,
    edited: bool = False,
) -> Agreed:
    """Return what both sides agree on after a write.

    Args:
        agreed: What they agreed on before.
        basis: {field: [QuickBooks' value, Mosaic's value]} that the write was for.
        found: What the side that was written to has now.
        side: Which side that is.
        edited: Whether somebody has changed the entry there since the write.

    A field that still has its old value was not taken: it stays to be written. One that
    has a third value was changed by somebody meanwhile, and is a change of that side;
    but notes that are ours in another spelling are taken as they are, unless they may
    be somebody's own.
    """
    before = agreed or {}
    new: Agreed = {
        "quickbooks": dict(before.get("quickbooks", {})),
        "mosaic": dict(before.get("mosaic", {})),
    }
    for name, values in basis.items():
        both = dict(zip(("quickbooks", "mosaic"), values, strict=True))
        got = found.get(name)
        if got != both[side]:
            if alike(name, both[side], got, edited=edited):
                both[side] = got
            elif got == new[side].get(name, _NEVER):
                continue
        for each, value in both.items():
            new[each][name] = value
    return new


def alike(name: str, asked: Any, got: Any, *, edited: bool = False) -> bool:
    """Tell whether a side only keeps what it was given in its own spelling.

    Where somebody has `edited` the entry, another sign or a shorter text may be meant:
    then only blanks are spelling, and the cut of a long text.
    """
    if name == "billable":
        return isinstance(asked, str) and is_billable(asked) == is_billable(str(got))
    if name != "notes" or not isinstance(got, str):
        return False
    if edited and got.split() != str(asked).split() and len(got) < _LIMIT:
        return False
    short, whole = _LETTERS.sub("", got), _LETTERS.sub("", str(asked))
    return short == whole or (len(short) >= _TELLING and whole.startswith(short))


def _part(snapshot: Snapshot | None, *, gone: bool, changed: bool) -> Part:
    if gone:
        return Part.DELETED
    if snapshot is None:
        return Part.ABSENT
    return Part.CHANGED if changed else Part.SAME


def changed_in(entry: Entry, side: SideName, name: str) -> bool:
    """Tell whether a side changed a field in a way that means anything to the other.

    Time that was put on an invoice has another status, and is as billable as before.
    """
    now = entry.quickbooks if side == "quickbooks" else entry.mosaic
    if now is None:
        return False
    if entry.agreed is None:
        return True
    other: SideName = "mosaic" if side == "quickbooks" else "quickbooks"
    if now.get(name) == entry.agreed[side].get(name, _NEVER):
        return False
    told = (entry.facing if side == "quickbooks" else entry.back).get(name, _NEVER)
    return bool(told != entry.agreed[other].get(name, _NEVER))


def linked_otherwise(entry: Entry, name: str) -> bool:
    """Tell whether a field differs because a link changed, and on no side the entry.

    Hours that were sent under the old link are still where it led to, whether or not
    that is linked to anything now.
    """
    if name not in LINKED or entry.agreed is None:
        return False
    if not entry.quickbooks or not entry.mosaic:
        return False
    return (
        not changed_in(entry, "quickbooks", name)
        and not changed_in(entry, "mosaic", name)
        and not isinstance(entry.facing.get(name), Missing)
        and not equal(entry, name)
    )


def came_late(entry: Entry, name: str) -> bool:
    """Tell whether Mosaic's change of a field may be one of ours that came late."""
    return name in entry.came_late and changed_in(entry, "mosaic", name)


def equal(entry: Entry, name: str) -> bool:
    """Tell whether both sides have the same in a field, each in its own terms."""
    quickbooks, mosaic = entry.quickbooks or {}, entry.mosaic or {}
    return bool(
        entry.facing.get(name, _NEVER) == mosaic.get(name)
        or entry.back.get(name, _NEVER) == quickbooks.get(name)
    )
