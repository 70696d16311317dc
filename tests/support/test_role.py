"""The role `qbwc_support` reads the views of all companies, and does nothing else."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import schema, tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
)
from qbwc_server.storage.meanings import VIEWS
from qbwc_server.storage.support_reading import NoSupport, support_reading
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """SQLite knows no roles: who may read its file reads all of it."""
    return postgres_url


@pytest.fixture
def companies(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> list[NewCompany]:
    """Two companies with a job each."""
    made = [new_company("Alice"), new_company("Bob")]
    for one in made:
        with company_transaction(engine, one.id) as connection:
            jobs.add(connection, one.id, clock())
    return made


@pytest.fixture
def login(engine: Engine, companies: list[NewCompany]) -> Iterator[Engine]:
    """A person's login, which is a member of the role and nothing else."""
    del companies
    name = f"ann_{engine.url.database}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN IN ROLE qbwc_support")
    made = sa.create_engine(engine.url.set(username=name, password=None))
    yield made
    made.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE {name}")


def _refused(login: Engine, statement: str) -> str:
    with login.connect() as connection:
        # Anybody may say that he is bound to a company.
        connection.exec_driver_sql("SET LOCAL qbwc.company = '1'")
        with pytest.raises(sa.exc.DBAPIError) as refused:
            connection.exec_driver_sql(statement)
    return str(refused.value.orig)


def test_every_view_is_read_and_shows_all_companies(login: Engine) -> None:
    """Row-level security holds the server to one company, and support to none."""
    with login.begin() as connection:
        for view in VIEWS:
            connection.exec_driver_sql(f"SELECT * FROM {view}").all()
        seen = connection.exec_driver_sql(
            "SELECT DISTINCT company FROM support_jobs ORDER BY 1"
        ).scalars()
        assert list(seen) == ["Alice", "Bob"]


def test_no_table_is_read_and_none_is_written(login: Engine, engine: Engine) -> None:
    """Read from the catalogue: a table that is made later cannot be forgotten."""
    there = sa.inspect(engine).get_table_names()
    assert set(tables.metadata.tables) <= set(there)
    for table in there:
        for statement in (
            f"SELECT 1 FROM {table}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"LOCK TABLE {table}",
            f"DROP TABLE {table}",
        ):
            assert (
                "permission denied" in (told := _refused(login, statement))
                or "must be owner" in told
            )


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_is_written_through(login: Engine, view: str) -> None:
    """A simple view takes writes if it is granted them; none is."""
    for statement in (
        f"DELETE FROM {view}",
        f"INSERT INTO {view} DEFAULT VALUES",
        f"UPDATE {view} SET what = ''",
        f"CREATE OR REPLACE VIEW {view} AS SELECT 1",
        f"DROP VIEW {view}",
    ):
        # A view of several tables takes no writes from anybody.
        assert re.match(
            "permission denied|must be owner|cannot (delete|insert|update)",
            _refused(login, statement),
        )


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE qbwc_app",
        "SET ROLE postgres",
        "SELECT set_config('role', 'qbwc_app', true)",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "COPY support_jobs TO PROGRAM 'cat'",
        "COPY support_jobs TO '/tmp/out'",
        "CREATE TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE eve",
        "GRANT SELECT ON job TO qbwc_support",
        "ALTER TABLE job DISABLE ROW LEVEL SECURITY",
        "SELECT pg_reload_conf()",
    ],
)
def test_functions_and_roles_lead_nowhere_else(login: Engine, statement: str) -> None:
    """Nor does anything that a database can do besides tables."""
    told = _refused(login, statement)
    assert "permission denied" in told or "must be owner" in told


def test_the_catalogue_grants_it_the_views_alone(engine: Engine) -> None:
    """Nothing is left over in grants either, and nobody writes anything."""
    with engine.begin() as connection:
        granted = connection.exec_driver_sql(
            "SELECT table_name, privilege_type FROM information_schema.table_privileges"
            " WHERE grantee = 'qbwc_support'"
        ).all()
    assert {tuple(one) for one in granted} == {(view, "SELECT") for view in VIEWS}


def test_the_server_s_role_does_not_see_all_companies_by_the_views(
    engine: Engine, companies: list[NewCompany]
) -> None:
    """It is granted every new table by default; the views would be a way around."""
    for view in VIEWS:
        with (
            pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
            company_reading(engine, companies[0].id) as connection,
        ):
            connection.exec_driver_sql(f"SELECT 1 FROM {view}")
    with (
        pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
        company_transaction(engine, companies[0].id) as connection,
    ):
        connection.execute(tables.word.delete())


def test_no_secret_is_in_a_view(engine: Engine) -> None:
    """By name, for those that are there, and those that are added later."""
    secrets = {
        column.name
        for table in tables.metadata.tables.values()
        for column in table.columns
        if column.name.endswith(("_hash", "_key"))
        or column.name in {"login_from", "known_from"}
    } - {"mosaic_key"}  # shown as set or missing
    assert len(secrets) > 8
    shown = {
        column["name"]
        for view in VIEWS
        for column in sa.inspect(engine).get_columns(view)
    }
    assert shown & secrets == set()


def test_raw_messages_are_in_one_view_alone(engine: Engine) -> None:
    """Who looks at words does not fetch megabytes."""
    raw = {
        view
        for view in VIEWS
        for column in sa.inspect(engine).get_columns(view)
        if column["name"] in {"request", "answer", "body", "payload"}
    }
    assert raw == {"support_exchanges"}


def test_going_back_keeps_a_role_that_others_are_in(
    login: Engine, postgres_url: str
) -> None:
    """It belongs to the whole PostgreSQL server, and may be there already."""
    engine = make_engine(postgres_url)
    for _ in range(2):
        schema.downgrade(engine, "0007")
        with engine.begin() as connection:
            assert connection.exec_driver_sql(
                "SELECT 1 FROM pg_roles WHERE rolname = 'qbwc_support'"
            ).scalar()
        schema.upgrade(engine)
    with login.begin() as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM support_jobs").all()
    engine.dispose()


def test_the_role_goes_with_the_last_who_needs_it(engine: Engine) -> None:
    """With a name of its own here: other databases of the server need the real one."""
    path = Path(__file__).parents[2] / "migrations/versions/0008_support.py"
    revision = runpy.run_path(str(path))
    name = f"support_{engine.url.database}"
    make, drop = (
        revision[text].replace("qbwc_support", name)
        for text in ("SUPPORT_ROLE", "DROP_SUPPORT_ROLE")
    )

    def there(*statements: str) -> bool:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))
            return bool(
                connection.exec_driver_sql(
                    f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"
                ).scalar()
            )

    assert there(make, make)
    assert there(f"CREATE ROLE {name}_ann LOGIN IN ROLE {name}", drop)
    assert there(f"DROP ROLE {name}_ann", f"GRANT SELECT ON word TO {name}", drop)
    assert not there(f"REVOKE SELECT ON word FROM {name}", drop)
    assert not there(drop)


def test_a_login_that_is_no_member_is_told_so(engine: Engine, login: Engine) -> None:
    """A serving login that owns nothing sees one company at a time."""
    with support_reading(login) as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM support_jobs").all()
    name = f"served_{engine.url.database}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN IN ROLE qbwc_app")
    served = sa.create_engine(engine.url.set(username=name, password=None))
    with (
        pytest.raises(NoSupport, match="IN ROLE qbwc_support"),
        support_reading(served),
    ):
        pass
    served.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE {name}")
