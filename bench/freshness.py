"""Freshness: how long a change on either side takes to arrive on the other.

Most companies only poll, once a minute. A few have changes and poll more often, so
that there are enough of them in a short time: what counts is the server's part, the
time that is not spent waiting for Web Connector's next poll.

Those companies read QuickBooks at every poll, and their Mosaic calls back.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal

import sqlalchemy as sa

from bench import crowd
from bench.pair import Pair, agree, mosaic, pair, read_now, utc, worker
from bench.stand import Stand
from bench.wire import Wire, quantile
from qbwc_server.kinds.time_entry import minutes_of
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.storage import tables

TO_MOSAIC, TO_QUICKBOOKS = "QuickBooks to Mosaic", "Mosaic to QuickBooks"
_ENTRIES = 12
_POLLERS = 4
_A_MINUTE = 60
_LOOK_EVERY = 0.02
_LAST_POLLS = 2
"""After the last change, so that all have arrived."""


@dataclass
class _Change:
    """A change on its way; moments are of the Unix clock, None for not yet."""

    direction: str
    txn_id: str
    mosaic_id: int
    minutes: int
    at: float
    polled: float | None = None
    """When the poll began that takes it along, or that brings it."""
    arrived: float | None = None


@dataclass
class _Live:
    """A company in which people change time on both sides."""

    one: Pair
    hands: MosaicHands
    entries: list[tuple[str, int]]
    changes: list[_Change] = field(default_factory=list)
    polling: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """How many companies there are, how many have changes, for how many seconds.

    `every` is the seconds between two polls of one that has changes.
    """

    companies: int
    live: int
    every: float
    seconds: float


def freshness(made: Stand, scene: Scene) -> dict[str, dict[str, float]]:
    """Return of each direction the seconds until arrival, p50 and p99.

    `beyond` is without the waiting for a poll; `a minute` is that with a poll once a
    minute, waiting for any part of it; `as measured` is with the polls of `scene`.
    """
    sandbox = MosaicSandbox(clock=utc, requests_per_window=10**9)
    with mosaic(sandbox) as running:
        pairs = [pair(made, running, f"Live {one}") for one in range(scene.live)]
        for one in pairs:
            one.work(_ENTRIES)
        names = crowd.add(made, scene.companies - scene.live)
        crowd.warm(made, names)
        with worker(made):
            agree(made, pairs)
            lives = [_live(made, sandbox, one) for one in pairs]
            _go(made, scene, lives, names)
    made_known = {live.one.id: _planned(made, live) for live in lives}
    found: dict[str, dict[str, float]] = {}
    for direction in (TO_MOSAIC, TO_QUICKBOOKS):
        changes = [
            (change, made_known[live.one.id])
            for live in lives
            for change in live.changes
            if change.direction == direction
        ]
        found[direction] = _told(changes)
    return found


def _go(made: Stand, scene: Scene, lives: list[_Live], names: list[str]) -> None:
    stop = threading.Event()
    beside = [
        threading.Thread(target=_idle, args=(made, names[n::_POLLERS], stop))
        for n in range(_POLLERS)
    ]
    beside.append(threading.Thread(target=_watch, args=(lives, stop)))
    work = [
        threading.Thread(target=_people, args=(made, scene, live, number))
        for number, live in enumerate(lives)
    ]
    for thread in beside + work:
        thread.start()
    for thread in work:
        thread.join()
    stop.set()
    for thread in beside:
        thread.join()


def _live(made: Stand, sandbox: MosaicSandbox, one: Pair) -> _Live:
    """Return a company with those of its entries that both sides have."""
    record = tables.record
    with made.engine.begin() as connection:
        rows = connection.execute(
            sa.select(record.c.quickbooks_id, record.c.mosaic_id).where(
                record.c.company_id == one.id,
                record.c.kind == "time_entry",
                record.c.state == "in_sync",
            )
        ).all()
    if len(rows) != _ENTRIES:
        raise AssertionError(f"{len(rows)} entries agree instead of {_ENTRIES}")
    hands = MosaicHands(sandbox, team_id=one.team.team_id, calls_back=True)
    live = _Live(one, hands, [(row.quickbooks_id, row.mosaic_id) for row in rows])
    one.firm.answered = lambda request: _look_in_quickbooks(live, request)
    return live


def _people(made: Stand, scene: Scene, live: _Live, number: int) -> None:
    """Change an entry on each side before every poll, at any moment."""
    dice = random.Random(number)
    turns = itertools.cycle(live.entries)
    poll_at = time.time() + dice.random() * scene.every
    until = time.time() + scene.seconds
    minutes = 0
    while poll_at < until + _LAST_POLLS * scene.every:
        if poll_at < until:
            directions = [TO_MOSAIC, TO_QUICKBOOKS]
            dice.shuffle(directions)
            moments = sorted(dice.random() * scene.every for _ in directions)
            for direction, moment in zip(directions, moments, strict=True):
                _sleep_until(poll_at - scene.every + moment)
                minutes = minutes % 900 + 1
                _change(live, direction, next(turns), minutes)
        _sleep_until(poll_at)
        read_now(made, live.one)
        live.polling = time.time()
        live.one.firm.run()
        poll_at = max(poll_at + scene.every, time.time())


def _change(live: _Live, direction: str, entry: tuple[str, int], minutes: int) -> None:
    txn_id, mosaic_id = entry
    change = _Change(direction, txn_id, mosaic_id, minutes, time.time())
    if direction == TO_MOSAIC:
        live.one.file.hands.edit_time(txn_id, minutes=minutes)
    else:
        live.hands.edit_time(mosaic_id, hours=minutes / 60)
    live.changes.append(change)


def _look_in_quickbooks(live: _Live, request: str) -> None:
    """Note what a message set has brought, and what its answer takes along."""
    now = time.time()
    for change in live.changes:
        if change.arrived is not None:
            continue
        if change.direction == TO_MOSAIC:
            if change.polled is None:
                change.polled = max(live.polling, change.at)
        elif "TimeTrackingMod" in request:
            row = live.one.file.store.one(
                "SELECT minutes FROM time_entry WHERE txn_id = ?", change.txn_id
            )
            if row is not None and row["minutes"] == change.minutes:
                change.polled, change.arrived = live.polling, now


def _watch(lives: list[_Live], stop: threading.Event) -> None:
    """Look into Mosaic for what was changed in QuickBooks."""
    while not stop.wait(_LOOK_EVERY):
        for live in lives:
            for change in list(live.changes):
                if change.direction == TO_MOSAIC and change.arrived is None:
                    entry = live.one.team.get("time_entry", change.mosaic_id)
                    if minutes_of(Decimal(str(entry["hours"]))) == change.minutes:
                        change.arrived = time.time()


def _idle(made: Stand, names: list[str], stop: threading.Event) -> None:
    """Poll for many companies, each once a minute."""
    wire = Wire(made.port)
    begun = time.time()
    for sent, name in enumerate(itertools.cycle(names)):
        if stop.wait(max(0.0, begun + sent * _A_MINUTE / len(names) - time.time())):
            break
        crowd.poll(wire, name)
    wire.close()


def _planned(made: Stand, live: _Live) -> list[tuple[str, float]]:
    """Return which entries were to be changed in QuickBooks, and since when."""
    job, record = tables.job, tables.record
    with made.engine.begin() as connection:
        rows = connection.execute(
            sa.select(record.c.quickbooks_id, job.c.created_at)
            .join_from(
                job,
                record,
                (record.c.company_id == job.c.company_id)
                & (record.c.id == job.c.record_id),
            )
            .where(job.c.company_id == live.one.id, job.c.action == "mod")
            .order_by(job.c.created_at)
        ).all()
    return [(row.quickbooks_id, row.created_at.timestamp()) for row in rows]


def _told(changes: list[tuple[_Change, list[tuple[str, float]]]]) -> dict[str, float]:
    measured, beyond = [], []
    for change, planned in changes:
        if change.arrived is None or change.polled is None:
            continue
        since = change.at
        if change.direction == TO_QUICKBOOKS:
            since = next(
                (
                    at
                    for txn_id, at in planned
                    if txn_id == change.txn_id and at >= change.at
                ),
                change.polled,
            )
        total = change.arrived - change.at
        measured.append(total)
        beyond.append(total - max(change.polled - since, 0.0))
    a_minute = [one + wait for one in beyond for wait in range(_A_MINUTE)]
    found = {
        "changes": float(len(changes)),
        "missing": float(len(changes) - len(beyond)),
    }
    for name, values in (
        ("beyond", beyond),
        ("a minute", a_minute),
        ("as measured", measured),
    ):
        found[f"{name} p50"] = quantile(values, 0.5)
        found[f"{name} p99"] = quantile(values, 0.99)
    return found


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))
