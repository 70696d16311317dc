"""What the page tells of the end of a first load, drawn beside what was true.

    python bench/time_left.py [CUSTOMERS ENTRIES]

Loads 10,000 customers and 50,000 time entries by the simulated clock: QuickBooks takes
its time for each page, Mosaic a request a second. Draws docs/images/time-left.svg. It
takes about half an hour of a processor; what is drawn is the same on every machine.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import stamina
import structlog
from matplotlib import pyplot as plt

from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine
from tests.agreement.house import START, House
from tests.onboarding.first_load import FirstLoad, Told

_IMAGES = Path(__file__).parent.parent / "docs/images"


def _load(customers: int, entries: int) -> FirstLoad:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    folder = Path(tempfile.mkdtemp())
    engine = make_engine(f"sqlite:///{folder}/load.db")
    schema.upgrade(engine)
    house = House(engine, folder, START, "America/New_York")
    load = FirstLoad(house, customers=customers, entries=entries)
    with stamina.set_testing(True, attempts=3, cap=True):
        load.reads()
        load.fills(most=10_000)
    house.close()
    return load


def _worst(told: Told) -> float:
    """Return by which factor the time left was wrong at most after a tenth."""
    least = 30.0  # seconds: nobody minds a factor of these
    pairs = [
        (max(said, least), max(true, least))
        for share, said, true in told.left()
        if share >= 0.1
    ]
    return max(max(said / true, true / said) for said, true in pairs)


def _draw(load: FirstLoad, title: str) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "qbwc-server"
    figure, places = plt.subplots(1, 3, figsize=(10, 3.2))
    for place, (name, told, unit) in zip(
        places,
        (
            ("customers are read", load.read["customers and jobs"], 60),
            ("time is read", load.read["time entries"], 60),
            ("Mosaic is filled", load.filled, 3600),
        ),
        strict=True,
    ):
        left = told.left()
        assert told.ended is not None
        whole = (told.ended - told.began).total_seconds() / unit
        over = [share * whole for share, _, _ in left]
        place.plot(over, [said / unit for _, said, _ in left], label="told")
        place.plot(over, [true / unit for _, _, true in left], "--", label="true")
        spans = {60: "minutes", 3600: "hours"}
        place.set_title(f"{name} (x {_worst(told):.2f} at most)", fontsize=9)
        place.set_xlabel(f"{spans[unit]} since it began", fontsize=8)
        place.set_ylabel(f"{spans[unit]} left", fontsize=8)
        place.set_ylim(bottom=0)
    places[0].legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(_IMAGES / "time-left.svg", metadata={"Date": None})


def main(customers: int = 10_000, entries: int = 50_000) -> None:
    """Load, draw and say by how much the time left was wrong at most."""
    load = _load(customers, entries)
    _draw(load, f"{customers:,} customers and {entries:,} time entries")
    for name, told in (*load.read.items(), ("filled", load.filled)):
        if told.seen and told.ended is not None:
            took = told.ended - told.began
            print(f"{name}: {took}, wrong by {_worst(told):.2f} at most")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
