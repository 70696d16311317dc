"""The worker that `serve --with-worker` runs beside the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbwc_server.cli.demo_processes import free_port
from tests.waiting import until

_MOST_SECONDS = 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server with a worker beside it."""
    tree = Path(__file__).parents[2]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "qbwc_server", "serve", "--with-worker"),
                *("--port", str(free_port())),
            ],
            env=dict(os.environ)
            | {"QBWC_DATA_DIR": str(tmp_path), "PYTHONPATH": str(tree)},
            cwd=tree,
            stdout=log,
            stderr=log,
        )
        yield process
        process.kill()
        process.wait()


def test_a_worker_that_dies_is_started_again_and_ends_with_its_server(
    server: subprocess.Popen[bytes],
) -> None:
    """Also when the server has no time to end it."""
    first = until(lambda: _worker_of(server.pid))
    os.kill(first, signal.SIGKILL)
    second = until(lambda: (_worker_of(server.pid) or first) - first) + first
    assert _is_running(second)

    server.kill()

    assert until(lambda: not _is_running(second))


def _worker_of(pid: int) -> int:
    """Return the number of the worker process, 0 without one."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline")
        if _is_running(int(child)) and b"--beside" in command.read_bytes():
            return int(child)
    return 0


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
