"""A statement for which no thread waits: bound, durable, and given up when in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import loop_trips
from qbwc_server.storage.database import make_engine
from qbwc_server.storage.loop_trips import LoopTrips
from qbwc_server.storage.tables import company as table
from tests.logged_in import SERVING, url_as
from tests.waiting import in_a_loop

MOST = 2
_SAID = sa.bindparam("said", type_=sa.Text())
_OF = table.c.id == sa.bindparam("company", type_=sa.BigInteger())
NAMED = table.update().where(_OF).values(name=_SAID)
WRONG = NAMED.where(sa.text("1 / (id - id) = 1"))
Change = Callable[..., Awaitable[int | None]]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """SQLite has no connection that a loop could wait for."""
    return postgres_url


@pytest.fixture
def serving(database_url: str) -> Iterator[Engine]:
    """What a server has: a login that owns nothing."""
    made = make_engine(url_as(database_url, SERVING))
    yield made
    made.dispose()


@asynccontextmanager
async def trips(engine: Engine) -> AsyncIterator[LoopTrips]:
    """Have connections in the loop for as long as a test needs them."""
    made = LoopTrips(engine, MOST)
    try:
        yield made
    finally:
        made.close()


async def change(
    made: LoopTrips, company_id: int, said: str, statement: sa.Update = NAMED
) -> int | None:
    """Change the name of a company, bound to it."""
    values = {"company": company_id, "said": said}
    return await made.change(company_id, statement, values)


async def open_up(made: LoopTrips, company: NewCompany) -> None:
    """Wait until there is a connection."""
    while await change(made, company.id, "opened") is None:
        pass


@contextmanager
def held(engine: Engine, company: NewCompany) -> Iterator[None]:
    """Have a company's row be somebody else's meanwhile."""
    with engine.begin() as connection:
        row = table.update().where(table.c.id == company.id)
        connection.execute(row, {"attention": None})
        yield


def name(engine: Engine, company: NewCompany) -> str:
    """Return what everybody sees."""
    with engine.begin() as connection:
        found = sa.select(table.c.name).where(table.c.id == company.id)
        return str(connection.execute(found).scalar_one())


def test_it_is_done_and_committed_and_counted(
    engine: Engine, serving: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """Again and again on the same connection, whatever the text holds."""
    company = new_company()
    texts = ["Alice", "O'Hara %s %(x)s $1 \\ \u00e9\U0001f600", ""]

    async def all_of_them() -> None:
        async with trips(serving) as made:
            await open_up(made, company)
            for text in texts:
                assert await change(made, company.id, text) == 1
                assert name(engine, company) == text

    in_a_loop(asyncio.wait_for(all_of_them(), 30))


def test_it_is_bound_to_its_company(
    engine: Engine, serving: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """What it forgets to say, the database does; and nothing stays bound."""
    alice, bob = new_company("Alice"), new_company("Bob")
    everybody = table.update().values(name=_SAID)

    async def of_alice() -> None:
        async with trips(serving) as made:
            await open_up(made, alice)
            values = {"company": bob.id, "said": "stolen"}
            assert await made.change(alice.id, NAMED, values) == 0
            assert await made.change(alice.id, everybody, {"said": "mine"}) == 1
            assert await made.change(bob.id, NAMED, {**values, "said": "Bob's"}) == 1

    in_a_loop(asyncio.wait_for(of_alice(), 30))

    assert (name(engine, alice), name(engine, bob)) == ("mine", "Bob's")


def test_what_fails_is_given_up_with_its_connection_and_undone(
    engine: Engine, serving: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """The next one has another."""
    company = new_company()

    async def fail() -> None:
        async with trips(serving) as made:
            await open_up(made, company)
            assert await change(made, company.id, "never", WRONG) is None
            assert name(engine, company) == "opened"
            await open_up(made, company)
            assert await change(made, company.id, "again") == 1

    in_a_loop(asyncio.wait_for(fail(), 30))


def test_a_connection_that_the_server_closed_is_replaced(
    engine: Engine, serving: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """It was in nobody's use, and the loop looks at it no more."""
    company = new_company()
    ended = sa.text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        f" WHERE usename = '{SERVING}' AND datname = current_database()"
    )

    async def go_on() -> None:
        async with trips(serving) as made:
            await open_up(made, company)
            with engine.begin() as connection:
                assert connection.execute(ended).scalar_one() >= 1
            await open_up(made, company)

    in_a_loop(asyncio.wait_for(go_on(), 30))


def test_rows_that_somebody_holds_hold_up_nobody_else_for_long(
    engine: Engine,
    serving: Engine,
    new_company: Callable[..., NewCompany],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All connections wait for them: then a thread is to try."""
    alice, bob = new_company("Alice"), new_company("Bob")

    async def wait() -> None:
        async with trips(serving) as made:
            with held(engine, alice):
                waiting = [asyncio.create_task(change(made, alice.id, "late"))]
                while await change(made, bob.id, "Bob") != 1:
                    pass
                waiting.append(asyncio.create_task(change(made, alice.id, "late")))
                await asyncio.sleep(0)
                monkeypatch.setattr(loop_trips, "_PATIENCE", 0.01)
                assert await change(made, bob.id, "Bob") is None
            assert await asyncio.gather(*waiting) == [1, 1]
            assert await change(made, bob.id, "Bob") == 1

    in_a_loop(asyncio.wait_for(wait(), 30))


def test_who_waits_no_more_leaves_no_answer_to_the_next(
    engine: Engine, serving: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """Its connection goes: what comes on it is of what was asked before."""
    company = new_company()

    async def leave() -> None:
        async with trips(serving) as made:
            await open_up(made, company)
            with held(engine, company):
                asked = asyncio.create_task(change(made, company.id, "left"))
                await asyncio.sleep(0)
                asked.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asked
            await open_up(made, company)
            assert await change(made, company.id, "next", NAMED.where(sa.false())) == 0

    in_a_loop(asyncio.wait_for(leave(), 30))


def test_a_database_that_is_away_is_left_to_a_thread(postgres_url: str) -> None:
    """It says so, in the words there are for it."""
    nowhere = make_engine(postgres_url).url.set(host="127.0.0.1", port=9)
    engine = make_engine(nowhere.render_as_string(hide_password=False))

    async def ask() -> None:
        async with trips(engine) as made:
            for _ in range(3 * MOST):
                assert await change(made, 1, "nobody") is None

    in_a_loop(asyncio.wait_for(ask(), 30))
    engine.dispose()


def test_on_sqlite_a_thread_does_it(sqlite_url: str) -> None:
    """Its file is in the way of no loop."""
    engine = make_engine(sqlite_url)

    async def ask() -> None:
        async with trips(engine) as made:
            assert await change(made, 1, "nobody") is None

    in_a_loop(asyncio.wait_for(ask(), 30))
    engine.dispose()


def test_what_rests_for_five_minutes_is_closed_and_opened_again_when_it_is_needed(
    serving: Engine,
    new_company: Callable[..., NewCompany],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a rush opened is not kept for ever."""
    company = new_company()

    def there() -> int:
        return serving.pool.checkedout()  # type: ignore[attr-defined, no-any-return]

    async def rest() -> None:
        async with trips(serving) as made:
            await open_up(made, company)
            made.rest()
            assert there() == 1
            monkeypatch.setattr(loop_trips, "IDLE_SECONDS", 0.0)
            made.rest()
            assert there() == 0
            monkeypatch.undo()
            await open_up(made, company)
            assert there() == 1

    in_a_loop(asyncio.wait_for(rest(), 30))
