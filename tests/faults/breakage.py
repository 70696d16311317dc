"""What is broken on purpose: one function per kind of fault.

Each strikes a plant that is at work and returns; `Plant.heal` ends what does not end by
itself. KINDS says which there are, and on which database.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable

from qbwc_server.sandbox.web_connector.interference import (
    Call,
    ConnectionLost,
    SendAgain,
    Vanish,
)
from tests.faults.firm import Firm
from tests.faults.plant import Plant

Fault = Callable[[Plant], None]
_AN_HOUR = 3600.0
_WRITES = ("POST time_entry", "PUT time_entry", "DELETE time_entry", "GET", "")


class CallBroken:
    """At the n-th call of a run something happens: `kind` is one of `CALLS`."""

    def __init__(self, kind: str, number: int) -> None:
        self.struck = False
        self._kind = kind
        self._number = number

    def before(self, call: Call) -> None:
        """Look at a call that is about to be sent."""
        if call.number == self._number and self._kind in {"vanish", "lost"}:
            self.struck = True
            raise Vanish if self._kind == "vanish" else ConnectionLost

    def after(self, call: Call, answer: bytes) -> None:
        """Look at a call that was answered."""
        del answer
        if call.number != self._number:
            return
        self.struck = True
        match self._kind:
            case "vanish after":
                raise Vanish
            case "answer lost":
                raise ConnectionLost
            case "repeated":
                raise SendAgain


CALLS = ("vanish", "vanish after", "lost", "answer lost", "repeated")


# Processes


def kill_worker(plant: Plant) -> None:
    """Kill a worker."""
    plant.kill(plant.dice.choice([one for one in plant.names if "worker" in one]))


def kill_server(plant: Plant) -> None:
    """Kill a whole server: its children end when they notice."""
    plant.kill(plant.dice.choice([one for one in plant.names if "server" in one]))


def kill_server_process(plant: Plant) -> None:
    """Kill one of the processes in which a server answers."""
    name = plant.dice.choice([one for one in plant.names if "server" in one])
    plant.kill(name, child=True)


def kill_everything(plant: Plant) -> None:
    """Kill all processes of the product at once."""
    for name in plant.names:
        plant.kill(name)


def die_at_a_point(plant: Plant) -> None:
    """Have a process die just before or after a commit."""
    point = plant.dice.choice(sorted(plant.points()))
    plant.die_at([(point, plant.dice.choice(["before", "after"]))])


# The database


def kill_postgres(plant: Plant) -> None:
    """Kill PostgreSQL and start it again after a moment."""
    if plant.postgres is not None:
        plant.postgres.kill()
        time.sleep(plant.dice.uniform(0.1, 1.5))
        plant.postgres.start()


def kill_backend(plant: Plant) -> None:
    """Kill one process of PostgreSQL: it cuts all connections and recovers."""
    if plant.postgres is not None:
        plant.postgres.kill_backend()


def cut_politely(plant: Plant) -> None:
    """End all connections as an administrator does."""
    if plant.postgres is not None:
        plant.postgres.cut_politely()


def cut_connections(plant: Plant) -> None:
    """Cut all connections to the database."""
    if plant.wire is not None:
        plant.wire.cut_all()


def cut_at_commit(plant: Plant) -> None:
    """Cut a connection in the moment of a commit: nobody knows whether it was done."""
    if plant.wire is not None:
        arrives = plant.dice.random() < 0.5
        plant.wire.cut_at(b"COMMIT", plant.dice.randint(1, 25), arrives=arrives)


def database_unreachable(plant: Plant) -> None:
    """Let nobody reach the database for a moment."""
    if plant.wire is not None:
        plant.wire.refusing = True
        plant.wire.cut_all()
        time.sleep(1)
        plant.wire.refusing = False


def slow_database(plant: Plant) -> None:
    """Make every step of the database slow."""
    if plant.wire is not None:
        plant.wire.delay = 0.003
    else:
        plant.say(slow=0.05)


def locked_database(plant: Plant) -> None:
    """Let another program hold SQLite's lock for a while, again and again."""
    if plant.database == "sqlite":
        threading.Thread(target=_hold, args=(plant,), daemon=True).start()


def _hold(plant: Plant) -> None:
    path = plant.disk.folder / "qbwc.db"
    for _ in range(3):
        other = sqlite3.connect(path, timeout=5, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(0.4)
            other.execute("ROLLBACK")
        except sqlite3.Error:
            pass
        finally:
            other.close()


def not_serializable(plant: Plant) -> None:
    """Have commits fail at random: a serialization failure, or SQLite's lock."""
    plant.say(fail=0.08)


def disk_full(plant: Plant) -> None:
    """Fill the disk of the database for a moment."""
    if plant.disk.is_small:
        plant.disk.fill()
        threading.Timer(1.5, plant.disk.free).start()


# Mosaic


def mosaic_down(plant: Plant) -> None:
    """Let nobody reach Mosaic for a while."""
    plant.mosaic_wire.refusing = True
    plant.mosaic_wire.cut_all()
    threading.Timer(1.5, _up, [plant]).start()


def _up(plant: Plant) -> None:
    plant.mosaic_wire.refusing = False


def mosaic_fault(kind: str, when: str = "before") -> Fault:
    """Return a fault that makes one to three requests fail in a way of the sandbox."""

    def strike(plant: Plant) -> None:
        # Slow: longer than a request may take, as 60 s are with usual settings.
        plant.sandbox.fail_next(
            kind,
            plant.dice.randint(1, 3),
            plant.dice.choice(_WRITES),
            when="after" if when == "after" else "before",
            seconds=2 if kind == "rate_limit" else 1.5,
        )

    strike.__doc__ = f"Mosaic: {kind}, {when} the request was carried out."
    return strike


def callbacks_fault(kind: str) -> Fault:
    """Return a fault that makes callbacks late, doubled, lost or forged."""

    def strike(plant: Plant) -> None:
        plant.sandbox.fail_next(kind, plant.dice.randint(1, 4), seconds=200)

    strike.__doc__ = f"Mosaic: {kind}."
    return strike


def forged_callbacks(plant: Plant) -> None:
    """Call back what never happened: with our token and without."""
    for firm in plant.firms:
        entries = firm.people.time()
        known = plant.dice.choice(entries)["mosaic_id"] if entries else 1
        for token in (firm.new.webhook_token, "x" * 43, firm.new.setup_token):
            for action, mosaic_id in (
                ("delete", known),
                ("update", known),
                ("create", 999_999_999),
            ):
                _post(f"{plant.urls[0]}/webhook/{token}", action, mosaic_id)


def _post(url: str, action: str, mosaic_id: int) -> None:
    said = {
        "dataType": "time_entry",
        "actionType": action,
        "apiRequestId": str(uuid.uuid4()),
        "metadata": {"ref": str(uuid.uuid4())},
        "dataPayload": {"mosaicId": mosaic_id, "id": mosaic_id, "hours": "23"},
    }
    request = urllib.request.Request(
        url, json.dumps(said).encode(), {"Content-Type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass


# Clocks


def clock_ahead(plant: Plant) -> None:
    """Put the clocks of our machines an hour ahead; later they are right again."""
    plant.say(wrong=_AN_HOUR)


def clock_behind(plant: Plant) -> None:
    """Put the clocks of our machines an hour back; later they are right again."""
    plant.say(wrong=-_AN_HOUR)


# The Web Connector: these are runs, not strikes


def broken_run(firm: Firm, kind: str, number: int) -> CallBroken:
    """Have the Web Connector run with its n-th call broken."""
    broken = CallBroken(kind, number)
    firm.connect(broken)
    return broken


def two_connectors(firm: Firm) -> None:
    """Have two computers with one .qwc run at the same time."""
    both = [
        threading.Thread(target=firm.connect, kwargs={"computer": computer})
        for computer in ("SANDBOX-PC", "SECOND-PC")
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()


def web_connector(kind: str) -> Fault:
    """Return a fault of the Web Connector: one of `CALLS`."""

    def strike(plant: Plant) -> None:
        firm = plant.dice.choice(plant.firms)
        broken_run(firm, kind, plant.dice.randint(3, 9))

    strike.__doc__ = f"The Web Connector: {kind}."
    return strike


def two_computers(plant: Plant) -> None:
    """Two Web Connectors with one .qwc at once."""
    two_connectors(plant.dice.choice(plant.firms))


EVERYWHERE: dict[str, Fault] = {
    "worker killed": kill_worker,
    "server killed": kill_server,
    "server's process killed": kill_server_process,
    "everything killed": kill_everything,
    "killed at a commit": die_at_a_point,
    "slow database": slow_database,
    "serialization failures": not_serializable,
    "disk full": disk_full,
    "Mosaic down": mosaic_down,
    "Mosaic slow": mosaic_fault("slow"),
    "Mosaic slow, done": mosaic_fault("slow", "after"),
    "429": mosaic_fault("rate_limit"),
    "429 without Retry-After": mosaic_fault("rate_limit_mute"),
    "500": mosaic_fault("error"),
    "500, done": mosaic_fault("error", "after"),
    "hung up, done": mosaic_fault("down", "after"),
    "wrong JSON, done": mosaic_fault("bad_json", "after"),
    "HTML page": mosaic_fault("html"),
    "callback late": callbacks_fault("callback_late"),
    "callback twice": callbacks_fault("callback_twice"),
    "callback never": callbacks_fault("callback_never"),
    "callback forged": callbacks_fault("callback_forged"),
    "callbacks by strangers": forged_callbacks,
    "clock an hour ahead": clock_ahead,
    "clock an hour behind": clock_behind,
    "two Web Connectors": two_computers,
    **{f"Web Connector: {kind}": web_connector(kind) for kind in CALLS},
}
ON_POSTGRESQL: dict[str, Fault] = {
    "PostgreSQL killed": kill_postgres,
    "PostgreSQL's process killed": kill_backend,
    "connections ended": cut_politely,
    "connections cut": cut_connections,
    "cut at a commit": cut_at_commit,
    "database unreachable": database_unreachable,
}
ON_SQLITE: dict[str, Fault] = {"database locked": locked_database}


def kinds(database: str) -> dict[str, Fault]:
    """Return the faults that there are on a database, by name."""
    return EVERYWHERE | (ON_SQLITE if database == "sqlite" else ON_POSTGRESQL)
