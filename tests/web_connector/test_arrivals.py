"""How long a change takes to arrive, as counted when the other side has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy.engine import Connection, Engine

from qbwc_server import metrics
from qbwc_server.companies import sessions
from qbwc_server.companies.registry import NewCompany
from qbwc_server.delivery import outbox
from qbwc_server.jobs import queue
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web_connector import methods
from qbwc_server.web_connector.conversation import Conversation
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
SETTLE = timedelta(minutes=2)


def counted(name: str, **labels: str) -> float:
    """Return what this process has counted so far."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def arrivals(direction: str) -> tuple[float, float]:
    """Return how many changes arrived, and how long all of them took together."""
    name = "qbwc_arrival_seconds"
    return (
        counted(f"{name}_count", direction=direction),
        counted(f"{name}_sum", direction=direction),
    )


class Desk:
    """A company with one record that is due since some time."""

    def __init__(self, engine: Engine, company_id: int, clock: Clock) -> None:
        self.engine = engine
        self.company_id = company_id
        self.clock = clock
        with company_transaction(engine, company_id) as connection:
            connection.execute(
                tables.record.insert(),
                {
                    "company_id": company_id,
                    "id": 900,
                    "kind": "customer",
                    "state": "pending",
                    "name": "x",
                    "due_at": clock(),
                    "created_at": clock(),
                    "changed_at": clock(),
                },
            )

    def do(self, work: Callable[[Connection], Any]) -> Any:
        """Do something in a transaction of the company."""
        with company_transaction(self.engine, self.company_id) as connection:
            return work(connection)

    def send(self) -> Any:
        """Begin a write to Mosaic; return its call."""

        def begin(connection: Connection) -> Any:
            new = outbox.New("create", "client", 900, None, {}, "", None)
            ((call_id, _),) = outbox.begin(
                connection, self.company_id, [new], now=self.clock(), settle=SETTLE
            )
            return outbox.get(connection, self.company_id, call_id)

        return self.do(begin)

    def settle(self, call: Any, state: str) -> None:
        """Know the outcome of a write."""
        self.do(lambda it: outbox.settle_as(it, call, state, None, self.clock()))


@pytest.fixture
def desk(engine: Engine, new_company: NewCompanies, clock: Clock) -> Desk:
    """A desk."""
    return Desk(engine, new_company().id, clock)


def test_a_change_of_quickbooks_counts_from_when_it_could_go(
    desk: Desk, clock: Clock
) -> None:
    """Waiting for its turn and waiting for Mosaic both count."""
    before = arrivals(metrics.TO_MOSAIC)
    clock.pass_(seconds=70)
    call = desk.send()
    clock.pass_(seconds=20)
    assert arrivals(metrics.TO_MOSAIC) == before
    desk.settle(call, "done")
    count, seconds = arrivals(metrics.TO_MOSAIC)
    assert (count - before[0], seconds - before[1]) == pytest.approx((1, 90))


@pytest.mark.parametrize("state", ["refused", "absent"])
def test_what_did_not_arrive_is_not_counted(desk: Desk, state: str) -> None:
    """Neither what Mosaic refused nor what was never made."""
    before = arrivals(metrics.TO_MOSAIC)
    desk.settle(desk.send(), state)
    assert arrivals(metrics.TO_MOSAIC) == before


def test_a_write_that_is_sent_again_has_waited_since_the_first_time(
    desk: Desk, clock: Clock
) -> None:
    """A rate limit makes a change late, and that is what is to be seen."""
    before = arrivals(metrics.TO_MOSAIC)
    clock.pass_(seconds=5)
    call, now = desk.send(), clock()
    desk.do(lambda it: outbox.never_made(it, call, "429", now, again_at=now))
    clock.pass_(seconds=300)
    desk.settle(desk.send(), "done")
    assert arrivals(metrics.TO_MOSAIC)[1] - before[1] == pytest.approx(305)


def test_a_change_of_mosaic_counts_until_quickbooks_has_it(
    desk: Desk, clock: Clock
) -> None:
    """Reads are no changes; what was taken back did not arrive."""
    before = arrivals(metrics.TO_QUICKBOOKS)

    def through(*states: str, **values: Any) -> None:
        def work(connection: Connection) -> None:
            job_id = queue.enqueue(
                connection,
                desk.company_id,
                kind="time_entry",
                action="add",
                summary="",
                now=clock(),
                by="test",
                **values,
            )
            for state in states:
                job = queue.select(
                    connection, desk.company_id, tables.job.c.id == job_id
                )[0]
                sent: dict[str, Any] = {"exchange_id": 1} if state == "sent" else {}
                clock.pass_(seconds=30)
                queue.move(connection, job, state, by="test", now=clock(), **sent)

        desk.do(work)

    through("cancelled", due_since=clock())
    through("sent", "done")
    assert arrivals(metrics.TO_QUICKBOOKS) == before
    through("sent", "done", due_since=clock() - timedelta(seconds=40))
    count, seconds = arrivals(metrics.TO_QUICKBOOKS)
    assert (count - before[0], seconds - before[1]) == pytest.approx((1, 100))


def test_runs_and_calls_are_counted_by_how_they_ended(
    engine: Engine,
    new_company: NewCompanies,
    keys: Keys,
    settings: Settings,
    clock: Clock,
) -> None:
    """A call that our program fails on counts as failed, and its answer is safe."""
    company = new_company()
    talk = Conversation(engine, keys, settings, clock)
    by_name = methods.calls(talk)

    def now() -> dict[str, float]:
        return {
            "begun": counted("qbwc_sessions_begun_total"),
            "closed": counted("qbwc_sessions_ended_total", why="closed"),
            **{
                f"{method} {outcome}": counted(
                    "qbwc_calls_total", method=method, outcome=outcome
                )
                for method, outcome in (
                    ("authenticate", "work"),
                    ("authenticate", "refused"),
                    ("authenticate", "failed"),
                    ("closeConnection", "ok"),
                )
            },
        }

    before = now()
    password = company.password
    assert by_name["authenticate"].answer("::1", company.username, "wrong")[1] == "nvu"
    ticket = by_name["authenticate"].answer("::1", company.username, password)[0]
    by_name["closeConnection"].answer("::1", ticket)
    broken = methods.Call("authenticate", (), lambda _peer: 1 / 0)
    assert broken.answer("::1")[1] == "busy"

    assert {name: value - before[name] for name, value in now().items()} == {
        "begun": 1,
        "closed": 1,
        "authenticate work": 1,
        "authenticate refused": 1,
        "authenticate failed": 1,
        "closeConnection ok": 1,
    }
    with engine.begin() as connection:
        ended = connection.execute(sa.select(tables.session.c.ended_why)).scalar()
    assert ended == "closed"
    assert sessions.company_of(ticket) == company.id
