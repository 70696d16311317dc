"""The database away, or its disk full: safe answers, and nothing done twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from qbwc_server.jobs import exchanges
from qbwc_server.operations.gauges import Figures
from qbwc_server.storage import tables
from qbwc_server.storage.database import make_engine
from qbwc_server.web_connector import admission
from qbwc_server.web_connector.methods import SAFE
from tests.web_connector.desk import PATH, Desk
from tests.web_connector.writing import Hours

Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def outage(engine: Engine, request: pytest.FixtureRequest) -> Outage:
    """A function that takes the database away for a while."""
    if engine.dialect.name == "sqlite":
        return lambda: _no_file(engine)
    server = str(request.getfixturevalue("postgres_server"))
    return lambda: _closed(server, str(engine.url.database))


@contextmanager
def _no_file(engine: Engine) -> Iterator[None]:
    def refuse(_: Connection) -> None:
        raise OperationalError("BEGIN", {}, Exception("disk I/O error"))

    sa.event.listen(engine, "begin", refuse)
    try:
        yield
    finally:
        sa.event.remove(engine, "begin", refuse)


@contextmanager
def _closed(server: str, name: str) -> Iterator[None]:
    """Close a PostgreSQL database: connections are cut, and new ones are refused."""
    admin = make_engine(server)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = :name"
            ),
            {"name": name},
        )
        try:
            yield
        finally:
            connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    admin.dispose()


def _ready(desk: Desk) -> tuple[int, str]:
    return _asked(desk, "/readyz")


def _asked(desk: Desk, path: str) -> tuple[int, str]:
    parts = urlsplit(desk.url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip()
    finally:
        connection.close()


def test_with_the_database_away_every_call_gets_its_safe_value(
    desk: Desk, outage: Outage
) -> None:
    """Authenticate says busy, and all comes back without a restart."""
    ticket = desk.ticket()
    request = desk.first(ticket)
    answer = desk.quickbooks().process(request)
    assert _ready(desk) == (200, "ready")

    with outage():
        assert _ready(desk) == (503, "database not reachable")
        assert desk.log_in()[:2] == ["", "busy"]
        assert desk.next(ticket) == SAFE["sendRequestXML"]
        assert desk.give(ticket, answer) == SAFE["receiveResponseXML"]
        for method, *more in (
            ("connectionError", "0x80040408", ""),
            ("getLastError",),
            ("closeConnection",),
        ):
            assert desk.call(method, ticket, *more) == SAFE[method]
        assert desk.call("serverVersion").startswith("qbwc-server")
        assert desk.call("clientVersion", "2.3.0.0") == ""

    assert _ready(desk) == (200, "ready")
    assert 0 < desk.give(ticket, answer) <= 100, "it may be said again"
    desk.call("closeConnection", ticket)
    desk.clock.pass_(minutes=20)
    desk.read_all()
    assert desk.all_read()


def test_a_database_that_is_away_costs_one_line_a_minute(
    desk: Desk, outage: Outage
) -> None:
    """Whoever finds it, and however often: calls, pages, figures, heartbeat."""
    ticket = desk.ticket()
    figures = Figures(desk.engine, desk.settings, desk.clock)
    with outage(), structlog.testing.capture_logs() as lines:
        for _ in range(3):
            assert desk.log_in()[:2] == ["", "busy"]
            assert desk.next(ticket) == SAFE["sendRequestXML"]
            assert _asked(desk, "/setup/" + "a" * 32)[0] == 500
            figures.read()
    assert [(one["event"], one["log_level"]) for one in lines] == [
        ("database not usable", "warning")
    ]


class Disk:
    """The disk under a SQLite file, which is full from one transaction on.

    Then the file cannot grow, which small changes need not notice; with `at_once` not
    even they are taken.
    """

    def __init__(self, engine: Engine, *, at_once: bool) -> None:
        self.begun = 0
        self.at_once = at_once
        self.full_from: int | None = None
        self.refused = 0
        sa.event.listen(engine, "begin", self._begin)
        sa.event.listen(engine, "handle_error", self._error)
        sa.event.listen(engine, "before_cursor_execute", self._execute)

    @property
    def full(self) -> bool:
        """Whether nothing fits on it any more."""
        return self.full_from is not None and self.begun > self.full_from

    def _begin(self, connection: Connection) -> None:
        self.begun += 1
        most = 1 if self.full else 2**31 - 2
        driver: Any = connection.connection.dbapi_connection
        driver.execute(f"PRAGMA max_page_count={most}")

    def _execute(self, *arguments: Any) -> None:
        writes = arguments[2].startswith(("INSERT", "UPDATE", "DELETE"))
        if self.full and self.at_once and writes:
            self.refused += 1
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError(arguments[2], {}, full)

    def _error(self, context: Any) -> None:
        self.refused += "full" in str(context.original_exception)


def _session(desk: Desk) -> None:
    """Run a session as Web Connector does, whatever is answered."""
    ticket = desk.log_in()[0]
    if not ticket:
        return
    hcp, quickbooks = desk.hcp(), desk.quickbooks()
    while request := desk.call("sendRequestXML", ticket, hcp, PATH, "US", "13", "0"):
        kept = {row.request for row in desk.rows(tables.exchange)}
        assert request in kept, "what leaves was committed before it left"
        hcp = ""
        if not 0 <= desk.give(ticket, quickbooks.process(request)) < 100:
            break
    desk.call("closeConnection", ticket)


@pytest.mark.parametrize(
    ("at_once", "after"),
    [(False, number) for number in range(0, 12, 2)]
    + [(True, number) for number in range(0, 48, 4)],
)
def test_a_disk_that_fills_up_at_any_transaction_does_nothing_twice(
    sqlite_desk: Desk, hours: Hours, at_once: bool, after: int
) -> None:
    """Whatever was refused, once there is room everything is there once."""
    desk = sqlite_desk
    desk.read_all()
    for number in range(60):
        desk.hands.add("Customer", f"Somebody with a long name {number:03}")
    hours.enqueue(desk, 2, 3, 4)
    desk.clock.pass_(minutes=20)
    _leave_no_free_pages(desk.engine)
    disk = Disk(desk.engine, at_once=at_once)

    disk.full_from = after
    _session(desk)
    assert disk.refused
    assert at_once or _ready(desk) == (503, "disk full")
    disk.full_from = None

    for _ in range(4):
        desk.clock.pass_(minutes=20)
        _session(desk)
    assert _ready(desk) == (200, "ready")
    assert hours.days(desk) == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert hours.states(desk) == ["done"] * 3
    assert len([one for one in desk.names() if one[0] == "customer"]) == 62


def _leave_no_free_pages(engine: Engine) -> None:
    driver = engine.raw_connection()
    driver.cursor().execute("VACUUM")
    driver.close()


def test_a_write_that_left_before_it_was_committed_would_be_seen(
    sqlite_desk: Desk, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a request that is kept nowhere fails the test above."""
    desk = sqlite_desk
    desk.read_all()
    hours.enqueue(desk, 2)
    desk.clock.pass_(minutes=20)
    send = exchanges.send

    def not_kept(connection: Connection, company_id: int, **values: Any) -> int:
        made = send(connection, company_id, **values)
        exchanges.change(connection, company_id, made, request="")
        return made

    monkeypatch.setattr(exchanges, "send", not_kept)
    with pytest.raises(AssertionError, match="committed before it left"):
        _session(desk)


def test_where_answers_would_not_fit_onto_the_disk_nothing_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login would still fit: it is refused before QuickBooks does anything."""
    free = [2 * desk.settings.max_body_bytes - 1]
    monkeypatch.setattr(admission, "disk_of_embedded", lambda _engine: free[0])
    assert desk.log_in()[:2] == ["", "busy"]
    free[0] += 1
    assert desk.log_in()[1] in {"", PATH}
