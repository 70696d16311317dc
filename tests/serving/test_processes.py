"""The processes of a real server: each may end, and the server goes on or ends well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qbwc_server.cli.demo_processes import free_port
from tests.hostile.house import House, house
from tests.waiting import until
from tests.web_connector.desk import body_of

TREE = Path(__file__).parents[2]
NO_PATIENCE = "import qbwc_server.serving.processes as p; p._NO_SIGN = 3.0"


def _children(server: House) -> set[int]:
    return set(server.pids()) - {server.pid}


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _answers(server: House) -> bool:
    return server.call("serverVersion", body_of("serverVersion")) != "HTTP 0"


def test_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """Whoever calls meanwhile waits, and is answered."""
    with house(tmp_path) as server:
        before = _children(server)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        assert _answers(server)
        after = _children(server)
    assert len(after) == len(before)
    assert not after & before


def test_one_that_gives_no_sign_is_replaced(tmp_path: Path) -> None:
    """It runs, and is of no use."""
    with house(tmp_path, without=NO_PATIENCE) as server:
        (stuck,) = _children(server)
        os.kill(stuck, signal.SIGSTOP)
        until(lambda: not _runs(stuck))
        assert _answers(server)


def test_all_are_replaced_without_turning_anybody_away(tmp_path: Path) -> None:
    """A new one serves before an old one ends."""
    with house(tmp_path) as server:
        before = _children(server)
        os.kill(server.pid, signal.SIGHUP)
        answered = []

        def replaced() -> bool:
            answered.append(_answers(server))
            return not _children(server) & before

        until(replaced)
        assert len(_children(server)) == len(before)
    assert all(answered)


def test_they_end_where_nobody_looks_after_them(tmp_path: Path) -> None:
    """Else they would go on with the port in their hands."""
    with house(tmp_path) as server:
        (child,) = _children(server)
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not _runs(child))


@pytest.mark.parametrize(
    ("without", "code", "said"),
    [
        (
            "import qbwc_server.app as a; a.served = lambda made: 1 / 0",
            3,
            "division by zero",
        ),
        ("", 1, "cannot be used"),
    ],
    ids=["one that cannot begin", "a port that is taken"],
)
def test_a_server_that_cannot_serve_ends(
    tmp_path: Path, without: str, code: int, said: str
) -> None:
    """And says why: it is not tried for ever."""
    with house(tmp_path) as other:
        port = free_port() if without else other.port
        done = subprocess.run(
            [
                *(sys.executable, "-c"),
                f"{without}\nfrom qbwc_server.cli import main; main()",
                *("serve", "--port", str(port)),
            ],
            env={
                **os.environ,
                "QBWC_DATA_DIR": str(tmp_path),
                "PYTHONPATH": str(TREE),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == code
    assert said in done.stderr
