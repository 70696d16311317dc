"""Whether the time of a refusal tells which user names exist.

    python bench/timing.py [CALLS]

Asks a real server in turn for a known and for unknown names, with a wrong password,
CALLS times each (1,500), and prints the medians in milliseconds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import sqlalchemy as sa

from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.storage import tables
from tests.hostile.house import HOST, House, house
from tests.web_connector.desk import body_of


def main() -> None:
    """Measure and print."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    with tempfile.TemporaryDirectory() as folder, house(Path(folder)) as server:
        known = server.desk.company.username
        names = {
            "known": known,
            "unknown": "x" + known[1:],
            "unknown too": "y" + known[1:],
        }
        times: dict[str, list[float]] = {kind: [] for kind in names}
        with closing(HTTPConnection(HOST, server.port)) as connection:
            for number in range(calls):
                if number % 4 == 0:
                    _forgive(server)
                for kind in sorted(names, key=lambda kind: hash((kind, number))):
                    times[kind].append(_ask(connection, names[kind]))
    print("| name | median ms | 10 % | 90 % |\n|---|---|---|---|")
    for kind, found in times.items():
        tenths = statistics.quantiles(found, n=10)
        print(
            f"| {kind} | {statistics.median(found):.3f} "
            f"| {tenths[0]:.3f} | {tenths[-1]:.3f} |"
        )


def _ask(connection: HTTPConnection, name: str) -> float:
    body = body_of("authenticate", name, "wrong")
    began = time.perf_counter()
    connection.request("POST", "/qbwc", body, {"SOAPAction": f"{INTUIT}authenticate"})
    connection.getresponse().read()
    return (time.perf_counter() - began) * 1000


def _forgive(server: House) -> None:
    with server.desk.engine.begin() as connection:
        connection.execute(sa.delete(tables.login_failure))


if __name__ == "__main__":
    main()
