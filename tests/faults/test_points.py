"""Processes that die just before or just after each of their commits."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.faults.conftest import LONG, MakePlant, on
from tests.faults.history import work
from tests.faults.plant import Plant
from tests.faults.points import points
from tests.faults.verdict import at_rest, come_to_rest

_AT_ONCE = 6
_QUICK_ROUNDS = 2
_MOST_ROUNDS = 60
_LEAST_SHARE = 0.9
_NEWCOMERS = (1, 2)
"""The rounds in which one more company begins."""
_MOST_SECONDS_OF_DEATHS = 600
"""Each of a hundred deaths is followed by a start of a process."""
_HALF_A_DAY = timedelta(hours=13)
"""After that Mosaic's lists are read again, and a company that was silent is late."""


@pytest.mark.parametrize("database", on("postgresql"))
def test_a_process_that_dies_at_a_commit_loses_and_doubles_nothing(
    make_plant: MakePlant,
) -> None:
    """Of the points that a day without faults comes to; in the long set, of all."""
    plant = make_plant()
    work(plant, [])
    come_to_rest(plant)
    named = set(points().values())
    # The schema is looked at when a process starts; nothing is written then.
    unnamed = {
        one for one in plant.points() - named if not one.startswith("storage/schema")
    }
    assert not unnamed, "commits at places that have no name"
    seen = plant.points() & named
    left = {(point, when) for point in seen for when in ("before", "after")}
    there = len(left)
    dice = random.Random(7)

    for number in range(_MOST_ROUNDS if LONG else _QUICK_ROUNDS):
        if LONG and number in _NEWCOMERS:
            left -= _die_at_the_start_of_another(plant, sorted(left))
        else:
            places = dice.sample(sorted(left), min(_AT_ONCE, len(left)))
            left -= _die_at(plant, places)
        if not left:
            break

    died = there - len(left)
    print(f"died at {died} of {there}; never at {sorted(left)}")  # noqa: T201 - told
    assert died >= (_LEAST_SHARE * there if LONG else _QUICK_ROUNDS * _AT_ONCE / 3)


def _die_at(plant: Plant, places: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Die at some points, come to rest, and return those that were come to."""
    plant.die_at(places)
    plant.skip(_HALF_A_DAY.total_seconds())
    for firm in plant.firms:
        firm.grow()
    work(plant, [], acts=6)
    plant.heal()
    come_to_rest(plant)
    at_rest(plant)
    return plant.deaths()


def _die_at_the_start_of_another(
    plant: Plant, places: list[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Let a company begin, which comes to places that are never seen again."""
    plant.die_at(places)
    plant.welcome()
    come_to_rest(plant, most=_MOST_SECONDS_OF_DEATHS)
    plant.heal()
    at_rest(plant)
    return plant.deaths()
