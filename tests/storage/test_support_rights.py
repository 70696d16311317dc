"""What a login of support may do beside reading: nothing, where it was set up so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.operations import doctor
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from tests.storage import installation


@pytest.fixture
def owner(postgres_server: str) -> Iterator[Engine]:
    """The owner's login of an installation by the handbook."""
    administrator = make_engine(postgres_server)
    try:
        done = installation.bring_logins(postgres_server, "secret")
        assert (done.returncode, done.stderr) == (0, "")
        made = make_engine(_url(administrator, "qbwc"))
        schema.upgrade(made)
        yield made
        made.dispose()
    finally:
        installation.remove(administrator)
        administrator.dispose()


@pytest.fixture
def ann(postgres_server: str, owner: Engine) -> Iterator[Engine]:
    """A person of support, made as docs/support.md says."""
    del owner
    administrator = make_engine(postgres_server)
    text = (installation.ROOT / "docs/support.md").read_text()
    made = [
        one.strip()
        for one in text.splitlines()
        if one.strip().endswith(";")
        if one.strip().startswith(("CREATE ROLE ann", "ALTER ROLE ann", "GRANT ann"))
    ]
    assert len(made) == 6
    with administrator.begin() as connection:
        for statement in made:
            connection.exec_driver_sql(statement)
    engine = sa.create_engine(_url(administrator, "ann"))
    yield engine
    engine.dispose()
    with administrator.begin() as connection:
        connection.exec_driver_sql("DROP ROLE ann")
    administrator.dispose()


def _url(administrator: Engine, login: str) -> str:
    url = administrator.url.set(database="qbwc", username=login, password=None)
    return url.render_as_string(hide_password=False)


def _doctor(engine: Engine) -> dict[str, str]:
    """Return what is not as it should be, and what to do, but for the tests' own."""
    return {
        one.said: one.do
        for one in doctor.of_support(engine)
        if one.state != "ok" and "other databases" not in one.said
    }


ASKED = (
    "CREATE TEMPORARY TABLE mine (id int)",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock_shared(1, 2)",
    "SELECT pg_try_advisory_lock(1)",
    "LOCK TABLE support_records IN EXCLUSIVE MODE",
    "SELECT * FROM support_records FOR UPDATE",
    "SET temp_file_limit = -1",
    "ALTER ROLE ann CONNECTION LIMIT 99",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'qbwc'",
)


def test_whatever_everybody_may_it_may_not(owner: Engine, ann: Engine) -> None:
    """Also after she took the settings of her login back, which are hers to change."""
    del owner
    with ann.connect() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.commit()
        for statement in ASKED:
            with pytest.raises(sa.exc.DBAPIError, match=r"permission denied|must have"):
                connection.exec_driver_sql(statement).all()
            connection.rollback()
    # In another one it could make what it liked, or be in everybody's way.
    for database in ("postgres", "template1"):
        other = sa.create_engine(ann.url.set(database=database))
        with pytest.raises(sa.exc.OperationalError, match="denied for database"):
            other.connect()
        other.dispose()


def test_the_doctor_finds_nothing_and_each_thing_that_is_left(
    owner: Engine, ann: Engine, postgres_server: str
) -> None:
    """With the statement that takes it away, which is run here."""
    assert _doctor(owner) == {}
    administrator = make_engine(postgres_server)
    inside = make_engine(_url(administrator, str(administrator.url.username)))
    for given, said in (
        ("GRANT TEMPORARY ON DATABASE qbwc TO PUBLIC", "temporary tables"),
        ("REVOKE ann FROM qbwc", "cannot end the sessions of ann"),
        ("ALTER ROLE ann CONNECTION LIMIT -1", "all of this server's connections"),
    ):
        with inside.begin() as connection:
            connection.exec_driver_sql(given)
        ((told, do),) = _doctor(owner).items()
        assert said in told
        with inside.begin() as connection:
            connection.exec_driver_sql(do)
        assert _doctor(owner) == {}
    for name in ("lo_create(oid)", "pg_advisory_lock(bigint)"):
        with inside.begin() as connection:
            connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {name} TO PUBLIC")
        ((told, do),) = _doctor(owner).items()
        assert "advisory locks" in told
        assert do.endswith("deploy/database.sh")
        installation.bring_logins(postgres_server, "secret")
        assert _doctor(owner) == {}
    # Those of other tests are beside it, and nobody was told to close them.
    beside = " ".join(one.said for one in doctor.of_support(owner))
    assert "other databases" in beside
    assert re.search(r"\bpostgres\b", beside) is None
    inside.dispose()
    administrator.dispose()
    del ann


def test_a_database_that_comes_back_is_closed_again_by_the_next_upgrade(
    owner: Engine, ann: Engine
) -> None:
    """What a backup does not hold; the owner may take that back by himself."""
    with owner.begin() as connection:
        connection.exec_driver_sql("GRANT TEMPORARY ON DATABASE qbwc TO PUBLIC")
    schema.upgrade(owner)
    assert _doctor(owner) == {}
    del ann


def test_a_backup_is_put_back_over_it(
    owner: Engine, postgres_server: str, tmp_path: Path
) -> None:
    """As `make restore` does: the owner may not take anybody's rights on functions."""
    file = str(tmp_path / "one.dump")
    done = installation.run(postgres_server, "pg_dump", "-Fc", "-f", file, "qbwc")
    assert (done.returncode, done.stderr) == (0, "")
    owner.dispose()
    done = installation.run(postgres_server, "dropdb", "--force", "qbwc")
    assert (done.returncode, done.stderr) == (0, "")
    installation.bring_logins(postgres_server, "secret")
    done = installation.run(
        postgres_server,
        *("pg_restore", "--exit-on-error", "--no-owner", "--role=qbwc", "-d", "qbwc"),
        file,
    )
    assert done.returncode == 0, done.stderr
    assert schema.current(owner) == schema.head()
    schema.upgrade(owner)
    assert _doctor(owner) == {}
