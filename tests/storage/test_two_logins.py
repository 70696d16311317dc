"""An installation of before gets lookups for what it has, and its program goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy.engine import Connection, Engine

from qbwc_server import app
from qbwc_server.companies import credentials, logins
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from qbwc_server.storage.walls import SeesEverything, require_serving
from tests import logged_in
from tests.conftest import SECRET, Clock
from tests.storage import installation

OURS = "0026"
HERE = "192.0.2.1"
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of the program before, with two companies of one team."""
    url = f"sqlite:///{tmp_path / 'older.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("empty_postgres")
    engine = make_engine(url)
    schema.upgrade(engine, _before())
    with engine.begin() as connection:
        for name in ("Alice", "Bob"):
            _add(connection, name, deliver_at=Clock().now, time_claims="due")
    yield engine
    engine.dispose()


def _before() -> str:
    script = ScriptDirectory(str(ROOT / "migrations"))
    return str(script.get_revision(OURS).down_revision)


def _add(connection: Connection, name: str, **more: object) -> None:
    """Add a company as the program before does."""
    keys, moment = Keys([SECRET]), Clock().now
    values: dict[str, Any] = {
        "name": name,
        "username": name.lower(),
        "password_hash": keys.hash("password", f"{name}'s password"),
        "owner_id": "{1}",
        "file_id": "{2}",
        "setup_token_hash": keys.hash("setup", f"{name}'s page"),
        "webhook_token_hash": keys.hash("webhook", f"{name}'s webhook"),
        "mosaic_url": "http://Localhost:1",
        "mosaic_team": "7",
        "created_at": moment,
        "housekeep_at": moment + timedelta(days=1),
        "preview_at": moment,
        **more,
    }
    company = sa.Table("company", sa.MetaData(), autoload_with=connection)
    row = connection.execute(company.insert().returning(company.c.id), values).one()
    connection.exec_driver_sql(f"INSERT INTO company_sequence VALUES ({row.id}, 0, 0)")


def _upgraded(engine: Engine) -> None:
    settings = Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        secret_key=SecretStr(SECRET),
    )
    app.upgrade(engine, settings)


def _rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_what_was_there_is_found_by_the_lookups(older: Engine, keys: Keys) -> None:
    """By user name, page and webhook; its hours and its team are as they were."""
    _upgraded(older)

    found = logins.check(
        older, keys, "bob", "Bob's password", peer=HERE, now=Clock().now
    )
    assert found is not None
    assert (found.id, found.name, found.time_claims) == (2, "Bob", "due")
    assert logins.check(older, keys, "bob", "no", peer=HERE, now=Clock().now) is None
    page = credentials.company_of(older, keys, "setup", "Alice's page")
    hook = credentials.company_of(older, keys, "webhook", "Bob's webhook")
    assert page is not None
    assert hook is not None
    assert (page.name, hook.name) == ("Alice", "Bob")
    assert credentials.company_of(older, keys, "setup", "Bob's webhook") is None
    assert _rows(older, "SELECT team, time_claims FROM team_file") == [
        ("http://localhost:1 7", "due"),
        ("http://localhost:1 7", "due"),
    ]
    assert len(_rows(older, "SELECT 1 FROM duty WHERE deliver_at IS NOT NULL")) == 2
    assert _rows(older, "SELECT count(*) FROM caller") == [(6,)]


def test_going_back_brings_back_what_moved(older: Engine) -> None:
    """When something is due, who holds it, and whether its hours are claimed."""
    query = (
        "SELECT id, deliver_at, leased_by, housekeep_at, preview_at, time_claims"
        " FROM company ORDER BY id"
    )
    before = _rows(older, query)
    _upgraded(older)
    assert _rows(older, query) != before
    with older.begin() as connection:
        connection.exec_driver_sql("UPDATE duty SET leased_by = 'me'")
        connection.exec_driver_sql("UPDATE team_file SET time_claims = 'kept'")
    schema.downgrade(older, _before())

    assert _rows(older, query) == [
        (number, deliver, "me", keep, preview, "kept")
        for number, deliver, _, keep, preview, _ in before
    ]


@pytest.mark.parametrize("older", ["postgresql"], indirect=True)
def test_the_program_before_goes_on_and_what_it_does_arrives(
    older: Engine, keys: Keys
) -> None:
    """While servers are started anew one by one; but it delivers no more."""
    _upgraded(older)
    now = Clock().now + timedelta(hours=1)

    def before(statement: str, company: int | None = None, **values: object) -> int:
        """Do something as that program does: as its role, bound or not."""
        with older.begin() as connection:
            connection.exec_driver_sql("SELECT set_config('role', 'qbwc_app', true)")
            if company is not None:
                connection.exec_driver_sql(
                    f"SELECT set_config('qbwc.company', '{company}', true)"
                )
            return connection.execute(sa.text(statement), values).rowcount

    assert before("SELECT id FROM company WHERE username = 'bob'") == 1
    taken = "UPDATE company SET leased_by = 'x' WHERE deliver_at <= :now"
    assert before(taken, now=now) == 0
    wakes = "UPDATE company SET deliver_at = :now, next_read_at = :now WHERE id = 2"
    assert before(wakes, 2, now=now) == 1
    link = "UPDATE company SET setup_token_hash = :new, mode = 'paused' WHERE id = 1"
    assert before(link, 1, new=keys.hash("setup", "another page")) == 1
    with older.begin() as connection:
        connection.exec_driver_sql("SELECT set_config('role', 'qbwc_app', true)")
        _add(connection, "Carol")

    assert _rows(older, "SELECT deliver_at FROM duty WHERE company_id = 2") == [(now,)]
    assert before(taken, now=now) == 0
    assert _rows(older, "SELECT takes_part FROM team_file ORDER BY company_id") == [
        (False,),
        (True,),
        (True,),
    ]
    page = credentials.company_of(older, keys, "setup", "another page")
    assert page is not None
    assert page.name == "Alice"
    assert credentials.company_of(older, keys, "setup", "Alice's page") is None
    assert _rows(older, "SELECT 1 FROM duty WHERE company_id = 3") == [(1,)]
    _upgraded(older)  # as at the next start of everything
    found = logins.check(older, keys, "carol", "Carol's password", peer=HERE, now=now)
    assert found is not None
    assert found.name == "Carol"


def test_the_owner_s_login_is_refused_for_serving(
    postgres_server: str, postgres_url: str
) -> None:
    """It says what to run; the serving login is taken, and SQLite has no logins."""
    del postgres_server
    owner = make_engine(postgres_url)
    with pytest.raises(SeesEverything, match="CREATE ROLE qbwc_web LOGIN") as refused:
        require_serving(owner)
    assert "IN ROLE qbwc_app" in refused.value.support
    serving = make_engine(logged_in.url_as(postgres_url, logged_in.SERVING))
    require_serving(serving)
    require_serving(make_engine("sqlite://"))
    owner.dispose()
    serving.dispose()


def test_the_logins_are_brought_into_place_as_often_as_one_likes(
    postgres_server: str,
) -> None:
    """By deploy/database.sh: also where there are some, with other passwords."""
    owner = make_engine(postgres_server)
    roles = ("qbwc", "qbwc_web", "qbwc_reader")
    asked = (
        "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls,"
        " pg_has_role(oid, 'qbwc_app', 'USAGE'),"
        " pg_has_role(oid, 'qbwc_support', 'USAGE')"
        f" FROM pg_roles WHERE rolname IN {roles} ORDER BY 1"
    )
    try:
        for password in ("first", "it's \\another"):
            done = installation.bring_logins(postgres_server, password)
            assert (done.returncode, done.stderr) == (0, "")
            assert _rows(owner, asked) == [
                ("qbwc", True, False, False, True, True),
                ("qbwc_reader", True, False, False, False, True),
                ("qbwc_web", True, False, False, True, False),
            ]
        url = owner.url.set(database="qbwc", username="qbwc")
        theirs = make_engine(url.render_as_string(hide_password=False))
        schema.upgrade(theirs)
        theirs.dispose()
        serving = make_engine(
            url.set(username="qbwc_web").render_as_string(hide_password=False)
        )
        require_serving(serving)
        with (
            pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
            serving.begin() as connection,
        ):
            connection.exec_driver_sql("CREATE TEMPORARY TABLE mine (id int)")
        serving.dispose()
    finally:
        installation.remove(owner)
        owner.dispose()
