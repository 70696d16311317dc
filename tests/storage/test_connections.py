"""How many connections there are, who has them, and what is left for operators."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import OperationalError

from qbwc_server.cli import main
from qbwc_server.operations import connections_looked
from qbwc_server.storage import connections, resting
from qbwc_server.storage.connections import OPERATOR, Limits, least, needed
from qbwc_server.storage.database import make_engine
from tests.conftest import SECRET
from tests.storage.installation import bring_logins
from tests.storage.own_postgres import open_folder, started

MOST = 30
PASSWORD = "of-all-of-them"


@pytest.mark.parametrize(
    ("servers", "workers", "wanted", "enough"),
    [(1, 1, 60, 80), (3, 2, 160, 190), (6, 2, 280, 330)],
)
def test_the_sizes_that_the_handbook_names(
    servers: int, workers: int, wanted: int, enough: int
) -> None:
    """Of two processes a server; PostgreSQL's own 100 are enough for the smallest."""
    assert needed(servers, workers) == wanted
    assert least(wanted) == enough
    for most, fits in ((enough, True), (enough - 10, False)):
        limits = Limits(most, 3, connections.of_readers(most), None)
        assert (limits.for_serving >= wanted) is fits


@pytest.mark.parametrize(
    ("taken", "limits", "state", "said"),
    [
        ([20, 20, 20], Limits(100, 3, 12, 82), "ok", "82 are theirs and 3 operators'"),
        ([], Limits(100, 3, 12, 82), "ok", "0 processes take 0"),
        ([20] * 5, Limits(100, 3, 12, 82), "warn", "take 100 at most"),
        ([20] * 3, Limits(100, 3, 12, None), "warn", "may take those that operators"),
        ([20] * 3, Limits(100, 3, 12, 90), "warn", "may take those that operators"),
        ([20] * 3, Limits(200, 3, 25, 50), "warn", "and qbwc_web has 50"),
    ],
)
def test_what_the_doctor_says_of_them(
    taken: list[int], limits: Limits, state: str, said: str
) -> None:
    """Too many processes, no limit, and one that is older than max_connections."""
    found = connections_looked.judged("qbwc_web", limits, taken)
    assert found.state == state
    assert said in found.said
    assert (found.do == "") is (state == "ok")


def test_a_process_is_known_by_its_name() -> None:
    """With how many it may take; other programs take none of ours."""
    ours = connections.name("web", 20)
    names = [ours, ours, "qbwc worker 36 box/7", "qbwc worker 36 box/8", "psql", ""]
    assert connections.taken_by(names) == [20, 36, 36]
    assert len(ours) < 64, "PostgreSQL cuts off more"


@dataclass(frozen=True)
class Installation:
    """A PostgreSQL with few connections, as `deploy/database.sh` leaves it."""

    url: str

    def as_(self, login: str) -> str:
        """Return the URL of its database with a login."""
        url = make_url(self.url).set(username=login, database="qbwc")
        return url.render_as_string(hide_password=False)

    def run(self, *command: str) -> Result:
        """Run a command with the owner's login."""
        env = {
            **os.environ,
            "QBWC_DATABASE_URL": self.as_("qbwc"),
            "QBWC_SECRET_KEY": SECRET,
        }
        return CliRunner(env=env).invoke(main, command)


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    """One with 30 connections."""
    with open_folder() as folder, started(folder, max_connections=str(MOST)) as url:
        made = Installation(url)
        done = bring_logins(url, PASSWORD)
        assert done.returncode == 0, done.stderr
        assert made.run("database", "upgrade").exit_code == 0
        yield made


@contextmanager
def all_taken(house: Installation) -> Iterator[dict[str, int]]:
    """Have server, worker and readers take all that they get; yield how many."""
    got = {}
    with ExitStack() as open_ones:
        for login in ("qbwc_web", "qbwc_reader"):
            engine = make_engine(house.as_(login), most=MOST + 1, kind="web")
            open_ones.callback(engine.dispose)
            got[login] = 0
            while one := _unless_refused(engine):
                open_ones.enter_context(one)
                got[login] += 1
        yield got


def _unless_refused(engine: Engine) -> Connection | None:
    try:
        return engine.connect()
    except OperationalError as error:
        if "too many connections for role" not in str(error):
            raise
        return None


def test_operators_get_theirs_where_all_others_are_taken(house: Installation) -> None:
    """Look, list and migrate: else nobody could find out, nor end it."""
    with all_taken(house) as got:
        limits = Limits(MOST, 3, connections.of_readers(MOST), None)
        assert got == {"qbwc_web": limits.for_serving, "qbwc_reader": limits.readers}
        for command in (["company", "list"], ["database", "upgrade"]):
            done = house.run(*command)
            assert done.exit_code == 0, done.output
        told = house.run("doctor").output
        assert "ok   database" in told
        assert "warn connections" in told, "one process that takes 31"
        owners = [make_engine(house.as_("qbwc"), most=1) for _ in range(OPERATOR)]
        with ExitStack() as at_once:
            for one in owners:
                at_once.callback(one.dispose)
                at_once.enter_context(one.connect())


def test_the_script_and_the_program_have_the_same_sums(house: Installation) -> None:
    """The limits are set by a shell, and judged by the doctor."""
    assert bring_logins(house.url, PASSWORD).returncode == 0, "as often as it is run"
    engine = make_engine(house.as_("qbwc"))
    (found,) = connections_looked.look(engine)
    engine.dispose()
    assert found.state == "ok", found
    assert f"{Limits(MOST, 3, 3, None).for_serving} are theirs" in found.said


@pytest.fixture
def serving(house: Installation) -> Iterator[Engine]:
    """An engine of a process that serves."""
    made = make_engine(house.as_("qbwc_web"), most=6)
    yield made
    made.dispose()


def rush(engine: Engine, number: int) -> set[int]:
    """Use so many connections at once; return their processes."""
    with ExitStack() as at_once:
        return {
            at_once.enter_context(engine.connect()).scalar(_PID) for _ in range(number)
        }


_PID = sa.text("SELECT pg_backend_pid()")


def test_what_a_rush_opened_is_closed_when_it_was_not_used_for_five_minutes(
    serving: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes on being used stays, and it is always the same."""
    now = 1000.0
    monkeypatch.setattr("qbwc_server.storage.resting.time.monotonic", lambda: now)
    many = rush(serving, 6)
    assert len(many) == 6

    now += 200
    (used,) = rush(serving, 1)
    now += 99
    assert resting.rest(serving) == 0
    now += 2
    assert resting.rest(serving) == 5
    assert rush(serving, 1) == {used}

    now += 300
    assert resting.rest(serving) == 1
    assert len(rush(serving, 6)) == 6, "as many as before are had again"
    monkeypatch.setattr(serving.pool, "_timeout", 0.01)
    with pytest.raises(sa.exc.TimeoutError):
        rush(serving, 7)
