"""A fleet: many companies that poll every minute, of which a few have work."""

from __future__ import annotations

import queue
import random
import threading
import time
from dataclasses import dataclass, field

from bench import crowd
from bench.firm import Firm
from bench.spent import Spent
from bench.stand import Stand
from bench.wire import Times, Wire, quantile
from qbwc_server.storage import tables

_CONNECTIONS = 64
_BUSY = 4
_WORKING = 0.01


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many companies there are, how many of them poll, and how often.

    `every` and `seconds` are seconds: between two polls of a company, and in all.
    """

    companies: int
    polling: int
    every: float
    seconds: float


@dataclass
class _Load:
    """What is to be done when, and what came of it."""

    due: queue.Queue[tuple[float, str] | None] = field(default_factory=queue.Queue)
    errors: list[str] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)


def fleet(made: Stand, wanted: Fleet) -> dict[str, float]:
    """Poll with a fleet, its polls spread evenly.

    Before that each polls once at each process of the server, as fast as it goes: that
    is what comes after a restart. Returns polls per second, milliseconds of each
    method, processors used.
    """
    names = crowd.add(made, wanted.companies)[: wanted.polling]
    workers = [_Busy(made, number) for number in range(_BUSY)]
    begun = time.perf_counter()
    first = crowd.warm(made, names)
    found = {
        "companies": float(wanted.companies),
        "polling": float(wanted.polling),
        "every": wanted.every,
        "seconds": wanted.seconds,
        "first polls": len(first.of["authenticate"]) / (time.perf_counter() - begun),
        "first_authenticate_p50": quantile(first.of["authenticate"], 0.5) * 1000,
        "first_authenticate_p99": quantile(first.of["authenticate"], 0.99) * 1000,
    }
    load = _Load()
    times = [Times() for _ in range(_CONNECTIONS)]
    threads = [threading.Thread(target=_serve, args=(made, load, one)) for one in times]
    for thread in threads:
        thread.start()
    spent = Spent(made)
    sent, runs = _send(wanted, names, load, workers)
    for _ in threads:
        load.due.put(None)
    for thread in threads:
        thread.join()
    seconds = spent.seconds()
    for worker in workers:
        worker.stop()
    failed = sum(one.failed for one in workers)
    found |= {
        "polls": sent / seconds["wall"],
        "errors": float(len(load.errors) + failed),
        "lag_p99": quantile(load.lag, 0.99) * 1000,
        "server_cpu": seconds["server"] / seconds["wall"],
        "database_cpu": seconds["database"] / seconds["wall"],
        "runs wanted": float(runs),
        "runs": float(sum(one.done for one in workers)),
    }
    for method, values in times[0].merged(times[1:]).of.items():
        found[f"{method}_p50"] = quantile(values, 0.5) * 1000
        found[f"{method}_p99"] = quantile(values, 0.99) * 1000
    for error in load.errors[:3]:
        print(error)
    return found


def _send(
    wanted: Fleet, names: list[str], load: _Load, workers: list[_Busy]
) -> tuple[int, int]:
    """Have everybody poll in turn; return how many polls and runs that were."""
    dice = random.Random(1)
    begun = time.perf_counter()
    sent = runs = 0
    while time.perf_counter() - begun < wanted.seconds:
        at = begun + sent * wanted.every / len(names)
        time.sleep(max(0.0, at - time.perf_counter()))
        load.due.put((at, names[sent % len(names)]))
        if dice.random() < _WORKING:
            workers[runs % _BUSY].wanted.put(True)
            runs += 1
        sent += 1
    return sent, runs


def _serve(made: Stand, load: _Load, times: Times) -> None:
    wire = Wire(made.port, times)
    while (next_one := load.due.get()) is not None:
        at, name = next_one
        try:
            crowd.poll(wire, name)
        except Exception as error:  # noqa: BLE001 - counted
            load.errors.append(repr(error))
        load.lag.append(time.perf_counter() - at)


class _Busy:
    """A company that does a run for each thing put into `wanted`."""

    def __init__(self, made: Stand, number: int) -> None:
        self.wanted: queue.Queue[bool] = queue.Queue()
        self.done = self.failed = 0
        self._made = made
        self._new, application = made.add(f"Busy {number} {time.time_ns()}")
        self._firm = Firm(self._new, application, made.port, Times())
        self._firm.open()
        self._firm.run()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do no more than the run that has begun."""
        while not self.wanted.empty():
            self.wanted.get()
        self.wanted.put(False)
        self._thread.join()

    def _work(self) -> None:
        company = tables.company
        while self.wanted.get():
            with self._made.engine.begin() as connection:
                connection.execute(
                    company.update()
                    .where(company.c.id == self._new.id)
                    .values(next_read_at=None)
                )
            try:
                self._firm.run()
            except Exception as error:  # noqa: BLE001 - counted
                self.failed += 1
                print(repr(error))
            else:
                self.done += 1
