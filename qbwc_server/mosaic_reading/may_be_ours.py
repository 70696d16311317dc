"""Entries of Mosaic that may be what a creation of ours made: held until it is settled.

Rule: while a creation of ours is open, an entry that nobody knows may be just that one,
if `identity` says so. It is kept, but waits until the creation is settled.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import time_entry
from qbwc_server.kinds.identity import (
    Doubt,
    likeness,
    mark,
    may_be_lost,
    was_edited,
    was_edited_since,
)
from qbwc_server.records import time_of_mosaic
from qbwc_server.records.one_or_two import meanwhile
from qbwc_server.storage import tables

_RECORD = tables.record
_CALL = tables.mosaic_call


@dataclass(frozen=True, slots=True)
class Creation:
    """An open creation: the id of its call, and what it wanted."""

    call_id: int
    doubt: Doubt


class Creating:
    """The open creations of a company, among which the maker of an entry is found.

    There are thousands where Mosaic takes a first load and its callbacks stay out.
    """

    def __init__(self, connection: Connection, company_id: int) -> None:
        self._alike: dict[Hashable, list[Creation]] = {}
        self._of_person: dict[Any, list[Creation]] = {}
        self._not_looked_for: list[Creation] = []
        for row in connection.execute(_open(company_id)):
            one = Creation(row.id, doubt_of(row))
            wanted = one.doubt.wanted
            self._alike.setdefault(mark(wanted), []).append(one)
            self._of_person.setdefault(wanted.get("person"), []).append(one)
            if row.looks == 0:
                self._not_looked_for.append(one)

    def claiming(
        self, body: Mapping[str, Any], snapshot: Mapping[str, Any]
    ) -> int | None:
        """Return the call of the creation that may have made an entry, by `identity`.

        One that was not looked for yet may have made what somebody gave to another
        person. What is equal waits however old it is: once it is known what was made,
        the two are compared. `snapshot` is what the entry's body means.
        """
        for one in self._alike.get(mark(snapshot), ()):
            if likeness(one.doubt.wanted, snapshot):
                return one.call_id
        edited = was_edited(body)
        for one in self._of_person.get(snapshot["person"], ()) if edited else ():
            if may_be_lost(one.doubt, body, snapshot):
                return one.call_id
        for one in self._not_looked_for if edited else []:
            if was_edited_since(one.doubt, body):
                return one.call_id
        return None


def _open(company_id: int) -> sa.Select[Any]:
    return (
        sa.select(_CALL.c.id, _CALL.c.basis, _CALL.c.created_at, _CALL.c.looks)
        .where(
            _CALL.c.company_id == company_id,
            _CALL.c.data_type == time_entry.NAME,
            _CALL.c.operation == "create",
            _CALL.c.settled_at.is_(None),
        )
        .order_by(_CALL.c.id)
    )


def doubt_of(call: Row[Any]) -> Doubt:
    """Return what an open creation wanted, and when it left."""
    return Doubt.of(call.basis, call.created_at)


def hold(
    connection: Connection, call: Row[Any], mosaic_ids: Iterable[int], now: datetime
) -> None:
    """Have the records of entries wait for the question whether one is a lost one.

    What waited for the creation besides is free: it is none of them.
    """
    _release(connection, call, now, but=set(mosaic_ids))
    reason = (
        f"May be what was sent for record {call.record_id}, which was not answered; "
        "that record says what is asked. Nothing is done with it until that is known."
    )
    time_of_mosaic.hold(connection, call.company_id, mosaic_ids, call.id, reason)


def let_go(connection: Connection, call: Row[Any], now: datetime) -> None:
    """Go on with the entries that waited for a creation, now that it is settled.

    Where another one of that person is open, they wait for that.
    """
    _release(connection, call, now)


def _release(
    connection: Connection,
    call: Row[Any],
    now: datetime,
    *,
    but: AbstractSet[int] = frozenset(),
) -> None:
    rows = connection.execute(
        sa.select(_RECORD.c.id, _RECORD.c.mosaic_id, _RECORD.c.mosaic).where(
            _RECORD.c.company_id == call.company_id,
            _RECORD.c.waits_for == f"call:{call.id}",
            _RECORD.c.mosaic_id.is_(None) | _RECORD.c.mosaic_id.not_in(list(but)),
        )
    ).all()
    if not rows:
        return
    # When each was made is not kept: what was held for one may be the other's. What
    # only QuickBooks has waited to be made itself.
    of_person: dict[int | None, list[int]] = {}
    for row in rows:
        of_person.setdefault(row.mosaic and row.mosaic["person"], []).append(row.id)
    freed: list[int] = []
    for person, ids in of_person.items():
        other = None if person is None else _other(connection, call, person)
        if other is None:
            time_of_mosaic.let_go(connection, call.company_id, ids, now)
            freed += [row.mosaic_id for row in rows if row.id in ids and row.mosaic_id]
        else:
            time_of_mosaic.hold_for_other(connection, call.company_id, ids, other)
    meanwhile.ask_in_mosaic(connection, call.company_id, freed, now)


def _other(connection: Connection, call: Row[Any], person: int) -> int | None:
    """Return another open creation of a person, if there is one."""
    wanted = _CALL.c.basis[("person", 1)].as_integer()
    found: int | None = connection.execute(
        _open(call.company_id)
        .with_only_columns(_CALL.c.id)
        .where(_CALL.c.id != call.id, wanted == person)
        .limit(1)
    ).scalar()
    return found
