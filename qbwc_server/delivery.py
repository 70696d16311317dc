"""Brings one company's Mosaic up to what its records say: one pass of the worker.

Rule 1: no transaction is open while Mosaic is asked.
Rule 2: a step is planned from what is in the database in the same transaction that
keeps the step, so whatever dies, the next pass goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server import companies, inventory, models, mosaic_calls, records
from qbwc_server.budget import Budget, BudgetSpent
from qbwc_server.companies import Company
from qbwc_server.database import company_transaction
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.mosaic_shape import TYPES, wire
from qbwc_server.mosaic.answers import WriteAnswer
from qbwc_server.mosaic.callback import Callback
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import (
    Forbidden,
    Invalid,
    MosaicError,
    NotFound,
    RateLimited,
    Unauthorised,
)
from qbwc_server.sync import Action, Do, Hold, Side, Wanted, match_key, plan

_RECORD = models.record
_CALLBACK = models.mosaic_callback
_LOG = structlog.get_logger(__name__)
_BATCH = 50
_PAUSE_AFTER_REFUSAL = timedelta(minutes=15)
_WOULD = {
    Do.LINK: "would be linked",
    Do.CREATE: "would be created",
    Do.UPDATE: "would be changed",
    Do.ARCHIVE: "would be archived",
    Do.UNARCHIVE: "would be brought back",
    Do.RELEASE: "would be unlinked",
}


class LeaseLost(Exception):
    """Another worker has taken over the company."""


@dataclass(frozen=True, slots=True)
class Step:
    """A write that was kept and is now to be sent."""

    call_id: int
    ref: str
    do: Do
    data_type: str
    mosaic_id: int | None
    fields: dict[str, Any]
    project_id: int | None


class Delivery:
    """One pass for one company.

    `alive` is called between steps and raises LeaseLost when another worker has the
    company; `settle` is how long an answer of Mosaic may stay out.
    """

    def __init__(
        self,
        engine: Engine,
        company: Company,
        client: MosaicClient,
        budget: Budget,
        *,
        clock: Callable[[], datetime],
        settle: timedelta,
        refresh: timedelta,
        alive: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._company = company
        self._client = client
        self._budget = budget
        self._clock = clock
        self._settle = settle
        self._refresh = refresh
        self._alive = alive

    def run(self) -> datetime | None:
        """Do all that can be done now; return when there will be more, or None.

        Raises:
            LeaseLost: another worker goes on.
        """
        try:
            self._take_callbacks()
            self._refresh_lists()
            self._look_for_open_calls()
            self._ensure_portfolio()
            while self._deliver_some():
                self._take_callbacks()
        except BudgetSpent as spent:
            return self._clock() + timedelta(seconds=spent.wait)
        except RateLimited as limited:
            self._budget.block(limited.retry_after)
            return self._clock() + timedelta(seconds=limited.retry_after)
        except (Unauthorised, Forbidden) as error:
            self._attend(error)
            return self._clock() + _PAUSE_AFTER_REFUSAL
        except MosaicError as error:
            _LOG.warning(
                "Mosaic not usable", company=self._company.id, why=error.support
            )
            return self._clock() + self._settle
        return None

    def _transaction(self) -> Any:
        return company_transaction(self._engine, self._company.id)

    def _take_callbacks(self) -> None:
        """Work with what Mosaic called back; what nobody waits for is only noted."""
        with self._transaction() as connection:
            rows = connection.execute(
                sa.select(_CALLBACK)
                .where(
                    _CALLBACK.c.company_id == self._company.id,
                    _CALLBACK.c.handled_at.is_(None),
                )
                .order_by(_CALLBACK.c.id)
                .limit(500)
            ).all()
        for row in rows:
            with self._transaction() as connection:
                self._take_callback(connection, row)
                connection.execute(
                    _CALLBACK.update()
                    .where(
                        _CALLBACK.c.company_id == row.company_id,
                        _CALLBACK.c.id == row.id,
                    )
                    .values(handled_at=self._clock())
                )

    def _take_callback(self, connection: Connection, row: Row[Any]) -> None:
        call = next(
            iter(
                mosaic_calls.open_calls(
                    connection,
                    self._company.id,
                    models.mosaic_call.c.ref == row.ref,
                )
            ),
            None,
        )
        if call is None or row.ref is None:
            return
        said = Callback(**row.body)
        now = self._clock()
        if said.error is not None or said.status >= 300:
            reason = said.error or f"status {said.status}"
            mosaic_calls.refused(connection, call, reason, now)
        elif not mosaic_calls.done(
            connection, call, said.mosaic_id, said.record, by="callback", now=now
        ):
            self._look_soon(connection, call, now)

    def _look_soon(self, connection: Connection, call: Row[Any], now: datetime) -> None:
        connection.execute(
            models.mosaic_call.update()
            .where(
                models.mosaic_call.c.company_id == call.company_id,
                models.mosaic_call.c.id == call.id,
            )
            .values(check_at=now)
        )

    def _refresh_lists(self) -> None:
        """Read Mosaic's lists for the first time, and again every few hours."""
        now = self._clock()
        read_at = self._company.mosaic_read_at
        if read_at is not None and now - read_at < self._refresh:
            return
        for data_type in TYPES:
            self._read_list(data_type)
            if data_type == "portfolio":
                self._adopt_portfolio()
        with self._transaction() as connection:
            companies.change(connection, self._company.id, mosaic_read_at=now)
            connection.execute(
                _RECORD.update()
                .where(
                    _RECORD.c.company_id == self._company.id,
                    _RECORD.c.state == "refused",
                    _RECORD.c.mosaic_type.is_not(None) | _RECORD.c.due_at.is_(None),
                )
                .values(due_at=now)
            )

    def _read_list(self, data_type: str) -> None:
        self._alive()
        inventory.refresh(
            self._engine,
            self._company.id,
            self._client,
            data_type,
            portfolio=self._portfolio(),
            now=self._clock(),
        )

    def _portfolio(self) -> int | None:
        with self._transaction() as connection:
            return companies.get(connection, self._company.id).mosaic_portfolio

    def _adopt_portfolio(self) -> None:
        with self._transaction() as connection:
            company = companies.get(connection, self._company.id)
            same = inventory.unclaimed(
                connection, company.id, "portfolio", match_key(company.name)
            )
            if company.mosaic_portfolio is None and same:
                companies.change(connection, company.id, mosaic_portfolio=same[0][0])

    def _look_for_open_calls(self) -> None:
        """Find out what became of writes whose answer stayed out."""
        now = self._clock()
        with self._transaction() as connection:
            waiting = mosaic_calls.open_calls(
                connection, self._company.id, models.mosaic_call.c.check_at <= now
            )
        for data_type in TYPES:
            calls = [call for call in waiting if call.data_type == data_type]
            if not calls:
                continue
            self._ask_log(data_type, calls)
            with self._transaction() as connection:
                left = mosaic_calls.open_calls(
                    connection,
                    self._company.id,
                    models.mosaic_call.c.id.in_([call.id for call in calls]),
                )
            if not left:
                continue
            self._read_list(data_type)
            for call in left:
                with self._transaction() as connection:
                    again = mosaic_calls.get(connection, call.company_id, call.id)
                    if again.settled_at is None:
                        mosaic_calls.look(
                            connection, again, now=self._clock(), settle=self._settle
                        )

    def _ask_log(self, data_type: str, calls: list[Row[Any]]) -> None:
        """Look into Mosaic's request log; what it does not know is looked for."""
        try:
            entries = self._client.request_log(data_type)
        except (Invalid, NotFound):
            return
        by_ref = {entry.ref: entry for entry in entries if entry.ref is not None}
        by_request = {entry.api_request_id: entry for entry in entries}
        for call in calls:
            entry = by_ref.get(call.ref) or by_request.get(call.api_request_id or "")
            if entry is None:
                continue
            with self._transaction() as connection:
                again = mosaic_calls.get(connection, call.company_id, call.id)
                if again.settled_at is not None:
                    continue
                if entry.error is not None:
                    mosaic_calls.refused(connection, again, entry.error, self._clock())
                else:
                    # It arrived: from here on it is certain that it is not sent again.
                    mosaic_calls.accepted(connection, again, entry.api_request_id)
                    if entry.mosaic_id is not None:
                        mosaic_calls.done(
                            connection,
                            again,
                            entry.mosaic_id,
                            None,
                            by="request log",
                            now=self._clock(),
                        )

    def _ensure_portfolio(self) -> None:
        if not self._company.delivers or self._portfolio() is not None:
            return
        with self._transaction() as connection:
            coming = mosaic_calls.open_calls(
                connection,
                self._company.id,
                models.mosaic_call.c.data_type == "portfolio",
            )
            if coming:
                return
            fields = {"name": self._company.name}
            step = self._keep_step(
                connection,
                None,
                Action(Do.CREATE, "Every company has a portfolio.", fields=fields),
                "portfolio",
                match_key(self._company.name),
            )
        self._send(step)

    def _deliver_some(self) -> bool:
        """Take the next due records one step further; False if there are none."""
        now = self._clock()
        with self._transaction() as connection:
            due = connection.execute(
                sa.select(_RECORD.c.id)
                .where(
                    _RECORD.c.company_id == self._company.id,
                    _RECORD.c.due_at <= now,
                )
                .order_by(_RECORD.c.delivery_rank, _RECORD.c.due_at, _RECORD.c.id)
                .limit(_BATCH)
            ).all()
        for row in due:
            self._alive()
            with self._transaction() as connection:
                step = self._plan(connection, row.id)
            if step is not None:
                self._send(step)
        return bool(due)

    def _plan(self, connection: Connection, record_id: int) -> Step | None:
        """Plan one record; do what needs no Mosaic here, or keep and return a write."""
        company = companies.get(connection, self._company.id)
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
        if row.mosaic_id is None and isinstance(wanted, Wanted):
            keys = [match_key(name, wanted.parent) for name in wanted.names]
            found = inventory.candidates(
                connection, company.id, wanted.data_type, keys, record_id=record_id
            )
        action = plan(_side(row), wanted, found)
        data_type = (
            wanted.data_type
            if row.mosaic_id is None and isinstance(wanted, Wanted)
            else row.mosaic_type
        )
        if action.do is Do.NOTHING:
            self._rest(connection, row, action)
            return None
        if not company.delivers:
            self._change(
                connection,
                record_id,
                state="pending",
                reason=f"Preview: {data_type} {_WOULD[action.do]}. {action.reason}",
                due_at=None,
            )
            return None
        if action.do is Do.LINK and action.mosaic_id is not None:
            snapshot = inventory.get(
                connection, company.id, data_type, action.mosaic_id
            )
            inventory.link(
                connection,
                company.id,
                record_id,
                data_type,
                action.mosaic_id,
                snapshot or {},
                by="matched by name",
                now=now,
            )
            return None
        if action.do is Do.RELEASE:
            self._release(connection, row, action, now)
            return None
        key = ""
        if action.do is Do.CREATE and isinstance(wanted, Wanted):
            key = match_key(str(action.fields[wanted.key]), wanted.parent)
        return self._keep_step(connection, row, action, data_type, key)

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
            return Hold("unlinked", reason, waits_for=mosaic_calls.PORTFOLIO)
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
        if action.state == "gone":
            records.event(
                connection,
                row.company_id,
                row.id,
                at=self._clock(),
                what="gone",
                by="quickbooks",
            )

    def _release(
        self, connection: Connection, row: Row[Any], action: Action, now: datetime
    ) -> None:
        records.event(
            connection,
            row.company_id,
            row.id,
            at=now,
            what=f"unlinked from {row.mosaic_type} {row.mosaic_id}",
            by="plan",
            detail={"why": action.reason},
        )
        self._change(
            connection,
            row.id,
            mosaic_type=None,
            mosaic_id=None,
            mosaic=sa.null(),
            agreed=sa.null(),
            due_at=now,
        )
        records.wake_waiting(
            connection, row.company_id, row.kind, row.quickbooks_id, now
        )

    def _keep_step(
        self,
        connection: Connection,
        row: Row[Any] | None,
        action: Action,
        data_type: str,
        key: str,
    ) -> Step:
        company = companies.get(connection, self._company.id)
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
        return Step(call_id, ref, action.do, data_type, mosaic_id, sent, project_id)

    def _send(self, step: Step) -> None:
        """Send a kept write once, and keep what came of it."""
        try:
            answer = self._write(step)
        except (BudgetSpent, RateLimited):
            self._settle_unsent(step, "Mosaic's rate limit; it is sent in a moment.")
            raise
        except (Unauthorised, Forbidden) as error:
            self._settle_unsent(step, error.customer)
            raise
        except (Invalid, NotFound) as error:
            with self._transaction() as connection:
                call = mosaic_calls.get(connection, self._company.id, step.call_id)
                mosaic_calls.refused(connection, call, error.support, self._clock())
            return
        except MosaicError as error:
            if not error.outcome_unknown:
                self._settle_unsent(step, error.customer)
                raise
            with self._transaction() as connection:
                call = mosaic_calls.get(connection, self._company.id, step.call_id)
                if call.settled_at is None:
                    mosaic_calls.unsure(connection, call, error.support, self._clock())
            raise
        with self._transaction() as connection:
            call = mosaic_calls.get(connection, self._company.id, step.call_id)
            if call.settled_at is not None:
                return  # the callback was faster
            if not mosaic_calls.done(
                connection,
                call,
                answer.mosaic_id,
                answer.record,
                by="answer",
                now=self._clock(),
            ):
                mosaic_calls.accepted(connection, call, answer.api_request_id)

    def _write(self, step: Step) -> WriteAnswer:
        if step.do is Do.CREATE:
            return self._client.create(step.data_type, step.fields, ref=step.ref)
        if step.mosaic_id is None:
            raise ValueError("only a creation has no object yet")
        if step.do is Do.UPDATE:
            return self._client.update(
                step.data_type, step.mosaic_id, step.fields, ref=step.ref
            )
        change = (
            self._client.archive if step.do is Do.ARCHIVE else self._client.unarchive
        )
        return change(
            step.data_type, step.mosaic_id, ref=step.ref, project_id=step.project_id
        )

    def _settle_unsent(self, step: Step, reason: str) -> None:
        with self._transaction() as connection:
            call = mosaic_calls.get(connection, self._company.id, step.call_id)
            now = self._clock()
            mosaic_calls.never_made(connection, call, reason, now, again_at=now)

    def _attend(self, error: MosaicError) -> None:
        with self._transaction() as connection:
            companies.attend(
                connection,
                self._company.id,
                error_id=error.code,
                text=error.customer,
            )

    def _change(self, connection: Connection, record_id: int, **values: object) -> None:
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == self._company.id, _RECORD.c.id == record_id)
            .values(**values)
        )


def _side(row: Row[Any]) -> Side:
    return Side(
        state=row.state,
        quickbooks_gone=row.quickbooks_gone,
        mosaic_type=row.mosaic_type,
        mosaic_id=row.mosaic_id,
        mosaic=row.mosaic,
        agreed=row.agreed,
    )
