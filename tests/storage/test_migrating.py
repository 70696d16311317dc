"""A migration beside people who read: the login of support cannot stop it or us."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.storage import migrating, schema
from qbwc_server.storage.migrating import SchemaInUse

BEFORE = "0030"
"""Its successors change tables that the views of support read."""
READS = "SELECT * FROM support_records"


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """SQLite has no logins, and one writer at a time anyway."""
    return postgres_url


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "PATIENCE", 1.0)
    monkeypatch.setattr(migrating, "TRIES", 2)


@pytest.fixture
def older(engine: Engine) -> Engine:
    """A database of a program before, which is to be brought up."""
    schema.downgrade(engine, BEFORE)
    return engine


def _login(engine: Engine, name: str, roles: str) -> Iterator[Engine]:
    name = f"{name}_{engine.url.database}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN {roles}")
    made = sa.create_engine(engine.url.set(username=name, password=None))
    yield made
    made.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {name}")
        connection.exec_driver_sql(f"DROP ROLE {name}")


@pytest.fixture
def ann(engine: Engine) -> Iterator[Engine]:
    """A person of support."""
    yield from _login(engine, "ann", "IN ROLE qbwc_support")


@pytest.fixture
def served(engine: Engine) -> Iterator[Engine]:
    """A server, which is nobody's to end."""
    yield from _login(engine, "served", "IN ROLE qbwc_app, qbwc_support")


def _is_open(connection: Connection) -> bool:
    try:
        connection.exec_driver_sql("SELECT 1")
    except sa.exc.OperationalError as ended:
        assert "terminating connection" in str(ended)  # noqa: PT017 - either is right
        return False
    return True


def test_a_transaction_left_open_is_ended_and_the_migration_goes_on(
    older: Engine, ann: Engine
) -> None:
    """At the first try: nobody else waits for as long as a person is at lunch."""
    with ann.connect() as connection:
        connection.exec_driver_sql(READS)  # and then nothing: idle in transaction
        schema.upgrade(older, "head")
        assert schema.current(older) == schema.head()
        assert not _is_open(connection)


def test_one_that_locks_by_name_is_ended(older: Engine, ann: Engine) -> None:
    """ACCESS SHARE is the one lock that may be asked for by whoever may read."""
    with ann.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE support_records IN ACCESS SHARE MODE")
        with (
            ann.connect() as another,
            pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
        ):
            another.exec_driver_sql("LOCK TABLE support_records IN ROW SHARE MODE")
        schema.upgrade(older)
        assert not _is_open(connection)


def test_a_query_that_runs_on_and_on_is_ended(older: Engine, ann: Engine) -> None:
    """Whatever time she allows herself: that is hers to set."""
    begun, ended = threading.Event(), threading.Event()

    def look() -> None:
        with ann.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql(READS)
            begun.set()
            with pytest.raises(sa.exc.OperationalError, match="terminating"):
                connection.exec_driver_sql("SELECT pg_sleep(600)")
            ended.set()

    beside = threading.Thread(target=look)
    beside.start()
    assert begun.wait(30)
    schema.upgrade(older)
    beside.join(30)
    assert ended.is_set()


def test_one_who_comes_back_again_and_again_waits_behind_it(
    older: Engine, ann: Engine
) -> None:
    """She holds the tables anew as soon as she was thrown out."""
    stop, came = threading.Event(), []

    def again() -> None:
        while not stop.is_set():
            try:
                with ann.connect() as connection:
                    connection.exec_driver_sql(READS)
                    came.append(connection)
                    while not stop.wait(0.01):
                        connection.exec_driver_sql("SELECT 1")
            except sa.exc.DBAPIError:
                ann.dispose()

    beside = threading.Thread(target=again)
    with ann.connect() as connection:
        connection.exec_driver_sql(READS)
        beside.start()
        try:
            schema.upgrade(older)
        finally:
            stop.set()
            beside.join(30)
        assert not _is_open(connection)
    assert came
    assert schema.current(older) == schema.head()


def test_no_lock_that_anybody_may_take_holds_it_up(older: Engine, ann: Engine) -> None:
    """The number was in the source; a number is no secret."""
    with ann.connect() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(71340001)")
        schema.upgrade(older)
        assert _is_open(connection)


def test_a_session_that_is_in_nobody_s_way_goes_on(older: Engine, ann: Engine) -> None:
    """Only where it stands in the way."""
    with ann.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM support_words")
        schema.upgrade(older, "0031")
        assert _is_open(connection)


def test_others_are_not_ended_but_named_and_nothing_waits_for_long(
    older: Engine, served: Engine
) -> None:
    """Between two tries everybody goes on; after the last one nothing is changed."""
    went_on: list[float] = []

    def others(seconds: float) -> None:
        with older.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            connection.exec_driver_sql("SELECT count(*) FROM record")
        went_on.append(seconds)

    with served.connect() as connection:
        connection.exec_driver_sql(READS)
        with pytest.raises(SchemaInUse, match=f"{served.url.username} .process ") as no:
            _upgraded(older, others)
        assert _is_open(connection)
    assert "Nothing was changed" in no.value.support
    assert went_on == [migrating.PAUSE]
    assert schema.current(older) == BEFORE

    schema.upgrade(older)
    assert schema.differences(older) == []


def test_it_goes_well_once_the_others_are_done(older: Engine, served: Engine) -> None:
    """By itself: nobody has to run it a second time."""
    with served.connect() as connection:
        connection.exec_driver_sql(READS)
        _upgraded(older, lambda _: connection.rollback())
    assert schema.current(older) == schema.head()


def _upgraded(engine: Engine, pause: Callable[[float], object]) -> None:
    from alembic import command

    def work(connection: Connection) -> None:
        command.upgrade(schema._config(connection), "head")

    migrating.alone(engine, work, pause=pause)


def _give(engine: Engine, owner: str) -> None:
    """Let a login own all that there is, as the one of an installation does."""
    with engine.begin() as connection:
        for row in connection.exec_driver_sql(
            "SELECT format('ALTER TABLE %%s OWNER TO ', oid::regclass) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
            " UNION ALL"
            " SELECT format('ALTER FUNCTION %%s OWNER TO ', oid::regprocedure)"
            " FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " UNION ALL SELECT 'ALTER SCHEMA public OWNER TO '"
        ).all():
            connection.exec_driver_sql(f"{row[0]} {owner}")


@pytest.fixture
def owner(older: Engine) -> Iterator[Engine]:
    """Who migrates, who is no superuser."""
    for made in _login(older, "owner", "IN ROLE qbwc_app, qbwc_support"):
        _give(older, str(made.url.username))
        yield made
        _give(older, str(older.url.username))


def test_whose_session_the_owner_may_not_end_is_named_until_he_may(
    older: Engine, owner: Engine, ann: Engine
) -> None:
    """He ends the sessions of those whose roles he was granted; doctor asks for it."""
    name = str(ann.url.username)
    with ann.connect() as connection:
        connection.exec_driver_sql(READS)
        with pytest.raises(SchemaInUse, match=name):
            _upgraded(owner, lambda _: None)
        assert _is_open(connection)

        with older.begin() as administrator:
            administrator.exec_driver_sql(f"GRANT {name} TO {owner.url.username}")
        _upgraded(owner, lambda _: None)
        assert not _is_open(connection)
    assert schema.current(older) == schema.head()
