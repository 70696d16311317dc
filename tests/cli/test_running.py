"""Processes of server and worker: how they tell that they live, and how they end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from qbwc_server.cli import main
from qbwc_server.cli.demo_processes import free_port
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage.database import make_engine
from qbwc_server.worker.loop import Worker
from tests.conftest import SECRET, Clock
from tests.waiting import until

TREE = Path(__file__).parents[2]
_MOST_SECONDS = 60


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    return free_port()


@pytest.fixture
def serving(
    tmp_path: Path, sqlite_url: str, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A server of one process, which answers."""
    environment = dict(os.environ) | {
        "PYTHONPATH": str(TREE),
        "QBWC_DATA_DIR": str(tmp_path),
        "QBWC_DATABASE_URL": sqlite_url,
        "QBWC_SECRET_KEY": SECRET,
    }
    with (tmp_path / "serve.log").open("ab") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "qbwc_server", "serve", "--port", str(port)],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(port))
        yield running
    finally:
        running.kill()
        running.wait()


def _answers(port: int) -> bool:
    try:
        url = f"http://127.0.0.1:{port}/healthz"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _stopped(process: int) -> bool:
    """Tell whether every thread of a process stands still.

    Until then one of them may still take a later signal, which goes first.
    """
    tasks = Path(f"/proc/{process}/task").glob("*/status")
    return all("\nState:\tT" in one.read_text() for one in tasks)


def _pending(process: int) -> int:
    """Return the signals that a process was sent and has not seen yet."""
    status = Path(f"/proc/{process}/status").read_text()
    (found,) = re.findall(r"^ShdPnd:\s*(\w+)$", status, re.MULTILINE)
    return int(found, 16)


def test_a_server_that_is_told_to_stop_answers_whoever_is_connected(
    serving: subprocess.Popen[bytes], port: int
) -> None:
    """Also those whom it had not seen yet; then it ends by itself, and well."""
    children = Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text()
    (child,) = (int(one) for one in children.split())
    os.kill(child, signal.SIGSTOP)
    until(lambda: _stopped(child))
    waiting = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(5)]
    for one in waiting:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    serving.terminate()
    # The master closes what it listens on before it tells its child.
    until(lambda: _pending(child) & 1 << (signal.SIGTERM - 1) != 0)
    os.kill(child, signal.SIGCONT)

    answers = []
    for one in waiting:
        with one:
            answers.append(one.recv(4096)[:15])

    assert answers == [b"HTTP/1.1 200 OK"] * 5
    assert serving.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def _worker(url: str, signs: list[int]) -> Worker:
    engine = make_engine(url)
    settings = Settings(secret_key=SecretStr(SECRET), database_url=url)
    return Worker(
        engine, Keys([SECRET]), settings, Clock(), lives=lambda: signs.append(1)
    )


def test_a_worker_gives_a_sign_when_it_has_asked_the_database(sqlite_url: str) -> None:
    """Though there is nothing to do."""
    signs: list[int] = []
    working = _worker(sqlite_url, signs)
    working.run_once()
    working._engine.dispose()
    assert signs == [1]


def test_a_worker_without_its_database_gives_none() -> None:
    """It runs, and is of no use."""
    signs: list[int] = []
    working = _worker(f"postgresql://q:q@127.0.0.1:{free_port()}/q", signs)

    def look() -> bool:
        try:
            return working._serve_next()
        finally:
            working.stopping.set()

    working._loop(look)
    assert signs == []


def test_the_sign_of_a_worker_is_a_file_that_is_touched(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its container is healthy as long as that is young."""
    monkeypatch.setenv("QBWC_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("QBWC_SECRET_KEY", SECRET)
    sign = tmp_path / "alive"
    words = ("worker", "--once", "--sign-of-life", str(sign))

    assert CliRunner().invoke(main, words).exit_code == 0

    assert sign.exists()


def test_a_connection_file_can_be_printed(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of a container, whose files nobody sees."""
    monkeypatch.setenv("QBWC_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("QBWC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QBWC_SECRET_KEY", SECRET)
    team = ("--mosaic-url", "http://localhost:1", "--mosaic-team", "100")
    CliRunner().invoke(main, ("company", "add", "Vale", *team))

    printed = CliRunner().invoke(main, ("qwc", "Vale", "-o", "-"))

    assert printed.exit_code == 0
    assert printed.stdout_bytes == (tmp_path / "mosaic-Vale.qwc").read_bytes()
