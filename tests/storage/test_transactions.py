"""Transactions under threads: nothing is lost, nothing is claimed twice.

Each rule has its negative control: an engine made without it loses an update.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import sessions
from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import claiming, queue
from qbwc_server.keys import Keys
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
    lock_company,
    make_engine,
    next_ids,
)
from qbwc_server.storage.walls import bind_company
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]
THREADS = 8


def _together(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Run work in threads that begin at the same moment."""
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        start.wait(timeout=30)
        work(number)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(run, number) for number in range(threads)]:
            done.result(timeout=60)


def _tries(connection: Connection, company_id: int) -> int:
    tried: int = connection.execute(
        sa.select(tables.job.c.attempt).where(tables.job.c.company_id == company_id)
    ).scalar_one()
    return tried


def _write(connection: Connection, company_id: int, attempt: int) -> None:
    connection.execute(
        tables.job.update()
        .where(tables.job.c.company_id == company_id)
        .values(attempt=attempt)
    )


def test_eight_threads_claim_each_job_once(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Whoever claims and sends in one transaction sends what nobody else sends."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        ids = {jobs.add(connection, company.id, clock()).id for _ in range(60)}
    sent: list[int] = []

    def claim(_: int) -> None:
        while True:
            with company_transaction(engine, company.id) as connection:
                mine = claiming.claimable(
                    connection, company.id, clock(), write_batch=2
                )
                if not mine:
                    return
                jobs.send(connection, mine, clock())
            sent.extend(job.id for job in mine)

    _together(claim)

    assert ids == set(sent)
    assert {1} == set(Counter(sent).values())
    with company_transaction(engine, company.id) as connection:
        assert {1} == {job.attempt for job in queue.select(connection, company.id)}


def test_eight_threads_read_then_write_and_nothing_is_lost(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """The company's lock is held from before the reading until after the writing."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        jobs.add(connection, company.id, clock())

    def add(_: int) -> None:
        for _ in range(5):
            with company_transaction(engine, company.id) as connection:
                _write(connection, company.id, _tries(connection, company.id) + 1)

    _together(add)

    with company_transaction(engine, company.id) as connection:
        assert _tries(connection, company.id) == THREADS * 5


def test_eight_threads_take_ids_that_nobody_else_has(
    engine: Engine, new_company: NewCompanies
) -> None:
    """Ids are unique also where the lock was forgotten."""
    company = new_company()
    taken: list[int] = []

    def take(number: int) -> None:
        for _ in range(3):
            with engine.begin() as connection:
                taken.extend(next_ids(connection, company.id, number + 1))

    _together(take)

    assert sum(3 * (number + 1) for number in range(THREADS)) == len(taken)
    assert len(taken) == len(set(taken))


def test_ids_counted_under_the_lock_and_taken_beside_it_are_all_different(
    engine: Engine, new_company: NewCompanies
) -> None:
    """Half of the threads hold the lock and count in memory, the others do neither.

    Those who fail after they took some have taken none.
    """
    company = new_company()
    taken: list[int] = []

    def count(number: int) -> None:
        with company_transaction(engine, company.id) as connection:
            mine = [next_ids(connection, company.id, number + 1) for _ in range(3)]
        taken.extend(one for ids in mine for one in ids)

    def fail(number: int) -> None:
        with suppress(LookupError), company_transaction(engine, company.id) as one:
            next_ids(one, company.id, number + 1)
            raise LookupError

    def beside(number: int) -> None:
        with engine.begin() as connection:
            bind_company(connection, company.id)
            mine = next_ids(connection, company.id, number + 1)
        taken.extend(mine)

    def take(number: int) -> None:
        for _ in range(5):
            beside(number) if number % 2 else count(number)
            fail(number)

    _together(take)

    assert len(taken) == len(set(taken))
    with company_transaction(engine, company.id) as connection:
        assert next_ids(connection, company.id)[0] > max(taken)


def test_eight_threads_enqueue_one_job_of_one_key(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """One of them adds it; the others are told so, without an error."""
    company = new_company()
    added: list[int | None] = []

    def enqueue(_: int) -> None:
        with company_transaction(engine, company.id) as connection:
            added.append(
                queue.enqueue(
                    connection,
                    company.id,
                    kind="customer",
                    action="read",
                    summary="Read customers",
                    now=clock(),
                    by="test",
                    dedupe_key="read:customer",
                )
            )

    _together(enqueue)

    assert sum(one is not None for one in added) == 1


def test_two_sessions_of_one_company_are_impossible(
    engine: Engine, new_company: NewCompanies, keys: Keys, clock: Clock
) -> None:
    """The database refuses a second one that is not closed; other companies' may be."""
    alice, bob = new_company("Alice"), new_company("Bob")

    def begin(company_id: int) -> str:
        with company_transaction(engine, company_id) as connection:
            return sessions.begin(
                connection, keys, company_id, now=clock(), file_path="", peer=""
            )

    ticket = begin(alice.id)
    begin(bob.id)
    with pytest.raises(sa.exc.IntegrityError):
        begin(alice.id)

    with company_transaction(engine, alice.id) as connection:
        live = sessions.live(connection, alice.id)
        assert live is not None
    assert live == sessions.find(engine, keys, alice.id, ticket)
    with company_transaction(engine, alice.id) as connection:
        sessions.close(connection, live, now=clock(), why="test")
        assert sessions.live(connection, alice.id) is None
    begin(alice.id)


def test_a_ticket_is_of_its_own_company_only(
    engine: Engine, new_company: NewCompanies, keys: Keys, clock: Clock
) -> None:
    """A stranger who writes another company's number before a ticket has nothing."""
    alice, bob = new_company("Alice"), new_company("Bob")
    with company_transaction(engine, alice.id) as connection:
        ticket = sessions.begin(
            connection, keys, alice.id, now=clock(), file_path="", peer=""
        )
    secret = ticket.partition("-")[2]

    for guess in (ticket, f"{bob.id}-{secret}", f"0{alice.id}-{secret}", secret):
        assert sessions.find(engine, keys, bob.id, guess) is None
    with company_transaction(engine, alice.id) as connection:
        row = connection.execute(sa.select(tables.session)).one()
    assert secret not in str(row)
    assert alice.id == sessions.company_of(ticket)


@pytest.mark.parametrize(
    "ticket",
    ["", "-", "7", "7-", "-7", "x-1", "-1-2", "1.5-x", "²-x", "٣-x", "9" * 19 + "-x"],
)
def test_what_is_no_ticket_names_no_company(ticket: str) -> None:
    """Whatever comes as a ticket, asking for its company raises nothing."""
    assert sessions.company_of(ticket) is None


def test_a_second_writer_of_sqlite_waits_before_it_reads(sqlite_url: str) -> None:
    """BEGIN IMMEDIATE: what has been read cannot become old within a transaction."""
    engine = make_engine(sqlite_url)
    with engine.connect() as first, engine.connect() as second:
        second.exec_driver_sql("PRAGMA busy_timeout=0")
        second.rollback()
        first.execute(sa.select(tables.company.c.id))

        with pytest.raises(sa.exc.OperationalError, match="database is locked"):
            second.execute(sa.select(tables.company.c.id))
    engine.dispose()


@pytest.mark.parametrize("begin", [None, "BEGIN"])
def test_without_begin_immediate_sqlite_loses_an_update(
    sqlite_url: str, begin: str | None
) -> None:
    """The negative control: the driver's way loses silently, plain BEGIN fails."""
    engine = sa.create_engine(sqlite_url, connect_args={"timeout": 0})
    if begin is not None:

        def without_driver(connection: object, _record: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]

        def deferred(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        sa.event.listen(engine, "connect", without_driver)
        sa.event.listen(engine, "begin", deferred)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")

    errors = 0
    with ExitStack() as stack:
        both = [stack.enter_context(engine.connect()) for _ in range(2)]
        read = [one.exec_driver_sql("SELECT value FROM counter") for one in both]
        values = [one.scalar_one() for one in read]
        for connection, value in zip(both, values, strict=True):
            try:
                connection.exec_driver_sql(f"UPDATE counter SET value = {value + 1}")
                connection.commit()
            except sa.exc.OperationalError:
                errors += 1
    with engine.connect() as connection:
        value = connection.exec_driver_sql("SELECT value FROM counter").scalar_one()
    engine.dispose()

    assert (1, 0 if begin is None else 1) == (value, errors)


def _two_on_postgresql(url: str, company_id: int, *, locked: bool) -> int:
    """Read in two transactions, then write in both; return what is there then."""
    engine = make_engine(url)
    try:
        with engine.connect() as first, engine.connect() as second:
            second.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            values = []
            for connection in (first, second):
                if locked:
                    lock_company(connection, company_id)
                values.append(_tries(connection, company_id))
            for connection, value in zip((first, second), values, strict=True):
                _write(connection, company_id, value + 1)
                connection.commit()
        with engine.connect() as connection:
            return _tries(connection, company_id)
    finally:
        engine.dispose()


def test_without_the_company_s_lock_postgresql_loses_an_update(
    postgres_url: str, keys: Keys, clock: Clock
) -> None:
    """The negative control; with the lock, the second waits before it reads."""
    from qbwc_server.companies import registry

    engine = make_engine(postgres_url)
    company = registry.add(
        engine, keys, name="Alice", mosaic_url="http://x", mosaic_team="1", now=clock()
    )
    with company_transaction(engine, company.id) as connection:
        jobs.add(connection, company.id, clock())
    engine.dispose()

    assert _two_on_postgresql(postgres_url, company.id, locked=False) == 1
    with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
        _two_on_postgresql(postgres_url, company.id, locked=True)


def test_two_companies_never_wait_for_each_other_on_postgresql(
    postgres_url: str, keys: Keys, clock: Clock
) -> None:
    """A company's lock is its own."""
    from qbwc_server.companies import registry

    engine = make_engine(postgres_url)
    alice, bob = (
        registry.add(
            engine, keys, name=name, mosaic_url="http://x", mosaic_team="1", now=clock()
        )
        for name in ("Alice", "Bob")
    )
    with (
        company_transaction(engine, alice.id) as one,
        company_transaction(engine, bob.id) as other,
    ):
        assert (
            jobs.add(one, alice.id, clock()).id == jobs.add(other, bob.id, clock()).id
        )
    engine.dispose()


def test_sqlite_is_prepared_on_every_connection(tmp_path: Path) -> None:
    """WAL, foreign keys, a busy timeout, and nothing lost when the power goes."""
    engine = make_engine(f"sqlite:///{tmp_path / 'new.db'}")
    wanted = {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "synchronous": 2,
    }
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in wanted
            }
            connection.rollback()
            assert wanted == found
    engine.dispose()
