"""Many that Mosaic did not show are asked about, until it shows them again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qbwc_server.companies.attention import GONE_IN_MOSAIC
from tests.agreement.conftest import _begun, _no_waiting, make_house
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_hidden import agreed, filled, hide, pass_hours, show

__all__ = ["_begun", "_no_waiting", "make_house"]


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house in New York whose lists are on both sides, without time."""
    made = make_house(START, "America/New_York")
    made.settle()
    yield made
    made.close()


def test_a_question_about_many_is_over_when_they_are_shown_again(house: House) -> None:
    """Nobody has to say that they were deleted, and they were not."""
    filled(house, 12)
    hidden = hide(house, 12)
    pass_hours(house, 3)
    assert house.stored().attention_id == GONE_IN_MOSAIC
    show(house, hidden)
    pass_hours(house, 3)
    assert house.stored().attention_id is None
    assert len(agreed(house)) == 12


def test_a_question_about_many_stands_while_many_are_not_shown(house: House) -> None:
    """One of them is back: nothing may leave meanwhile, however short it is."""
    filled(house, 12)
    hidden = hide(house, 12)
    pass_hours(house, 3)
    show(house, dict(list(hidden.items())[:1]))
    stood = []
    for _ in range(3):
        house.clock.pass_(minutes=65)
        house.wire.before = lambda _: stood.append(house.stored().attention_id)
        house.work()
    assert set(stood) == {GONE_IN_MOSAIC}
