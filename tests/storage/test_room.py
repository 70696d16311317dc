"""A full disk is told before anything is lost by it, and that there is room again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from qbwc_server.operations import doctor
from qbwc_server.operations.gauges import Figures
from qbwc_server.settings import Settings
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from qbwc_server.storage.room import LEAST, Looks, Room, look
from qbwc_server.web.hooks import health
from tests import logged_in
from tests.storage.own_postgres import open_folder, small_disk, started

MEGABYTE = 2**20
FULL = "FATAL: could not write init file: No space left on device"
"""What PostgreSQL tells who is new while it has nothing to write a file with."""


@dataclass
class Watch:
    """Seconds, which pass only when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        """Return what it shows."""
        return self.now


@dataclass
class Disk:
    """The disk of a PostgreSQL, and something large that lies on it."""

    folder: Path
    owner: Engine
    engine: Engine
    """Of who serves."""

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes."""
        self.empty()
        free = shutil.disk_usage(self.folder).free
        with (self.folder / "large").open("wb") as file:
            for _ in range((free - but) // MEGABYTE):
                file.write(b"0" * MEGABYTE)
            file.write(b"0" * ((free - but) % MEGABYTE))

    def empty(self) -> None:
        """Take it away."""
        (self.folder / "large").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def made() -> Iterator[Disk]:
    """A migrated PostgreSQL on a disk of 200 MB."""
    with (
        open_folder() as folder,
        small_disk(folder, 200) as disk,
        started(disk) as url,
    ):
        owner = make_engine(url)
        schema.upgrade(owner)
        logged_in.make_logins(owner)
        serving = make_engine(logged_in.url_as(url, logged_in.SERVING))
        yield Disk(disk, owner, serving)
        serving.dispose()
        owner.dispose()


@pytest.fixture
def disk(made: Disk) -> Iterator[Disk]:
    """The same with nothing on it, before and afterwards."""
    yield made
    made.empty()


def test_room_is_what_the_disk_has_and_not_whether_a_small_commit_goes_well(
    disk: Disk,
) -> None:
    """While the last kilobytes are free, rows can be written and answers cannot."""
    engine = disk.engine
    for left, full in ((LEAST + 2 * MEGABYTE, False), (LEAST - MEGABYTE, True)):
        disk.fill(but=left)
        assert look(engine).is_full is full
    with disk.owner.begin() as owner:
        owner.exec_driver_sql("CREATE TABLE small AS SELECT 1 AS one")
    disk.fill()
    assert look(engine).is_full

    disk.empty()
    assert not look(engine).is_full


def test_readyz_says_so_soon_and_takes_it_back_by_itself(disk: Disk) -> None:
    """Within half a minute of the disk's being full, and seconds of its having room."""
    flask, watch = Flask("t"), Watch()
    flask.register_blueprint(health.blueprint(disk.engine, watch=watch))

    def asked() -> tuple[int, str]:
        answer = flask.test_client().get("/readyz")
        return answer.status_code, answer.get_data(as_text=True)

    assert asked() == (200, "ready\n")
    disk.fill()
    watch.now += 30
    assert asked() == (503, "disk full\n")
    disk.empty()
    watch.now += 5
    assert asked() == (200, "ready\n")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_doctor_and_figures_say_so(
    disk: Disk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do; and the figure is what the alert looks at."""
    engine = disk.engine
    disk.fill()
    now = lambda: datetime.now(UTC)  # noqa: E731 - a clock
    found = {one.check: one for one in doctor.of_database(engine, now)}
    assert (found["disk"].state, found["database"].state) == ("fail", "ok")
    assert "Make room" in found["disk"].do

    told = {one.name: one.value for one in Figures(engine, settings, now).read()}
    assert (told["qbwc_database_ready"], told["qbwc_database_full"]) == (1, 1)

    def nobody(_engine: Engine) -> None:
        raise OperationalError("connect", {}, Exception(FULL))

    monkeypatch.setattr(doctor, "clock_of", nobody)
    (only,) = doctor.of_database(engine, now)
    assert (only.check, only.state) == ("database", "fail")
    assert "Make room" in only.do


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_however_often_it_is_asked_the_database_writes_twice_a_minute(
    engine: Engine,
) -> None:
    """Strangers may ask /readyz as often as they like."""
    watch, laid = Watch(), []

    def count(*said: Any) -> None:
        laid.append("laid" in str(said[2]))

    sa.event.listen(engine, "before_cursor_execute", count)
    looks = Looks(engine, watch=watch)
    for second in range(61):
        watch.now = 100.0 + second
        for _ in range(5):
            assert not looks.room().is_full
    assert sum(laid) == 3


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_login_that_may_lay_no_files_is_not_a_full_disk(engine: Engine) -> None:
    """Nobody knows then; the disk is watched where it is."""

    def bound(connection: Any, _record: object) -> None:
        connection.execute("SET temp_file_limit = '1MB'")
        connection.commit()

    sa.event.listen(engine, "connect", bound)
    assert look(engine) == Room(LEAST)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_standby_is_no_full_disk(engine: Engine) -> None:
    """It takes no writes either, and room would not help."""
    flask = Flask("t")
    flask.register_blueprint(health.blueprint(engine))

    def standby(connection: Any, _record: object) -> None:
        connection.execute("SET default_transaction_read_only = on")
        connection.commit()

    sa.event.listen(engine, "connect", standby)
    answer = flask.test_client().get("/readyz")
    assert (answer.status_code, answer.data) == (
        503,
        b"the database takes no writes: is it a standby?\n",
    )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_takes_no_connection_for_lack_of_room_is_full(
    engine: Engine,
) -> None:
    """The driver has no code for that, only PostgreSQL's words."""
    flask = Flask("t")
    flask.register_blueprint(health.blueprint(engine))

    def refuse(*_: object) -> None:
        raise OperationalError("connect", {}, Exception(FULL))

    sa.event.listen(engine, "do_connect", refuse)
    answer = flask.test_client().get("/readyz")
    assert (answer.status_code, answer.data) == (503, b"disk full\n")
