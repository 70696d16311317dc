"""What is measured: a real server on a real database, as operations run it.

The database is PostgreSQL from the wheel, with fsync and full page writes on, or
SQLite with `synchronous=FULL`; both are what the product itself asks for.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.cli.demo_processes import free_port
from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.sandbox.web_connector.registration import Application, read_application
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from tests.faults.postgres import Postgres

SECRET = "a-key-for-measurements-only-and-long-enough"
POSTGRES = (
    *("fsync=on", "full_page_writes=on", "synchronous_commit=on"),
    *("max_connections=200", "shared_buffers=256MB", "max_wal_size=4GB"),
    *("unix_socket_directories=", "jit=off", "shared_preload_libraries="),
)
"""Memory for the machine that is measured; durability as in the defaults."""
_TREE = Path(__file__).parents[1]
_MOST_SECONDS = 60


@dataclass
class Stand:
    """A server with its database; `keys` are those that it has."""

    database: str
    engine: Engine
    keys: Keys
    port: int
    pids: list[int]
    folder: Path
    environment: dict[str, str]
    postgres: Postgres | None = None

    def add(
        self,
        name: str,
        mosaic_url: str = "http://127.0.0.1:9",
        mosaic_team: str = "1",
        mosaic_key: str | None = None,
    ) -> tuple[NewCompany, Application]:
        """Add a company; return it and what its .qwc says."""
        new = registry.add(
            self.engine,
            self.keys,
            name=name,
            mosaic_url=mosaic_url,
            mosaic_team=mosaic_team,
            mosaic_key=mosaic_key,
            now=datetime.now(UTC),
        )
        stored = registry.find(self.engine, name)
        url = f"http://localhost:{self.port}"
        return new, read_application(connection_file.qwc_of(stored, url))


def _serving(owner: Engine) -> str:
    """Make the login that server and worker have, and return its URL."""
    with owner.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE qbwc_web LOGIN IN ROLE qbwc_app")
    return owner.url.set(username="qbwc_web").render_as_string(hide_password=False)


@contextlib.contextmanager
def stand(
    database: str, *, processes: int = 2, threads: int = 8, **settings: object
) -> Iterator[Stand]:
    """Run a server on "postgresql" or "sqlite" for as long as it is measured."""
    with tempfile.TemporaryDirectory(prefix="qbwc-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        postgres = None
        url = f"sqlite:///{folder / 'qbwc.db'}"
        if database == "postgresql":
            postgres = Postgres(folder, POSTGRES)
            postgres.start()
            postgres.create("qbwc")
            url = f"postgresql://postgres@127.0.0.1:{postgres.port}/qbwc"
        engine = make_engine(url)
        schema.upgrade(engine)
        if postgres is not None:
            url = _serving(engine)
        port = free_port()
        values = {
            "data_dir": folder,
            "database_url": url,
            "secret_key": SECRET,
            "public_url": f"http://localhost:{port}",
            "log_level": "WARNING",
            **settings,
        }
        environment = dict(os.environ) | {
            "PYTHONPATH": str(_TREE),
            **{f"QBWC_{name.upper()}": str(value) for name, value in values.items()},
        }
        server = run(
            folder,
            "-m",
            "qbwc_server",
            "serve",
            *("--port", str(port), "--workers", str(processes)),
            *("--threads", str(threads)),
            environment=environment,
        )
        try:
            wait_for(port)
            pids = [server.pid, *children(server.pid)]
            yield Stand(
                *(database, engine, Keys([SECRET]), port, pids, folder),
                *(environment, postgres),
            )
        finally:
            server.terminate()
            server.wait()
            engine.dispose()
            if postgres is not None:
                postgres.stop()


def run(
    folder: Path, *arguments: str, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start a Python process whose output goes to a file in the folder."""
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=_TREE,
            stdout=log,
            stderr=log,
        )


def wait_for(port: int) -> None:
    """Wait until a server answers.

    Raises:
        TimeoutError: it does not.
    """
    deadline = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/qbwc", timeout=5).close()
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not start")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in listed.split()]


def cpu_seconds(pids: list[int]) -> float:
    """Return the processor time that processes have used."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def count(engine: Engine, table: sa.Table) -> int:
    """Return how many rows a table has."""
    with engine.begin() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(table))
        return int(found.scalar_one())
