"""Negative controls: a rule that is switched off in the processes is missed.

Each history goes well with all rules, and breaks a promise without one of them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.breakage import CallBroken
from tests.faults.conftest import LONG, MakePlant
from tests.faults.plant import Plant
from tests.faults.verdict import at_rest, come_to_rest

_MOST_SECONDS = 20


def _an_add_is_lost(plant: Plant) -> None:
    """QuickBooks takes new time, and its answer never reaches us."""
    firm = plant.firms[0]
    firm.add_in_mosaic(calls_back=True)
    before = len(firm.ledger.in_quickbooks())
    for number in range(4, 40):
        firm.connect(CallBroken("lost", number))
        if len(firm.ledger.in_quickbooks()) > before:
            break
        plant.clock.wait(0.5)
        plant.skip(2)
    else:
        raise LookupError("QuickBooks was never handed the time")


def _a_creation_is_lost(plant: Plant) -> None:
    """Mosaic makes new time, and answers with 500."""
    plant.sandbox.answer_mode = "mute"
    plant.sandbox.fail_next("error", 1, "POST time_entry", when="after")
    plant.firms[0].add_in_quickbooks()
    plant.read_soon()


def _a_worker_dies_with_a_lease(plant: Plant) -> None:
    """It has taken the company, and comes to nothing more."""
    plant.die_at([("worker.one_pass.Delivery._deliver_some", "before")])
    plant.firms[0].add_in_quickbooks()
    plant.read_soon()


@pytest.mark.skipif(not LONG, reason="takes long; see make soak")
@pytest.mark.parametrize("database", ["sqlite"])
def test_a_lost_write_to_quickbooks_is_not_simply_sent_again(
    make_plant: MakePlant,
) -> None:
    """Without that rule the entry is there twice."""
    _judge(make_plant, "doubt", _an_add_is_lost)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_lost_write_to_mosaic_is_not_simply_sent_again(make_plant: MakePlant) -> None:
    """Without that rule the entry is there twice."""
    _judge(make_plant, "posts", _a_creation_is_lost)


@pytest.mark.skipif(not LONG, reason="takes long; see make soak")
@pytest.mark.parametrize("database", ["sqlite"])
def test_a_company_whose_worker_died_is_taken_over(make_plant: MakePlant) -> None:
    """Without that rule it waits for ever."""
    _judge(make_plant, "leases", _a_worker_dies_with_a_lease, "stuck")


def _judge(
    make_plant: MakePlant,
    rule: str,
    happens: Callable[[Plant], None],
    missed: str = "twice",
) -> None:
    plant = make_plant(firms=1)
    happens(plant)
    _rest(plant)
    plant = make_plant(firms=1, rule=rule)
    happens(plant)
    with pytest.raises(AssertionError, match=missed):
        _rest(plant)


def _rest(plant: Plant) -> None:
    come_to_rest(plant, most=_MOST_SECONDS)
    at_rest(plant)
