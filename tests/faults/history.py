"""One history: people at work, faults, rest, and the verdict."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.breakage import Fault, kinds
from tests.faults.plant import Plant
from tests.faults.verdict import at_rest, come_to_rest

_RUNS = 2
_LONGEST_WAIT = 1.2
_WORDS = ("lost", "twice", "stuck", "crossed", "different")


@dataclass
class Report:
    """How many histories and faults were run on a database, and what came of them."""

    database: str
    histories: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    told: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return it as Markdown."""
        summary = (
            f"{self.histories} histories, {self.struck.total()} faults, "
            f"{self.recovered.total()} recoveries; the longest took "
            f"{self.longest:.1f} s until it was at rest"
        )
        lines = [
            f"## {self.database}",
            "",
            summary,
            "",
            ", ".join(f"{word} {self.broken[word]}" for word in _WORDS),
            "",
            "| fault | struck | recovered |",
            "|---|---:|---:|",
            *(
                f"| {name} | {count} | {self.recovered[name]} |"
                for name, count in sorted(self.struck.items())
            ),
            "",
            *(f"- {one}" for one in self.told),
        ]
        return "\n".join(lines) + "\n"

    def write(self, path: str) -> None:
        """Print it, and add it to a file if one is named."""
        print(self.table())  # noqa: T201 - it is what was asked for
        if path:
            with Path(path).open("a") as file:
                file.write(self.table() + "\n")


def history(plant: Plant, names: list[str], report: Report, *, acts: int = 4) -> None:
    """Let people work while faults strike, and then everything come to rest.

    Raises:
        AssertionError: a promise was broken; it is in the report too.
    """
    known = kinds(plant.database)
    report.histories += 1
    report.struck.update(names)
    try:
        work(plant, [known[name] for name in names], acts=acts)
        plant.heal()
        report.longest = max(report.longest, come_to_rest(plant))
        at_rest(plant)
    except AssertionError as error:
        word = str(error).partition(":")[0].partition(" ")[0]
        report.broken[word if word in _WORDS else "stuck"] += 1
        report.told.append(f"{', '.join(names)}: {error}"[:2000])
        raise
    report.recovered.update(names)


def work(plant: Plant, faults: list[Fault], *, acts: int = 4) -> None:
    """Let people and Web Connectors work while faults strike, one after the other."""
    for firm in plant.firms:
        firm.live(acts)

    def strike() -> None:
        for fault in faults:
            fault(plant)
            plant.clock.wait(plant.dice.uniform(0, _LONGEST_WAIT / len(faults)))

    striking = threading.Thread(target=strike)
    striking.start()
    for _ in range(_RUNS):
        for firm in plant.firms:
            firm.connect()
        plant.read_soon()
        for firm in plant.firms:
            firm.live(1)
    striking.join()
