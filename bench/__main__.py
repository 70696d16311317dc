"""All measurements: `python -m bench [--quick] [--only NAME]`, as JSON and as a page.

Everything is measured beside its floors in the same run, because machines differ and
are shared: ratios are what counts. The figures go to bench/results/VERSION.json and,
with charts, into docs/performance.md.

One figure alone is measured at length, as far as it has a longer form (`lengths`), and
is kept beside those of the whole run, which another whole run leaves as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench import (
    crowd,
    drain,
    fleet,
    floors,
    freshness,
    growth,
    idle,
    memory,
    rate,
    report,
    rows,
    views,
    writes,
)
from bench.answers import time_entries
from bench.lengths import LONG, QUICK, WHOLE, Length
from bench.pair import SETTINGS
from bench.stand import count, run, stand, wait_for
from bench.wire import Times, quantile
from qbwc_server import __version__
from qbwc_server.cli.demo_processes import free_port
from qbwc_server.storage import tables

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


def measure_idle(length: Length) -> dict[str, Any]:
    """Idle polls per second, at several connections, in turns with the floors.

    In turns, because what else the machine does in one second is not in the next.
    """
    found: dict[str, Any] = {}
    for connections in length.idle_connections:
        with ExitStack() as running:
            polls: dict[str, list[Callable[[], object]]] = {}
            times: dict[str, Times] = {}
            for kind in ("lxml", "spyne"):
                port = running.enter_context(floor(kind))
                polls[kind] = [
                    idle.floor_poll(port, Times()) for _ in range(connections)
                ]
            for kind in ("postgresql", "sqlite"):
                made = running.enter_context(stand(kind, processes=_PROCESSES))
                times[kind] = Times()
                firms = idle.idle_firms(made, connections, times[kind])
                polls[kind] = [firm.poll for firm in firms]
            found[str(connections)] = idle.in_turns(polls, length.idle_seconds) | {
                f"{kind}_p99": quantile(one.of["authenticate"], 0.99) * 1000
                for kind, one in times.items()
            }
    return found


def measure_drain(length: Length) -> dict[str, Any]:
    """Records and round trips per second, beside bare spyne that parses and forgets.

    The floor has its turns before, between and after, because machines are shared.
    """
    found: dict[str, Any] = {}
    for firms, trips in length.drain_trips.items():
        with stand("postgresql", processes=_PROCESSES) as made, floor("spyne") as port:
            for size in length.drain_sizes:
                turn = partial(drain.floor_drain, port, size, firms=firms)
                turns = [turn(trips=-(-trips // 3))]
                row: dict[str, Any] = {}
                for query in drain.OBJECTS:
                    row[query] = drain.drain(
                        made, query, size, firms=firms, trips=trips
                    )
                    turns.append(turn(trips=-(-trips // 3)))
                row["spyne"] = {
                    name: statistics.median(one[name] for one in turns)
                    for name in turns[0]
                }
                found[f"{firms} x {size}"] = row
    return found


def measure_floors(length: Length) -> dict[str, Any]:
    """What parsing, storing and committing cost with nothing around them."""
    page = (
        b"<QBXML><QBXMLMsgsRs><TimeTrackingQueryRs>"
        + time_entries(500)
        + b"</TimeTrackingQueryRs></QBXMLMsgsRs></QBXML>"
    )
    seconds = length.floor_seconds
    parsed = floors.per_second(lambda: floors.dicts(page), seconds) * 500
    return {"lxml to dicts, records/s": parsed, **rows.floors(seconds)}


def measure_growth(length: Length) -> dict[str, Any]:
    """Polls and claims as a company grows, and as companies become many; views."""
    by_records, by_companies = {}, {}
    with stand("postgresql", processes=_PROCESSES) as made:
        for companies in length.growth_companies:
            firm, company_id = growth.company(made, 0, 0)
            crowd.add(made, companies - count(made.engine, tables.company) - 1)
            idle_ms = growth.polls(made, firm, company_id)
            by_companies[str(companies)] = {"idle_ms": idle_ms}
        for number, records in enumerate(length.growth_records):
            firm, company_id = growth.company(made, records, records)
            by_records[str(records)] = {
                "idle_ms": growth.polls(made, firm, company_id),
                "changes_ms": growth.changes(made, firm, company_id, number + 1),
                "claim_ms": growth.claims(made, company_id),
            }
        views.fill(made, company_id, length.growth_sessions)
        looked = views.looks(made, company_id)
    return {"records": by_records, "companies": by_companies, "views": looked}


def measure_fleet(length: Length) -> dict[str, Any]:
    """10,000 companies polling every minute."""
    with stand("postgresql", processes=_PROCESSES, threads=16) as made:
        return fleet.fleet(made, length.fleet)


def measure_writes(length: Length) -> dict[str, Any]:
    """What an entry costs on its way to either side."""
    with stand("postgresql", processes=_PROCESSES, **SETTINGS) as made:
        return writes.writes(made, length.writes, length.writes_by_callback)


def measure_rate(length: Length) -> dict[str, Any]:
    """Calls to Mosaic against what its rate limit allows."""
    return rate.rate(length.rate_window, length.rate_windows)


def measure_memory(length: Length) -> dict[str, Any]:
    """Server and worker while very much is read."""
    with stand("postgresql", processes=_PROCESSES, **SETTINGS) as made:
        return memory.memory(
            made, length.memory_customers, length.memory_entries, length.memory_seconds
        )


def measure_freshness(length: Length) -> dict[str, Any]:
    """Seconds from a change to its arrival, among companies that poll."""
    with stand("postgresql", processes=_PROCESSES, threads=16, **SETTINGS) as made:
        return freshness.freshness(made, length.freshness)


FIGURES: dict[str, Callable[[Length], dict[str, Any]]] = {
    "floors": measure_floors,
    "idle": measure_idle,
    "drain": measure_drain,
    "growth": measure_growth,
    "writes": measure_writes,
    "rate": measure_rate,
    "memory": measure_memory,
    "freshness": measure_freshness,
    "fleet": measure_fleet,
}
"""What is measured, in this order."""
_QUICK = ("floors", "idle", "drain", "growth", "fleet")
"""What `--quick` measures; the others can be asked for one by one."""


def main() -> None:
    """Measure what is asked for and write it down."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--only", choices=FIGURES)
    options = asked.parse_args()
    length = QUICK if options.quick else LONG if options.only else WHOLE
    found: dict[str, Any] = {"on": _machine()}
    whole = time.perf_counter()
    for name in (
        [options.only] if options.only else _QUICK if options.quick else FIGURES
    ):
        begun = time.perf_counter()
        found[name] = FIGURES[name](length)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)
        print(json.dumps(found[name], indent=1), flush=True)
    print(f"all: {time.perf_counter() - whole:.0f} s", flush=True)
    if options.quick:
        return
    kept = Path(__file__).parent / "results" / f"{__version__}.json"
    kept.parent.mkdir(exist_ok=True)
    before = json.loads(kept.read_text()) if kept.exists() else {}
    if options.only:
        alone = before.get("alone", {}) | {options.only: found}
        found = {**before, "alone": alone}
    else:
        found["alone"] = before.get("alone", {})
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
