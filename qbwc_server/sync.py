"""The pure decision of what to do about one record. Knows no database and no network.

`plan` has one branch for each combination of what both sides have, the reason beside
it. It says one step; when the step is done the record is planned anew, until there is
nothing left to do. For one-way kinds QuickBooks owns every mapped field, but being
archived: that flows only when it changed in QuickBooks, so that a person who archives
something in Mosaic is not contradicted every night.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Snapshot: TypeAlias = Mapping[str, Any]

NEVER_ARCHIVED = frozenset({"client"})
"""Mosaic's interface has no archive and no delete for clients."""

_COUNTED_UP = re.compile(r" \(\d+\)$")

MOVES_WITH_PARENT = frozenset({"project"})
"""A project's client can be changed; a phase cannot be taken to another project."""


class Do(StrEnum):
    """What the worker does next about a record."""

    NOTHING = "nothing"
    LINK = "link"
    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of a record: its link, what Mosaic has, what was last agreed."""

    state: str
    quickbooks_gone: bool = False
    mosaic_type: str | None = None
    mosaic_id: int | None = None
    mosaic: Snapshot | None = None
    agreed: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What Mosaic should have for a QuickBooks object.

    Any of `names` is right, the first is preferred; `key` is the Mosaic field that
    holds it. `parent` is the Mosaic id that it must stand under.
    """

    data_type: str
    names: tuple[str, ...]
    archived: bool
    key: Literal["name", "email"] = "name"
    parent: int | None = None
    fields: Snapshot = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is wanted in Mosaic now; `waits_for` names the record it waits for.

    `without_object` says that the object shall have no counterpart of its own at all.
    """

    state: str
    reason: str
    waits_for: str | None = None
    without_object: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object of Mosaic with one of the wanted names under the wanted parent."""

    mosaic_id: int
    key: str
    archived: bool
    claimed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One step, with its reason; `state` is the record's state if nothing is done."""

    do: Do
    reason: str | None = None
    state: str = "pending"
    fields: Snapshot = field(default_factory=dict)
    mosaic_id: int | None = None
    waits_for: str | None = None


def match_key(name: str, parent: int | None = None) -> str:
    """Return the form in which names are compared: case and spaces do not matter."""
    return f"{parent or ''}/{name_key(name)}"


def name_key(name: str) -> str:
    """Return a name as it is compared where it does not matter what it stands under."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def plan(
    side: Side, wanted: Wanted | Hold, candidates: Sequence[Candidate] = ()
) -> Action:
    """Return the next step for a record of a one-way kind.

    `candidates` are what has any of the wanted names, the record's own object too.
    """
    if side.state == "do_not_link":
        return Action(
            Do.NOTHING, "Somebody said that it is not to be linked.", side.state
        )
    if side.mosaic_id is None:
        if side.quickbooks_gone:
            return Action(Do.NOTHING, "Deleted in QuickBooks.", "gone")
        if isinstance(wanted, Hold):
            return _held(wanted)
        return _without_link(wanted, candidates)
    if side.mosaic is None:
        return _vanished(side, wanted)
    if side.quickbooks_gone:
        gone = Action(Do.NOTHING, "Deleted in QuickBooks.", "gone")
        return _put_away(side) or gone
    if isinstance(wanted, Hold):
        if not wanted.without_object:
            return _held(wanted)
        return _put_away(side) or Action(Do.RELEASE, wanted.reason)
    return _with_link(side, side.mosaic, wanted, candidates)


def _held(hold: Hold) -> Action:
    return Action(Do.NOTHING, hold.reason, hold.state, waits_for=hold.waits_for)


def _vanished(side: Side, wanted: Wanted | Hold) -> Action:
    if side.quickbooks_gone:
        return Action(Do.NOTHING, "Deleted on both sides.", "gone")
    if isinstance(wanted, Hold) and wanted.without_object:
        return Action(Do.RELEASE, wanted.reason)
    return Action(
        Do.NOTHING,
        f"Its counterpart {side.mosaic_id} is no longer in Mosaic. Link it to "
        "another one, or unlink it to have it made again.",
        "unlinked",
    )


def _without_link(wanted: Wanted, candidates: Sequence[Candidate]) -> Action:
    """Link what has any of the names; only then make what has none."""
    same_named = {
        name: [one for one in candidates if one.key == match_key(name, wanted.parent)]
        for name in wanted.names
    }
    for name, same in same_named.items():
        free = [one for one in same if one.claimed_by is None]
        in_use = [one for one in free if not one.archived]
        choice = free if len(free) == 1 else in_use
        if len(choice) == 1:
            return Action(
                Do.LINK,
                f"Mosaic has {name} already.",
                mosaic_id=choice[0].mosaic_id,
            )
        if free:
            return Action(
                Do.NOTHING,
                f"Mosaic has {len(free)} that are named {name}. Say which one it is.",
                "unlinked",
            )
    for name, same in same_named.items():
        if not same:
            fields = {wanted.key: name, **wanted.fields}
            if wanted.parent is not None:
                fields["parent"] = wanted.parent
            return Action(Do.CREATE, f"Not in Mosaic yet: {name}.", fields=fields)
    taken = next((same[0] for same in same_named.values()), None)
    return Action(
        Do.NOTHING,
        f"Mosaic's {wanted.names[0]} is linked to {taken.claimed_by} already."
        if taken
        else "It has no name to look for in Mosaic.",
        "unlinked",
    )


def _with_link(
    side: Side, mosaic: Snapshot, wanted: Wanted, candidates: Sequence[Candidate]
) -> Action:
    if side.mosaic_type != wanted.data_type:
        reason = f"In QuickBooks it is now what Mosaic calls a {wanted.data_type}."
        return _put_away(side, reason) or Action(Do.RELEASE, reason)
    # Where QuickBooks has no level above, a project's client is Mosaic's own affair.
    moved = wanted.parent is not None and mosaic.get("parent") != wanted.parent
    if moved and wanted.data_type not in MOVES_WITH_PARENT:
        reason = "It was moved in QuickBooks, which Mosaic cannot do with a phase."
        return _put_away(side, reason) or Action(Do.RELEASE, reason)
    fixed = wanted.data_type in NEVER_ARCHIVED
    if _must_archive(side, wanted) is False and not fixed:
        return Action(Do.UNARCHIVE, "Active again in QuickBooks.")
    changed: dict[str, Any] = {}
    if not _named(mosaic, wanted):
        taken = {one.key for one in candidates if one.mosaic_id != side.mosaic_id}
        free = [
            name for name in wanted.names if match_key(name, wanted.parent) not in taken
        ]
        # The last name is unique in QuickBooks.
        changed[wanted.key] = (free or wanted.names[-1:])[0]
    changed |= {
        name: value
        for name, value in wanted.fields.items()
        if mosaic.get(name) != value
    }
    if moved:
        changed["parent"] = wanted.parent
    if changed:
        return Action(
            Do.UPDATE, "QuickBooks has " + ", ".join(sorted(changed)), fields=changed
        )
    if _must_archive(side, wanted):
        if fixed:
            return Action(
                Do.NOTHING,
                "Inactive in QuickBooks; Mosaic cannot archive a client from outside.",
                "in_sync",
            )
        return Action(Do.ARCHIVE, "Inactive in QuickBooks.")
    return Action(Do.NOTHING, None, "in_sync")


def _named(mosaic: Snapshot, wanted: Wanted) -> bool:
    """Tell whether a name is right; Mosaic counts up a phase's that is in use.

    A sub-job named like its job becomes "House (1)", because the project's own main
    phase is "House"; asking for "House" again would change nothing.
    """
    name = mosaic.get(wanted.key)
    if wanted.data_type == "phase" and isinstance(name, str):
        name = _COUNTED_UP.sub("", name) if name not in wanted.names else name
    return name in wanted.names


def _must_archive(side: Side, wanted: Wanted) -> bool | None:
    """Return the wanted flag if it changed in QuickBooks and Mosaic has the other."""
    mosaic = side.mosaic or {}
    agreed = side.agreed or {}
    if bool(mosaic.get("archived")) == wanted.archived:
        return None
    if agreed.get("archived") == wanted.archived:
        return None
    return wanted.archived


def _put_away(side: Side, reason: str = "Deleted in QuickBooks.") -> Action | None:
    if side.mosaic_type in NEVER_ARCHIVED or (side.mosaic or {}).get("archived"):
        return None
    return Action(Do.ARCHIVE, reason)
