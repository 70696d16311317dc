"""The loop beside the server: finds companies with something to deliver, and delivers.

Many workers may run against one database. Each takes a company for a while (a lease);
one that dies loses it, and another goes on from what the database says.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import NoResultFound

from qbwc_server import logs, metrics, words
from qbwc_server.companies import attention, heartbeat, registry, silence
from qbwc_server.companies.registry import Company
from qbwc_server.delivery.rate_budget import Budget
from qbwc_server.keys import Keys
from qbwc_server.mosaic.client import MosaicClient, Transport
from qbwc_server.mosaic.connection import Connection as MosaicConnection
from qbwc_server.mosaic_reading.time_window import Window
from qbwc_server.onboarding import forecast
from qbwc_server.operations import clocks, housekeeping, notices
from qbwc_server.planning.counterparts import joins
from qbwc_server.planning.time_steps import TimeSteps
from qbwc_server.settings import Settings
from qbwc_server.standing import filling
from qbwc_server.storage import away, resting, tables, which_copy
from qbwc_server.storage.database import NOT_USABLE, company_transaction, transaction
from qbwc_server.storage.walls import bind_company
from qbwc_server.storage.which_copy import OlderCopy
from qbwc_server.worker.one_pass import Delivery, LeaseLost, Planner

_DUTY = tables.duty
_LOG = structlog.get_logger(__name__)
_AT_ONCE = 50
"""Companies that are tried for a lease before it is looked again which are due."""
_SECONDS_BETWEEN_LOOKS = 60
_PAUSE_AFTER_BUG = timedelta(minutes=1)
_BETWEEN_NOTES = timedelta(minutes=1)


class Worker:
    """Delivers to Mosaic, several companies at once."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        settings: Settings,
        clock: Callable[[], datetime],
        *,
        transport: Transport | None = None,
        pause: Callable[[float], object] | None = None,
        senders: int = 4,
        lives: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._transport = transport
        self.stopping = threading.Event()
        self._pause = pause or self.stopping.wait
        self._senders = senders
        self._lives = lives or (lambda: None)
        self._beat_at: datetime | None = None

    def run(self) -> None:
        """Work until `stopping` is set."""
        beside = (self._housekeep, self._forecast)
        threads = self._settings.worker_threads
        most = threads + len(beside) + 1
        with ThreadPoolExecutor(most, thread_name_prefix="deliver") as pool:
            pool.submit(self._watch)
            for work in (*beside, *[self._serve_next] * threads):
                pool.submit(self._loop, work)

    def run_once(self) -> int:
        """Serve every company that is due now; return how many were."""
        self.look_for_silence()
        served = 0
        self._housekeep()
        self._forecast()
        while not self.stopping.is_set() and logs.apart(self._serve_next)():
            served += 1
        return served

    def look_for_silence(self) -> None:
        """Find connections that are late, and send what is to be told of them."""
        silence.look(self._engine, self._clock())
        ways = notices.Ways.of(self._settings)
        notices.deliver(self._engine, ways, self._settings.public_url, self._clock)

    def _watch(self) -> None:
        while not self.stopping.is_set():
            try:
                self.look_for_silence()
            except Exception as error:  # noqa: BLE001 - the next minute looks again
                if not away.told(error, by="look for silence"):
                    _LOG.exception("looking for silence failed")
            resting.rest(self._engine)
            self.stopping.wait(_SECONDS_BETWEEN_LOOKS)

    def _loop(self, work: Callable[[], bool]) -> None:
        """Do a piece of work after the other; one returns False where there is none."""
        failures = 0
        while not self.stopping.is_set():
            busy = False
            try:
                busy = logs.apart(work)()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a thread that ends serves nobody any more
                failures += 1
                if away.told(error, by="worker"):
                    metrics.database_error()
                else:
                    _LOG.exception("worker failed")
            if not busy:
                self.stopping.wait(away.pause_after(failures))

    def _housekeep(self) -> bool:
        """Remove what is old of a company that is due."""
        gone = housekeeping.serve_next(self._engine, self._settings, self._clock())
        return gone is not None

    def _forecast(self) -> bool:
        """Work out a preview that is due; it can take minutes, and nobody waits."""
        return forecast.serve_next(self._engine, self._settings, self._clock)

    def _serve_next(self) -> bool:
        token = secrets.token_hex(8)
        self._beat()
        company = self._lease(token)
        self._lives()
        if company is None:
            return False
        logs.about(company=company.id)
        again: datetime | None = None
        outcome = "failed"
        try:
            which_copy.look(self._engine)
            if company.mosaic_key is None:
                self._ask_for_key(company)
            else:
                again = self._deliver(company, company.mosaic_key, token)
            outcome = "done" if again is None else "later"
        except LeaseLost:
            outcome = "lost"
            _LOG.warning("another worker has taken over", company=company.id)
            return True
        except OlderCopy:
            # What was planned of it is of later than the database; it compares now.
            outcome = "later"
            _LOG.warning("an older copy of the database", company=company.id)
        except NOT_USABLE:
            raise
        except Exception:  # noqa: BLE001 - one company's trouble must not stop others
            if self._is_forgotten(company.id):
                outcome = "lost"  # an operator has forgotten it meanwhile
                return True
            _LOG.exception("delivery failed", company=company.id)
            self._attend_bug(company)
            again = self._clock() + _PAUSE_AFTER_BUG
        finally:
            metrics.delivery(outcome)
        try:
            self._release(company, token, again)
        except NoResultFound:
            if not self._is_forgotten(company.id):
                raise
        return True

    def _is_forgotten(self, company_id: int) -> bool:
        try:
            registry.numbered(self._engine, company_id)
        except registry.CompanyUnknown:
            return True
        return False

    def _beat(self) -> None:
        """Say that a worker is up, unless this one has just said so."""
        now = self._clock()
        if self._beat_at is not None and abs(now - self._beat_at) < heartbeat.EVERY:
            return
        self._beat_at = now
        which_copy.beat(self._engine)
        with transaction(self._engine) as connection:
            heartbeat.beat(connection, now, heartbeat.WORKER)

    def _lease(self, token: str) -> Company | None:
        """Take the company that has waited longest, so that no other worker does."""
        now = self._clock()
        # No lease reaches so far ahead, unless it was taken by a clock that was wrong.
        wrong = self._until() + timedelta(seconds=self._settings.lease_seconds)
        leased, due = _DUTY.c.leased_until, _DUTY.c.deliver_at
        free = sa.or_(leased.is_(None), leased <= now, leased > wrong)
        waits = sa.and_(sa.or_(due <= now, due > now + self._seldom), free)
        longest = sa.select(_DUTY.c.company_id).where(waits).order_by(due)
        with transaction(self._engine) as connection:
            found = connection.execute(longest.limit(_AT_ONCE)).scalars().all()
        for company_id in found:
            # Looked at across companies, taken from within: who is first has it.
            with transaction(self._engine) as connection:
                bind_company(connection, company_id)
                taken = connection.execute(
                    _DUTY.update()
                    .where(registry.unless_taken(company_id, waits))
                    .values(leased_by=token, leased_until=self._until())
                )
                if taken.rowcount == 1:
                    return registry.get(connection, company_id)
        return None

    @property
    def _seldom(self) -> timedelta:
        """How long a company is left alone at most: more was put off by a wrong clock.

        Where there is nothing to do, the pass asks nothing.
        """
        return max(clocks.SERVED, Window.of(self._settings).every)

    def _until(self) -> datetime:
        return self._clock() + timedelta(seconds=self._settings.lease_seconds)

    def _deliver(self, company: Company, key: str, token: str) -> datetime | None:
        settings = self._settings
        api_key = self._keys.decrypt(key)
        renewed = noted = self._clock()

        def alive() -> None:
            nonlocal renewed, noted
            if self.stopping.is_set():
                raise LeaseLost
            self._beat()
            now = self._clock()
            if now - renewed > timedelta(seconds=settings.lease_seconds / 3):
                self._renew(company.id, token)
                self._lives()
                renewed = now
            if now - noted >= _BETWEEN_NOTES:
                filling.note(self._engine, company.id, now)
                noted = now

        def pause(seconds: float) -> None:
            alive()
            self._pause(seconds)

        budget = Budget(
            self._engine,
            self._keys.hash("budget", f"{company.mosaic_url}\n{api_key}"),
            requests=settings.mosaic_requests,
            window=settings.mosaic_window_seconds,
            clock=self._clock,
            pause=pause,
        )
        client = MosaicClient(
            MosaicConnection(
                base_url=company.mosaic_url,
                team_id=company.mosaic_team,
                api_key=api_key,
                auth_scheme="bearer"
                if company.mosaic_auth_scheme == "bearer"
                else "raw",
                origin=settings.mosaic_origin or settings.public_url,
            ),
            spend=budget.spend,
            transport=self._transport,
            timeout=settings.mosaic_timeout_seconds,
        )
        window, now = Window.of(settings), self._clock()
        if window.is_ahead(company, now):
            with company_transaction(self._engine, company.id) as connection:
                clocks.put_right(connection, company.id, now, timedelta())
        try:
            then = Delivery(
                self._engine,
                company,
                client,
                budget,
                clock=self._clock,
                settle=timedelta(seconds=settings.mosaic_settle_seconds),
                refresh=timedelta(hours=settings.mosaic_refresh_hours),
                window=window,
                alive=alive,
                senders=self._senders,
                plan_time=self._plan_time(company.id),
            ).run()
            joins.notice_all_known(self._engine, company, window.history, self._clock)
            return then
        finally:
            client.close()
            if self.stopping.is_set():
                self._give_back(company.id, token)

    def _plan_time(self, company_id: int) -> Planner:
        return TimeSteps(
            company_id,
            self._keys,
            clock=self._clock,
            settle=timedelta(seconds=self._settings.mosaic_settle_seconds),
            window_days=self._settings.time_window_days,
            history_years=self._settings.time_history_years,
        )

    def _renew(self, company_id: int, token: str) -> None:
        with transaction(self._engine) as connection:
            bind_company(connection, company_id)
            changed = connection.execute(
                _DUTY.update()
                .where(_DUTY.c.company_id == company_id, _DUTY.c.leased_by == token)
                .values(leased_until=self._until())
            ).rowcount
        if changed != 1:
            raise LeaseLost

    def _give_back(self, company_id: int, token: str) -> None:
        with transaction(self._engine) as connection:
            bind_company(connection, company_id)
            connection.execute(
                _DUTY.update()
                .where(_DUTY.c.company_id == company_id, _DUTY.c.leased_by == token)
                .values(leased_by=None, leased_until=None)
            )

    def _release(self, company: Company, token: str, again: datetime | None) -> None:
        """Give the company back, and set when it is due again.

        What has come meanwhile is seen here, under the company's lock: a callback or a
        change that arrived after the pass had looked is due at once.
        """
        with company_transaction(self._engine, company.id) as connection:
            due = self._next_due(connection, company.id)
            if again is not None:
                due = again if due is None else max(again, due)
            if due is not None:
                due = min(due, self._clock() + self._seldom)
            connection.execute(
                _DUTY.update()
                .where(_DUTY.c.company_id == company.id, _DUTY.c.leased_by == token)
                .values(leased_by=None, leased_until=None, deliver_at=due)
            )

    def _next_due(self, connection: sa.Connection, company_id: int) -> datetime | None:
        record, call, back = tables.record, tables.mosaic_call, tables.mosaic_callback
        company = registry.get(connection, company_id)
        moments: list[datetime | None] = [
            connection.execute(
                sa.select(sa.func.min(record.c.due_at)).where(
                    record.c.company_id == company_id, record.c.due_at.is_not(None)
                )
            ).scalar(),
            connection.execute(
                sa.select(sa.func.min(call.c.check_at)).where(
                    call.c.company_id == company_id, call.c.settled_at.is_(None)
                )
            ).scalar(),
            connection.execute(
                sa.select(sa.func.min(back.c.received_at)).where(
                    back.c.company_id == company_id, back.c.handled_at.is_(None)
                )
            ).scalar(),
        ]
        if company.mosaic_key is None:
            return None
        if company.mosaic_read_at is not None:
            refresh = timedelta(hours=self._settings.mosaic_refresh_hours)
            moments.append(company.mosaic_read_at + refresh)
            window = Window.of(self._settings)
            moments.append(window.next_at(company, self._clock()))
        return min((one for one in moments if one is not None), default=None)

    def _attend_bug(self, company: Company) -> None:
        with company_transaction(self._engine, company.id) as connection:
            attention.attend(
                connection,
                company.id,
                error_id="mosaic-delivery-failed",
                text=words.attention("mosaic-delivery-failed").said,
                now=self._clock(),
            )

    def _ask_for_key(self, company: Company) -> None:
        with company_transaction(self._engine, company.id) as connection:
            attention.attend(
                connection,
                company.id,
                error_id="mosaic-key-missing",
                text=words.attention("mosaic-key-missing").said,
                now=self._clock(),
            )
