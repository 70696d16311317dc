"""PostgreSQL's own ways: recovery to a moment, and another major version."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.engine import URL, Engine

from qbwc_server.cli import main
from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from tests import logged_in
from tests.conftest import SECRET, Clock
from tests.deploy.copies import Installation
from tests.faults.postgres import SMALL, Postgres
from tests.storage.installation import ROOT
from tests.storage.own_postgres import tools
from tests.waiting import until

_DEBIAN = Path("/usr/lib/postgresql")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter and write in."""
    with tempfile.TemporaryDirectory(prefix="qbwc-recovery-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


Make = Callable[..., Postgres]


@pytest.fixture
def make(open_folder: Path) -> Iterator[Make]:
    """A function that makes a PostgreSQL by a name, which does not run yet."""
    made: list[Postgres] = []

    def one(name: str, *more: str, binaries: Path | None = None) -> Postgres:
        folder = open_folder / name
        folder.mkdir()
        folder.chmod(0o777)
        settings = (*SMALL, "wal_level=replica", "max_wal_senders=4", *more)
        made.append(Postgres(folder, settings, binaries))
        return made[-1]

    yield one
    for server in made:
        server.stop()


def _engine(server: Postgres, login: str = "postgres") -> Engine:
    url = URL.create(
        "postgresql", login, host="127.0.0.1", port=server.port, database="qbwc"
    )
    return make_engine(url.render_as_string())


def _add(engine: Engine, name: str, team: str) -> None:
    registry.add(
        engine,
        Keys([SECRET]),
        name=name,
        now=Clock().now,
        mosaic_url="http://localhost:1",
        mosaic_team=team,
        mosaic_key="sandbox-key",
    )


def test_a_recovery_to_a_moment_is_declared_like_any_copy(
    open_folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the handbook: an archive, a base backup, the moment before the accident."""
    archive = open_folder / "archive"
    archive.mkdir()
    archive.chmod(0o777)
    keeps = f"archive_command=test ! -f {archive}/%f && cp %p {archive}/%f"
    lived = make("lived", "archive_mode=on", keeps)
    lived.start()
    lived.create("qbwc")
    engine = _engine(lived)
    schema.upgrade(engine)
    logged_in.make_logins(engine)
    _add(engine, "Alice & Co", "1")
    base = make("base")
    base.recovers(lived)

    _add(engine, "Bob's", "2")
    with engine.begin() as connection:
        moment = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    _add(engine, "A mistake", "3")
    with engine.begin() as connection:
        last = "SELECT pg_walfile_name(pg_switch_wal())"
        wanted = archive / str(connection.exec_driver_sql(last).scalar_one())
    until(wanted.exists, "the archive")
    engine.dispose()
    lived.kill()

    base.set(
        f"restore_command=cp {archive}/%f %p",
        f"recovery_target_time={moment.isoformat(sep=' ')}",
        "recovery_target_action=promote",
    )
    base.start()
    engine = _engine(base)
    _until_it_takes_writes(engine)
    monkeypatch.setenv(
        "QBWC_DATABASE_URL", engine.url.render_as_string(hide_password=False)
    )
    monkeypatch.setenv("QBWC_SECRET_KEY", SECRET)
    monkeypatch.setenv("QBWC_DATA_DIR", str(open_folder))
    told = CliRunner().invoke(main, ("database", "restored"))
    assert told.exit_code == 0, (told.output, told.exception)
    assert told.output == "2 companies compare both sides first.\n"
    found = registry.every(engine)
    assert [one.name for one in found] == ["Alice & Co", "Bob's"]
    assert all(one.copied is not None for one in found)
    engine.dispose()


def _until_it_takes_writes(engine: Engine) -> None:
    def takes() -> bool:
        with engine.begin() as connection:
            query = "SELECT NOT pg_is_in_recovery()"
            return bool(connection.exec_driver_sql(query).scalar_one())

    until(takes, "the end of the recovery")


def _older() -> list[Path]:
    """Return the programs of every version that is older than our newest."""
    wheel = tools().parents[1].glob("pginstall*/bin")
    return sorted({*wheel, *_DEBIAN.glob("*/bin")} - {tools()})


def _major(binaries: Path) -> str:
    words = [str(binaries / "postgres"), "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return str(done.stdout.split()[2].partition(".")[0])


def test_a_database_moves_to_the_next_major_version(
    open_folder: Path, make: Make
) -> None:
    """By the handbook, with a backup that the newer version's programs make."""
    pairs = [one for one in _older() if _major(one) != _major(tools())]
    if not pairs:
        pytest.skip("NOT RUN: there is no second major version of PostgreSQL here")
    old = make("old", binaries=pairs[0])
    new = make("new")
    passwords = dict.fromkeys(
        ("QBWC_DATABASE_PASSWORD", "QBWC_SERVING_PASSWORD", "QBWC_SUPPORT_PASSWORD"),
        "one",
    )
    places = []
    for server in (old, new):
        server.start()
        subprocess.run(
            ["sh", str(ROOT / "deploy/database.sh")],
            env={
                "PATH": f"{tools()}:/usr/bin:/bin",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(server.port),
                "PGUSER": "postgres",
                **passwords,
            },
            check=True,
        )
        place = open_folder / f"place-{server.port}"
        place.mkdir()
        url = _engine(server).url
        if server is old:
            schema.upgrade(owner := _engine(server, "qbwc"))
            owner.dispose()
        places.append(
            Installation(
                url.render_as_string(), place, owner="qbwc", fill=server is old
            )
        )
    before, after = places
    dump = before.folder / before.backup()
    shutil.copy(dump, after.folder)

    done = after.run("restore", dump.name)

    assert done.returncode == 0, done.stderr
    found = after.state()
    names = [name for name, _, _ in before.state().companies]
    assert [name for name, _, _ in found.companies] == names
    assert found.is_declared
    with sa.create_engine(after.url, poolclass=sa.pool.NullPool).connect() as one:
        version = str(one.exec_driver_sql("SHOW server_version").scalar_one())
    assert version.partition(".")[0] == _major(tools())
