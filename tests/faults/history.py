"""One history: people at work, faults, rest, and the verdict."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.faults.breakage import Fault, kinds
from tests.faults.plant import Plant
from tests.faults.verdict import at_rest, come_to_rest

_RUNS = 2
_LONGEST_WAIT = 1.2


@dataclass
class Result:
    """What came of a history: its faults by name, the seconds until it was at rest,
    those included that were skipped."""

    faults: list[str]
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def history(plant: Plant, names: list[str], *, acts: int = 5) -> Result:
    """Let people work while faults strike, and then everything come to rest.

    Raises:
        AssertionError: a promise was broken.
    """
    known = kinds(plant.database)
    work(plant, [known[name] for name in names], acts=acts)
    plant.heal()
    skipped = plant.clock.skipped
    seconds = come_to_rest(plant)
    at_rest(plant)
    return Result(names, seconds + plant.clock.skipped - skipped)


def work(plant: Plant, faults: list[Fault], *, acts: int = 5) -> None:
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
