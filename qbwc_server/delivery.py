"""Brings one company's Mosaic up to what its records say: one pass of the worker.

Rule 1: no transaction is open while Mosaic is asked.
Rule 2: a step is planned from what is in the database in the same transaction that
keeps the step, so whatever dies, the next pass goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server import companies, inventory, models, mosaic_calls
from qbwc_server.budget import Budget, BudgetSpent
from qbwc_server.companies import Company
from qbwc_server.database import company_transaction
from qbwc_server.kinds.mosaic_shape import TYPES
from qbwc_server.mosaic.callback import Callback
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import (
    Forbidden,
    Invalid,
    Malformed,
    MosaicError,
    NotFound,
    RateLimited,
    Unauthorised,
)
from qbwc_server.steps import Steps
from qbwc_server.sync import Action, Do, match_key

_RECORD = models.record
_CALLBACK = models.mosaic_callback
_LOG = structlog.get_logger(__name__)
_BATCH = 50
_TURN = timedelta(seconds=4)
_PAUSE_AFTER_REFUSAL = timedelta(minutes=15)


class LeaseLost(Exception):
    """Another worker has taken over the company."""


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
        self._steps = Steps(engine, company.id, client, clock=clock, settle=settle)

    def run(self) -> datetime | None:
        """Do all that can be done now; return when there will be more, or None.

        Raises:
            LeaseLost: another worker goes on.
        """
        try:
            self._see_whether_it_is_over()
            self._take_callbacks()
            self._refresh_lists()
            self._look_for_open_calls()
            self._ensure_portfolio()
            while self._deliver_some():
                self._take_callbacks()
        except BudgetSpent as spent:
            # Who had a token lets others go first that share the key. Nothing is lost:
            # the bucket fills up meanwhile.
            turn = _TURN if self._budget.spent_any else timedelta()
            return self._clock() + timedelta(seconds=spent.wait) + turn
        except RateLimited as limited:
            self._budget.block(limited.retry_after)
            return self._clock() + timedelta(seconds=limited.retry_after)
        except (Unauthorised, Forbidden) as error:
            if isinstance(error, Unauthorised) and self._other_scheme_works():
                return self._clock()
            self._attend(error)
            return self._clock() + _PAUSE_AFTER_REFUSAL
        except MosaicError as error:
            _LOG.warning(
                "Mosaic not usable", company=self._company.id, why=error.support
            )
            self._attend(error)
            return self._clock() + self._settle
        return None

    def _other_scheme_works(self) -> bool:
        """Find out whether the key is taken in its other form, and keep that.

        Mosaic's pages show the bare key; a client in use sends it as a bearer token.
        """
        try:
            scheme = self._client.check()
        except (MosaicError, BudgetSpent):
            return False
        if scheme == self._company.mosaic_auth_scheme:
            return False
        with self._transaction() as connection:
            companies.change(connection, self._company.id, mosaic_auth_scheme=scheme)
        return True

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
        if said.api_request_id is None or said.api_request_id != call.api_request_id:
            # It knows our reference but not the request that Mosaic told us of, and
            # nobody signs it: only asking Mosaic can tell what came of it. That it
            # arrived is certain, for nobody else knows the reference.
            mosaic_calls.accepted(connection, call, call.api_request_id)
            self._look_soon(connection, call, now)
        elif said.error is not None or said.status >= 300:
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
                .values(due_at=now, attempt=0)
            )

    def _read_list(self, data_type: str) -> None:
        self._alive()
        with self._budget.patient():
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
                mosaic_calls.take_portfolio(
                    connection, company.id, same[0][0], self._clock()
                )

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
            with self._budget.patient():
                entries = self._client.request_log(data_type)
        except (Invalid, NotFound, Malformed):
            return  # or it is longer than we take: the list tells as well
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
            if coming or not companies.get(connection, self._company.id).delivers:
                return
            key = match_key(self._company.name)
            if self._portfolio_refused(connection, key):
                return
            fields = {"name": self._company.name}
            step = self._steps.keep(
                connection,
                None,
                Action(Do.CREATE, "Every company has a portfolio.", fields=fields),
                "portfolio",
                key,
            )
        self._steps.send(step)
        with self._transaction() as connection:
            self._portfolio_refused(connection, key)

    def _portfolio_refused(self, connection: Connection, key: str) -> bool:
        """Say that Mosaic refuses the portfolio, if it did lately."""
        refused = mosaic_calls.refused_portfolio(
            connection, self._company.id, key, self._clock() - _PAUSE_AFTER_REFUSAL
        )
        if refused is None:
            return False
        companies.attend(
            connection,
            self._company.id,
            error_id="mosaic-portfolio-missing",
            text=f"The portfolio {self._company.name}: {refused}",
        )
        return True

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
                step = self._steps.plan(connection, row.id)
            if step is not None:
                self._steps.send(step)
        return bool(due)

    def _see_whether_it_is_over(self) -> None:
        """Take back that Mosaic is not usable once it answers again."""
        if not (self._company.attention_id or "").startswith("mosaic-"):
            return
        self._client.check()
        with self._transaction() as connection:
            companies.calm(connection, self._company.id, mosaic=True)

    def _attend(self, error: MosaicError) -> None:
        with self._transaction() as connection:
            companies.attend(
                connection,
                self._company.id,
                error_id=error.code,
                text=error.customer,
            )
