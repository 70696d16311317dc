"""Migrations: up, down and up again on both databases, and by many at once."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from qbwc_server.storage import schema, tables
from qbwc_server.storage.database import make_engine
from qbwc_server.storage.migrating import migrating
from qbwc_server.storage.schema import SchemaDiffers
from tests.storage import installation

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgres"))


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    made = make_engine(empty_url)
    yield made
    made.dispose()


def _shape(engine: Engine) -> dict[str, Any]:
    """Return all that the database says of its tables, in one order."""
    found = sa.inspect(engine)
    parts: dict[str, Callable[[str], Any]] = {
        "columns": found.get_columns,
        "key": lambda table: [found.get_pk_constraint(table)],
        "foreign": found.get_foreign_keys,
        "unique": found.get_unique_constraints,
        "checks": found.get_check_constraints,
        "indexes": found.get_indexes,
    }
    return {
        f"{table}.{name}": sorted(map(_plain, part(table)))
        for table in found.get_table_names()
        if table != "alembic_version"
        for name, part in parts.items()
    }


def _plain(thing: object) -> str:
    if isinstance(thing, dict):
        return str(sorted((name, _plain(value)) for name, value in thing.items()))
    return str(thing)


def test_up_down_and_up_again(empty: Engine) -> None:
    """Down to nothing leaves nothing; up again is the same as before."""
    assert schema.current(empty) is None
    schema.upgrade(empty)
    assert schema.current(empty) == schema.head()
    first = _shape(empty)

    schema.downgrade(empty, "base")
    assert schema.current(empty) is None
    assert set(sa.inspect(empty).get_table_names()) == {"alembic_version"}

    schema.upgrade(empty)
    assert _shape(empty) == first


def test_each_revision_goes_down_and_up_by_itself(empty: Engine) -> None:
    """A step back is one command on the day when it is needed."""
    script = ScriptDirectory(str(VERSIONS.parent))
    revisions = [one.revision for one in script.walk_revisions()][::-1]
    shapes: list[dict[str, Any]] = []
    for revision in revisions:
        schema.upgrade(empty, revision)
        shapes.append(_shape(empty))
    for number in range(len(revisions) - 1, 0, -1):
        schema.downgrade(empty, revisions[number - 1])
        assert _shape(empty) == shapes[number - 1], revisions[number]
    schema.upgrade(empty)
    assert _shape(empty) == shapes[-1]


def test_upgrading_what_is_up_to_date_changes_nothing(engine: Engine) -> None:
    """It may be part of every start."""
    before = _shape(engine)
    schema.upgrade(engine)
    assert _shape(engine) == before


def test_models_and_migrated_schema_do_not_differ(engine: Engine) -> None:
    """In Alembic's words, which the command to make a revision goes by."""
    assert schema.differences(engine) == []


def test_the_migrated_schema_is_the_one_the_models_would_make(empty: Engine) -> None:
    """Also in what Alembic does not compare: checks, defaults, conditions, types."""
    schema.upgrade(empty)
    migrated = _shape(empty)
    schema.downgrade(empty, "base")
    with empty.begin() as connection:
        tables.metadata.create_all(connection)

    assert _shape(empty) == migrated


def test_a_difference_would_be_told(engine: Engine) -> None:
    """The negative control of the two tests above."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_job_open")
        connection.exec_driver_sql("ALTER TABLE audit ADD COLUMN colour TEXT")
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("COMMENT ON COLUMN job.kind IS 'what not'")

    told = schema.differences(engine)
    assert "add index job.ix_job_open" in told
    assert "remove column audit.colour" in told
    assert engine.dialect.name == "sqlite" or "modify comment job.kind" in told
    assert max(map(len, told)) < 80


def test_processes_that_upgrade_at_once_do_not_disturb_each_other(
    empty_url: str, empty: Engine
) -> None:
    """All of them end well: servers and workers of a new version start together."""
    program = (
        "import sys; from qbwc_server.storage import schema; "
        "from qbwc_server.storage.database import make_engine; "
        "sys.stdin.read(); schema.upgrade(make_engine(sys.argv[1]))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(VERSIONS.parents[1])},
        )
        for _ in range(3)
    ]
    for one in running:
        assert one.stdin is not None
        one.stdin.close()
        one.stdin = None
    said = [one.communicate(timeout=60)[0] for one in running]

    assert [one.returncode for one in running] == [0, 0, 0], said
    assert schema.current(empty) == schema.head()
    assert schema.differences(empty) == []


def _set_revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :one"), {"one": revision}
        )


def test_an_older_schema_is_refused_with_the_command_to_run(empty: Engine) -> None:
    """Nobody works on an empty database, or on one of the program before."""
    with pytest.raises(SchemaDiffers, match="at revision none") as refused:
        schema.require_served(empty)
    assert "Run `qbwc-server database upgrade`" in refused.value.support

    schema.upgrade(empty)
    schema.require_served(empty)
    schema.require_head(empty)
    schema.downgrade(empty, "-1")
    with pytest.raises(SchemaDiffers, match="Run `qbwc-server database upgrade`"):
        schema.require_served(empty)


def test_the_next_revision_is_served_and_no_later_one(empty: Engine) -> None:
    """So servers are started anew one by one after the schema was brought up."""
    schema.upgrade(empty)
    head = int(schema.head())
    _set_revision(empty, f"{head + 1:04}")
    schema.require_served(empty)
    with pytest.raises(SchemaDiffers):
        schema.require_head(empty)

    _set_revision(empty, f"{head + 2:04}")
    with pytest.raises(SchemaDiffers, match="newer than this program") as refused:
        schema.require_served(empty)
    assert f"`qbwc-server database downgrade {head:04}`" in refused.value.support


def test_the_next_revision_is_left_as_it_is(empty: Engine) -> None:
    """One goes back by starting the program before; it takes nothing from the newer."""
    schema.upgrade(empty)
    _set_revision(empty, following := f"{int(schema.head()) + 1:04}")
    with empty.begin() as connection:
        connection.exec_driver_sql("UPDATE word SET happened = 'told by the newer'")
    before = _shape(empty), _words(empty)

    schema.upgrade(empty)

    assert schema.current(empty) == following
    assert (_shape(empty), _words(empty)) == before


def _words(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        query = sa.select(tables.word).order_by(tables.word.c.topic, tables.word.c.name)
        return [tuple(row) for row in connection.execute(query)]


def test_a_program_takes_no_database_of_a_newer_one_up_or_down(empty: Engine) -> None:
    """It does not know the way, and says who does."""
    schema.upgrade(empty)
    _set_revision(empty, "9999")
    before = _shape(empty)

    with pytest.raises(SchemaDiffers, match="at revision 9999"):
        schema.upgrade(empty)
    with pytest.raises(SchemaDiffers, match="at revision 9999"):
        schema.downgrade(empty, "-1")

    assert schema.current(empty) == "9999"
    assert _shape(empty) == before


def test_an_upgrade_that_fails_half_way_leaves_the_database_as_it_was(
    empty: Engine,
) -> None:
    """It can be run again when the cause is gone."""

    def fails(*arguments: Any) -> None:
        if "CREATE TABLE record_event" in arguments[2]:
            raise ZeroDivisionError

    sa.event.listen(empty, "before_cursor_execute", fails)
    with pytest.raises(ZeroDivisionError):
        schema.upgrade(empty)
    sa.event.remove(empty, "before_cursor_execute", fails)

    assert sa.inspect(empty).get_table_names() == []
    schema.upgrade(empty)
    assert schema.differences(empty) == []


def test_a_table_made_anew_by_a_migration_takes_no_data_with_it(
    empty: Engine,
) -> None:
    """SQLite changes a table by copying it; dropping the old one must not cascade."""
    schema.upgrade(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE owner (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE owned (id INTEGER REFERENCES owner (id) ON DELETE CASCADE)"
        )
        connection.exec_driver_sql("INSERT INTO owner VALUES (1)")
        connection.exec_driver_sql("INSERT INTO owned VALUES (1)")

    with migrating(empty) as connection:
        from alembic.migration import MigrationContext
        from alembic.operations import Operations

        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("owner") as batch:
            batch.add_column(sa.Column("name", sa.Text, server_default="x"))
            batch.alter_column("name", nullable=False)

    with empty.begin() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM owned").scalar_one()
    assert count == 1
    if empty.dialect.name == "sqlite":
        with empty.connect() as connection:
            pragma = connection.exec_driver_sql("PRAGMA foreign_keys")
            assert pragma.scalar_one() == 1


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "postgresql://u:p%40ss@db/q", "postgres://db/q"],
)
def test_the_statements_can_be_printed_without_a_database(url: str) -> None:
    """For those who let nobody but themselves change their database."""
    up = schema.statements(url, "base", schema.head())
    down = schema.statements(url, schema.head(), "base")

    for table in tables.metadata.tables:
        assert f"CREATE TABLE {table} " in up
        assert f"DROP TABLE {table};" in down
    assert ("JSONB" in up) == url.startswith("postgres")


@pytest.mark.parametrize("since", ["base", "0001", "0026"])
def test_printed_statements_do_all_that_the_command_does(
    since: str, empty_postgres: str, postgres_url: str, tmp_path: Path
) -> None:
    """Also what views tell support with, and what PostgreSQL says of a table."""
    by_hand, by_command = make_engine(empty_postgres), make_engine(postgres_url)
    if since != "base":
        schema.upgrade(by_hand, since)
    (script := tmp_path / "up.sql").write_text(
        schema.statements(empty_postgres, since, schema.head())
    )
    words = ("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), "-d")
    done = installation.run(empty_postgres, *words, str(by_hand.url.database))
    assert (done.returncode, done.stderr) == (0, "")

    schema.require_head(by_hand)
    assert schema.differences(by_hand) == []
    assert _words(by_hand) == _words(by_command) != []
    asked = (
        "SELECT c.relname, d.objsubid, d.description FROM pg_description d"
        " JOIN pg_class c ON c.oid = d.objoid"
        " WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2"
    )
    with by_hand.connect() as one, by_command.connect() as two:
        said = one.exec_driver_sql(asked).all()
        assert said == two.exec_driver_sql(asked).all() != []
    by_hand.dispose()
    by_command.dispose()


def _statements(url: str, since: str, to: str) -> list[str]:
    """Return those of the revisions, without the words that come after them."""
    text, _, _ = schema.statements(url, since, to).partition("\nDELETE FROM word")
    return [one.strip() for one in text.split(";") if one.strip()]


def _later_revisions() -> list[tuple[str, str]]:
    """Return each revision after the seventh with the one before it."""
    script = ScriptDirectory(str(VERSIONS.parent))
    names = [one.revision for one in script.walk_revisions()][::-1]
    return [pair for pair in pairwise(names) if pair[0] >= "0007"]


_TAKES_AWAY = re.compile(
    r"DROP (TABLE|COLUMN)|\bRENAME\b|SET NOT NULL|ALTER COLUMN \w+ TYPE"
    r"|ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b",
    re.IGNORECASE | re.DOTALL,
)


def test_a_revision_only_adds() -> None:
    """The program before it goes on meanwhile (rule 1 of storage/schema.py).

    One that removes what no program needs any more says so: `removes = "what and why"`.
    """
    folder = ScriptDirectory(str(VERSIONS.parent))
    for since, to in _later_revisions():
        if getattr(folder.get_revision(to).module, "removes", ""):
            continue
        for statement in _statements("postgresql://db/q", since, to):
            assert not _TAKES_AWAY.search(statement), f"{to}: {statement}"


@pytest.mark.parametrize(
    ("statement", "takes"),
    [
        ("ALTER TABLE job DROP COLUMN kind", True),
        ("DROP TABLE job", True),
        ("ALTER TABLE job RENAME kind TO sort", True),
        ("ALTER TABLE job ALTER COLUMN kind SET NOT NULL", True),
        ("ALTER TABLE job ALTER COLUMN kind TYPE INTEGER", True),
        ("ALTER TABLE job ADD COLUMN colour TEXT NOT NULL", True),
        ("ALTER TABLE job ADD COLUMN colour TEXT DEFAULT 'red' NOT NULL", False),
        ("ALTER TABLE job ADD COLUMN colour TEXT", False),
        ("CREATE TABLE paint (id INTEGER NOT NULL)", False),
        ("DROP VIEW support_jobs", False),
    ],
)
def test_what_takes_away_is_told_from_what_adds(statement: str, takes: bool) -> None:
    """The control of the test above, which has nothing to find most of the time."""
    assert bool(_TAKES_AWAY.search(statement)) is takes


@pytest.mark.parametrize(
    "path", sorted(VERSIONS.glob("*.py")), ids=lambda one: one.stem
)
def test_a_revision_imports_nothing_of_the_application(path: Path) -> None:
    """So that it means for ever what it meant when it was written."""
    imported: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append(node.module or ".")

    allowed = {"__future__", "sqlalchemy", "alembic"}
    assert {one.partition(".")[0] for one in imported} <= allowed


def test_revisions_stand_in_one_line() -> None:
    """One head, one base, numbered without a gap, each with its way down."""
    script = ScriptDirectory(str(VERSIONS.parent))
    revisions = [one.revision for one in script.walk_revisions()][::-1]

    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert revisions == [f"{number + 1:04}" for number in range(len(revisions))]
