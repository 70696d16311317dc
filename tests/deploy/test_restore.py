"""`deploy/restore`: whatever it is given, wherever it is cut off, nothing is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from tests import logged_in
from tests.deploy.copies import Installation, until_waiting
from tests.storage import installation

PROGRAMS = 12
"""What a restore of a file runs, one after the other; the last changes the names."""


def test_a_restore_cut_off_anywhere_leaves_what_ran_or_a_declared_copy(
    ours: Installation,
) -> None:
    """Each begins with what the one before has left; the last one is not cut off."""
    file = ours.backup()
    before = ours.state()
    assert not before.is_declared
    filling = 0
    for number in range(1, PROGRAMS + 1):
        done = ours.run("restore", file, cut=f"before {number}")
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert ours.state() == before
        if ours.calls()[-1].startswith("pg_restore --exit"):
            filling = number
    done = ours.run("restore", file, cut=f"within {filling}")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ours.state() == before

    done = ours.run("restore", file)
    assert done.returncode == 0, done.stderr
    assert len(ours.calls()) == PROGRAMS
    _must_be_the_copy(ours, before.oid)
    done = ours.run("restore", file, cut=f"after {PROGRAMS}")
    assert done.returncode == -signal.SIGKILL
    _must_be_the_copy(ours, before.oid)


def _must_be_the_copy(ours: Installation, oid: int) -> None:
    found = ours.state()
    assert found.oid != oid
    assert found.is_declared
    assert {what for _, what in found.audit} == {"company added", "database restored"}


def test_a_restore_cut_off_between_the_names_has_changed_none(
    ours: Installation,
) -> None:
    """Nobody else ever sees that there is no database of that name."""
    file = ours.backup()
    before = ours.state()
    copy = f"{ours.name}_restored"
    # Whoever says something of the copy holds its name; the other one is free.
    with psycopg.connect(
        ours.url.set(database="postgres").render_as_string(hide_password=False)
    ) as holder:
        running = ours.begin("restore", file)
        assert running.stdout is not None
        for line in running.stdout:
            if "declare it" in line:
                holder.execute(f"COMMENT ON DATABASE {copy} IS 'held'")
                break
        waiting = until_waiting(ours.asked)
        assert ours.asked("SELECT 1 FROM pg_locks WHERE NOT granted") != []
        names = {name for (name,) in ours.asked("SELECT datname FROM pg_database")}
        assert {ours.name, copy} <= names
        os.kill(int((ours.folder / "pid").read_text()), signal.SIGKILL)
        running.communicate(timeout=60)
        ours.asked(f"SELECT pg_terminate_backend({waiting}, 10000)")
        holder.rollback()
    assert ours.state() == before


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5])
def test_a_broken_file_touches_nothing(ours: Installation, part: float) -> None:
    """As a copy that broke off leaves it; the data are in the middle of it."""
    whole = (ours.folder / ours.backup()).read_bytes()
    (ours.folder / "cut.dump").write_bytes(whole[: int(len(whole) * part)])
    _must_be_refused(ours, "cut.dump", "end of file")
    # Seen by looking at it, not by filling a database with it.
    assert {one.split()[0] for one in ours.calls()} == {"pg_restore"}


def test_what_is_no_backup_of_ours_touches_nothing(ours: Installation) -> None:
    """Text, nothing, no file, a whole dump of something else, a part of ours."""
    (ours.folder / "text").write_text("SELECT 1;\n" * 900)
    _must_be_refused(ours, "text", "text is no backup: ")
    (ours.folder / "empty").write_text("")
    _must_be_refused(ours, "empty", "There is no file empty, or nothing is in it.")
    _must_be_refused(ours, "none", "There is no file none, or nothing is in it.")

    other = f"{ours.name}_shop"
    ours.tells(f"CREATE DATABASE {other}")
    ours.does("CREATE TABLE company (id int)", other)
    ours.dump("other.dump", other)
    _must_be_refused(ours, "other.dump", "holds no database of qbwc-server")
    ours.dump("two.dump", ours.name, "-t", "company", "-t", "alembic_version")
    _must_be_refused(ours, "two.dump", "two.dump cannot be put back: ")
    ours.dump("less.dump", ours.name, "-T", "login_failure")
    _must_be_refused(ours, "less.dump", 'relation "login_failure" does not exist')


def test_a_backup_of_a_newer_program_touches_nothing(ours: Installation) -> None:
    """But of the next revision, which is served, one can be put back."""
    head = int(schema.head())
    ours.does(f"UPDATE alembic_version SET version_num = '{head + 2:04}'")
    ours.dump("newer.dump", ours.name)
    ours.does(f"UPDATE alembic_version SET version_num = '{head + 1:04}'")
    next_one = ours.backup()
    ours.does(f"UPDATE alembic_version SET version_num = '{head:04}'")

    _must_be_refused(ours, "newer.dump", "Start the newer program")
    before = ours.state()
    assert ours.run("restore", next_one).returncode == 0
    _must_be_the_copy(ours, before.oid)


def test_a_backup_of_another_secret_key_touches_nothing(ours: Installation) -> None:
    """Servers would open no key of Mosaic's and take no password."""
    file = ours.backup()
    ours.keys = "another-key-of-another-installation"
    _must_be_refused(ours, file, "QBWC_SECRET_KEY opens nothing that is in it")


def _must_be_refused(ours: Installation, file: str, told: str) -> None:
    before, names = ours.state(), ours.databases()
    done = ours.run("restore", file)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert ours.state() == before
    assert ours.databases() == names


def test_it_does_not_go_on_while_a_server_or_worker_is_connected(
    ours: Installation,
) -> None:
    """What they have in hand would be noted where other things have its number."""
    file = ours.backup()
    before = ours.state()
    url = ours.url.render_as_string(hide_password=False)
    server = sa.create_engine(logged_in.url_as(url, logged_in.SERVING))
    with server.connect() as connection:
        refused = ours.run("restore", file)
        assert refused.returncode == 1
        assert "connected (qbwc_web): stop them" in refused.stderr
        assert ours.state() == before
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    server.dispose()
    assert ours.databases() == []


def test_all_others_are_put_out_of_the_database_that_is_replaced(
    ours: Installation,
) -> None:
    """Who reads with a login of support, or left a window open."""
    file = ours.backup()
    url = ours.url.render_as_string(hide_password=False)
    engines = [
        sa.create_engine(one) for one in (url, logged_in.url_as(url, logged_in.READING))
    ]
    connections = [one.connect() for one in engines]
    assert ours.run("restore", file).returncode == 0
    for connection, engine in zip(connections, engines, strict=True):
        with pytest.raises(sa.exc.OperationalError):
            connection.exec_driver_sql("SELECT 1")
        connection.close()
        engine.dispose()


def test_of_two_restores_at_once_the_second_wins(ours: Installation) -> None:
    """The first would put in the place what the second has only begun to fill."""
    file = ours.backup()
    before = ours.state()
    running = ours.begin("restore", file)
    assert running.stdout is not None
    for line in running.stdout:
        if "declare it" in line:
            ours.tells(f"COMMENT ON DATABASE {ours.name}_restored IS 'of another'")
            break
    _, told = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "another restore has begun" in told
    assert ours.state() == before


def test_the_copy_lets_in_and_keeps_out_whom_the_database_did(
    postgres_server: str, tmp_path: Path
) -> None:
    """Its owner is no superuser, and `deploy/database.sh` took much from everybody."""
    asked = (
        "SELECT rolname, has_database_privilege(oid, current_database(), 'CONNECT'),"
        " has_database_privilege(oid, current_database(), 'TEMPORARY'),"
        " has_function_privilege(oid, 'pg_advisory_lock(bigint)', 'EXECUTE'),"
        " has_function_privilege(oid, 'lo_export(oid, text)', 'EXECUTE')"
        " FROM pg_roles WHERE rolname LIKE 'qbwc%%' ORDER BY rolname"
    )
    administrator = make_engine(postgres_server)
    assert installation.bring_logins(postgres_server, "one").returncode == 0
    try:
        url = make_url(postgres_server).set(database="qbwc")
        owner = make_engine(str(url.set(username="qbwc")))
        schema.upgrade(owner)
        owner.dispose()
        ours = Installation(str(url), tmp_path, owner="qbwc")
        before, rights = ours.state(), ours.asked(asked, "qbwc")
        assert ("qbwc_reader", True, False, False, False) in rights

        done = ours.run("restore", ours.backup())

        assert done.returncode == 0, done.stderr
        _must_be_the_copy(ours, before.oid)
        assert ours.asked(asked, "qbwc") == rights
        told = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'qbwc'"
        assert ours.asked(told) == [("qbwc",)]
        ours.remove()
    finally:
        installation.remove(administrator)
        administrator.dispose()


def test_what_was_in_place_is_kept_until_an_operator_says_that_it_may_go(
    ours: Installation,
) -> None:
    """It can be put back, too, and is then a copy like any other; nobody enters it."""
    file = ours.backup()
    ours.does("UPDATE company SET name = 'Carol' WHERE name = 'Bob''s'")
    assert ours.run("restore", file).returncode == 0
    (kept,) = ours.databases()
    assert kept in ours.run("restore", "--kept").stdout
    with pytest.raises(sa.exc.OperationalError):
        ours.does("SELECT 1", kept)

    assert ours.run("restore", "--from", kept).returncode == 0
    found = ours.state()
    assert [name for name, _, _ in found.companies] == ["Alice & Co", "Carol"]
    assert found.is_declared
    assert kept in ours.databases()

    for name in (ours.name, "postgres", "", f"{ours.name}_until_", kept + "x"):
        for verb in ("--drop", "--from"):
            refused = ours.run("restore", verb, name)
            assert refused.returncode == 1
            assert "is kept" in refused.stderr
    assert ours.state() == found
    assert ours.run("restore", "--drop", kept).returncode == 0
    assert kept not in ours.databases()
    assert ours.state() == found
