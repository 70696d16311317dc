"""The pure decision of what to do about one record. Knows no database and no network.

`plan` has one branch for each combination of what both sides have, the reason beside
it. It says one step; when the step is done the record is planned anew, until there is
nothing left to do. For one-way kinds QuickBooks owns every mapped field, but being
archived: that flows only when it changed in QuickBooks, so that a person who archives
something in Mosaic is not contradicted every night.

A person's choice comes before names. What another company file of the same Mosaic team
is linked to is not linked by its name alone, unless it is of a kind that is shared by
nature, and one that is shared is changed only by the company that had it first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Snapshot: TypeAlias = Mapping[str, Any]

NEVER_ARCHIVED = frozenset({"client"})
"""Mosaic's interface has no archive and no delete for clients."""

SHARED_BY_NATURE = frozenset({"employee", "standard_work_category"})
"""What company files of one team may have in common without a person's word: people,
and the team's one list of work categories. The hours on them are each file's own."""

_COUNTED_UP = re.compile(r" \(\d+\)$")
_MOST_OF_ONE_NAME = 20
_SAID = {"email": "e-mail address", "parent": "place"}
_NO_WORD = re.compile(r"[\W_]+")

MOVES_WITH_PARENT = frozenset({"project"})
"""A project's client can be changed; a phase cannot be taken to another project."""


class Choice(StrEnum):
    """What a person said about a record; nobody said anything where there is none."""

    LATER = "later"
    NEW = "new"
    NONE = "none"
    LINK = "link"


class Shared(StrEnum):
    """Whether other company files of the team have the same counterpart.

    `FIRST` had it before them, `LATER` came after one of them.
    """

    NO = ""
    FIRST = "first"
    LATER = "later"


TOLD_NOT_TO_LINK = "Somebody said that it is not to be linked."
TOLD_LATER = "Somebody said that this is to be decided later."
ELSEWHERE = "Another company file of your team is linked to it already."


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
    """What is known of a record: its link, what Mosaic has, what was last agreed.

    `choice` is what a person said, `shared` whether another company has its link too.
    """

    state: str
    quickbooks_gone: bool = False
    mosaic_type: str | None = None
    mosaic_id: int | None = None
    mosaic: Snapshot | None = None
    agreed: Snapshot | None = None
    choice: str | None = None
    shared: Shared = Shared.NO


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
    """An object of Mosaic with one of the wanted names under the wanted parent.

    `claimed_by` names the record of the company that is linked to it; `elsewhere` says
    that a record of another company is.
    """

    mosaic_id: int
    key: str
    archived: bool
    claimed_by: str | None = None
    elsewhere: bool = False


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


def near_key(name: str) -> str:
    """Return the form in which names are similar, which is no more than a suggestion.

    Case, blanks, punctuation, accents and the order of the words do not matter.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = (one for one in plain if not unicodedata.combining(one))
    return " ".join(sorted(_NO_WORD.sub(" ", "".join(letters)).split()))


def plan(
    side: Side, wanted: Wanted | Hold, candidates: Sequence[Candidate] = ()
) -> Action:
    """Return the next step for a record of a one-way kind.

    `candidates` are what has any of the wanted names, the record's own object too; for
    one that is to be made anew, what has any of `names_for_new`.
    """
    if side.choice == Choice.NONE:
        return Action(Do.NOTHING, TOLD_NOT_TO_LINK, "do_not_link")
    if side.mosaic_id is None:
        if side.quickbooks_gone:
            return Action(Do.NOTHING, "Deleted in QuickBooks.", "gone")
        if side.choice == Choice.LATER:
            return Action(Do.NOTHING, TOLD_LATER, "unlinked")
        if isinstance(wanted, Hold):
            return _held(wanted)
        if side.choice == Choice.NEW:
            return _made_anew(wanted, candidates)
        return _without_link(wanted, candidates)
    if side.mosaic is None:
        return _vanished(side, wanted)
    action = _of_linked(side, side.mosaic, wanted, candidates)
    return _spare_the_others(side, action)


def _of_linked(
    side: Side,
    mosaic: Snapshot,
    wanted: Wanted | Hold,
    candidates: Sequence[Candidate],
) -> Action:
    if side.quickbooks_gone:
        gone = Action(Do.NOTHING, "Deleted in QuickBooks.", "gone")
        return _put_away(side) or gone
    if isinstance(wanted, Hold):
        if not wanted.without_object:
            return _held(wanted)
        return _put_away(side) or Action(Do.RELEASE, wanted.reason)
    return _with_link(side, mosaic, wanted, candidates)


def _spare_the_others(side: Side, action: Action) -> Action:
    """Leave a shared object as it is: the others' hours are on it.

    The company that had it first may change its fields, or two would contradict each
    other for ever; put away it is by nobody but a person.
    """
    if side.shared is Shared.NO or action.do in {Do.NOTHING, Do.RELEASE}:
        return action
    if side.shared is Shared.FIRST and action.do is Do.UPDATE:
        return action
    return Action(
        Do.NOTHING,
        "Left as it is in Mosaic, because another company file of your team has it "
        f"too. {action.reason}",
        "gone" if side.quickbooks_gone else "in_sync",
    )


def names_for_new(wanted: Wanted) -> Wanted:
    """Return what is wanted with all names that something new may get."""
    if wanted.key != "name":
        return wanted
    counted = (f"{wanted.names[0]} ({n})" for n in range(2, _MOST_OF_ONE_NAME + 1))
    return replace(wanted, names=(*wanted.names, *counted))


def _made_anew(wanted: Wanted, candidates: Sequence[Candidate]) -> Action:
    """Make it under the first name that nothing has, whatever it could be linked to."""
    taken = {one.key for one in candidates}
    for name in names_for_new(wanted).names:
        if match_key(name, wanted.parent) not in taken:
            return _create(wanted, name, f"To be made anew: {name}.")
    return Action(
        Do.NOTHING,
        f"Mosaic has {wanted.names[0]} already, and it cannot be there twice. Link it "
        "to that one, or do not link it.",
        "unlinked",
    )


def _create(wanted: Wanted, name: str, reason: str) -> Action:
    fields = {wanted.key: name, **wanted.fields}
    if wanted.parent is not None:
        fields["parent"] = wanted.parent
    return Action(Do.CREATE, reason, fields=fields)


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
        if wanted.data_type not in SHARED_BY_NATURE:
            held = free
            free = [one for one in held if not one.elsewhere]
            if held and not free:
                return Action(
                    Do.NOTHING,
                    f"Mosaic has {name}. {ELSEWHERE} Say whether both share it.",
                    "unlinked",
                )
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
            return _create(wanted, name, f"Not in Mosaic yet: {name}.")
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
    if not _named(side, mosaic, wanted):
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
        return Action(Do.UPDATE, _differs(changed), fields=changed)
    if _must_archive(side, wanted):
        if fixed:
            return Action(
                Do.NOTHING,
                "Inactive in QuickBooks; Mosaic cannot archive a client from outside.",
                "in_sync",
            )
        return Action(Do.ARCHIVE, "Inactive in QuickBooks.")
    return Action(Do.NOTHING, None, "in_sync")


def _named(side: Side, mosaic: Snapshot, wanted: Wanted) -> bool:
    """Tell whether a name is right; Mosaic counts up a phase's that is in use.

    A sub-job named like its job becomes "House (1)", because the project's own main
    phase is "House"; asking for "House" again would change nothing. What was made anew
    beside another of its name is counted by us. A member who was linked by hand keeps
    the address in Mosaic: it is what they log in with.
    """
    if wanted.key == "email" and side.choice == Choice.LINK:
        return True
    name = mosaic.get(wanted.key)
    counted = wanted.data_type == "phase" or side.choice == Choice.NEW
    if counted and isinstance(name, str):
        name = _COUNTED_UP.sub("", name) if name not in wanted.names else name
    return name in wanted.names


def _differs(changed: Snapshot) -> str:
    names = [_SAID.get(one, one.replace("_", " ")) for one in sorted(changed)]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"QuickBooks has another {listed}."


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
