"""Very many companies that were read a while ago and have nothing to do.

A server process answers the first poll of a company the whole way and the next ones
from what it remembers; `warm` goes that way for each process.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bench.stand import Stand
from bench.wire import Times, Wire, body
from qbwc_server.companies import callers
from qbwc_server.companies.team import time_claims
from qbwc_server.storage import tables

_PASSWORD = "the-password-of-everybody-in-the-crowd"
_REST = timedelta(minutes=14)
_AT_ONCE = 8
"""Connections to each process when it is warmed."""
_MOST_CONNECTIONS = 500


class Stirs(Exception):
    """A company that has nothing to do was told otherwise."""


def add(made: Stand, count: int) -> list[str]:
    """Add companies as the database has them after a while; return their names."""
    first, _ = made.add(f"First of {count} {time.time_ns()}")
    with made.engine.begin() as connection:
        row = connection.execute(
            sa.select(tables.company).where(tables.company.c.id == first.id)
        ).one()
        values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        made_of = [
            {
                **{key: value for key, value in values.items() if key != "id"},
                "name": f"Crowd {first.id} {number}",
                "username": f"crowd-{first.id}-{number}",
                "password_hash": made.keys.hash("password", _PASSWORD),
                "setup_token_hash": f"s{first.id}-{number}",
                "webhook_token_hash": f"w{first.id}-{number}",
                "read_every": 15,
            }
            for number in range(count)
        ]
        connection.execute(tables.company.insert(), made_of)
        connection.execute(
            sa.text(
                "INSERT INTO company_sequence (company_id, last_id) SELECT id, 100 "
                f"FROM company WHERE name LIKE 'Crowd {first.id} %'"
            )
        )
        new = connection.execute(
            sa.select(tables.company.c.id).where(
                tables.company.c.name.like(f"Crowd {first.id} %")
            )
        ).scalars()
        for one in new.all():
            connection.execute(tables.duty.insert(), {"company_id": one})
            time_claims.note_file(connection, one)
        callers.note_all(connection, made.keys)
    rest(made)
    return [one["username"] for one in made_of]


def rest(made: Stand) -> None:
    """Have nothing to read of them for a quarter of an hour."""
    company = tables.company
    with made.engine.begin() as connection:
        connection.execute(
            company.update()
            .where(company.c.name.like("Crowd %"))
            .values(next_read_at=datetime.now(UTC) + _REST)
        )


def poll(wire: Wire, name: str) -> None:
    """Poll for one of them.

    Raises:
        Stirs: there is something to do, or it is refused.
    """
    wire.send("serverVersion", _VERSION)
    wire.send("clientVersion", _CLIENT)
    answer = wire.call(
        "authenticate", ("strUserName", name), ("strPassword", _PASSWORD)
    )
    if b">none<" not in answer:
        raise Stirs(answer[-300:].decode())


def warm(made: Stand, names: list[str]) -> Times:
    """Poll once for each of them at each process of the server, as fast as it goes."""
    every: list[Times] = []

    def some(wire: Wire, mine: list[str]) -> None:
        for name in mine:
            poll(wire, name)
        wire.close()

    threads = []
    for wires in _by_process(made, every):
        for number, wire in enumerate(wires):
            mine = names[number :: len(wires)]
            threads.append(threading.Thread(target=some, args=(wire, mine)))
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    rest(made)
    return Times().merged(every)


def _by_process(made: Stand, every: list[Times]) -> list[list[Wire]]:
    """Return as many connections to each process of the server."""
    found: dict[int, list[Wire]] = {pid: [] for pid in made.pids[1:]}
    for _ in range(_MOST_CONNECTIONS):
        if all(len(wires) == _AT_ONCE for wires in found.values()):
            return list(found.values())
        every.append(Times())
        wire = Wire(made.port, every[-1])
        wire.send("serverVersion", _VERSION)
        wires = found[_owner(wire.own_port, made.port, made.pids[1:])]
        if len(wires) < _AT_ONCE:
            wires.append(wire)
        else:
            wire.close()
    raise AssertionError("a process of the server takes no connections")


def _owner(caller: int, port: int, pids: list[int]) -> int:
    """Return which process has the other end of a connection of this machine."""
    ends = f":{port:04X}", f":{caller:04X}"
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines():
            fields = line.split()
            if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
                name = f"socket:[{fields[9]}]"
                for pid in pids:
                    if name in _open(pid):
                        return pid
    raise AssertionError("nobody has that connection")


def _open(pid: int) -> set[str]:
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(one.readlink()))
        except OSError:  # closed meanwhile
            continue
    return found


_VERSION = body("serverVersion")
_CLIENT = body("clientVersion", ("strVersion", "34.0.10010.76"))
