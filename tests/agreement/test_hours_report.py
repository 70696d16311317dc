"""The hours report says what both sides really have, and why they differ."""

from __future__ import annotations

import pytest

from tests.agreement.acts import do, history, world_of
from tests.agreement.house import MakeHouse
from tests.agreement.judgement import judge
from tests.agreement.reported import Reported
from tests.agreement.shrinking import begun

_LENGTH = 25


def _told(make_house: MakeHouse, seed: int) -> Reported:
    """Play a history, and hold the report to both sides after each act and at last."""
    acts = history(seed, _LENGTH)
    house = begun(make_house, acts)
    try:
        world = world_of(house)
        reported = Reported(world)
        for one in acts:
            do(world, one)
            reported.look()
        judge(world)
        reported.at_the_end()
    finally:
        house.close()
    return reported


@pytest.mark.parametrize("seed", [7, 10, 28])
def test_hours_are_told_as_both_sides_have_them(
    make_house: MakeHouse, seed: int
) -> None:
    """After each act as of what was read, and when all has come to rest."""
    held = _told(make_house, seed).held
    assert set(+held) == {"quickbooks", "mosaic", "differing"}


def test_hours_of_each_file_of_a_team_are_told_as_it_has_them(
    make_house: MakeHouse,
) -> None:
    """Whose an hour of Mosaic is, is settled when all has come to rest."""
    _told(make_house, 6)
