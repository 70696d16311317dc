"""Memory of server and worker while a very large company file is read.

The pages are ready ones, 500 objects each. Customers are those of one company, whose
Mosaic has as many clients, so that its lists are as long; the time is of another. The
worker runs meanwhile, plans what was read and delivers what it can.
"""

from __future__ import annotations

import time

from bench import answers
from bench.drain import OBJECTS
from bench.pair import Pair, change, go, mosaic, pair, rows, utc, worker
from bench.spent import peak, resident
from bench.stand import Stand
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.storage import tables

_PAGE = 500
_PARTS = 3


def memory(
    made: Stand, customers: int, entries: int, seconds: float
) -> dict[str, dict[str, float]]:
    """Read so many customers, then so many time entries, and let the worker go on.

    Returns for each the megabytes of the largest server process and of the worker:
    when a third, two thirds and all was read, and the most until then.
    """
    sandbox = MosaicSandbox(clock=utc, requests_per_window=10**9, answer_mode="body")
    found = {}
    with mosaic(sandbox) as running:
        many, long = pair(made, running, "Many"), pair(made, running, "Long")
        for number in range(customers):
            sandbox.create(
                "client",
                team_id=many.team.team_id,
                client_name=f"Somebody else {number}",
            )
        for one in (many, long):
            change(made, one, deliver_at=utc())
        with worker(made) as pid:
            go(made)
            processes = {"server": made.pids[1:], "worker": [pid]}
            for one, query, count, of in (
                (many, "CustomerQuery", customers, "customers"),
                (long, "TimeTrackingQuery", entries, "time entries"),
            ):
                found[f"{count:,} {of}"] = _read(made, one, query, count, processes)
            time.sleep(seconds)
            found[f"{seconds:.0f} s later"] = _now(made, processes)
    return found


def _read(
    made: Stand, one: Pair, query: str, count: int, processes: dict[str, list[int]]
) -> dict[str, float]:
    pages = count // _PAGE
    objects = answers.ready(OBJECTS[query](_PAGE))
    found: dict[str, float] = {}

    def look(given: int) -> None:
        for part in range(1, _PARTS + 1):
            if given == pages * part // _PARTS:
                for name, pids in processes.items():
                    found[f"{name} at {part}/{_PARTS}"] = resident(pids)

    given = one.firm.session(query, objects, pages, _PAGE, look)
    if given != pages:
        raise AssertionError(f"{given} pages instead of {pages}")
    return found | _now(made, processes)


def _now(made: Stand, processes: dict[str, list[int]]) -> dict[str, float]:
    found = {f"{name} peak": peak(pids) for name, pids in processes.items()}
    left = rows(made, tables.record, tables.record.c.due_at.is_not(None))
    return found | {"left to plan": float(left)}
