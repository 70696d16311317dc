"""A real PgBouncer before a PostgreSQL of a test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from qbwc_server.cli.demo_processes import free_port
from tests.storage.own_postgres import USER
from tests.waiting import until_somebody_listens

_CONFIGURATION = """
[databases]
* = host={host}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {servers}
logfile = {folder}/log
"""


def program() -> str:
    """Return where PgBouncer is, or skip the test loudly."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("NOT RUN BEHIND PGBOUNCER: it is not on this machine (pgbouncer)")
    return found


def version(of: str) -> tuple[int, ...]:
    """Return which one it is."""
    said = subprocess.run([of, "--version"], capture_output=True, text=True, check=True)
    return tuple(int(one) for one in said.stdout.split()[1].split("."))


@contextmanager
def pooled(url: str, folder: Path, mode: str, servers: int) -> Iterator[str]:
    """Yield the URL of a database behind a pooler, with so many connections a login.

    Whoever is trusted by the database is trusted by it.
    """
    behind, port = make_url(url), free_port()
    (folder / "users").write_text('"postgres" ""\n"qbwc_web" ""\n')
    (folder / "ini").write_text(
        _CONFIGURATION.format(
            host=behind.query["host"],
            port=port,
            mode=mode,
            servers=servers,
            folder=folder,
        )
    )
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
    running = subprocess.Popen(
        [program(), "-q", str(folder / "ini")],
        user=USER if os.geteuid() == 0 else None,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_somebody_listens(port)
        yield behind.set(host="127.0.0.1", port=port, query={}).render_as_string(
            hide_password=False
        )
    finally:
        running.terminate()
        running.wait()
