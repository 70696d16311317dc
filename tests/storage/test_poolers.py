"""Through a pooler nothing is prepared: nobody runs another's statement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.operations import connections_looked
from qbwc_server.storage import poolers, schema
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
)
from qbwc_server.storage.loop_trips import LoopTrips
from qbwc_server.storage.one_trip import first_at_once
from qbwc_server.storage.tables import company as table
from tests.conftest import SECRET, Clock
from tests.logged_in import SERVING, make_logins, url_as
from tests.storage.own_postgres import open_folder, started
from tests.storage.pooler import pooled, program, version
from tests.waiting import in_a_loop

_OF = table.c.id == sa.bindparam("company", type_=sa.BigInteger())
_SAID = sa.bindparam("said", type_=sa.Text())
NAMED = table.update().where(_OF).values(name=_SAID)
MOVED = table.update().where(_OF).values(mosaic_url=_SAID)
TOLD = sa.select(table.c.name, table.c.mosaic_url).where(_OF)
ROUNDS = 12
"""The driver prepares what it is asked the sixth time."""


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    """A migrated PostgreSQL, with two companies."""
    with open_folder() as folder, started(folder) as url:
        owner = make_engine(url)
        schema.upgrade(owner)
        make_logins(owner)
        for name in ("Ann", "Bob"):
            registry.add(
                *(owner, Keys([SECRET])),
                name=name,
                mosaic_url="",
                mosaic_team=name,
                now=Clock()(),
            )
        owner.dispose()
        yield url


@contextmanager
def behind(direct: str, mode: str, servers: int = 1) -> Iterator[str]:
    """Have a pooler before it, with so many connections of each login."""
    program()
    with open_folder() as folder, pooled(direct, folder, mode, servers) as url:
        yield url


@contextmanager
def engine_of(url: str, login: str = SERVING) -> Iterator[Engine]:
    """Have the engine of a login; of a process that serves, where none is said."""
    made = make_engine(url_as(url, login))
    try:
        yield made
    finally:
        made.dispose()


def test_the_driver_alone_is_answered_with_another_client_s_statement(
    direct: str,
) -> None:
    """The danger is real with the pooler at hand, and nobody is told."""
    if version(program()) >= (1, 21):
        pytest.skip("NOT SHOWN: this PgBouncer may know prepared statements")
    with behind(direct, "transaction", 2) as url:
        ann, bob, eve = (
            psycopg.connect(url, prepare_threshold=0, autocommit=True) for _ in range(3)
        )
        with closing(ann), closing(bob), closing(eve):
            assert ann.execute("SELECT 'of ann'").fetchone() == ("of ann",)
            eve.prepare_threshold = None
            eve.execute("BEGIN")  # has the connection that ann had
            assert bob.execute("SELECT 'of bob'").fetchone() == ("of bob",)
            assert ann.execute("SELECT 'of ann'").fetchone() == ("of bob",)


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_known_by_itself_and_to_the_doctor(direct: str, mode: str) -> None:
    """However it pools; PostgreSQL alone is not taken for one, and prepares."""
    with behind(direct, mode, 3) as url:
        for where, there in ((url, True), (direct, False)):
            with engine_of(where) as engine:
                assert poolers.stands_between(engine) is there
                with engine.connect() as connection:
                    for _ in range(ROUNDS):
                        connection.execute(sa.text("SELECT 7"))
                    held = sa.text("SELECT count(*) FROM pg_prepared_statements")
                    assert bool(connection.scalar(held)) is not there
            with engine_of(where, "postgres") as owner:
                told = [one.check for one in connections_looked.look(owner)]
                assert told == ["pooler"] * there + ["connections"]


def test_two_processes_behind_one_connection_do_what_each_of_them_says(
    direct: str,
) -> None:
    """Bound to the right company, by every way there is, in turns."""
    with (
        behind(direct, "transaction") as url,
        engine_of(url) as ann,
        engine_of(url) as bob,
    ):
        for turn in range(ROUNDS):
            for number, engine in ((1, ann), (2, bob)):
                said = {"company": number, "said": f"{number} at {turn}"}
                first, second = (NAMED, MOVED)[:: 1 if number == 1 else -1]
                with company_transaction(engine, number) as connection:
                    connection.execute(first, said)
                    connection.execute(second, said)
        for number, engine in ((1, bob), (2, ann)):
            wanted = (f"{number} at {ROUNDS - 1}",) * 2
            row = first_at_once(engine, number, TOLD, {"company": number})
            assert tuple(row or ()) == wanted
            with company_reading(engine, number) as connection:
                seen = connection.execute(sa.select(table.c.name)).scalars().all()
            assert seen == [wanted[0]], "and the other company is not seen"


def test_what_no_thread_waits_for_does_so_too(direct: str) -> None:
    """There the names of statements would be the program's own."""

    async def both(ann: Engine, bob: Engine) -> None:
        with closing(LoopTrips(ann, 1)) as of_ann, closing(LoopTrips(bob, 1)) as of_bob:
            for turn in range(ROUNDS):
                for number, trips, statement in (
                    (1, of_ann, NAMED),
                    (2, of_bob, MOVED),
                ):
                    said = {"company": number, "said": f"trip {number} at {turn}"}
                    done = None
                    while done is None:
                        done = await trips.change(number, statement, said)
                        assert done in {None, 1}
                    assert done == 1

    with (
        behind(direct, "transaction") as url,
        engine_of(url) as ann,
        engine_of(url) as bob,
    ):
        in_a_loop(asyncio.wait_for(both(ann, bob), 60))
        last = ROUNDS - 1
        row = first_at_once(ann, 1, TOLD, {"company": 1})
        assert row is not None
        assert row[0] == f"trip 1 at {last}"
        row = first_at_once(bob, 2, TOLD, {"company": 2})
        assert row is not None
        assert row[1] == f"trip 2 at {last}"
