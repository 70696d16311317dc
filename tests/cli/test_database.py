"""`qbwc-server database`, and what is refused on another schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.cli import main
from qbwc_server.companies import heartbeat
from qbwc_server.keys import Keys
from qbwc_server.operations.gauges import Figures
from qbwc_server.settings import Settings
from qbwc_server.storage import schema, tables
from tests import logged_in
from tests.conftest import SECRET, Clock

HEAD = schema.head()
BEFORE = f"{int(HEAD) - 1:04}"


@pytest.fixture(autouse=True)
def _environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("QBWC_DATABASE_URL", database_url)
    monkeypatch.setenv("QBWC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QBWC_SECRET_KEY", SECRET)


def _run(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(main, words, input=given)


def _newer(engine: Engine, by: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :one"),
            {"one": f"{int(HEAD) + by:04}"},
        )


def test_down_is_asked_back_and_up_is_not(engine: Engine) -> None:
    """What only the newer schema can hold would be lost."""
    asked = _run("database", "downgrade", BEFORE, given="n\n")
    assert asked.exit_code == 1
    assert f"from {HEAD} down to {BEFORE}" in asked.output
    assert schema.current(engine) == HEAD

    assert _run("database", "downgrade", BEFORE, given="y\n").exit_code == 0
    assert schema.current(engine) == BEFORE
    refused = _run("database", "check")
    assert refused.exit_code == 1
    assert "Run `qbwc-server database upgrade`" in refused.output

    assert _run("database", "upgrade").exit_code == 0
    assert "fits" in _run("database", "check").output


def test_statements_are_printed_from_where_the_database_is(engine: Engine) -> None:
    """And nothing is changed."""
    _run("database", "downgrade", BEFORE, "--yes")

    up = _run("database", "upgrade", "--sql")
    assert up.exit_code == 0
    assert f"version_num='{HEAD}'" in up.output.replace(" ", "")
    assert f"version_num='{BEFORE}'WHERE" not in up.output.replace(" ", "")
    down = _run("database", "downgrade", "0001", "--sql")
    assert "version_num='0001'" in down.output.replace(" ", "")
    assert schema.current(engine) == BEFORE


def test_what_differs_is_told_in_lines_that_can_be_read(engine: Engine) -> None:
    """Few of them: they are often all of one kind."""
    with engine.begin() as connection:
        for number in range(30):
            connection.exec_driver_sql(f"ALTER TABLE audit ADD COLUMN c{number} TEXT")
    refused = _run("database", "check")
    assert refused.exit_code == 1
    lines = refused.output.splitlines()
    assert "differs in 30 places" in lines[0]
    assert "  remove column audit.c0" in lines
    assert lines[-1] == "  and 10 more"
    assert len(lines) == 22
    assert max(map(len, lines)) < 90


def test_the_next_revision_is_taken_by_who_brings_the_schema_up(
    engine: Engine,
) -> None:
    """As `migrate` does at every `up`, also of the program that is gone back to."""
    _newer(engine, 1)
    taken = _run("database", "upgrade")
    assert taken.exit_code == 0
    assert f"at revision {int(HEAD) + 1:04}, which this program serves" in taken.output
    _newer(engine, 2)
    refused = _run("database", "upgrade")
    assert refused.exit_code == 1
    assert "Start the newer program" in refused.output


def test_the_figures_tell_how_old_the_last_backup_is(
    engine: Engine, settings: Settings, clock: Clock
) -> None:
    """That none was made for days is no outage of ours, and nobody's silence."""

    def told() -> list[float]:
        figures = Figures(engine, settings, clock, beside=lambda work: work()).read()
        name = "qbwc_heartbeat_age_seconds"
        return [
            one.value
            for one in figures
            if (one.name, one.labels) == (name, (heartbeat.BACKUP,))
        ]

    assert told() == []
    for _ in range(2):
        with engine.begin() as connection:
            heartbeat.backed_up(connection, clock())
        clock.pass_(hours=30)
        assert told() == [30 * 3600]
    assert _run("database", "backed-up").exit_code == 0
    clock.now = app.utc_now()
    assert told()[0] < 60
    with engine.begin() as connection:
        assert connection.execute(sa.select(tables.outage)).all() == []


def test_statements_for_another_database_need_none() -> None:
    """An administrator's whole schema, from nothing."""
    printed = _run("database", "upgrade", "--sql", "--since", "base")
    assert "CREATE TABLE company " in printed.output
    assert _run("database", "upgrade", "--since", "base").exit_code == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_each_command_says_which_login_it_needs(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """Nothing is served with the owner's, and an operator's needs no less."""
    for words in (("worker", "--once"), ("serve",)):
        refused = _run(*words)
        assert refused.exit_code == 1
        assert "[sees-everything]" in refused.output
    assert _run("company", "list").exit_code == 0

    theirs = logged_in.url_as(postgres_url, logged_in.SERVING)
    monkeypatch.setenv("QBWC_DATABASE_URL", theirs)
    refused = _run("company", "list")
    assert refused.exit_code == 1
    assert "[sees-one-company]" in refused.output
    assert _run("worker", "--once").output == "0 companies served\n"


@pytest.mark.parametrize(
    "words", [("worker", "--once"), ("serve",), ("company", "list")]
)
def test_nothing_begins_on_a_schema_that_is_much_newer(
    words: tuple[str, ...], engine: Engine
) -> None:
    """It says which program is needed."""
    _newer(engine, 2)
    refused = _run(*words)
    assert refused.exit_code == 1
    assert "Start the newer program" in refused.output


@pytest.mark.parametrize(
    "words", [("worker", "--once"), ("serve",), ("company", "list")]
)
def test_nothing_begins_on_an_older_schema_that_is_shared(
    words: tuple[str, ...], engine: Engine
) -> None:
    """The embedded database is brought up instead: nobody else works with it."""
    if engine.dialect.name == "sqlite":
        pytest.skip("the embedded database is brought up by itself")
    schema.downgrade(engine, BEFORE)
    refused = _run(*words)
    assert refused.exit_code == 1
    assert "Run `qbwc-server database upgrade`" in refused.output


def test_a_program_works_on_the_next_schema(engine: Engine) -> None:
    """While the others are started anew, and after going back."""
    _newer(engine, 1)
    listed = _run("company", "list", "--json")
    assert listed.exit_code == 0, listed.output
    assert json.loads(listed.output) == []


@pytest.mark.parametrize(
    ("by", "status", "text"),
    [
        (0, 200, "ready"),
        (1, 200, "ready"),
        (2, 503, "Start the newer program"),
        (-1, 503, "Run `qbwc-server database upgrade`"),
    ],
)
def test_readyz_says_whether_the_schema_can_be_served(
    by: int, status: int, text: str, settings: Settings, engine: Engine, keys: Keys
) -> None:
    """With the command to run."""
    server = Client(app.wsgi(app.Parts(settings, engine, keys, Clock())))
    _newer(engine, by)
    answer = server.get("/readyz")
    assert answer.status_code == status
    assert text in answer.text
