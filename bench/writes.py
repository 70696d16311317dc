"""Writes: what an entry costs server, worker and database on its way.

Processor time is counted for each process alone, so the stand-ins cost nothing there.
They do take time by the clock: what QuickBooks' took is left out of the entries per
second, what Mosaic's took between two answers cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.pair import (
    Pair,
    agree,
    change,
    go,
    mosaic,
    pair,
    read_now,
    rows,
    utc,
    wait,
    worker,
)
from bench.spent import Spent
from bench.stand import Stand
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import AnswerMode, MosaicSandbox
from qbwc_server.storage import tables

_RECORD, _JOB = tables.record, tables.job


def writes(
    made: Stand, sizes: Sequence[int], by_callback: int
) -> dict[str, dict[str, float]]:
    """Bring so many entries to Mosaic, each size of a company of its own.

    As many as the first size go to QuickBooks too. `by_callback` go to a Mosaic that
    tells what came of a write by a callback, and not in its answer.
    """
    found = {}
    sandbox = MosaicSandbox(clock=utc, requests_per_window=10**9)
    with mosaic(sandbox) as running:
        ways: list[tuple[int, AnswerMode]] = [(size, "body") for size in sizes]
        for number, (size, mode) in enumerate([*ways, (by_callback, "callback")]):
            sandbox.answer_mode = "body"
            one = pair(made, running, f"Writes {size} {mode}")
            with worker(made):
                agree(made, [one])
            sandbox.answer_mode = mode
            name = f"{size:,} to Mosaic, answered by {mode}"
            found[name] = to_mosaic(made, one, size)
            if number == 0:
                name = f"{size:,} to QuickBooks"
                found[name] = to_quickbooks(made, sandbox, one, size)
    return found


def to_mosaic(made: Stand, one: Pair, size: int) -> dict[str, float]:
    """Deliver entries that were read from QuickBooks before."""
    one.work(size)
    read_now(made, one)
    while one.firm.run():
        pass
    entries = _RECORD.c.company_id == one.id, _RECORD.c.kind == "time_entry"
    waiting = rows(made, _RECORD, *entries, _RECORD.c.due_at.is_not(None))
    if waiting != size:
        raise AssertionError(f"{waiting} entries to deliver instead of {size}")
    there = (*entries, _RECORD.c.state == "in_sync")
    with worker(made) as pid:
        spent = Spent(made, pid)
        go(made)
        wait(lambda: rows(made, _RECORD, *there) == size, "not all are in Mosaic")
        return _per_entry(spent.seconds(), size)


def to_quickbooks(
    made: Stand, sandbox: MosaicSandbox, one: Pair, size: int
) -> dict[str, float]:
    """Have people enter time in Mosaic, and have it added in QuickBooks."""
    hands = MosaicHands(sandbox, team_id=one.team.team_id)
    like = hands.time()
    for number in range(size):
        twin = like[number % len(like)]
        hands.add_time(
            twin["member_id"],
            str(twin["date"])[:10],
            1.0,
            project=twin["project_id"],
            phase=twin["phase_id"],
            category=twin["standard_work_category_id"],
            text=f"Entered in Mosaic {number}",
        )
    change(made, one, time_hot_at=None, deliver_at=utc())
    ready = _JOB.c.company_id == one.id, _JOB.c.action == "add"
    before = one.firm.spent
    with worker(made) as pid:
        planning = Spent(made, pid)
        go(made)
        wait(lambda: rows(made, _JOB, *ready) == size, "not all are jobs")
        planned = planning.seconds()
    adding = Spent(made)
    while one.firm.run():
        pass
    added = adding.seconds()
    added["wall"] -= one.firm.spent - before
    done = rows(made, _JOB, *ready, _JOB.c.state == "done")
    if done != size:
        raise AssertionError(f"{done} entries in QuickBooks instead of {size}")
    both = {name: planned[name] + added[name] for name in planned}
    return {
        **_per_entry(both, size),
        "per_second": size / added["wall"],
        "planned_per_second": size / planned["wall"],
    }


def _per_entry(seconds: dict[str, float], size: int) -> dict[str, float]:
    """Return milliseconds of processor per entry, and entries per second."""
    found = {f"{name}_ms": value / size * 1000 for name, value in seconds.items()}
    wall = found.pop("wall_ms")
    return {**found, "per_second": 1000 / wall}
