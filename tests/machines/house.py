"""Two machines with proxy, server and worker, two with PostgreSQL, and one address."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg

from tests.deploy.test_env import made, secret
from tests.machines.network import GATEWAY, NETWORK, Machine, Network
from tests.waiting import until

TREE = Path(__file__).parents[2]
SHARED = f"{NETWORK}.100"
"""The address that moves."""
PUBLIC_NAME = "qb.example.com"
URL = f"https://{PUBLIC_NAME}:8443"
_BINARIES = "/usr/lib/postgresql"
_AS_POSTGRES = (*("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"),)
_HBA = """
local all all trust
host all all 10.77.0.0/24 scram-sha-256
host replication replicator 10.77.0.0/24 scram-sha-256
"""
_SETTINGS = {
    "QBWC_PAGE_SIZE": "10",
    "QBWC_MOSAIC_REQUESTS": "1000000",
    "QBWC_MOSAIC_SETTLE_SECONDS": "2",
    "QBWC_MOSAIC_TIMEOUT_SECONDS": "5",
    "QBWC_LEASE_SECONDS": "5",
    "QBWC_TIME_HOT_MINUTES": "1",
    "QBWC_SESSION_TAKEOVER_SECONDS": "0",
    "QBWC_LOG_JSON": "true",
}


def why_not() -> str:
    """Return why PostgreSQL cannot be copied here, "" if it can."""
    if not list(Path(_BINARIES).glob("*/bin/pg_basebackup")):
        return "PostgreSQL is not on this machine (postgresql)"
    return ""


class Machines:
    """All of it, as docs/many-machines.md has it; a `Place` of a company."""

    def __init__(self, folder: Path, log: IO[str]) -> None:
        self._folder = folder
        self._log = log
        self._bin = max(Path(_BINARIES).glob("*/bin"))
        self._network = Network()
        self.databases = [Machine(f"pg{n}", 20 + n, folder) for n in (1, 2)]
        self.ours = [Machine(f"app{n}", 10 + n, folder) for n in (1, 2)]
        self.primary, self.standby = self.databases
        hosts = ",".join(one.address for one in self.databases)
        made(folder)
        self.told = made(folder, QBWC_DATABASE_HOST=hosts)
        self._environment = dict(os.environ) | {"PYTHONPATH": str(TREE), **_SETTINGS}
        self._environment |= {
            "QBWC_PUBLIC_URL": URL,
            "QBWC_PROXIES": f"{NETWORK}.0/24",
            "QBWC_SECRET_KEY_FILE": str(folder / "secrets/QBWC_SECRET_KEY"),
        }

    def begin(self) -> None:
        """Start all of it, in the order of the document."""
        self._make_primary()
        self.start_database(self.primary)
        roles = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "PGHOST": ",".join(one.address for one in self.databases),
            "PGTARGETSESSIONATTRS": "read-write",
            "PGUSER": "postgres",
            **{
                f"{name}_FILE": str(self._folder / "secrets" / file)
                for name, file in (
                    ("PGPASSWORD", "POSTGRES_PASSWORD"),
                    ("QBWC_DATABASE_PASSWORD", "QBWC_DATABASE_PASSWORD"),
                    ("QBWC_SERVING_PASSWORD", "QBWC_SERVING_PASSWORD"),
                    ("QBWC_SUPPORT_PASSWORD", "QBWC_SUPPORT_PASSWORD"),
                )
            },
        }
        self.ours[0].run(["sh", str(TREE / "deploy/database.sh")], roles)
        self.copy_to_standby()
        self.server("database", "upgrade")
        for one in self.ours:
            for program in ("server", "worker", "proxy"):
                self.start(one, program)
        self.ours[0].take(SHARED)
        until(lambda: all(self._answers(one) for one in self.ours), "the servers")

    # What runs on ours

    def start(self, machine: Machine, program: str) -> None:
        """Start "server", "worker" or "proxy" on one of ours."""
        own = self._folder / machine.name
        own.mkdir(exist_ok=True)
        environment = self._environment | {
            "QBWC_DATA_DIR": str(own),
            "QBWC_DATABASE_URL_FILE": str(self._folder / "secrets/SERVING_URL"),
            "PROXY_NAME": PUBLIC_NAME,
            "PROXY_TLS": "internal",
            "PROXY_SERVERS": " ".join(f"{one.address}:8000" for one in self.ours),
            "PROXY_SERVERS_BY": "address",
            "PROXY_WAIT": "30s",
            # What the proxies share, and what each has of its own.
            "XDG_DATA_HOME": str(self._folder / "shared"),
            "XDG_CONFIG_HOME": str(own),
            "HOME": str(own),
        }
        ours = [sys.executable, "-m", "qbwc_server"]
        words = {
            "server": [*ours, "serve", "--host", "0.0.0.0", "--workers", "2"],
            "worker": [*ours, "worker"],
            "proxy": [
                *("caddy", "run", "--adapter", "caddyfile"),
                *("--config", str(TREE / "deploy/Caddyfile")),
            ],
        }
        machine.start(program, words[program], environment)

    def _answers(self, machine: Machine) -> bool:
        asked = ("curl", "-sf", "-m", "3", f"http://{machine.address}:8000/readyz")
        with suppress(AssertionError):
            return machine.run(asked, self._environment) == "ready\n"
        return False

    def move(self, source: Machine, target: Machine) -> None:
        """Have the address at another machine, as keepalived would."""
        source.give(SHARED)
        target.take(SHARED)

    # PostgreSQL

    def _make_primary(self) -> None:
        password = self._folder / "secrets/POSTGRES_PASSWORD"
        data = self._data(self.primary)
        with (self._folder / "password").open("w") as copy:
            copy.write(password.read_text())
        (self._folder / "password").chmod(0o644)
        self._as_postgres(
            self.primary,
            *("initdb", "-U", "postgres", "-A", "scram-sha-256", "-E", "utf8"),
            *("--pwfile", str(self._folder / "password"), "-D", str(data)),
        )
        (data / "pg_hba.conf").write_text(_HBA)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(
                "listen_addresses = '*'\nmax_connections = 300\n"
                "unix_socket_directories = ''\n"
                "shared_buffers = 32MB\n"
            )

    def _data(self, machine: Machine) -> Path:
        """Return the folder of a database, which PostgreSQL's own user owns."""
        folder = self._folder / machine.name
        folder.mkdir(exist_ok=True)
        shutil.chown(folder, "postgres", "postgres")
        return folder / "data"

    def _as_postgres(self, machine: Machine, program: str, *words: str) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": "/"}
        environment["PGPASSWORD"] = self.told["POSTGRES_PASSWORD"]
        machine.run(
            [*_AS_POSTGRES, str(self._bin / program), *words],
            environment,
        )

    def start_database(self, machine: Machine) -> None:
        """Start PostgreSQL there and wait until it answers."""
        words = [*_AS_POSTGRES, str(self._bin / "postgres")]
        words += ["-D", str(self._data(machine))]
        machine.start("postgres", words, {"PATH": os.environ["PATH"]})

        def answers() -> bool:
            with suppress(psycopg.Error):
                self.ask("SELECT 1", machine)
                return True
            return False

        until(answers, f"PostgreSQL of {machine.name}")

    def copy_to_standby(self) -> None:
        """Make the standby of the primary, and have every commit wait for it."""
        password = self.told["POSTGRES_PASSWORD"]
        self.ask("DROP ROLE IF EXISTS replicator")
        self.ask(f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{password}'")
        data = self._data(self.standby)
        shutil.rmtree(data, ignore_errors=True)
        self._as_postgres(
            self.standby,
            *("pg_basebackup", "--host", self.primary.address),
            *("--username", "replicator", "--pgdata", str(data)),
            *("-R", "-C", "--slot", "standby", "--checkpoint", "fast"),
        )
        self.start_database(self.standby)
        self.wait_for_standby()

    def wait_for_standby(self) -> None:
        """Have every commit of the primary wait for the standby."""
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.ask("SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication"
        until(lambda: self.ask(state) == "sync", "a standby that is waited for")

    def wait_for_none(self) -> None:
        """Have the primary's commits wait for nobody."""
        self.ask("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.ask("SELECT pg_reload_conf()")

    def fail_over(self) -> None:
        """Have the standby take over from a primary that is off."""
        self.primary, self.standby = self.standby, self.primary
        self.ask("SELECT pg_promote()")

    def ask(self, statement: str, machine: Machine | None = None) -> str:
        """Ask a database, the primary if none is named, as its administrator."""
        with psycopg.connect(
            host=(machine or self.primary).address,
            user="postgres",
            password=self.told["POSTGRES_PASSWORD"],
            dbname="postgres",
            connect_timeout=3,
            autocommit=True,
        ) as connection:
            return _text(connection, statement)

    # A place

    def gateway(self) -> str:
        """Return this machine's address as the others see it."""
        return GATEWAY

    def authority(self) -> str:
        """Return the certificate of the proxies' authority, "" before it is made."""
        path = self._folder / "shared/caddy/pki/authorities/local/root.crt"
        return path.read_text() if path.exists() else ""

    def server(self, *words: str, given: str | None = None) -> str:
        """Run a command of qbwc-server with the owner's login."""
        owner = {"QBWC_DATABASE_URL_FILE": str(self._folder / "secrets/OWNER_URL")}
        program = [sys.executable, "-m", "qbwc_server", *words]
        return self.ours[0].run(program, self._environment | owner, given)

    def sql(self, statement: str) -> str:
        """Ask our database as its administrator, at whichever takes writes."""
        with psycopg.connect(
            host=",".join(one.address for one in self.databases),
            user="postgres",
            password=secret(self._folder, "POSTGRES_PASSWORD"),
            dbname="qbwc",
            connect_timeout=3,
            target_session_attrs="read-write",
            autocommit=True,
        ) as connection:
            return _text(connection, statement)

    def note(self, text: str) -> None:
        """Write to the log."""
        self._log.write(f"{text}\n")
        self._log.flush()

    def all(self) -> Sequence[Machine]:
        """Return all machines."""
        return (*self.ours, *self.databases)

    def close(self) -> None:
        """End all of it."""
        for one in self.all():
            one.close()
        self._network.close()


def _text(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> str:
    found = connection.execute(statement.encode())
    rows = found.fetchall() if found.description else []
    return "\n".join("|".join(str(one) for one in row) for row in rows)
