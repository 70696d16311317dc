"""Whose an hour is, where several company files keep their time in one Mosaic team.

Pure. An entry belongs to one company file: it enters no other one, and no other one
changes or deletes it. Whose it is says its claim; where there is none yet, whose links
can take it; and where several can, a person.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, IntEnum


class Whose(Enum):
    """Whose an entry of Mosaic is, seen from one company file."""

    MINE = "this file's"
    OTHERS = "another file's"
    FORGOTTEN = "of a company file that was forgotten"
    ASK = "a person must say"
    WAIT = "another file may have made it"
    MAYBE = "another file's, if this one did not make it"
    NOBODYS = "of no file that could take it"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds an entry; `holder` is None when that company was forgotten."""

    holder: int | None


def whose(
    me: int,
    claim: Claim | None,
    *,
    said: int | None = None,
    said_of_all: int | None = None,
    able: Collection[int] = (),
    on_project: Collection[int] = (),
    others_making: bool = False,
    may_be_mine: bool = False,
) -> Whose:
    """Return whose an entry is; companies are numbers, `me` is the one that asks.

    `said` is whose a person said the hours of this person and project are, and
    `said_of_all` those of everybody on the project: that decides only between files
    that have all of it linked, which are `able`. `on_project` have the project.
    `others_making` tells that another file is creating time of this person in Mosaic,
    or missed a creation of such an entry: it may be just that one, whatever that file
    has linked by now. `may_be_mine` tells that this file missed such a creation.
    """
    if claim is not None:
        if claim.holder is None:
            return Whose.FORGOTTEN
        return Whose.MINE if claim.holder == me else Whose.OTHERS
    mine = Whose.WAIT if others_making else Whose.MINE
    theirs = Whose.MAYBE if may_be_mine else Whose.OTHERS
    if said is not None:
        return mine if said == me else theirs
    if set(able) - {me}:
        if me in able and said_of_all in able:
            return mine if said_of_all == me else theirs
        return Whose.ASK if me in able else theirs
    if me in able:
        return mine
    return theirs if on_project and me not in on_project else Whose.NOBODYS


def able_to_take(
    person: Collection[int],
    project: Collection[int],
    phase: Collection[int],
    item: Collection[int],
) -> frozenset[int]:
    """Return the files that have what an entry needs, each given by who has it linked.

    A phase or category that no file has tells nothing: a main phase is linked nowhere.
    """
    found = frozenset(person) & frozenset(project)
    for those in (phase, item):
        found = found & frozenset(those) or found if those else found
    return found


class Origin(IntEnum):
    """Where the entry of a record that is linked comes from; the first has it."""

    CREATED = 0
    """We created it in Mosaic from this file's entry."""
    OWN = 1
    """This file had it, and it was found in Mosaic."""
    ADDED = 2
    """We added it to this file from Mosaic."""


def origin(*, created: bool, added: bool) -> Origin:
    """Return where a linked entry comes from, from what we did with it."""
    if created:
        return Origin.CREATED
    return Origin.ADDED if added else Origin.OWN
