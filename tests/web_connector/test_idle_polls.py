"""A poll with nothing to do is answered by one statement; whatever else is up, not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import credentials, logins, registry, sessions
from qbwc_server.jobs import queue
from qbwc_server.storage import tables
from qbwc_server.web_connector.idle_polls import Idle
from tests.waiting import in_a_loop
from tests.web_connector.desk import Desk

HERE = "127.0.0.1"


@pytest.fixture
def idle(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """What the one statement has found at each poll; the desk has nothing to do."""
    found: list[int | None] = []
    whole = Idle.still

    def still(self: Idle, *arguments: Any, **named: Any) -> int | None:
        found.append(whole(self, *arguments, **named))
        return found[-1]

    monkeypatch.setattr(Idle, "still", still)
    desk.read_all()
    assert desk.log_in()[1] == "none"
    assert found == [None, None], "the first polls go the whole way"
    found.clear()
    return found


def of(desk: Desk) -> sa.Update:
    """Return an update of the desk's company."""
    return tables.company.update().where(tables.company.c.id == desk.company.id)


def test_it_is_answered_and_kept_as_the_whole_way_does(
    desk: Desk, idle: list[int | None]
) -> None:
    """When the company was last seen is kept, too."""
    desk.clock.pass_(minutes=1)

    assert desk.log_in() == ["", "none", "", "60"]

    assert idle == [1]
    assert desk.stored().last_seen_at == desk.clock()


def test_the_wrong_passwords_of_others_change_nothing(
    desk: Desk, idle: list[int | None]
) -> None:
    """Among thousands somebody's is always wrong, and from anywhere with any name."""
    for name, peer in (("somebody", HERE), (desk.company.username, "10.0.0.9")):
        logins.check(desk.engine, desk.keys, name, "wrong", peer=peer, now=desk.clock())

    assert desk.log_in()[1] == "none"

    assert idle == [1]


def add_job(desk: Desk, connection: Connection, state: str) -> None:
    """Have the company have a job."""
    job = queue.enqueue(
        connection,
        desk.company.id,
        kind="customer",
        action="read",
        summary="Read customers",
        now=desk.clock(),
        by="a test",
    )
    values: dict[str, Any] = {"state": state}
    if state == "unsure":
        values["exchange_id"] = sa.select(
            sa.func.max(tables.exchange.c.id)
        ).scalar_subquery()
    connection.execute(tables.job.update().where(tables.job.c.id == job).values(values))


def begin_session(desk: Desk, connection: Connection) -> None:
    """Have another computer be in a session."""
    sessions.begin(
        connection,
        desk.keys,
        desk.company.id,
        now=desk.clock(),
        file_path="",
        peer="10.0.0.9",
    )


def fail_to_log_in(desk: Desk, connection: Connection) -> None:
    """Have somebody have said a wrong password with this name from here."""
    who = logins.counted(desk.keys, desk.company.username, HERE)
    connection.execute(
        tables.login_failure.insert(),
        {"who": who, "failures": 1, "last_at": desk.clock()},
    )


def change(**values: Any) -> Callable[[Desk, Connection], None]:
    """Return what changes columns of the company; a timedelta counts from now."""

    def act(desk: Desk, connection: Connection) -> None:
        moments = {
            name: desk.clock() + value if isinstance(value, timedelta) else value
            for name, value in values.items()
        }
        registry.change(connection, desk.company.id, **moments)

    return act


UP = [
    pytest.param(lambda d, c: add_job(d, c, "ready"), "", id="a read is ready"),
    pytest.param(lambda d, c: add_job(d, c, "unsure"), "", id="a write is unsure"),
    pytest.param(begin_session, "busy", id="another computer is in a session"),
    pytest.param(fail_to_log_in, "none", id="a login has failed"),
    pytest.param(change(mode="paused"), "none", id="it is paused"),
    pytest.param(change(next_read_at=timedelta()), "", id="reads are due"),
    pytest.param(change(next_read_at=None), "", id="reads are wanted"),
    pytest.param(change(next_read_at=timedelta(days=9)), "", id="a clock was wrong"),
    pytest.param(
        change(open_after=timedelta(minutes=5)), "none", id="QuickBooks rests"
    ),
    pytest.param(change(known_from="elsewhere"), "none", id="it called elsewhere"),
    pytest.param(
        change(former_password_hash="x"), "none", id="a new password is first used"
    ),
    pytest.param(change(late_at=timedelta(hours=-1)), "none", id="it was late"),
    pytest.param(change(check_at=None), "none", id="it is not yet missed"),
    pytest.param(change(read_every=20), "none", id="it is to be read more rarely"),
    pytest.param(change(poll_every=2), "none", id="it is to call more rarely"),
]


@pytest.mark.parametrize(("act", "says"), UP)
def test_whatever_else_is_up_goes_the_whole_way(
    desk: Desk,
    idle: list[int | None],
    act: Callable[[Desk, Connection], None],
    says: str,
) -> None:
    """Each is a condition of the statement."""
    with desk.engine.begin() as connection:
        act(desk, connection)

    found = desk.log_in()[1]

    assert idle == [None]
    assert found in ({says, desk.stored().file_path} if not says else {says})


def ask_without_a_thread(desk: Desk, *before: Callable[[Connection], None]) -> Any:
    """Return what the loop answers once it has a connection; what is up comes before.

    On SQLite it never has one.
    """

    async def ask() -> Any:
        who, here = desk.company, desk.conversation().admission
        here.authenticate(who.username, who.password, HERE)
        for _ in range(100):
            found = await here.authenticate_idle(who.username, who.password, HERE)
            if found is not None:
                break
        with desk.engine.begin() as connection:
            for act in before:
                act(connection)
        try:
            return await here.authenticate_idle(who.username, who.password, HERE)
        finally:
            here.close()

    return in_a_loop(ask())


def test_no_thread_is_needed_for_it_on_postgresql(desk: Desk) -> None:
    """It is the same statement, and it keeps the same."""
    desk.read_all()
    desk.clock.pass_(minutes=1)

    found = ask_without_a_thread(desk)

    is_server = desk.engine.dialect.name == "postgresql"
    assert found == (["", "none", "", "60"] if is_server else None)
    assert desk.stored().last_seen_at == desk.clock()


@pytest.mark.parametrize(("act", "says"), UP)
def test_whatever_else_is_up_needs_a_thread(
    desk: Desk,
    act: Callable[[Desk, Connection], None],
    says: str,  # noqa: ARG001 - that is said by the whole way
) -> None:
    """Each is a condition there too."""
    desk.read_all()

    assert ask_without_a_thread(desk, lambda one: act(desk, one)) is None


def test_two_computers_that_call_in_turn_both_take_the_short_way(
    desk: Desk, idle: list[int | None]
) -> None:
    """Each was known before the other came; one of a third address is not."""
    talk = desk.conversation()
    who = desk.company

    def call(peer: str) -> None:
        talk.admission.authenticate(who.username, who.password, peer)

    for peer in (HERE, "10.0.0.2", HERE, "10.0.0.2"):
        call(peer)
    del idle[:]
    for peer in (HERE, "10.0.0.2", "10.0.0.3"):
        call(peer)
    assert [one is not None for one in idle] == [True, True, False]


def test_a_wrong_password_is_not_even_tried(
    desk: Desk, idle: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of a refusal would tell names."""

    def never(*_: object) -> int:
        raise AssertionError

    monkeypatch.setattr("qbwc_server.web_connector.idle_polls.at_once", never)

    answer = desk.call("authenticate", desk.company.username, "wrong")

    assert answer[1] == "nvu"
    assert idle == [None]


def test_a_password_that_was_changed_is_refused_though_it_was_right(
    desk: Desk, idle: list[int | None]
) -> None:
    """What is remembered is no way in."""
    old = desk.company.password
    new = credentials.new_password(
        desk.engine, desk.keys, desk.company.id, now=desk.clock(), who="a test"
    )
    assert desk.call("authenticate", desk.company.username, new)[1] == "none"

    assert desk.call("authenticate", desk.company.username, old)[1] == "nvu"
    assert idle == [None, None]


def test_one_company_is_not_answered_for_another(
    new_desk: Callable[..., Desk], desk: Desk, idle: list[int | None]
) -> None:
    """Each is remembered for itself."""
    other = new_desk("Bob")
    other.url = desk.url

    state = other.log_in()[1]

    assert state == ""
    assert idle == [None]
    assert registry.find(desk.engine, "Bob").last_seen_at == desk.clock()
