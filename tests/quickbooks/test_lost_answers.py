"""The server dies after each of its transactions: the end is always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy.engine import Connection, Engine

from qbwc_server.storage import tables
from qbwc_server.web_connector.conversation import Conversation
from tests.web_connector.desk import PATH, Desk
from tests.web_connector.writing import Hours


class Died(BaseException):
    """The process is gone; nothing may catch it."""


class Mortal:
    """An engine whose process dies when its n-th transaction is committed."""

    def __init__(self, engine: Engine, dies_at: int = 0) -> None:
        self._engine = engine
        self._dies_at = dies_at
        self.url, self.dialect = engine.url, engine.dialect
        self.connect = engine.connect
        self.count = 0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Begin a transaction."""
        with self._engine.begin() as connection:
            yield connection
        self.count += 1
        if self.count == self._dies_at:
            raise Died


def session(desk: Desk, talk: Conversation) -> None:
    """Do one run as Web Connector does: it ends at the first call that fails."""
    who = desk.company
    ticket, state, *_ = talk.admission.authenticate(
        who.username, who.password, "1.1.1.1"
    )
    if state in {"none", "busy"}:
        return
    hcp, quickbooks = desk.hcp(), desk.quickbooks()
    while True:
        request = talk.send_request(ticket, hcp, PATH, "US", "13.0")
        hcp = ""
        if not request:
            talk.last_error(ticket)
            break
        answer = quickbooks.process(request)
        if not 0 < talk.receive_response(ticket, answer, "", "") < 100:
            break
    talk.close(ticket)


def outcome(desk: Desk) -> dict[str, Any]:
    """Return what must be the same whatever happened on the way."""
    return {
        "records": sorted(
            (
                *(row.kind, row.name, row.state, row.quickbooks_gone),
                sorted(row.quickbooks.items()),
            )
            for row in desk.rows(tables.record)
            if row.kind != "time_entry"  # when they are read is not what this is about
        ),
        "open jobs": [
            (job.kind, job.state, job.reason)
            for job in desk.jobs()
            if job.state != "done" and job.kind != "hour"
        ],
        "unfinished": [
            row.id
            for row in desk.rows(tables.exchange)
            if row.state == "sent" or (row.state == "answered" and not row.applied_at)
        ],
        "live sessions": [
            row.id for row in desk.rows(tables.session) if row.state != "closed"
        ],
    }


def change(desk: Desk, hours: Hours) -> None:
    """Change things on both sides."""
    desk.hands.rename("Customer", desk.customer, "Harbour")
    desk.hands.set_active("Employee", desk.person, is_active=False)
    hours.enqueue(desk, 1, 2, 3)


def everything(desk: Desk, hours: Hours, dies_at: int = 0) -> int:
    """Do a scripted life of a company; return how many transactions it had."""
    mortal = Mortal(desk.engine, dies_at)
    steps: list[Callable[[], None]] = [
        lambda: None,
        lambda: change(desk, hours),
    ]
    for step in steps:
        step()
        talk = desk.conversation(cast("Engine", mortal))
        try:
            session(desk, talk)
        except Died:
            # Started again, and Web Connector calls again and again.
            mortal = Mortal(desk.engine)
            for _ in range(2):
                desk.clock.pass_(minutes=2)
                session(desk, desk.conversation())
        desk.clock.pass_(minutes=15)
    return mortal.count


def test_wherever_the_server_dies_the_end_is_the_same(
    new_desk: Callable[..., Desk], hours: Hours
) -> None:
    """Reads are asked for again, and writes are asked about: none is done twice."""
    undisturbed = new_desk("Undisturbed")
    began = undisturbed.clock.now
    undisturbed.settings = undisturbed.settings.model_copy(
        update={"page_size": 2, "write_batch": 2}
    )
    times = everything(undisturbed, hours)
    wanted = outcome(undisturbed)
    assert wanted["open jobs"] == wanted["unfinished"] == wanted["live sessions"] == []
    assert hours.days(undisturbed) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert times > 30
    # Every other one on SQLite, every tenth on PostgreSQL: all would take minutes.
    step = 2 if undisturbed.engine.dialect.name == "sqlite" else 10
    for number in range(1, times + 1, step):
        undisturbed.clock.now = began  # ListIDs hold the time of their making
        desk = new_desk(f"Dies at {number}")
        desk.settings = undisturbed.settings
        everything(desk, hours, number)
        found = outcome(desk)
        for part, expected in wanted.items():
            assert found[part] == expected, (number, part)
        written = [job.payload for job in hours.jobs(desk) if job.state == "done"]
        days = [f"2026-03-{payload['day']:02}" for payload in written if payload]
        assert hours.days(desk) == days, number
        # Without an answer kept by QuickBooks a write is looked for, not repeated.
        assert {*hours.states(desk)} <= {"done", "unsure"}, number
