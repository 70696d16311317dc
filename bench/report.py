"""The figures as a page: tables, charts, and what was aimed at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def write(found: dict[str, Any], docs: Path) -> None:
    """Put tables into docs/performance.md, between its marks, and charts beside it."""
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n\n{tables(found)}\n{_END}{after}")
    _charts(found, docs / "images")


def tables(found: dict[str, Any]) -> str:
    """Return everything that was measured as Markdown."""
    on = found["on"]
    parts = [
        _where(on),
        _targets(found),
        "### Idle polls per second\n\n"
        + _table(
            ["connections", "lxml", "spyne", "PostgreSQL", "SQLite", "of spyne"],
            [
                [
                    name,
                    *(row[key] for key in ("lxml", "spyne", "postgresql", "sqlite")),
                    f"{row['postgresql'] / row['spyne']:.2f}",
                ]
                for name, row in found["idle"].items()
            ],
        ),
        "### Drain\n\nRecords per second; where answers are empty, round trips per "
        "second. p99 is of receiveResponseXML, in milliseconds.\n\n"
        + _table(
            ["companies x records", "spyne", "time", "p99", "customers", "p99"],
            [_drained(name, row) for name, row in found["drain"].items()],
        ),
        "### Growth\n\nMilliseconds, with as many finished jobs as records.\n\n"
        + _table(
            ["records of the company", "idle poll", "run with 100 changes"],
            [
                [name, f"{row['idle_ms']:.1f}", f"{row['changes_ms']:.0f}"]
                for name, row in found["growth"].items()
            ],
        ),
        _fleet(found.get("fleet", {})),
        "### Floors\n\n"
        + _table(["floor", "value"], [[*one] for one in found["floors"].items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _fleet(found: dict[str, float]) -> str:
    if not found:
        return "### Fleet\n\nNot measured."
    rows = [[name, f"{value:.1f}"] for name, value in found.items()]
    return "### Fleet\n\n" + _table(["figure", "value"], rows)


def _where(on: dict[str, str]) -> str:
    return (
        f"{on['day']}, {on['processor']}, shared by server, database and load; "
        f"load average before: {on['load before']}; Python {on['python']}."
    )


def _drained(name: str, row: dict[str, Any]) -> list[Any]:
    key = "trips" if name.endswith("x 0") else "records"
    time, customers = row["TimeTrackingQuery"], row["CustomerQuery"]
    return [
        name,
        row["spyne"][key],
        time[key],
        f"{time['p99']:.0f}",
        customers[key],
        f"{customers['p99']:.0f}",
    ]


def _targets(found: dict[str, Any]) -> str:
    """Return the targets beside what was reached."""
    idle, drain, growth = found["idle"]["8"], found["drain"], found["growth"]
    full, empty = drain["8 x 500"], drain["8 x 0"]
    sizes = list(growth.values())
    one = drain["1 x 500"]["TimeTrackingQuery"]
    time = full["TimeTrackingQuery"]["records"]
    rows: list[tuple[str, str, float, bool]] = [
        (
            "idle polls, 8 connections, of bare spyne",
            "0.9",
            ratio := idle["postgresql"] / idle["spyne"],
            ratio >= 0.9,
        ),
        ("drain, 8 companies, 500 records, per second", "25,000", time, time >= 25_000),
        (
            "the same, of bare spyne and lxml to dicts",
            "0.6",
            ratio := time / full["spyne"]["records"],
            ratio >= 0.6,
        ),
        (
            "drain, 8 companies, empty answers, of bare spyne",
            "0.5",
            ratio := empty["TimeTrackingQuery"]["trips"] / empty["spyne"]["trips"],
            ratio >= 0.5,
        ),
        ("p99 of 500 records, one company, ms", "60", one["p99"], one["p99"] < 60),
        (
            "run with 100 changes, largest against smallest",
            "1.2",
            ratio := sizes[-1]["changes_ms"] / sizes[0]["changes_ms"],
            ratio <= 1.2,
        ),
    ]
    if "fleet" in found:
        p99, errors = (found["fleet"][key] for key in ("authenticate_p99", "errors"))
        rows += [
            ("fleet, p99 of authenticate, ms", "200", p99, p99 < 200),
            ("fleet, errors", "0", errors, errors == 0),
        ]
    return "### Targets\n\n" + _table(
        ["figure", "target", "measured", ""],
        [
            [name, goal, value, "met" if met else "missed"]
            for name, goal, value, met in rows
        ],
    )


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.2f}"
    return str(value)


def _charts(found: dict[str, Any], folder: Path) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "qbwc-server"
    idle = found["idle"]
    figure, left = plt.subplots(figsize=(7, 3.2))
    for place, key in enumerate(("lxml", "spyne", "postgresql", "sqlite")):
        at = [one + place * 0.2 for one in range(len(idle))]
        left.bar(at, [row[key] for row in idle.values()], 0.2, label=key)
    left.set_xticks([one + 0.3 for one in range(len(idle))], list(idle))
    left.set_xlabel("connections")
    left.set_ylabel("idle polls per second")
    left.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(folder / "performance-idle.svg", metadata={"Date": None})
    figure, left = plt.subplots(figsize=(7, 3.2))
    rows = {
        name: row for name, row in found["drain"].items() if not name.endswith("x 0")
    }
    for place, key in enumerate(("spyne", "TimeTrackingQuery", "CustomerQuery")):
        at = [one + place * 0.25 for one in range(len(rows))]
        values = [row[key]["records"] for row in rows.values()]
        left.bar(at, values, 0.25, label=key)
    left.set_xticks([one + 0.25 for one in range(len(rows))], list(rows))
    left.set_xlabel("companies x records in an answer")
    left.set_ylabel("records per second")
    left.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(folder / "performance-drain.svg", metadata={"Date": None})
