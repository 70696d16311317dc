"""Whatever people do, each real hour is once on both sides, or it is told why not."""

from __future__ import annotations

import os

import pytest

from tests.agreement.acts import history
from tests.agreement.house import MakeHouse
from tests.agreement.shrinking import broken, told

HISTORIES = int(os.environ.get("HISTORIES", "30"))
SEED = int(os.environ.get("SEED", "1"))
LENGTH = 25
PARTS = 5


@pytest.mark.parametrize("part", range(PARTS))
def test_each_real_hour_is_once_on_both_sides(make_house: MakeHouse, part: int) -> None:
    """HISTORIES says how many in all, SEED which is the first."""
    count = max(1, HISTORIES // PARTS)
    for seed in range(SEED * 1000 + part * count, SEED * 1000 + (part + 1) * count):
        acts = history(seed, LENGTH)
        if broken(make_house, acts):
            pytest.fail(told(make_house, seed, acts), pytrace=False)
