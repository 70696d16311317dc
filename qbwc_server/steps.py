"""One step for one record of a list: planned, and kept as a write to Mosaic.

Rule: a step is planned from what is in the database in the same transaction that keeps
it, and is sent only after that transaction is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server import (
    claims,
    companies,
    inventory,
    list_calls,
    models,
    mosaic_calls,
    records,
    sync,
)
from qbwc_server.companies import Company
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.mosaic_shape import wire
from qbwc_server.sending import Step
from qbwc_server.sync import (
    Action,
    Choice,
    Do,
    Hold,
    Shared,
    Side,
    Wanted,
    match_key,
)

_RECORD = models.record
_WOULD = {
    Do.LINK: "would be linked",
    Do.CREATE: "would be created",
    Do.UPDATE: "would be changed",
    Do.ARCHIVE: "would be archived",
    Do.UNARCHIVE: "would be brought back",
    Do.RELEASE: "would be unlinked",
}
_CHANGES = frozenset({Do.UPDATE, Do.ARCHIVE, Do.UNARCHIVE})
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

        What is on a list stands on what was delivered before it, so nothing is gained
        by planning several at once.
        """
        steps = [self._plan(connection, record_id) for record_id in record_ids]
        return [step for step in steps if step is not None]

    def _plan(self, connection: Connection, record_id: int) -> Step | None:
        """Plan one record; do what needs no Mosaic here, or keep and return a write."""
        company = companies.get(connection, self._company_id)
        row = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == company.id, _RECORD.c.id == record_id
            )
        ).one()
        now = self._clock()
        if row.due_at is None or row.due_at > now:
            return None
        if mosaic_calls.open_calls(
            connection, company.id, models.mosaic_call.c.record_id == record_id
        ):
            self._change(connection, record_id, due_at=None)
            return None
        wanted = self._wanted(connection, company, row)
        found = []
        if isinstance(wanted, Wanted):
            found = inventory.candidates(
                connection,
                company.id,
                _looked_for(row, wanted),
                record_id=record_id,
                team=company.team,
            )
        action = sync.plan(_side(connection, company, row), wanted, found)
        data_type = (
            wanted.data_type
            if row.mosaic_id is None and isinstance(wanted, Wanted)
            else row.mosaic_type
        )
        key = ""
        if action.do is Do.CREATE and isinstance(wanted, Wanted):
            key = match_key(str(action.fields[wanted.key]), wanted.parent)
        why = self._not_again(connection, row, action, data_type, key)
        if why is not None:
            action = Action(Do.NOTHING, why, "refused")
        if action.do is Do.NOTHING:
            self._rest(connection, row, action)
            return None
        if not company.delivers:
            self._change(
                connection,
                record_id,
                state="pending",
                reason=f"{_why_not(company)}: {data_type} {_WOULD[action.do]}. "
                f"{action.reason}",
                due_at=None,
            )
            return None
        if self._done_here(connection, row, action, data_type, now):
            return None
        if self._renames_client(connection, data_type, action):
            self._change(
                connection,
                record_id,
                state="pending",
                reason="Waits until the change of its client is made in Mosaic.",
                waits_for=f"{row.kind}:{row.parent_id}",
                due_at=now + self._settle,
            )
            return None
        return self.keep(connection, row, action, data_type, key)

    def _done_here(
        self,
        connection: Connection,
        row: Row[Any],
        action: Action,
        data_type: str,
        now: datetime,
    ) -> bool:
        """Do what needs no Mosaic: link what is there, or let go of it."""
        company_id = row.company_id
        if action.do is Do.LINK and action.mosaic_id is not None:
            snapshot = inventory.get(
                connection, company_id, data_type, action.mosaic_id
            )
            inventory.link(
                connection,
                company_id,
                row.id,
                data_type,
                action.mosaic_id,
                snapshot or {},
                by="matched by name",
                now=now,
            )
            return True
        if action.do is Do.RELEASE:
            inventory.unlink(connection, row, why=action.reason, by="plan", now=now)
            return True
        return False

    def _renames_client(
        self, connection: Connection, data_type: str, action: Action
    ) -> bool:
        """Tell whether the client that a project is put under is being changed.

        A project names its client, and Mosaic makes one that it does not know: under a
        name that is just given up there would be a second client.
        """
        parent = action.fields.get("parent")
        if data_type != "project" or parent is None:
            return False
        call = models.mosaic_call
        coming = mosaic_calls.open_calls(
            connection,
            self._company_id,
            call.c.data_type == "client",
            call.c.mosaic_id == parent,
        )
        return bool(coming)

    def _not_again(
        self,
        connection: Connection,
        row: Row[Any],
        action: Action,
        data_type: str,
        key: str,
    ) -> str | None:
        """Return why a step is not taken once more; None if it may be taken."""
        if action.do in _CHANGES and row.attempt >= _MOST_CHANGES:
            return (
                f"Mosaic took the same change {row.attempt} times but has not made it. "
                "Look at it in Mosaic; it is tried again when the lists are read."
            )
        if action.do is Do.CREATE and mosaic_calls.gave_up(
            connection, row.company_id, data_type, key
        ):
            return mosaic_calls.NEVER_APPEARED
        return None

    def _wanted(
        self, connection: Connection, company: Company, row: Row[Any]
    ) -> Wanted | Hold:
        mirror = KINDS[row.kind].mirror
        if mirror is None or row.quickbooks_gone:
            return Hold("in_sync", "Nothing is wanted of it in Mosaic.")
        wanted = mirror(records.line(connection, company.id, row), company.structure)
        if (
            isinstance(wanted, Wanted)
            and wanted.data_type == "project"
            and company.mosaic_portfolio is None
        ):
            reason = "Waits for the company's portfolio in Mosaic."
            return Hold("unlinked", reason, waits_for=list_calls.PORTFOLIO)
        return wanted

    def _rest(self, connection: Connection, row: Row[Any], action: Action) -> None:
        self._change(
            connection,
            row.id,
            state=action.state,
            reason=action.reason,
            waits_for=action.waits_for,
            due_at=None,
            attempt=0,
        )
        told = "do_not_link"
        if (row.state == told) != (action.state == told) and row.quickbooks_id:
            # What stands on it says so too, or no longer.
            records.wake_waiting(
                connection, row.company_id, row.kind, row.quickbooks_id, self._clock()
            )
        if action.state == "gone":
            records.event(
                connection,
                row.company_id,
                row.id,
                at=self._clock(),
                what="gone",
                by="quickbooks",
            )

    def keep(
        self,
        connection: Connection,
        row: Row[Any] | None,
        action: Action,
        data_type: str,
        key: str,
    ) -> Step:
        """Keep a write as a call before it leaves; `row` is its record, if any."""
        company = companies.get(connection, self._company_id)
        fields = dict(action.fields)
        client_name = None
        if data_type == "project" and fields.get("parent") is not None:
            client = inventory.get(connection, company.id, "client", fields["parent"])
            client_name = (client or {}).get("name")
        sent = wire(data_type, fields, client_name=client_name)
        if action.do is Do.CREATE and data_type == "project":
            sent["portfolio_id"] = company.mosaic_portfolio
        project_id = None
        if data_type == "phase" and row is not None and row.mosaic is not None:
            project_id = row.mosaic.get("parent")
            if action.do is Do.UPDATE:
                sent["project_id"] = project_id
        mosaic_id = None if action.do is Do.CREATE or row is None else row.mosaic_id
        call_id, ref = mosaic_calls.begin(
            connection,
            company.id,
            operation=action.do.value,
            data_type=data_type,
            record_id=None if row is None else row.id,
            mosaic_id=mosaic_id,
            fields=sent,
            key=key,
            reason=action.reason,
            now=self._clock(),
            settle=self._settle,
        )
        if mosaic_id is not None and row is not None:
            # Kept before it is overwritten: a person may want to read it.
            records.event(
                connection,
                company.id,
                row.id,
                at=self._clock(),
                what=f"{action.do.value} asked for",
                by="plan",
                detail={"before": row.mosaic, "sent": sent},
            )
        return Step(
            call_id, ref, action.do.value, data_type, mosaic_id, sent, project_id
        )

    def _change(self, connection: Connection, record_id: int, **values: object) -> None:
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == self._company_id, _RECORD.c.id == record_id)
            .values(**values)
        )


def _why_not(company: Company) -> str:
    if company.mode == "live":
        return "Stopped until somebody has looked"
    return company.mode.capitalize()


def _looked_for(row: Row[Any], wanted: Wanted) -> Wanted:
    if row.choice == Choice.NEW and row.mosaic_id is None:
        return sync.names_for_new(wanted)
    return wanted


def _side(connection: Connection, company: Company, row: Row[Any]) -> Side:
    shared = Shared.NO
    if row.mosaic_id is not None:
        shared = claims.shared(
            connection, company.team, company.id, row.mosaic_type, row.mosaic_id
        )
    return Side(
        state=row.state,
        quickbooks_gone=row.quickbooks_gone,
        mosaic_type=row.mosaic_type,
        mosaic_id=row.mosaic_id,
        mosaic=row.mosaic,
        agreed=row.agreed,
        choice=row.choice,
        shared=shared,
    )
