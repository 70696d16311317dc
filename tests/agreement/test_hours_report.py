"""The hours report says what both sides really have, and why they differ."""

from __future__ import annotations

import os

import pytest

from tests.agreement.acts import do, history, world_of
from tests.agreement.house import MakeHouse
from tests.agreement.judgement import judge
from tests.agreement.reported import Reported
from tests.agreement.shrinking import begun

HOURS_OF = tuple(
    range(
        int(os.environ.get("S0", "1")),
        int(os.environ.get("S0", "1")) + int(os.environ.get("N", "1")),
    )
)


@pytest.mark.parametrize("seed", HOURS_OF)
def test_hours_are_told_as_both_sides_have_them(
    make_house: MakeHouse, seed: int
) -> None:
    house = begun(make_house, history(seed, 25))
    try:
        world = world_of(house)
        reported = Reported(world)
        for one in history(seed, 25):
            do(world, one)
            if os.environ.get("DURING"):
                reported.look()
        judge(world)
        print(seed)
        reported.at_the_end()
        print(seed, reported.held)
    finally:
        house.close()
