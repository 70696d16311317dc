"""A plant: server and worker processes, their database, Mosaic, and the companies.

Everything that the product runs is a process of its own; what stands around it, Web
Connectors, QuickBooks and Mosaic, is in this one and spoken to over sockets.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from qbwc_server.cli.demo_processes import free_port
from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve
from qbwc_server.storage import schema, tables
from qbwc_server.storage.database import make_engine
from tests import logged_in
from tests.conftest import SECRET
from tests.faults.clock import SkippingClock
from tests.faults.disk import Disk
from tests.faults.firm import Firm
from tests.faults.postgres import Postgres
from tests.faults.proxy import Proxy
from tests.waiting import until

LEASE, SETTLE, TAKEOVER = 3, 2, 1
_TREE = Path(__file__).parents[2]
_MOST_SECONDS_TO_START = 60


class Plant:
    """Servers, workers and companies on one database, "sqlite" or "postgresql".

    `rule` is one of the product's that is switched off.
    """

    def __init__(
        self,
        database: str,
        *,
        seed: int = 1,
        servers: int = 1,
        workers: int = 1,
        firms: int = 2,
        rule: str = "",
    ) -> None:
        self.database = database
        self.dice = random.Random(seed)
        self.clock = SkippingClock()
        self.folder = Path(tempfile.mkdtemp(prefix="qbwc-faults-"))
        self.folder.chmod(0o755)
        self.disk = Disk(self.folder / "disk", 40 if database == "sqlite" else 120)
        self.postgres: Postgres | None = None
        self.wire: Proxy | None = None
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._faults: dict[str, object] = {}
        self._slow = threading.Semaphore(0)
        self.slow_requests = 0
        own, theirs = self._database()
        self.engine = make_engine(own)
        schema.upgrade(self.engine)
        if database == "postgresql":
            logged_in.make_logins(self.engine)
        self.sandbox = MosaicSandbox(
            clock=self.clock,
            requests_per_window=10_000_000,
            wait=self._wait_slowly,
        )
        self._mosaic = serve(self.sandbox, 0)
        self.mosaic_wire = Proxy(int(self._mosaic.url.rpartition(":")[2]))
        ports = [free_port() for _ in range(servers)]
        self.urls = [f"http://localhost:{port}" for port in ports]
        self._environment = self._settings(theirs, rule)
        self.say()
        for number, port in enumerate(ports, 1):
            options = ["--workers", "2", "--threads", "4"]
            self._launch(f"server{number}", "serve", "--port", str(port), *options)
        for number in range(1, workers + 1):
            self._launch(f"worker{number}", "worker")
        self.firms = [self._firm(number) for number in range(firms)]
        self.ready()

    def _database(self) -> tuple[str, str]:
        """Return the URL for us, and the one for the processes."""
        if self.database == "sqlite":
            url = f"sqlite:///{self.disk.folder / 'qbwc.db'}"
            return url, url
        self.postgres = Postgres(self.disk.folder)
        self.postgres.start()
        self.postgres.create("qbwc")
        self.wire = Proxy(self.postgres.port)
        place = "127.0.0.1"
        theirs = f"postgresql://{logged_in.SERVING}@{place}"
        return (
            f"postgresql://postgres@{place}:{self.postgres.port}/qbwc",
            f"{theirs}:{self.wire.port}/qbwc?connect_timeout=5",
        )

    def _settings(self, database_url: str, rule: str) -> dict[str, str]:
        values = {
            "data_dir": self.folder,
            "database_url": database_url,
            "secret_key": SECRET,
            "public_url": self.urls[0],
            "log_level": "INFO",
            "mosaic_requests": 1_000_000,
            "mosaic_settle_seconds": SETTLE,
            "mosaic_timeout_seconds": 1,
            "lease_seconds": LEASE,
            "session_takeover_seconds": TAKEOVER,
            "worker_threads": 2,
            "time_history_years": 1,
        }
        return dict(os.environ) | {
            "PYTHONPATH": str(_TREE),
            "FAULTS_FOLDER": str(self.folder),
            "FAULTS_RULE": rule,
            **{f"QBWC_{name.upper()}": str(value) for name, value in values.items()},
        }

    def _firm(self, number: int) -> Firm:
        team, key = str(100 + number), f"key-{number}"
        new = registry.add(
            self.engine,
            Keys([SECRET]),
            name=f"Company {number + 1}",
            mosaic_url=f"http://127.0.0.1:{self.mosaic_wire.port}",
            mosaic_team=team,
            mosaic_key=key,
            now=self.clock(),
        )
        hook = f"{self.urls[0]}/webhook/{new.webhook_token}"
        if number == 0:
            self.sandbox.team.api_key = key
            self.sandbox.team.callback_url = hook
        else:
            self.sandbox.add_team(team, key, callback_url=hook)
        stored = registry.find(self.engine, new.name)
        return Firm(new, stored, self.sandbox, self.urls, self.clock, self.dice)

    def fail_over(self, standby: Postgres) -> None:
        """Lose the primary; a standby takes over, and the processes find it there."""
        assert self.postgres is not None
        assert self.wire is not None
        self.wire.refusing = True
        self.postgres.kill()
        standby.start()
        standby.take_over()
        self.postgres = standby
        self.engine.dispose()
        # Not an engine of the product's: that would notice what they are to notice.
        url = self.engine.url.set(port=standby.port)
        self.engine = sa.create_engine(url)
        self.wire.lead_to(standby.port)
        self.wire.heal()

    def welcome(self) -> None:
        """Let one more company begin."""
        self.firms.append(self._firm(len(self.firms)))

    # Processes

    def _launch(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.launch", name, *arguments],
                env=self._environment,
                cwd=_TREE,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str, *, child: bool = False) -> bool:
        """Kill a process of the product with signal 9; tell whether there was one.

        `child` is one of those in which a server answers.
        """
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / f"{name}.pid").read_text())
            if child:
                task = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                pid = self.dice.choice([int(one) for one in task.split()] or [pid])
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    @property
    def names(self) -> Sequence[str]:
        """The names of the processes: server1, worker1, ..."""
        return list(self._running)

    def ready(self) -> None:
        """Wait until all servers answer."""
        until(
            lambda: all(_is_ready(url) for url in self.urls),
            f"the servers' return (see {self.folder})",
            seconds=_MOST_SECONDS_TO_START,
        )

    # Faults that the processes read

    def say(self, **faults: object) -> None:
        """Say what is to go wrong in the processes, beside what was said."""
        self._faults.update(faults)
        wrong = float(str(self._faults.get("wrong", 0.0)))
        told = {**self._faults, "clock": self.clock.skipped + wrong}
        written = self.folder / "faults.new"
        written.write_text(json.dumps(told))
        written.rename(self.folder / "faults.json")

    def die_at(self, places: Sequence[tuple[str, str]]) -> None:
        """Have a process die at each of some points, "before" or "after" its commit."""
        shutil.rmtree(self.folder / "deaths", ignore_errors=True)
        (self.folder / "deaths").mkdir()
        self.say(die=list(places))

    def deaths(self) -> set[tuple[str, str]]:
        """Return the points of `die_at` at which a process has died."""
        found = [path.name for path in (self.folder / "deaths").glob("*")]
        return {
            (name, when) for name, _, when in (one.rpartition(" ") for one in found)
        }

    def skip(self, seconds: float) -> None:
        """Let hours pass in a moment, for everybody."""
        self.clock.skipped += seconds
        self.say()

    def read_soon(self) -> None:
        """Have all companies read at the next run, without waiting for the schedule."""
        with contextlib.suppress(sa.exc.DBAPIError), self.engine.begin() as connection:
            connection.execute(tables.company.update().values(next_read_at=None))

    def leave_no_room(self) -> None:
        """Fill the disk; SQLite's log, whose old pages it would use again, too."""
        self.disk.fill()
        if self.database == "sqlite":
            with contextlib.suppress(sa.exc.DBAPIError), self.engine.connect() as one:
                one.exec_driver_sql("COMMIT")
                one.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.disk.fill()

    def points(self) -> set[str]:
        """Return the points that the processes have come to."""
        with contextlib.suppress(OSError):
            return set((self.folder / "points.txt").read_text().split("\n")) - {""}
        return set()

    def _wait_slowly(self, seconds: float) -> None:
        self.slow_requests += 1
        try:
            time.sleep(seconds)
        finally:
            self.slow_requests -= 1

    def heal(self) -> None:
        """End all faults; what they have done remains."""
        self._faults.clear()
        self.sandbox.faults._waiting.clear()
        self.mosaic_wire.heal()
        if self.wire is not None:
            self.wire.heal()
        self.disk.free()
        if self.postgres is not None:
            self.postgres.start()
        self.say()

    def logs(self) -> str:
        """Return what the processes have logged."""
        return "".join(
            path.read_text(errors="replace") for path in self.folder.glob("*.log")
        )

    def keep_logs(self, beside: str) -> None:
        """Keep the logs of the processes beside a file, if one is named."""
        if beside:
            path = Path(f"{beside}.{self.folder.name}.log")
            path.write_text(self.logs())

    def close(self) -> None:
        """End everything and take it away."""
        for process in self._running.values():
            process.kill()
        for name, process in self._running.items():
            process.wait()
            with contextlib.suppress(OSError, ValueError):
                os.killpg(int((self.folder / f"{name}.pid").read_text()), 9)
        self.engine.dispose()
        self._mosaic.stop()
        self.mosaic_wire.close()
        for firm in self.firms:
            firm.file.close()
        if self.wire is not None:
            self.wire.close()
        if self.postgres is not None:
            self.postgres.stop()
        self.disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
