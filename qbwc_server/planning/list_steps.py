"""One step for records of lists: planned, and kept as a write to Mosaic.

Rule: a step is planned from what is in the database in the same transaction that keeps
it, and is sent only after that transaction is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.delivery import outbox, reservations
from qbwc_server.delivery.reservations import Elsewhere
from qbwc_server.delivery.sending import Step
from qbwc_server.kinds.list_plan import Action, Do
from qbwc_server.kinds.mosaic_lists import CALLED
from qbwc_server.planning import list_facts, list_writes
from qbwc_server.planning.list_writes import Planned
from qbwc_server.records import history, links, mosaic_objects, transitions, waiting
from qbwc_server.records.history import Happened
from qbwc_server.records.links import Link
from qbwc_server.storage import tables

_RECORD = tables.record
_WOULD = {
    Do.LINK: "would be linked",
    Do.CREATE: "would be created",
    Do.UPDATE: "would be changed",
    Do.ARCHIVE: "would be archived",
    Do.UNARCHIVE: "would be brought back",
    Do.RELEASE: "would be unlinked",
}
_CHANGES = frozenset({Do.UPDATE, Do.ARCHIVE, Do.UNARCHIVE})
_LEFT_OUT = "do_not_link"
_LONG_AGO = timedelta(days=365)
_MADE_ELSEWHERE = (
    "Another company file of your team has just made it in Mosaic, or is making it. It "
    "is looked for there again first."
)
_MOST_CHANGES = 3
"""In a row about one record; more means that Mosaic does not do what it says."""


class Steps:
    """Takes records of one company a step further.

    `settle` is how long an answer of Mosaic may stay out before it is looked for.
    """

    def __init__(
        self,
        company_id: int,
        *,
        clock: Callable[[], datetime],
        settle: timedelta,
    ) -> None:
        self._company_id = company_id
        self._clock = clock
        self._settle = settle

    def plan(self, connection: Connection, record_ids: Sequence[int]) -> list[Step]:
        """Plan records; do what needs no Mosaic here, and keep and return the writes.

        What is on a list stands on what was delivered before it: those that stand on
        another one of these stay due and are planned after it.
        """
        company = registry.get(connection, self._company_id)
        rows = self._due(connection, record_ids)
        facts = list_facts.gather(connection, company, rows)
        alone = list(facts.alone())
        under_way = [row.id for row in alone if row.id in facts.open]
        planned = [
            list_writes.planned(facts, row) for row in alone if row.id not in facts.open
        ]
        planned = self._not_again(connection, planned)
        rest = [one for one in planned if one.action.do is Do.NOTHING]
        to_do = [one for one in planned if one.action.do is not Do.NOTHING]
        self._leave(connection, under_way)
        self._rest(connection, rest)
        if not company.delivers:
            self._hold_back(connection, company, to_do)
            return []
        return self.keep(connection, company, self._do_here(connection, company, to_do))

    def _due(self, connection: Connection, record_ids: Sequence[int]) -> list[Row[Any]]:
        """Return those of the records that are due, in the order of the ids."""
        rows = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self._company_id,
                _RECORD.c.id.in_(record_ids),
                _RECORD.c.due_at <= self._clock(),
            )
        ).all()
        place = {record_id: number for number, record_id in enumerate(record_ids)}
        return sorted(rows, key=lambda row: place[row.id])

    def _leave(self, connection: Connection, record_ids: list[int]) -> None:
        """Leave records as they are: a write of theirs is on its way."""
        if record_ids:
            transitions.leave(connection, self._company_id, record_ids)

    def _not_again(
        self, connection: Connection, planned: list[Planned]
    ) -> list[Planned]:
        """Stop steps that were taken often enough and changed nothing."""
        creations = [one for one in planned if one.action.do is Do.CREATE]
        given_up = {
            (data_type, key)
            for data_type in {one.data_type for one in creations}
            for key in outbox.gave_up(
                connection,
                self._company_id,
                data_type,
                [one.key for one in creations if one.data_type == data_type],
            )
        }
        checked = []
        for one in planned:
            why = None
            if one.action.do in _CHANGES and one.row.attempt >= _MOST_CHANGES:
                why = (
                    f"Mosaic took the same change {one.row.attempt} times but has not "
                    "made it. Look at it in Mosaic; it is tried again when the lists "
                    "are read."
                )
            elif one.action.do is Do.CREATE and (one.data_type, one.key) in given_up:
                why = outbox.NEVER_APPEARED
            refused = Action(Do.NOTHING, why, "refused")
            checked.append(
                one
                if why is None
                else Planned(one.row, refused, one.data_type, one.key)
            )
        return checked

    def _rest(self, connection: Connection, planned: list[Planned]) -> None:
        """Write down of records that nothing is done about them now, and why."""
        now = self._clock()
        said: dict[tuple[str, str | None, str | None], list[Row[Any]]] = {}
        for one in planned:
            action = one.action
            told = (action.state, action.reason, action.waits_for)
            said.setdefault(told, []).append(one.row)
        for (state, reason, waits_for), rows in said.items():
            transitions.rest(
                connection,
                self._company_id,
                rows,
                state,
                reason,
                now=now,
                awaited=(waits_for,),
                tries_over=True,
            )
        # What stands on one that is left out says so too, or no longer.
        told_so = [
            one.row
            for one in planned
            if (one.row.state == _LEFT_OUT) != (one.action.state == _LEFT_OUT)
        ]
        here = [(it.kind, it.quickbooks_id) for it in told_so if it.quickbooks_id]
        there = [f"{it.mosaic_type}:{it.mosaic_id}" for it in told_so if it.mosaic_id]
        waiting.wake_waiting_for(connection, self._company_id, here, now)
        waiting.wake_named(connection, self._company_id, there, now)
        gone = [
            Happened(one.row.id, "gone", "quickbooks")
            for one in planned
            if one.action.state == "gone"
        ]
        history.events(connection, self._company_id, gone, at=now)

    def _hold_back(
        self, connection: Connection, company: Company, planned: list[Planned]
    ) -> None:
        """Say what would be done if the company's records were delivered."""
        for one in planned:
            what = CALLED.get(one.data_type, one.data_type)
            would = f"a {what} {_WOULD[one.action.do]}. {one.action.reason}"
            reason = f"{_why_not(company)}: {would}"
            transitions.hold_back(connection, self._company_id, one.row.id, reason)

    def _do_here(
        self, connection: Connection, company: Company, planned: list[Planned]
    ) -> list[Planned]:
        """Do what needs no Mosaic: link what is there, or let go of it.

        Returns what is to be sent.
        """
        now = self._clock()
        by_name = [one for one in planned if one.action.do is Do.LINK]
        there = self._objects(
            connection, [(one.data_type, one.action.mosaic_id) for one in by_name]
        )
        found = [
            Link(
                one.row.id,
                one.data_type,
                one.action.mosaic_id,
                there[one.data_type, one.action.mosaic_id],
            )
            for one in by_name
            if one.action.mosaic_id is not None
        ]
        links.link_all(
            connection, self._company_id, found, by="matched by name", now=now
        )
        for one in planned:
            if one.action.do is Do.RELEASE:
                links.unlink(
                    connection, one.row, why=one.action.reason, by="plan", now=now
                )
        left = [one for one in planned if one.action.do not in {Do.LINK, Do.RELEASE}]
        waits = self._under_renamed_clients(connection, left)
        for one in waits:
            transitions.wait_until(
                connection,
                self._company_id,
                one.row.id,
                "Waits until the change of its client is made in Mosaic.",
                now + self._settle,
                awaited=f"{one.row.kind}:{one.row.parent_id}",
            )
        left = [one for one in left if one not in waits]
        return self._unless_made_elsewhere(connection, company, left)

    def _unless_made_elsewhere(
        self, connection: Connection, company: Company, planned: list[Planned]
    ) -> list[Planned]:
        """Leave out what another company file of the team is making or has made.

        It is planned again when Mosaic's lists were read, and show it.
        """
        now = self._clock()
        taken = reservations.begin(
            connection,
            company.team,
            company.id,
            {(one.data_type, one.key) for one in planned if one.action.do is Do.CREATE},
            read_at=company.mosaic_read_at,
            now=now,
        )
        left = []
        for one in planned:
            if one.action.do is Do.CREATE and (one.data_type, one.key) in taken:
                transitions.wait_until(
                    connection,
                    self._company_id,
                    one.row.id,
                    _MADE_ELSEWHERE,
                    now + self._settle,
                )
            else:
                left.append(one)
        if Elsewhere.MADE in taken.values():
            # So old that the next pass reads the lists again before anything else.
            registry.change(connection, company.id, mosaic_read_at=now - _LONG_AGO)
        return left

    def _under_renamed_clients(
        self, connection: Connection, planned: list[Planned]
    ) -> list[Planned]:
        """Return projects whose client is being changed.

        A project names its client, and Mosaic makes one that it does not know: under a
        name that is just given up there would be a second client.
        """
        call = tables.mosaic_call
        placed = [one for one in planned if list_writes.client_of(one) is not None]
        if not placed:
            return []
        changing = {
            row.mosaic_id
            for row in outbox.open_calls(
                connection,
                self._company_id,
                call.c.data_type == "client",
                call.c.mosaic_id.in_({list_writes.client_of(one) for one in placed}),
            )
        }
        return [one for one in placed if list_writes.client_of(one) in changing]

    def keep(
        self, connection: Connection, company: Company, planned: list[Planned]
    ) -> list[Step]:
        """Keep writes as calls before they leave."""
        clients = self._objects(
            connection, [("client", list_writes.client_of(one)) for one in planned]
        )
        writes = [
            list_writes.write_of(
                company, one, clients.get(("client", list_writes.client_of(one)))
            )
            for one in planned
        ]
        now = self._clock()
        calls = outbox.begin(
            connection, company.id, writes, now=now, settle=self._settle
        )
        # Kept before it is overwritten: a person may want to read it.
        before = [
            Happened(
                one.row.id,
                f"{write.operation} asked for",
                "plan",
                {"before": one.row.mosaic, "sent": dict(write.fields)},
            )
            for one, write in zip(planned, writes, strict=True)
            if one.row is not None and write.mosaic_id is not None
        ]
        history.events(connection, company.id, before, at=now)
        return [
            Step(
                call_id,
                ref,
                write.operation,
                write.data_type,
                write.mosaic_id,
                dict(write.fields),
                list_writes.project_of(one),
            )
            for (call_id, ref), one, write in zip(calls, planned, writes, strict=True)
        ]

    def _objects(
        self, connection: Connection, objects: Sequence[tuple[str, int | None]]
    ) -> dict[tuple[str, int | None], dict[str, Any]]:
        """Return objects of Mosaic as last read."""
        found: dict[tuple[str, int | None], dict[str, Any]] = {}
        for data_type in {each for each, _ in objects}:
            ids = {
                one for each, one in objects if each == data_type and one is not None
            }
            there = mosaic_objects.several(connection, self._company_id, data_type, ids)
            found |= {(data_type, number): one for number, one in there.items()}
        return found


def _why_not(company: Company) -> str:
    if company.mode == "live":
        return "Stopped until somebody has looked"
    return company.mode.capitalize()
