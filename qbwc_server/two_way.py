"""The pure decision of what to do about one time entry. Knows no database, no network.

`plan` is total: each combination of what both sides did since they last agreed has one
branch, with its reason beside it. It says one step; when the step is done the entry is
planned anew, until there is nothing left to do.

Each side is compared with its own past, in its own terms (`agreed` holds both), so a
text or a number that the other side keeps in another form is never taken for a change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from qbwc_server.sync import Snapshot

SideName: TypeAlias = Literal["quickbooks", "mosaic"]
Agreed: TypeAlias = "dict[str, dict[str, Any]]"
_LETTERS = re.compile(r"\W+")


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
    changed the same field. `held` says why nothing may be written now.
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
    period. `settled` are a person's decisions: {field: side that is right}.
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
    newest: SideName = "quickbooks"
    settled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """One step, with its reason; `state` is the record's state if nothing is done.

    `fields` are what is written, in the terms of the side it is written to; `basis`
    tells for each of them what both sides then agree on: {field: [QuickBooks',
    Mosaic's]}. `lost` are values that a policy decided against: {field: {...}}.
    """

    do: Do
    reason: str | None = None
    state: str = "pending"
    fields: Mapping[str, Any] = field(default_factory=dict)
    basis: Mapping[str, list[Any]] = field(default_factory=dict)
    lost: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waits_for: str | None = None


def agreed_after(
    agreed: Mapping[str, Snapshot] | None,
    basis: Mapping[str, list[Any]],
    found: Snapshot,
    side: SideName,
) -> Agreed:
    """Return what both sides agree on once a write to one side is done.

    `basis` is the write's {field: [QuickBooks', Mosaic's]}; `found` is what the side
    has now, which counts there instead of what it was asked to keep.
    """
    before = agreed or {}
    after: Agreed = {
        name: dict(before.get(name) or {}) for name in ("quickbooks", "mosaic")
    }
    for one, (quickbooks, mosaic) in basis.items():
        after["quickbooks"][one] = quickbooks
        after["mosaic"][one] = mosaic
        after[side][one] = found.get(one, after[side][one])
    return after
