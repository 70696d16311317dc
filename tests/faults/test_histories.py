"""Histories in which processes, database, network, Mosaic and clocks fail."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.faults.breakage import EVERYWHERE, kinds
from tests.faults.conftest import LONG, MakePlant, on
from tests.faults.history import Report, history
from tests.faults.plant import Plant
from tests.faults.verdict import come_to_rest

MINUTES = float(os.environ.get("FAULT_MINUTES", "0"))
SEED = int(os.environ.get("SEED", "1"))
_AT_ONCE = 5
_HISTORIES_OF_A_PLANT = 15


def test_whatever_fails_both_sides_agree_in_the_end(
    make_plant: MakePlant, database: str
) -> None:
    """Every kind of fault strikes once, five in a history, in an order by the seed.

    In the quick set each kind strikes on one of the databases.
    """
    plant = make_plant(seed=SEED)
    report = Report(database)
    names = sorted(kinds(database))
    if not LONG:
        both = sorted(EVERYWHERE)
        elsewhere = both[::2] if database == "sqlite" else both[1::2]
        names = [name for name in names if name not in elsewhere]
    random.Random(SEED).shuffle(names)

    for start in range(0, len(names), _AT_ONCE):
        history(plant, names[start : start + _AT_ONCE], report)

    assert report.struck == report.recovered
    assert report.struck.keys() == set(names)


@pytest.mark.parametrize("database", on("postgresql"))
def test_two_servers_and_three_workers_share_one_database(
    make_plant: MakePlant, database: str
) -> None:
    """Whoever is killed, the others go on, and nothing is done by two of them."""
    plant = make_plant(seed=SEED, servers=2, workers=3)
    report = Report(database)

    names = ["worker killed", "server's process killed", "worker killed"]
    history(plant, names, report, acts=12)

    assert report.struck == report.recovered


@pytest.mark.soak
@pytest.mark.skipif(not MINUTES, reason="FAULT_MINUTES says how long; see make soak")
def test_histories_at_random_until_the_time_is_over(database: str) -> None:
    """Half of FAULT_MINUTES on each database; the report goes to FAULT_REPORT."""
    report, until = Report(database), time.monotonic() + MINUTES * 30
    dice = random.Random(SEED)
    names = sorted(kinds(database))
    while time.monotonic() < until:
        plant = Plant(
            database,
            seed=dice.randrange(1 << 30),
            servers=dice.choice([1, 1, 2]),
            workers=dice.choice([1, 1, 3]),
        )
        try:
            come_to_rest(plant)
            for _ in range(_HISTORIES_OF_A_PLANT):
                if time.monotonic() >= until:
                    break
                history(plant, dice.sample(names, dice.randint(1, 3)), report)
        except AssertionError:
            plant.keep_logs(os.environ.get("FAULT_REPORT", ""))
        finally:
            plant.close()
    report.write(os.environ.get("FAULT_REPORT", ""))

    assert not report.broken, report.table()
