"""A fleet: many companies that poll every minute, of which a few have work."""

from __future__ import annotations

import queue
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bench.firm import Firm
from bench.stand import Stand, children, cpu_seconds
from bench.wire import Times, Wire, body, quantile
from qbwc_server import models

_CONNECTIONS = 64
_AT_FIRST = 16
_WORKING = 0.01
_PASSWORD = "the-password-of-everybody-in-the-fleet"


def fleet(made: Stand, companies: int, seconds: float) -> dict[str, float]:
    """Poll with so many companies, each once a minute, for so long.

    Before that each polls once, as fast as it goes: that is the minute after a restart.
    Returns polls per second, milliseconds of each method, processors used.
    """
    names = _add(made, companies)
    begun = time.perf_counter()
    _all_once(made, names)
    after_restart = companies / (time.perf_counter() - begun)
    workers = [_worker(made, number) for number in range(4)]
    errors: list[str] = []
    lag: list[float] = []
    times = [Times() for _ in range(_CONNECTIONS)]
    due: queue.Queue[tuple[float, str] | None] = queue.Queue()

    def serve(one: int) -> None:
        wire = Wire(made.port, times[one])
        while (next_one := due.get()) is not None:
            at, name = next_one
            try:
                _poll(wire, name)
            except Exception as error:  # noqa: BLE001 - counted
                errors.append(repr(error))
            lag.append(time.perf_counter() - at)

    threads = [threading.Thread(target=serve, args=(n,)) for n in range(_CONNECTIONS)]
    for one in threads:
        one.start()
    pids = made.pids
    backs = [made.postgres.pid or 0] if made.postgres is not None else []
    before = cpu_seconds(pids), _of(backs)
    begun = time.perf_counter()
    dice = random.Random(1)
    sent = 0
    while time.perf_counter() - begun < seconds:
        at = begun + sent * 60 / companies
        time.sleep(max(0.0, at - time.perf_counter()))
        due.put((at, names[sent % companies]))
        if dice.random() < _WORKING:
            workers[sent % 4].put(None)
        sent += 1
    for _ in threads:
        due.put(None)
    for one in threads:
        one.join()
    took = time.perf_counter() - begun
    after = cpu_seconds(pids), _of(backs)
    every = times[0].merged(times[1:])
    found = {
        "polls": sent / took,
        "polls after a restart": after_restart,
        "errors": float(len(errors)),
        "lag_p99": quantile(lag, 0.99) * 1000,
        "server_cpu": (after[0] - before[0]) / took,
        "database_cpu": (after[1] - before[1]) / took,
    }
    for method, values in every.of.items():
        found[f"{method}_p50"] = quantile(values, 0.5) * 1000
        found[f"{method}_p99"] = quantile(values, 0.99) * 1000
    return found


def _all_once(made: Stand, names: list[str]) -> None:
    def some(first: int) -> None:
        wire = Wire(made.port)
        for name in names[first::_AT_FIRST]:
            _poll(wire, name)
        wire.close()

    threads = [threading.Thread(target=some, args=(n,)) for n in range(_AT_FIRST)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _poll(wire: Wire, name: str) -> None:
    wire.send("serverVersion", _VERSION)
    wire.send("clientVersion", _CLIENT)
    answer = wire.call(
        "authenticate", ("strUserName", name), ("strPassword", _PASSWORD)
    )
    if b">none<" not in answer:
        raise AssertionError(answer[-300:].decode())


def _add(made: Stand, count: int) -> list[str]:
    """Add companies as the database has them after a while; return their names."""
    first, _ = made.add(f"First of the fleet {time.time_ns()}")
    rest = datetime.now(UTC) + timedelta(minutes=14)
    with made.engine.begin() as connection:
        row = connection.execute(
            sa.select(models.company).where(models.company.c.id == first.id)
        ).one()
        values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        made_of = [
            {
                **{key: value for key, value in values.items() if key != "id"},
                "name": f"Fleet {number}",
                "username": f"fleet-{number}",
                "password_hash": made.keys.hash("password", _PASSWORD),
                "setup_token_hash": f"s{number}",
                "webhook_token_hash": f"w{number}",
                "next_read_at": rest,
                "read_every": 15,
                "preview_at": None,
                "housekeep_at": None,
            }
            for number in range(count)
        ]
        connection.execute(models.company.insert(), made_of)
        connection.execute(
            sa.text(
                "INSERT INTO company_sequence (company_id, last_id) SELECT id, 100 "
                "FROM company WHERE name LIKE 'Fleet %'"
            )
        )
    return [one["username"] for one in made_of]


def _worker(made: Stand, number: int) -> queue.Queue[None]:
    """Return a queue; for each thing in it a company does a run."""
    wanted: queue.Queue[None] = queue.Queue()
    new, application = made.add(f"Busy {number} {time.time_ns()}")
    firm = Firm(new, application, made.port, Times())
    firm.open()

    def work() -> None:
        while True:
            wanted.get()
            with made.engine.begin() as connection:
                connection.execute(
                    models.company.update()
                    .where(models.company.c.id == new.id)
                    .values(next_read_at=None)
                )
            firm.session("CustomerQuery", b"", 0, 0)

    threading.Thread(target=work, daemon=True).start()
    return wanted


def _of(pids: list[int]) -> float:
    return sum(cpu_seconds([pid, *children(pid)]) for pid in pids)


_VERSION = body("serverVersion")
_CLIENT = body("clientVersion", ("strVersion", "34.0.10010.76"))
