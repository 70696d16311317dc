"""The second wall: PostgreSQL itself shows a transaction the rows of one company.

Each test leaves out the application's own condition, as a mistake would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry, sessions
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.storage import schema, tables
from qbwc_server.storage.database import (
    SeesOneCompany,
    company_reading,
    company_transaction,
    lock_company,
    make_engine,
    operator_transaction,
    transaction,
)
from qbwc_server.storage.one_trip import first_at_once
from qbwc_server.storage.walls import SeesEverything, require_serving
from tests.conftest import Clock
from tests.jobs import jobs
from tests.tenants.statements import LOOKUPS, TENANT

NewCompanies = Callable[..., NewCompany]
TENANT_TABLES = [
    table for table in tables.metadata.sorted_tables if table.name in TENANT
]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """SQLite has no such wall; `test_statements` is what it has instead."""
    return postgres_url


@pytest.fixture
def alice(new_company: NewCompanies, engine: Engine, clock: Clock) -> NewCompany:
    """A company with a job, as Bob has one."""
    return _with_job(new_company("Alice"), engine, clock)


@pytest.fixture
def bob(new_company: NewCompanies, engine: Engine, clock: Clock) -> NewCompany:
    """Another company."""
    return _with_job(new_company("Bob"), engine, clock)


def _with_job(company: NewCompany, engine: Engine, clock: Clock) -> NewCompany:
    with company_transaction(engine, company.id) as connection:
        jobs.add(connection, company.id, clock())
    return company


def _owners(connection: Connection) -> set[int]:
    """Return whose rows are seen in all tables together."""
    return {
        owner
        for table in TENANT_TABLES
        for owner in connection.execute(sa.select(table.c.company_id)).scalars()
    }


def test_every_table_of_a_company_s_data_stands_behind_the_wall(
    engine: Engine,
) -> None:
    """Read from the catalogue: a table that is made later cannot be forgotten."""
    statement = sa.text(
        "SELECT c.relname, c.relrowsecurity, p.polcmd, p.polpermissive,"
        " p.polroles = '{0}' AS everybody, pg_get_expr(p.polqual, p.polrelid) AS rule,"
        " p.polwithcheck IS NULL AS also_written"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " LEFT JOIN pg_policy p ON p.polrelid = c.oid"
        " WHERE a.attname = 'company_id' AND NOT a.attisdropped AND c.relkind IN"
        " ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
        " AND NOT c.relname = ANY (:lookups)"
    )
    with engine.begin() as connection:
        found = connection.execute(statement, {"lookups": sorted(LOOKUPS)})
        rows = {row.relname: tuple(row)[1:] for row in found}

    assert set(rows) == {table.name for table in TENANT_TABLES}
    rule = "(company_id = (current_setting('qbwc.company'::text))::bigint)"
    *before, condition, written = rows.pop("company_sequence")
    assert (before, written) == ([True, "*", True, True], True)
    assert " ".join(condition.split()) == (
        f"CASE WHEN (SESSION_USER = '{engine.url.username}'::name) THEN true"
        f" ELSE {rule} END"
    )
    assert set(rows.values()) == {(True, "*", True, True, rule, True)}


def test_what_asks_for_everybody_s_rows_gets_those_of_its_company(
    engine: Engine, alice: NewCompany, bob: NewCompany
) -> None:
    """The application's condition is gone, and the other's data stays invisible."""
    for way in (company_transaction, company_reading):
        for company in (alice, bob):
            with way(engine, company.id) as connection:
                assert _owners(connection) == {company.id}, way
    with operator_transaction(engine) as connection:
        assert _owners(connection) == {alice.id, bob.id}


def test_what_changes_and_deletes_everybody_s_rows_leaves_the_other_s_as_they_are(
    engine: Engine, alice: NewCompany, bob: NewCompany
) -> None:
    """An UPDATE and a DELETE without a WHERE."""
    with operator_transaction(engine) as connection:
        before = connection.execute(
            sa.select(tables.job).where(tables.job.c.company_id == bob.id)
        ).all()
    with company_transaction(engine, alice.id) as connection:
        changed = connection.execute(tables.job.update().values(summary="mine"))
        assert changed.rowcount == 1
        for table in TENANT_TABLES:
            connection.execute(table.delete())

    with operator_transaction(engine) as connection:
        assert connection.execute(sa.select(tables.job)).all() == before
        assert _owners(connection) == {bob.id}


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
def test_a_row_of_the_other_cannot_be_written(
    engine: Engine, alice: NewCompany, bob: NewCompany, table: sa.Table
) -> None:
    """Neither made nor moved there."""
    with (
        pytest.raises(sa.exc.ProgrammingError, match="row-level security"),
        company_transaction(engine, alice.id) as connection,
    ):
        # With all else missing it is the first thing that is refused.
        connection.execute(
            sa.text(f"INSERT INTO {table.name} (company_id) VALUES (:id)"),
            {"id": bob.id},
        )


def test_a_row_cannot_be_moved_to_the_other(
    engine: Engine, alice: NewCompany, bob: NewCompany
) -> None:
    """What is ours cannot become theirs."""
    with (
        pytest.raises(sa.exc.ProgrammingError, match="row-level security"),
        company_transaction(engine, alice.id) as connection,
    ):
        connection.execute(tables.job.update().values(company_id=bob.id, id=999))


@pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
def test_bound_to_no_company_a_question_about_one_is_an_error(
    engine: Engine, alice: NewCompany, table: sa.Table
) -> None:
    """Data that seems to be none would be worse: it could be believed."""
    for _ in range(2):  # never bound before, and bound before to another
        with (
            pytest.raises(sa.exc.DBAPIError, match=r"qbwc\.company|bigint"),
            transaction(engine) as connection,
        ):
            connection.execute(
                sa.select(table).where(table.c.company_id == alice.id)
            ).all()
        with company_transaction(engine, alice.id) as connection:
            connection.execute(sa.select(table.c.company_id)).all()


def test_a_company_that_is_not_there_sees_nothing(
    engine: Engine, alice: NewCompany
) -> None:
    """Also where there is no row to be locked, the transaction is bound."""
    with company_transaction(engine, alice.id + 1000) as connection:
        assert _owners(connection) == set()


def test_a_reading_cannot_write(engine: Engine, alice: NewCompany) -> None:
    """It holds no lock, so it must not."""
    with (
        pytest.raises(sa.exc.InternalError, match="read-only"),
        company_reading(engine, alice.id) as connection,
    ):
        connection.execute(tables.job.update().values(summary="x"))


def test_a_connection_goes_back_to_the_pool_bound_to_nobody(
    postgres_url: str, alice: NewCompany
) -> None:
    """After an end, after an error, and after a savepoint that was undone."""
    engine = make_engine(postgres_url)

    def fails() -> None:
        with company_transaction(engine, alice.id) as connection:
            connection.exec_driver_sql("SELECT 1/0")

    def undone() -> None:
        with company_transaction(engine, alice.id) as connection:
            nested = connection.begin_nested()
            connection.execute(tables.job.delete())
            nested.rollback()
            assert _owners(connection) == {alice.id}

    for use in (fails, undone):
        try:
            use()
        except sa.exc.DataError:
            assert use is fails
        with engine.connect() as connection:
            row = connection.execute(
                sa.text(
                    "SELECT current_user = session_user AS own,"
                    " current_setting('qbwc.company', true) AS company"
                )
            ).one()
        assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
        assert row.own
        assert not row.company
    engine.dispose()


_SAID = sa.select(sa.bindparam("said", type_=sa.Text).label("said"))


def _no_text(_patch: pytest.MonkeyPatch, engine: Engine, company: int) -> None:
    first_at_once(engine, company, _SAID, {"said": "\ud800"})


def _no_number(_patch: pytest.MonkeyPatch, engine: Engine, company: int) -> None:
    number = sa.cast(sa.bindparam("said", type_=sa.Text), sa.Integer)
    first_at_once(engine, company, sa.select(number), {"said": "x"})


def _interrupted(patch: pytest.MonkeyPatch, engine: Engine, company: int) -> None:
    def interrupt(_self: object) -> bool:
        raise KeyboardInterrupt

    with patch.context() as within:
        within.setattr(psycopg.ClientCursor, "nextset", interrupt)
        first_at_once(engine, company, _SAID, {"said": "x"})


def _left_by_others(_patch: pytest.MonkeyPatch, engine: Engine, _company: int) -> None:
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        raw.autocommit = True  # type: ignore[union-attr]
    raise RuntimeError


def _undone(engine: Engine, company: int) -> None:
    """Change a name, and have it undone by an error."""
    table = tables.company
    with suppress(RuntimeError), company_transaction(engine, company) as connection:
        connection.execute(
            table.update().where(table.c.id == company).values(name="left behind")
        )
        raise RuntimeError


@pytest.mark.parametrize(
    ("goes_wrong", "error"),
    [
        (_no_text, UnicodeEncodeError),
        (_no_number, sa.exc.DataError),
        (_interrupted, KeyboardInterrupt),
        (_left_by_others, RuntimeError),
    ],
)
def test_whatever_goes_wrong_in_one_trip_both_walls_stand_afterwards(
    monkeypatch: pytest.MonkeyPatch,
    postgres_url: str,
    alice: NewCompany,
    bob: NewCompany,
    goes_wrong: Callable[[pytest.MonkeyPatch, Engine, int], None],
    error: type[BaseException],
) -> None:
    """Left in autocommit, a connection showed the other's rows and undid nothing."""
    engine = make_engine(postgres_url)
    with pytest.raises(error):
        goes_wrong(monkeypatch, engine, alice.id)
    with company_reading(engine, bob.id) as connection:
        assert _owners(connection) == {bob.id}
    of_bob = tables.company.c.id == bob.id
    _undone(engine, bob.id)
    with engine.begin() as connection:
        name = sa.select(tables.company.c.name).where(of_bob)
        assert connection.execute(name).scalar_one() == "Bob"
    assert first_at_once(engine, bob.id, _SAID, {"said": "x"}) == ["x"]
    engine.dispose()


def test_a_one_trip_that_went_wrong_leaves_no_connection(
    postgres_url: str, alice: NewCompany
) -> None:
    """It is not kept and mended: nobody knows in which state it is."""
    engine = make_engine(postgres_url)
    for goes_wrong, error in (
        (_no_text, UnicodeEncodeError),
        (_no_number, sa.exc.DataError),
        (_interrupted, KeyboardInterrupt),
    ):
        with engine.connect() as connection:
            before: Any = connection.connection.driver_connection
        assert first_at_once(engine, alice.id, _SAID, {"said": "x"}) == ["x"]
        assert not before.closed
        with pytest.MonkeyPatch.context() as patch, pytest.raises(error):
            goes_wrong(patch, engine, alice.id)
        assert before.closed
    engine.dispose()


def test_binding_that_is_interrupted_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str, alice: NewCompany
) -> None:
    """As SQLAlchemy does with whatever it sends itself."""
    engine = make_engine(postgres_url)
    with engine.connect() as connection:
        before: Any = connection.connection.driver_connection

    def interrupt(_self: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as within:
        within.setattr(psycopg.ClientCursor, "nextset", interrupt)
        with (
            pytest.raises(KeyboardInterrupt),
            company_transaction(engine, alice.id) as connection,
        ):
            assert connection is None
    assert before.closed
    with company_transaction(engine, alice.id) as connection:
        assert _owners(connection) == {alice.id}
    engine.dispose()


def test_binding_and_locking_are_one_trip(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, alice: NewCompany
) -> None:
    """And no transaction becomes another role: its login is held as it is."""
    said: list[str] = []
    execute = psycopg.Cursor.execute

    def listen(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        said.append(str(query))
        return execute(self, query, *given, **named)

    monkeypatch.setattr(psycopg.Cursor, "execute", listen)
    with company_transaction(engine, alice.id):
        pass

    ours = [one for one in said if "AUTHORIZATION" not in one]
    assert len(ours) == 1
    assert "SET LOCAL qbwc.company" in ours[0]
    assert "FOR UPDATE" in ours[0]
    assert "role" not in ours[0]


@pytest.mark.parametrize(
    "condition",
    [
        tables.record.c.id == 7,
        sa.and_(
            tables.record.c.kind == "time_entry",
            tables.record.c.day.between("2026-01-01", "2026-02-01"),
        ),
        tables.record.c.due_at <= sa.func.now(),
        sa.and_(
            tables.record.c.kind == "customer",
            tables.record.c.quickbooks_id.in_(("A", "B")),
        ),
        tables.record.c.waits_for == "client:Acme",
    ],
    ids=["id", "day", "due", "quickbooks", "waits"],
)
def test_the_wall_leaves_the_use_of_indexes_as_it_was(
    engine: Engine,
    alice: NewCompany,
    condition: sa.ColumnElement[bool],
) -> None:
    """The same nodes with the same conditions; the wall is looked at once beside."""
    query = sa.select(tables.record).where(
        tables.record.c.company_id == alice.id, condition
    )
    text = query.compile(engine, compile_kwargs={"literal_binds": True})

    def plan(connection: Connection) -> list[str]:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        lines = connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {text}").scalars()
        stripped = (line.strip().removeprefix("->  ") for line in lines)
        return [line for line in stripped if "current_setting" not in line]

    with operator_transaction(engine) as connection:
        before = plan(connection)
    with company_reading(engine, alice.id) as connection:
        after = [line for line in plan(connection) if line != "Result"]

    assert any("Index" in line for line in before)
    assert after == before


@pytest.fixture
def served(postgres_url: str, alice: NewCompany, bob: NewCompany) -> Iterator[Engine]:
    """An engine whose login owns nothing: it may only be `qbwc_app`."""
    del alice, bob
    owner = make_engine(postgres_url)
    login = f"login_{owner.url.database}"
    with owner.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {login} LOGIN IN ROLE qbwc_app")
    made = sa.create_engine(owner.url.set(username=login, password=None))
    yield made
    made.dispose()
    with owner.begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE {login}")
    owner.dispose()


def test_a_login_that_owns_nothing_is_enough_to_serve(
    served: Engine, engine: Engine, keys: Keys, clock: Clock
) -> None:
    """Companies are worked with; they are added and found by the owner alone."""
    for add in (served, engine):
        told = {"mosaic_url": "http://x", "mosaic_team": "1", "now": clock()}
        try:
            company = registry.add(add, keys, name="Carol", **told)  # type: ignore[arg-type]
        except SeesOneCompany:
            assert add is served
    with pytest.raises(SeesOneCompany):
        registry.find(served, "Carol")
    assert registry.numbered(served, company.id).name == "Carol"
    with company_transaction(served, company.id) as connection:
        jobs.add(connection, company.id, clock())
        sessions.begin(connection, keys, company.id, now=clock(), file_path="", peer="")
        assert _owners(connection) == {company.id}
    for statement in (
        "DROP TABLE job",
        "TRUNCATE audit",
        "ALTER TABLE job DISABLE ROW LEVEL SECURITY",
        "UPDATE alembic_version SET version_num = '0'",
        f"SET ROLE {engine.url.username}",
    ):
        with (
            pytest.raises(sa.exc.DBAPIError),
            served.begin() as connection,
        ):
            connection.exec_driver_sql(statement)


def test_a_login_that_sees_one_company_is_told_so_instead_of_seeing_nothing(
    served: Engine,
) -> None:
    """A listing of all companies that is empty would be believed."""
    with (
        pytest.raises(SeesOneCompany, match="owns the tables"),
        operator_transaction(served) as connection,
    ):
        connection.execute(sa.select(tables.job)).all()


def test_a_login_that_may_not_make_roles_is_told_what_an_administrator_must_run(
    empty_postgres: str, keys: Keys, clock: Clock
) -> None:
    """One line with the statement; once that was run, it migrates and serves."""
    administrator = make_engine(empty_postgres)
    owner = f"owner_{administrator.url.database}"
    with administrator.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {owner} LOGIN")
        connection.exec_driver_sql(f"GRANT CREATE, USAGE ON SCHEMA public TO {owner}")
    engine = sa.create_engine(administrator.url.set(username=owner, password=None))

    with pytest.raises(sa.exc.ProgrammingError) as refused:
        schema.upgrade(engine)
    first = str(refused.value.orig).splitlines()[0]
    assert f"CREATE ROLE qbwc_app NOLOGIN; GRANT qbwc_app TO {owner};" in first
    assert schema.current(engine) is None

    with administrator.begin() as connection:
        connection.exec_driver_sql(f"GRANT qbwc_app TO {owner}")
    with pytest.raises(sa.exc.ProgrammingError) as refused:
        schema.upgrade(engine)
    first = str(refused.value.orig).splitlines()[0]
    assert f"CREATE ROLE qbwc_support NOLOGIN; GRANT qbwc_support TO {owner};" in first
    assert schema.current(engine) is None

    with administrator.begin() as connection:
        connection.exec_driver_sql(f"GRANT qbwc_support TO {owner}")
    schema.upgrade(engine)
    ids = [
        registry.add(
            engine, keys, name=name, mosaic_url="http://x", mosaic_team="1", now=clock()
        ).id
        for name in ("Alice", "Bob")
    ]
    with operator_transaction(engine) as connection:
        assert _owners(connection) == set(ids)
    with pytest.raises(SeesEverything, match=f"{owner} owns the tables"):
        require_serving(engine)
    schema.downgrade(engine, "base")
    engine.dispose()
    with administrator.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {owner}")
        connection.exec_driver_sql(f"DROP ROLE {owner}")
    administrator.dispose()


def test_without_the_role_nothing_is_done(postgres_url: str) -> None:
    """A database that is older than the wall is refused, not worked on without it."""
    engine = make_engine(postgres_url)
    schema.downgrade(engine, "0001")

    with pytest.raises(schema.SchemaDiffers):
        schema.require_head(engine)
    with (
        pytest.raises(sa.exc.ProgrammingError, match="does not exist"),
        company_transaction(engine, 1) as connection,
    ):
        connection.execute(sa.select(tables.job.c.id)).all()
    engine.dispose()


def test_locking_is_binding(engine: Engine, alice: NewCompany) -> None:
    """Who makes a company locks it, and is then held to it like everybody."""
    with engine.begin() as connection:
        lock_company(connection, alice.id)
        assert _owners(connection) == {alice.id}
