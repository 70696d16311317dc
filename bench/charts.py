"""The figures that tell something as charts, one SVG each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

_BARS = {
    "lxml": "bare lxml",
    "spyne": "bare spyne",
    "postgresql": "with PostgreSQL",
    "sqlite": "with SQLite",
    "TimeTrackingQuery": "time entries",
    "CustomerQuery": "customers",
    "server_ms": "server",
    "worker_ms": "worker",
    "database_ms": "PostgreSQL",
}


def draw(found: dict[str, Any], folder: Path) -> None:
    """Draw what was measured into a folder; what was not stays as it is there."""
    found = longest(found)
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "qbwc-server"
    if "idle" in found:
        floors_and_ours = ("lxml", "spyne", "postgresql", "sqlite")
        high = "idle polls per second"
        figure = _bars(found["idle"], floors_and_ours, "connections", high)
        _save(figure, folder / "performance-idle.svg")
    if "drain" in found:
        rows = {
            name: {key: row[key]["records"] for key in row}
            for name, row in found["drain"].items()
            if not name.endswith("x 0")
        }
        names = ("spyne", "TimeTrackingQuery", "CustomerQuery")
        along = "companies x records in an answer"
        figure = _bars(rows, names, along, "records per second")
        _save(figure, folder / "performance-drain.svg")
    if "writes" in found:
        rows = {name.replace(", ", ",\n"): row for name, row in found["writes"].items()}
        processes = ("server_ms", "worker_ms", "database_ms")
        figure = _bars(rows, processes, "entries", "processor ms per entry")
        _save(figure, folder / "performance-writes.svg")


def longest(found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures, each measured alone and at length where it was."""
    return found | {name: one[name] for name, one in found.get("alone", {}).items()}


def _bars(rows: dict[str, Any], names: Sequence[str], along: str, high: str) -> Any:
    figure, left = plt.subplots(figsize=(7, 3.2))
    wide = 0.8 / len(names)
    for place, key in enumerate(names):
        at = [one + place * wide for one in range(len(rows))]
        values = [row[key] for row in rows.values()]
        left.bar(at, values, wide, label=_BARS[key])
    middle = wide * (len(names) - 1) / 2
    left.set_xticks([one + middle for one in range(len(rows))], list(rows))
    left.set_xlabel(along)
    left.set_ylabel(high)
    left.legend(frameon=False)
    figure.tight_layout()
    return figure


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
