"""The figures as a page: tables, charts, and what was aimed at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import charts

Goal = tuple[str, str, float, bool]
"""What is aimed at, in words and as a number, what was reached, whether it was met."""
_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def write(found: dict[str, Any], docs: Path) -> None:
    """Put tables into docs/performance.md, between its marks, and charts beside it."""
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n\n{tables(found)}\n{_END}{after}")
    charts.draw(found, docs / "images")


def tables(found: dict[str, Any]) -> str:
    """Return everything that was measured as Markdown; what was not is left out."""
    parts = [_where(found["on"])] if "on" in found else []
    parts.append(_targets(found))
    for name, section in _SECTIONS.items():
        if name in found:
            parts.append(section(found[name]))
    if "writes" in charts.longest(found):
        parts.append("![Writes](images/performance-writes.svg)")
    for name, one in found.get("alone", {}).items():
        title, _, rest = _SECTIONS[name](one[name]).partition("\n")
        parts.append(f"{title}, alone and at length\n\n{_where(one['on'])}\n{rest}")
    return "\n\n".join(parts) + "\n"


def _idle(found: dict[str, Any]) -> str:
    return "### Idle polls per second\n\n" + _table(
        ["connections", "lxml", "spyne", "PostgreSQL", "SQLite", "of spyne"],
        [
            [
                name,
                *(row[key] for key in ("lxml", "spyne", "postgresql", "sqlite")),
                f"{row['postgresql'] / row['spyne']:.2f}",
            ]
            for name, row in found.items()
        ],
    )


def _drain(found: dict[str, Any]) -> str:
    return (
        "### Drain\n\nRecords per second; where answers are empty, round trips per "
        "second. p99 is of receiveResponseXML, in milliseconds.\n\n"
        + _table(
            ["companies x records", "spyne", "time", "p99", "customers", "p99"],
            [_drained(name, row) for name, row in found.items()],
        )
    )


def _growth(found: dict[str, Any]) -> str:
    return (
        "### Growth\n\nMilliseconds, with as many finished jobs as records. A claim "
        "chooses the next 25 of 100 jobs among them.\n\n"
        + _table(
            ["records of the company", "idle poll", "run with 100 changes", "claim"],
            [
                [
                    _number(name),
                    *(
                        _tenths(row, key)
                        for key in ("idle_ms", "changes_ms", "claim_ms")
                    ),
                ]
                for name, row in found["records"].items()
            ],
        )
        + "\n\n"
        + _table(
            ["companies", "idle poll"],
            [
                [_number(name), f"{row['idle_ms']:.1f}"]
                for name, row in found["companies"].items()
            ],
        )
        + "\n\nSupport's views, of the company with the most records; companies are "
        "all of them.\n\n"
        + _table(
            ["view", "rows", "median", "longest"],
            [
                [name, row["rows"], f"{row['ms']:.1f}", f"{row['longest_ms']:.1f}"]
                for name, row in found["views"].items()
            ],
        )
    )


def _writes(found: dict[str, Any]) -> str:
    return (
        "### Writes\n\nMilliseconds of processor per entry. Entries per second are "
        "without the time that the stand-in of QuickBooks took, and with that of "
        "Mosaic's; to QuickBooks they are of the sessions alone.\n\n"
        + _table(
            ["entries", "server", "worker", "PostgreSQL", "per second"],
            [
                [
                    name,
                    *(f"{row[f'{of}_ms']:.1f}" for of in _PROCESSES),
                    f"{row['per_second']:.0f}",
                ]
                for name, row in found.items()
            ],
        )
    )


def _rate(found: dict[str, float]) -> str:
    rows = [
        ["Mosaic's window, seconds", f"{found['window']:.0f}"],
        ["measured for, seconds", f"{found['seconds']:.0f}"],
        ["calls", f"{found['calls']:.0f}"],
        ["calls allowed", f"{found['allowed']:.0f}"],
        ["share", f"{found['share']:.3f}"],
        ["longest pause, seconds", f"{found['longest_pause']:.1f}"],
        ["429", f"{found['refused']:.0f}"],
    ]
    return "### Mosaic's rate limit\n\n" + _table(["figure", "value"], rows)


def _memory(found: dict[str, dict[str, float]]) -> str:
    head = [
        f"{process} {moment}"
        for process in ("server", "worker")
        for moment in ("at 1/3", "at 2/3", "at 3/3", "peak")
    ]
    rows = [
        [
            name,
            *(f"{row[key]:.0f}" if key in row else "" for key in head),
            f"{row['left to plan']:,.0f}",
        ]
        for name, row in found.items()
    ]
    return (
        "### Memory\n\nMegabytes resident, of the largest server process and of the "
        "worker. Peaks are of all until then.\n\n"
        + _table(["read", *head, "left to plan"], rows)
    )


def _freshness(found: dict[str, dict[str, float]]) -> str:
    names = ("beyond", "a minute", "as measured")
    parts = [f"{name} {part}" for name in names for part in ("p50", "p99")]
    head = [
        *("direction", "changes", "missing", "beyond the poll, p50", "p99"),
        *("with a poll a minute, p50", "p99", "as measured, p50", "p99"),
    ]
    rows = [
        [
            name,
            f"{row['changes']:.0f}",
            f"{row['missing']:.0f}",
            *(f"{row[part]:.1f}" for part in parts),
        ]
        for name, row in found.items()
    ]
    return (
        "### Freshness\n\nSeconds from a change to its arrival. Companies with changes "
        "poll more often than the others, to have enough of them: what is beyond the "
        "wait for a poll is measured, what it is with a poll a minute follows.\n\n"
        + _table(head, rows)
    )


def _fleet(found: dict[str, float]) -> str:
    rows = [[name, f"{value:,.1f}"] for name, value in found.items()]
    return (
        "### Fleet\n\nPer second, or milliseconds of a method. First polls are those "
        "that a process of the server goes the whole way for, as after a restart, as "
        "fast as it goes.\n\n" + _table(["figure", "value"], rows)
    )


def _floors(found: dict[str, float]) -> str:
    return "### Floors\n\n" + _table(
        ["floor", "value"], [[*one] for one in found.items()]
    )


_PROCESSES = ("server", "worker", "database")
_SECTIONS: dict[str, Callable[[Any], str]] = {
    "idle": _idle,
    "drain": _drain,
    "growth": _growth,
    "writes": _writes,
    "rate": _rate,
    "memory": _memory,
    "freshness": _freshness,
    "fleet": _fleet,
    "floors": _floors,
}


def _tenths(row: dict[str, float], key: str) -> str:
    """Return a figure, or nothing where it was not measured."""
    return f"{row[key]:.1f}" if key in row else ""


def _number(text: str) -> str:
    return f"{int(text):,}"


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
    """Return the targets beside what was reached, as far as it was measured.

    What was measured alone and at length counts where there is such a figure.
    """
    longest = charts.longest(found)
    rows = [row for name in _GOALS if name in longest for row in _GOALS[name](longest)]
    return "### Targets\n\n" + _table(
        ["figure", "target", "measured", ""],
        [
            [name, goal, value, "met" if met else "missed"]
            for name, goal, value, met in rows
        ],
    )


_POLLS = 0.95
"""The share of bare spyne that idle polls are to have."""


def _goals_of_idle(found: dict[str, Any]) -> list[Goal]:
    goals = []
    for connections, row in found["idle"].items():
        if connections not in {"8", "32"}:
            continue
        ratio = row["postgresql"] / row["spyne"]
        name = f"idle polls, {connections} connections, of bare spyne"
        goals.append((name, "0.95", ratio, ratio >= _POLLS))
    return goals


def _goals_of_drain(found: dict[str, Any]) -> list[Goal]:
    drain = found["drain"]
    full, empty = drain["8 x 500"], drain["8 x 0"]
    one = drain["1 x 500"]["TimeTrackingQuery"]["p99"]
    time = full["TimeTrackingQuery"]["records"]
    of_full = time / full["spyne"]["records"]
    of_empty = empty["TimeTrackingQuery"]["trips"] / empty["spyne"]["trips"]
    return [
        ("drain, 8 companies, 500 records, per second", "25,000", time, time >= 25_000),
        ("the same, of bare spyne and lxml to dicts", "0.6", of_full, of_full >= 0.6),
        (
            "drain, 8 companies, empty answers, of bare spyne",
            "0.5",
            of_empty,
            of_empty >= 0.5,
        ),
        ("p99 of 500 records, one company, ms", "60", one, one < 60),
    ]


def _goals_of_growth(found: dict[str, Any]) -> list[Goal]:
    sizes = list(found["growth"]["records"].values())
    ratio = sizes[-1]["changes_ms"] / sizes[0]["changes_ms"]
    name = "run with 100 changes, largest against smallest"
    return [(name, "1.2", ratio, ratio <= 1.2)]


def _goals_of_memory(found: dict[str, Any]) -> list[Goal]:
    parts = list(found["memory"].values())
    goals: list[Goal] = []
    for process in ("server", "worker"):
        most = max(row[f"{process} peak"] for row in parts)
        goals.append((f"memory, {process}, MB", "250", most, most < 250))
    return goals


def _goals_of_rate(found: dict[str, Any]) -> list[Goal]:
    share, refused = found["rate"]["share"], found["rate"]["refused"]
    return [
        ("calls to Mosaic, of what is allowed", "0.95", share, share >= 0.95),
        ("429 of Mosaic", "0", refused, refused == 0),
    ]


def _goals_of_fleet(found: dict[str, Any]) -> list[Goal]:
    p99, errors = (found["fleet"][key] for key in ("authenticate_p99", "errors"))
    return [
        ("fleet, p99 of authenticate, ms", "200", p99, p99 < 200),
        ("fleet, errors", "0", errors, errors == 0),
    ]


_GOALS: dict[str, Callable[[dict[str, Any]], list[Goal]]] = {
    "idle": _goals_of_idle,
    "drain": _goals_of_drain,
    "growth": _goals_of_growth,
    "memory": _goals_of_memory,
    "rate": _goals_of_rate,
    "fleet": _goals_of_fleet,
}


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.2f}"
    return str(value)
