"""What processes cost: processor seconds and resident memory, from /proc."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from bench.stand import Stand, children, cpu_seconds

_CHILDREN_TOO = slice(11, 15)


class Spent:
    """Processor seconds of server, worker and database since it was made."""

    def __init__(self, made: Stand, worker: int | None = None) -> None:
        self._made = made
        self._worker = [] if worker is None else [worker]
        self._begun = time.perf_counter()
        self._before = self._now()

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each, and of the clock as "wall"."""
        now = self._now()
        found = {name: now[name] - self._before[name] for name in now}
        return {**found, "wall": time.perf_counter() - self._begun}

    def _now(self) -> dict[str, float]:
        postgres = self._made.postgres
        pid = postgres.pid if postgres is not None else None
        return {
            "server": cpu_seconds(self._made.pids),
            "worker": cpu_seconds(self._worker),
            "database": 0.0 if pid is None else of_database(pid),
        }


def of_database(pid: int) -> float:
    """Return the processor seconds of a PostgreSQL, of ended connections too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(one) for one in fields[_CHILDREN_TOO])
    return ticks / os.sysconf("SC_CLK_TCK") + cpu_seconds(children(pid))


def resident(pids: list[int]) -> float:
    """Return the resident memory of the largest of these processes, in MB."""
    return _largest(pids, "VmRSS")


def peak(pids: list[int]) -> float:
    """Return the most that one of these processes ever had resident, in MB."""
    return _largest(pids, "VmHWM")


def _largest(pids: list[int], name: str) -> float:
    found = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(name):
                    found = max(found, int(line.split()[1]) / 1024)
    return found
