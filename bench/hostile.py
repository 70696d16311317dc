"""What each hostile input costs a real server: time, and memory above rest.

    python bench/hostile.py

Runs `serve` on SQLite, sends each input of tests/hostile/inputs.py with and without a
live ticket over a real socket, and prints a Markdown table. Bounds: 1 s, 100 MB.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hostile.house import Cost, House, house
from tests.hostile.inputs import AS_JSON, IN_ANSWER, IN_ENVELOPE, MB, envelope, escaped

Prepare = Callable[[], Callable[[], str]]
NOBODY = "1-" + "0" * 40


def main() -> None:
    """Send everything, and print a line for each."""
    print("| input | answered | seconds | of a processor | MB above rest |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, house(Path(folder)) as server:
        costs = []
        for name, prepare in _inputs(server).items():
            costs.append(cost := server.cost(prepare()))
            _line(name, cost)
        worst = Cost(
            " ",
            max(cost.seconds for cost in costs),
            max(cost.worked for cost in costs),
            max(cost.megabytes for cost in costs),
        )
        _line("**worst**", worst)
        print(f"\nAt the end {server.memory():.0f} MB in two processes.")


def _line(name: str, cost: Cost) -> None:
    print(
        f"| {name} | {cost.answered[:40] or 'empty'} | {cost.seconds:.2f} "
        f"| {cost.worked:.2f} | {cost.megabytes:.0f} |",
        flush=True,
    )


def _inputs(server: House) -> dict[str, Prepare]:
    made: dict[str, Prepare] = {}
    for name, body in IN_ENVELOPE.items():
        made[f"envelope: {name}"] = _answering(server, body)
        made[f"envelope, no ticket: {name}"] = _posting(server, body(NOBODY))
    for name, answer in IN_ANSWER.items():
        made[f"answer: {name}"] = _answering(
            server, partial(envelope, response=escaped(answer))
        )
    made["gzip bomb of 1 GB"] = _posting(
        server, gzip.compress(b"\0" * 1024 * MB), {"Content-Encoding": "gzip"}
    )
    for name, content in AS_JSON.items():
        token = server.desk.company.webhook_token
        made[f"callback: {name}"] = _calling_back(server, token, content)
    made["callback, no token: 10 MB"] = _calling_back(server, "x", b"x" * 10 * MB)
    return made


def _answering(server: House, body: Callable[[str], bytes]) -> Prepare:
    """Return what begins a session and returns what answers its first request."""

    def prepare() -> Callable[[], str]:
        content = body(server.asked())
        return lambda: server.call("receiveResponseXML", content)

    return prepare


def _posting(
    server: House, body: bytes, headers: dict[str, str] | None = None
) -> Prepare:
    return lambda: lambda: server.call("receiveResponseXML", body, headers)


def _calling_back(server: House, token: str, body: bytes) -> Prepare:
    return lambda: lambda: f"HTTP {server.send(f'/webhook/{token}', body)[0]}"


if __name__ == "__main__":
    main()
