"""What the page tells of the end of a first load, against what is true."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import stamina

from qbwc_server.storage.database import make_engine
from tests.agreement.house import START, House
from tests.onboarding.first_load import FirstLoad, Told


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    """A house of which nothing was read yet."""
    with stamina.set_testing(True, attempts=3, cap=True):
        made = House(make_engine(sqlite_url), tmp_path, START, "America/New_York")
        yield made
        made.close()


def held(told: Told, *, noise: float) -> None:
    """Tell that the time left was never wrong by more than two, and did not rise.

    Of the first tenth nothing is promised; a few seconds are no matter.
    """
    assert told.ended is not None
    few = max(2.0, 0.05 * (told.ended - told.began).total_seconds())
    left = [one for one in told.left() if one[0] >= 0.1]
    assert len(left) > 6
    for _, said, true in left:
        assert said <= 2 * true + few, left
        assert true <= 2 * said + few, left
    for (_, before, _), (_, after, _) in pairwise(left):
        assert after <= before * (1 + noise) + few, left


def test_the_time_left_of_the_first_read_is_true_and_does_not_rise(
    house: House,
) -> None:
    """Customers and three years of time, in turn; now and then a page takes long."""
    house.settings = house.settings.model_copy(update={"page_size": 50})
    load = FirstLoad(house, customers=500, entries=2_500)
    load.reads()
    for read in ("customers and jobs", "time entries"):
        held(load.read[read], noise=0.1)


def test_the_end_of_filling_mosaic_is_true_and_does_not_move_away(
    house: House,
) -> None:
    """At the pace that Mosaic has, callbacks and reads among it."""
    load = FirstLoad(house, customers=60, entries=300, each=10.0)
    load.reads()
    load.fills()
    held(load.filled, noise=0.1)
