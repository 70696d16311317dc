"""All measurements: `python -m bench [--quick] [--only NAME]`, as JSON and as a page.

Everything is measured beside its floors in the same run, because machines differ and
are shared: ratios are what counts. The figures go to bench/results/VERSION.json and,
with charts, into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import drain, fleet, floors, growth, idle, report, rows
from bench.answers import time_entries
from bench.stand import run, stand, wait_for
from bench.wire import Times, quantile
from qbwc_server import __version__
from qbwc_server.cli.demo_processes import free_port

_TREE = Path(__file__).parents[1]
_PROCESSES = 2


@contextmanager
def floor(kind: str) -> Iterator[int]:
    """Serve a floor; the port is yielded."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ) | {"PYTHONPATH": str(_TREE)}
        arguments = ("-m", "bench.floors", kind, str(port), str(_PROCESSES))
        process = run(Path(folder), *arguments, environment=environment)
        try:
            wait_for(port)
            yield port
        finally:
            drain.stop(process)


def measure_idle(quick: bool) -> dict[str, Any]:
    """Idle polls per second, at several connections, beside the floors."""
    seconds = 3 if quick else 8
    found: dict[str, Any] = {}
    for connections in (1, 8) if quick else (1, 8, 32):
        row: dict[str, float] = {}
        for kind in ("lxml", "spyne"):
            with floor(kind) as port:
                polls = [idle.floor_poll(port, Times()) for _ in range(connections)]
                row[kind] = idle.together(polls, seconds)
        for database in ("postgresql", "sqlite"):
            with stand(database, processes=_PROCESSES) as made:
                times = Times()
                firms = idle.idle_firms(made, connections, times)
                own = [firm.poll for firm in firms]
                idle.together(own, 1)
                row[database] = idle.together(own, seconds)
                row[f"{database}_p99"] = quantile(times.of["authenticate"], 0.99) * 1000
        found[str(connections)] = row
    return found


def measure_drain(quick: bool) -> dict[str, Any]:
    """Records and round trips per second, beside bare spyne that parses and forgets."""
    trips = 10 if quick else 200
    found: dict[str, Any] = {}
    for firms in (1, 8):
        for size in (0, 500) if quick else (0, 50, 500):
            row: dict[str, Any] = {}
            with floor("spyne") as port:
                row["spyne"] = drain.floor_drain(port, size, firms=firms, trips=trips)
            with stand("postgresql", processes=_PROCESSES) as made:
                for query in drain.OBJECTS:
                    row[query] = drain.drain(
                        made, query, size, firms=firms, trips=trips
                    )
            found[f"{firms} x {size}"] = row
    return found


def measure_floors(quick: bool) -> dict[str, Any]:
    """What parsing, storing and committing cost with nothing around them."""
    page = (
        b"<QBXML><QBXMLMsgsRs><TimeTrackingQueryRs>"
        + time_entries(500)
        + b"</TimeTrackingQueryRs></QBXMLMsgsRs></QBXML>"
    )
    seconds = 1.0 if quick else 3.0
    parsed = floors.per_second(lambda: floors.dicts(page), seconds) * 500
    return {"lxml to dicts, records/s": parsed, **rows.floors(seconds)}


def measure_growth(quick: bool) -> dict[str, Any]:
    """A poll with 0 and with 100 changes as a company grows."""
    found = {}
    with stand("postgresql", processes=_PROCESSES) as made:
        for number, records in enumerate(
            (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
        ):
            firm, company_id = growth.company(made, records, records)
            found[str(records)] = {
                "idle_ms": growth.polls(made, firm, company_id),
                "changes_ms": growth.changes(made, firm, company_id, number + 1),
            }
    return found


def measure_fleet(quick: bool) -> dict[str, Any]:
    """10,000 companies polling every minute."""
    companies, seconds = (2_000, 20) if quick else (10_000, 120)
    with stand("postgresql", processes=_PROCESSES, threads=16) as made:
        return fleet.fleet(made, companies, seconds)


FIGURES: dict[str, Callable[[bool], dict[str, Any]]] = {
    "floors": measure_floors,
    "idle": measure_idle,
    "drain": measure_drain,
    "growth": measure_growth,
    "fleet": measure_fleet,
}


def main() -> None:
    """Measure what is asked for and write it down."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--only", choices=FIGURES)
    options = asked.parse_args()
    found: dict[str, Any] = {"on": _machine(), "quick": options.quick}
    for name, measure in FIGURES.items():
        if options.only in {None, name}:
            begun = time.perf_counter()
            found[name] = measure(options.quick)
            print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)
            print(json.dumps(found[name], indent=1), flush=True)
    if options.only is None and not options.quick:
        kept = Path(__file__).parent / "results" / f"{__version__}.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(found, indent=1) + "\n")
        report.write(found, _TREE / "docs")


def _machine() -> dict[str, str]:
    model = subprocess.run(
        ["grep", "-m1", "model name", "/proc/cpuinfo"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.partition(":")[2]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return {
        "processor": f"{os.cpu_count()} x {model.strip()}",
        "python": platform.python_version(),
        "load before": load,
        "day": time.strftime("%Y-%m-%d"),
    }


if __name__ == "__main__":
    main()
