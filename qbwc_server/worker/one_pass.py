"""Brings one company's Mosaic up to what its records say: one pass of the worker.

Rule 1: no transaction is open while Mosaic is asked.
Rule 2: a step is planned from what is in the database in the same transaction that
keeps the step, so whatever dies, the next pass goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.delivery import list_calls, outbox
from qbwc_server.delivery.failing import Failing
from qbwc_server.delivery.outcomes import Outcomes
from qbwc_server.delivery.rate_budget import Budget, BudgetSpent
from qbwc_server.delivery.sending import Sender, Sending, Step
from qbwc_server.kinds import gate, time_entry
from qbwc_server.kinds.list_plan import Action, Do, match_key
from qbwc_server.kinds.mosaic_lists import TYPES
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import Forbidden, MosaicError, RateLimited, Unauthorised
from qbwc_server.mosaic_reading.before_creating import BeforeCreating
from qbwc_server.mosaic_reading.time_window import TimeReader, Window
from qbwc_server.planning import relinked, time_claiming
from qbwc_server.planning.list_steps import Steps
from qbwc_server.planning.list_writes import Planned
from qbwc_server.records import due, mosaic_objects, transitions
from qbwc_server.storage import database, one_trip, tables
from qbwc_server.storage.database import NOT_USABLE, company_transaction
from qbwc_server.words.urgency import Place
from qbwc_server.worker.next_creations import next_creations

_RECORD = tables.record
_LOG = structlog.get_logger(__name__)
_BATCH = 200
_TURN = timedelta(seconds=4)
_PAUSE_AFTER_REFUSAL = timedelta(minutes=15)


class LeaseLost(Exception):
    """Another worker has taken over the company."""


class Planner(Protocol):
    """Takes records of a company a step further."""

    def plan(self, connection: Connection, record_ids: Sequence[int]) -> list[Step]:
        """Plan records; do what needs no Mosaic, and keep and return the writes."""


class Delivery:
    """One pass for one company.

    `alive` is called between steps and raises LeaseLost when another worker has the
    company; `settle` is how long an answer of Mosaic may stay out, `refresh` how old
    its lists may be. `senders` is how many time entries are sent at the same time, and
    `plan_time` takes them a step further.
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
        window: Window,
        alive: Callable[[], None],
        plan_time: Planner,
        senders: int = 1,
    ) -> None:
        self._engine = engine
        self._company = company
        self._client = client
        self._budget = budget
        self._clock = clock
        self._settle = settle
        self._refresh = refresh
        self._alive = alive
        self._senders = senders
        self._steps = Steps(company.id, clock=clock, settle=settle)
        self._plan_time = plan_time
        self._sender = Sender(company.id, client, clock=clock)
        self._failing = Failing(client.check)
        self._time = TimeReader(
            engine, company.id, client, window, clock=clock, alive=alive
        )
        self._before = BeforeCreating(
            engine, company.id, self._time, window, clock=clock
        )
        self._outcomes = Outcomes(
            engine,
            company.id,
            client,
            budget,
            self._time,
            read_list=self._read_list,
            clock=clock,
            settle=settle,
        )

    def run(self) -> datetime | None:
        """Do all that can be done now; return when there will be more, or None.

        Raises:
            LeaseLost: another worker goes on.
        """
        try:
            self._see_whether_it_is_over()
            if self._company.time_claims != time_claims.NONE:
                time_claiming.look_again(self._engine, self._company, self._clock())
            self._outcomes.take_callbacks()
            self._refresh_lists()
            self._outcomes.look()
            self._outcomes.take_callbacks()
            with self._budget.patient():
                self._time.read_due()
                self._time.look_again()
            if self._company.time_claims != time_claims.NONE:
                time_claiming.let_go_of_missed(
                    self._engine, self._company, self._clock()
                )
            self._ensure_portfolio()
            while self._deliver_some() or self._look_at_relinked():
                self._outcomes.take_callbacks()
                # A first load takes hours: what is typed meanwhile is seen before it.
                with self._budget.patient():
                    self._time.read_again()
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
        return self._clock() + self._settle if self._outcomes.waits else None

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
            registry.change(connection, self._company.id, mosaic_auth_scheme=scheme)
        return True

    def _transaction(self) -> Any:
        return company_transaction(self._engine, self._company.id)

    def _refresh_lists(self) -> None:
        """Read Mosaic's lists for the first time, and again every few hours."""
        now = self._clock()
        read_at = self._company.mosaic_read_at
        if read_at is not None and abs(now - read_at) < self._refresh:
            return
        for data_type in TYPES:
            self._read_list(data_type)
            if data_type == "portfolio":
                self._adopt_portfolio()
        with self._transaction() as connection:
            registry.change(connection, self._company.id, mosaic_read_at=now)
            due.look_at_refused(connection, self._company.id, now)

    def _read_list(self, data_type: str) -> None:
        self._alive()
        with self._budget.patient():
            mosaic_objects.refresh(
                self._engine,
                self._company.id,
                self._client,
                data_type,
                portfolio=self._portfolio(),
                now=self._clock(),
            )

    def _portfolio(self) -> int | None:
        with self._transaction() as connection:
            return registry.get(connection, self._company.id).mosaic_portfolio

    def _adopt_portfolio(self) -> None:
        with self._transaction() as connection:
            company = registry.get(connection, self._company.id)
            same = mosaic_objects.unclaimed(
                connection, company.id, "portfolio", match_key(company.name)
            )
            if company.mosaic_portfolio is None and same:
                list_calls.take_portfolio(
                    connection, company.id, same[0][0], self._clock()
                )

    def _ensure_portfolio(self) -> None:
        if not self._company.delivers or self._portfolio() is not None:
            return
        with self._transaction() as connection:
            coming = outbox.open_calls(
                connection,
                self._company.id,
                tables.mosaic_call.c.data_type == "portfolio",
            )
            if coming or not registry.get(connection, self._company.id).delivers:
                return
            key = match_key(self._company.name)
            if self._portfolio_refused(connection, key):
                return
            fields = {"name": self._company.name}
            why = "Every company has a portfolio."
            action = Action(Do.CREATE, why, fields=fields)
            planned = [Planned(None, action, "portfolio", key)]
            (step,) = self._steps.keep(connection, self._company, planned)
        outcome = self._sender.write(step)
        with self._transaction() as connection:
            self._sender.settle(connection, [step], [outcome])
            self._portfolio_refused(connection, key)
        if outcome.stops and outcome.error is not None:
            raise outcome.error

    def _portfolio_refused(self, connection: Connection, key: str) -> bool:
        """Say that Mosaic refuses the portfolio, if it did lately."""
        refused = list_calls.refused_portfolio(
            connection, self._company.id, key, self._clock() - _PAUSE_AFTER_REFUSAL
        )
        if refused is None:
            return False
        attention.attend(
            connection,
            self._company.id,
            error_id="mosaic-portfolio-missing",
            text=f"The portfolio {self._company.name}: {refused}",
            now=self._clock(),
        )
        return True

    def _deliver_some(self) -> bool:
        """Take the next due records one step further; False if there are none.

        What is on a list stands on what was delivered before it, so lists go one by
        one. Time entries stand alone and go many at once.
        """
        now = self._clock()
        with self._transaction() as connection:
            wanted = connection.execute(
                sa.select(_RECORD.c.id, _RECORD.c.kind)
                .where(
                    _RECORD.c.company_id == self._company.id,
                    _RECORD.c.due_at <= now,
                )
                .order_by(_RECORD.c.delivery_rank, _RECORD.c.due_at, _RECORD.c.id)
                .limit(_BATCH)
            ).all()
        for is_time, rows in groupby(wanted, lambda row: row.kind == time_entry.NAME):
            ids = [row.id for row in rows]
            if is_time:
                self._deliver_time(ids)
            else:
                for record_id in ids:
                    self._deliver(self._steps, [record_id])
        return bool(wanted)

    def _look_at_relinked(self) -> bool:
        """Look for hours that a changed link left behind, when nothing else is due."""
        return relinked.look_on(self._engine, self._company.id, self._clock())

    def _deliver_time(self, record_ids: list[int]) -> None:
        """Take time entries a step further, as many as can be sent soon."""
        while record_ids:
            size = max(1, self._budget.soon(_TURN.total_seconds()))
            with self._budget.patient():
                self._deliver(self._plan_time, record_ids[:size])
            record_ids = record_ids[size:]

    def _deliver(self, planner: Planner, record_ids: list[int]) -> None:
        """Plan, keep, send and settle a few writes.

        Raises:
            MosaicError, BudgetSpent, LeaseLost: nothing more can be sent now; what was
                not sent is planned again.
        """
        self._alive()
        kept_at = self._clock()
        steps, moves = self._planned(planner, record_ids)
        if not steps:
            return

        def may_leave(step: Step) -> bool:
            fresh = gate.is_fresh(kept_at, self._clock(), self._settle)
            return fresh and self._stands(step, moves)

        sending = Sending(self._sender, self._alive, may_leave, self._failing)
        try:
            self._read_before(steps)
            left_out = self._outcomes.seen_first(steps)
        except (MosaicError, BudgetSpent, LeaseLost) as error:
            # Nothing is sent, and that is known: it is planned again.
            sending.stopped, left_out = error, set()
        with self._budget.reserved(len(steps)):
            outcomes = sending.send(steps, self._senders, left_out=left_out)
        with self._transaction() as connection:
            self._sender.settle(connection, steps, outcomes)
        if sending.stopped is not None:
            raise sending.stopped

    def _stands(self, step: Step, moves: int) -> bool:
        """Tell whether all that a write was planned by is still so."""
        if one_trip.moves_now(self._engine, self._company.id) != moves:
            return False
        made = _made([step])
        return not made or self._before.was_read(*made[0])

    def _read_before(self, steps: Sequence[Step]) -> None:
        """Read Mosaic's time of those for whom entries are made, where it is due."""
        made = _made(steps)
        if made and not self._before.were_read(made):
            with self._transaction() as connection:
                coming = next_creations(connection, self._company.id)
            self._before.read([*made, *coming], len(made))

    def _planned(
        self, planner: Planner, record_ids: Sequence[int]
    ) -> tuple[list[Step], int]:
        """Plan records, and return the writes and what `moves` counted by then.

        One on which our program fails stops itself and no other.
        """
        try:
            with self._transaction() as connection:
                steps = planner.plan(connection, record_ids)
                return steps, database.moves(connection, self._company.id)
        except NOT_USABLE:
            raise  # the database went away: nothing was decided
        except Exception:  # noqa: BLE001 - it must not stop the others
            if len(record_ids) > 1:
                # The others are due still.
                return self._planned(planner, record_ids[: len(record_ids) // 2])
            _LOG.exception("record not planned", company=self._company.id)
        first, now = record_ids[0], self._clock()
        with self._transaction() as connection:
            transitions.fail(connection, self._company.id, first, now)
            return [], database.moves(connection, self._company.id)

    def _see_whether_it_is_over(self) -> None:
        """Take back that Mosaic is not usable once it answers again."""
        if self._company.attention_id is None:
            return
        with self._transaction() as connection:
            there = attention.standing(connection, self._company.id)
        if all(one.place != Place.MOSAIC for one in there):
            return
        self._client.check()
        with self._transaction() as connection:
            attention.calm(connection, self._company.id, now=self._clock(), mosaic=True)

    def _attend(self, error: MosaicError) -> None:
        with self._transaction() as connection:
            attention.attend(
                connection,
                self._company.id,
                error_id=error.code,
                text=error.customer,
                now=self._clock(),
            )


def _made(steps: Sequence[Step]) -> list[tuple[str, int]]:
    """Return day (YYYY-MM-DD) and member of the time entries that are created."""
    return [
        (str(step.fields["date"])[:10], int(step.fields["member_id"]))
        for step in steps
        if step.do == "create" and step.data_type == time_entry.NAME
    ]
