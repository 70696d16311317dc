"""What a thief sees who has the login of server and worker, and psql.

Read from the catalogue, table by table and view by view, so that what is made later is
in it by itself; and each look finds what it is to find when a wall is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import schema
from qbwc_server.storage.database import company_transaction, make_engine
from tests import logged_in
from tests.conftest import Clock
from tests.jobs import jobs

LOOKUPS: Final = {
    "caller": {"company_id", "kind", "hash"},
    "duty": {
        *("company_id", "deliver_at", "leased_until", "leased_by", "check_at"),
        *("notice_at", "alert_at", "preview_at", "housekeep_at"),
    },
    "team_file": {"company_id", "team", "takes_part", "time_claims"},
    "mosaic_claim": {"team", "data_type", "mosaic_id", "holder", "meant", "since"},
    "time_claim": {"team", "mosaic_id", "held_by", "txn_hash", "since"},
    "time_rule": {"team", "member_id", "project_id", "held_by", "said_by", "since"},
    "mosaic_budget": {"key_hash", "tokens", "refilled_at", "blocked_until"},
    "login_failure": {"who", "failures", "last_at"},
}
"""What is seen of companies that nobody is bound to: numbers, moments, hashes, and the
server and number of a Mosaic team."""
OF_NO_COMPANY: Final = {
    *(
        "database_mark",
        "heartbeat",
        "outage",
        "word",
        "support_token",
        "support_login",
        "alembic_version",
    ),
}
FIGURES: Final = {"figures_of_work", "figures_of_records", "figures_of_companies"}


@pytest.fixture
def database_url(empty_postgres: str) -> str:
    """A database of its own, so that rights of the database are the migration's."""
    engine = make_engine(empty_postgres)
    schema.upgrade(engine)
    logged_in.make_logins(engine)
    engine.dispose()
    return empty_postgres


@pytest.fixture
def thief(engine: Engine) -> Iterator[Engine]:
    """Who has the login of server and worker."""
    url = engine.url.set(username=logged_in.SERVING, password=None)
    made = sa.create_engine(url, poolclass=sa.pool.NullPool)
    yield made
    made.dispose()


@pytest.fixture
def companies(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> list[int]:
    """Two companies with a row in every table of a company's data."""
    made = [new_company(name).id for name in ("Alice", "Bob")]
    for one in made:
        with company_transaction(engine, one) as connection:
            jobs.add(connection, one, clock())
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for table in _tables(connection):
            if "company_id" in (columns := _needed(connection, table)):
                for one in made:
                    _fill(connection, table, columns, one)
    return made


def _tables(connection: Connection, kind: str = "r") -> list[str]:
    return list(
        connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            f" AND relkind = '{kind}' ORDER BY 1"
        ).scalars()
    )


def _needed(connection: Connection, table: str) -> dict[str, str]:
    """Return the columns of a table that have no default and may not be empty."""
    rows = connection.exec_driver_sql(
        "SELECT column_name, data_type FROM information_schema.columns WHERE"
        f" table_schema = 'public' AND table_name = '{table}'"
        " AND is_nullable = 'NO' AND column_default IS NULL"
    )
    return {row.column_name: row.data_type for row in rows}


_MADE_UP = {
    "bigint": "1",
    "integer": "1",
    "boolean": "false",
    "jsonb": "'{}'",
    "timestamp with time zone": "now()",
    "double precision": "1",
}
_WORDS = {
    "session": {"state": "authenticated"},
    "exchange": {"state": "sent", "purpose": "work"},
    "record": {"state": "pending"},
    "mosaic_call": {"state": "sent"},
    "said": {"word": "one"},
    "former_id": {"side": "mosaic"},
    "caller": {"kind": "user"},
}


def _fill(
    connection: Connection, table: str, columns: dict[str, str], company: int
) -> None:
    """Put a row of a company into a table, unless it has one."""
    there = f"SELECT 1 FROM {table} WHERE company_id = {company}"
    if connection.exec_driver_sql(there).first() is not None:
        return
    words = _WORDS.get(table, {})
    values = [
        str(company)
        if name == "company_id"
        else f"'{words[name]}'"
        if name in words
        else _MADE_UP.get(kind, "'x'")
        for name, kind in columns.items()
    ]
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"
    )


@contextmanager
def _bound(thief: Engine, company: int | None) -> Iterator[Connection]:
    with thief.connect() as connection:
        if company is not None:
            connection.exec_driver_sql(f"SET LOCAL qbwc.company = '{company}'")
        yield connection


def readable(thief: Engine, names: list[str]) -> set[str]:
    """Return what can be read with no company bound."""
    found = set()
    for name in names:
        with _bound(thief, None) as connection:
            try:
                connection.exec_driver_sql(f"SELECT * FROM {name}").all()
            except sa.exc.DBAPIError:
                continue
            found.add(name)
    return found


def strangers(thief: Engine, tables: list[str], company: int) -> set[str]:
    """Return the tables that show others' rows to who is bound to a company."""
    found = set()
    for table in tables:
        column = "id" if table == "company" else "company_id"
        with _bound(thief, company) as connection:
            try:
                seen = connection.exec_driver_sql(f"SELECT {column} FROM {table}")
            except sa.exc.ProgrammingError:
                continue  # it names no company
            whose = set(seen.scalars())
        if table not in LOOKUPS:
            assert company in whose, table
        if whose - {company}:
            found.add(table)
    return found


def writable(thief: Engine, table: str, company: int, other: int) -> set[str]:
    """Return in which ways a row of another company can be written."""
    column = "id" if table == "company" else "company_id"
    tries = {
        "insert": f"INSERT INTO {table} ({column}) VALUES ({other})",
        "update": f"UPDATE {table} SET {column} = {column} WHERE {column} = {other}",
        "move": f"UPDATE {table} SET {column} = {other} WHERE {column} = {company}",
        "delete": f"DELETE FROM {table} WHERE {column} = {other}",
    }
    found = set()
    for name, statement in tries.items():
        with _bound(thief, company) as connection:
            try:
                if connection.exec_driver_sql(statement).rowcount:
                    found.add(name)
            except sa.exc.IntegrityError:
                found.add(name)  # it was not the wall that refused it
            except sa.exc.ProgrammingError as error:
                if not re.search("row-level security|permission", str(error)):
                    raise
            connection.rollback()
    return found


@pytest.mark.usefixtures("companies")
def test_without_a_company_only_the_lookups_are_read(
    thief: Engine, engine: Engine
) -> None:
    """And they show nothing but what stands in `LOOKUPS`."""
    with engine.begin() as connection:
        tables = _tables(connection)
        views = _tables(connection, "v")
    assert readable(thief, tables) == {*LOOKUPS, *OF_NO_COMPANY}
    assert readable(thief, views) == FIGURES
    inspected = sa.inspect(engine)
    for table, columns in LOOKUPS.items():
        assert {one["name"] for one in inspected.get_columns(table)} == columns


def test_with_one_bound_only_its_rows_are_read(
    thief: Engine, engine: Engine, companies: list[int]
) -> None:
    """In every table; the lookups show the numbers of all."""
    with engine.begin() as connection:
        tables = _tables(connection)
    for company in companies:
        assert strangers(thief, tables, company) == {"caller", "duty", "team_file"}


def test_no_row_of_another_is_written_in_any_table(
    thief: Engine, engine: Engine, companies: list[int]
) -> None:
    """Not in the lookups either."""
    alice, bob = companies
    inspected = sa.inspect(engine)
    for table in inspected.get_table_names():
        names = {one["name"] for one in inspected.get_columns(table)}
        if table == "company" or "company_id" in names:
            assert writable(thief, table, alice, bob) == set(), table


@pytest.mark.usefixtures("companies")
def test_nobody_is_bound_to_two_or_to_all(thief: Engine) -> None:
    """What is no number is an error."""
    for table in ("job", "company", "company_sequence"):
        for company in ("", "1 2", "1,2", "1 OR true", "NULL"):
            with thief.connect() as connection:
                connection.exec_driver_sql(f"SET LOCAL qbwc.company = '{company}'")
                with pytest.raises(sa.exc.DataError):
                    connection.exec_driver_sql(f"SELECT * FROM {table}").all()


FORBIDDEN: Final = (
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE eve",
    "ALTER TABLE job DISABLE ROW LEVEL SECURITY",
    "DROP POLICY one_company ON job",
    "ALTER TABLE job ADD COLUMN x int",
    "DROP TABLE job",
    "TRUNCATE job",
    (
        "CREATE TRIGGER mine BEFORE UPDATE ON job FOR EACH ROW "
        "EXECUTE FUNCTION pass_on_of_the_program_before()"
    ),
    "SET ROLE qbwc_support",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET row_security = off; SELECT * FROM job",
    "UPDATE alembic_version SET version_num = '0'",
    "UPDATE word SET happened = ''",
    "UPDATE support_token SET may_act = true",
    "SELECT pg_read_file('PG_VERSION')",
    "COPY job TO PROGRAM 'cat'",
)


def test_it_changes_no_wall_and_makes_nothing(
    thief: Engine, companies: list[int]
) -> None:
    """No DDL, no other role, no file; not even a temporary table."""
    for statement in FORBIDDEN:
        with (
            _bound(thief, companies[0]) as connection,
            pytest.raises(sa.exc.DBAPIError, match=r"permission|must be|row-level"),
        ):
            connection.exec_driver_sql(statement)


def test_each_look_finds_what_it_is_to_find(
    thief: Engine, engine: Engine, companies: list[int]
) -> None:
    """The negative controls: a wall is taken away, and the looks above see it."""
    alice, bob = companies

    def owner(*statements: str) -> None:
        with engine.begin() as connection:
            for one in statements:
                connection.exec_driver_sql(one)

    for table in ("job", "company", "company_sequence"):
        owner(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        assert readable(thief, [table]) == {table}
        assert strangers(thief, [table], alice) == {table}
        assert writable(thief, table, alice, bob) >= {"insert", "update"}
        owner(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        assert readable(thief, [table]) == set()
    owner("CREATE POLICY too_much ON job USING (true)")
    assert strangers(thief, ["job"], alice) == {"job"}
    owner("DROP POLICY own ON duty", "CREATE POLICY own ON duty USING (true)")
    assert "update" in writable(thief, "duty", alice, bob)
    owner("GRANT SELECT ON support_jobs TO qbwc_app")
    assert readable(thief, ["support_jobs"]) == {"support_jobs"}
    owner(f'GRANT TEMPORARY ON DATABASE "{engine.url.database}" TO PUBLIC')
    with thief.connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE mine (id int)")
