"""The demo's server and worker are killed with signal 9 while it runs."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MOST_KILLS = 8


def _child_of(pid: int) -> int | None:
    """Return gunicorn's process behind its master, if it has one now."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


@pytest.mark.parametrize("seed", [1])
def test_killing_server_or_worker_at_any_moment_ends_in_the_same_result(
    seed: int, tmp_path: Path, small_firm: Path
) -> None:
    """Whatever is killed, both sides agree in the end and nothing was made twice.

    Lists and time; and what is edited and added on both sides meanwhile arrives too.
    """
    dice = random.Random(seed)
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        demo = subprocess.Popen(
            [
                *(sys.executable, "-m", "qbwc_server", "demo", "--json"),
                *("--keep", str(tmp_path / "demo"), "--company-file", str(small_firm)),
            ],
            stdout=stdout,
            stderr=stderr,
        )
        kills = 0
        while demo.poll() is None:
            try:
                demo.wait(dice.uniform(0.1, 1.0))
            except subprocess.TimeoutExpired:
                if kills < MOST_KILLS:
                    kills += _kill_one(tmp_path / "demo", dice)

    told = err.read_text()
    assert demo.returncode == 0, told[-2000:]
    assert kills > 0
    result = json.loads(out.read_text())
    assert result["differences"] == []
    assert [one["ok"] for one in result["steps"]] == [True] * 4
    in_mosaic = {one["kind"]: one["in_mosaic"] for one in result["kinds"]}
    assert in_mosaic["time entries"] > 30
    assert in_mosaic["customers and jobs"] > 10


def _kill_one(folder: Path, dice: random.Random) -> int:
    name = dice.choice(["serve", "worker"])
    try:
        pid = int((folder / f"{name}.pid").read_text())
    except (OSError, ValueError):
        return 0
    if name == "serve" and dice.random() < 0.5:
        pid = _child_of(pid) or pid
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1
