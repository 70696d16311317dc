"""A disk that is full."""

from __future__ import annotations

import pytest

from tests.faults.conftest import MakePlant, on
from tests.faults.verdict import at_rest, come_to_rest


@pytest.mark.parametrize("database", on("sqlite"))
def test_on_a_full_disk_nothing_is_done_in_quickbooks_and_it_goes_on_with_room(
    make_plant: MakePlant,
) -> None:
    """Time waits in Mosaic; the Web Connector comes, and QuickBooks is left alone."""
    plant = make_plant(firms=1)
    if not plant.disk.is_small:
        pytest.skip("no file system of its own may be mounted here")
    firm = plant.firms[0]
    firm.add_in_quickbooks()
    come_to_rest(plant)
    for _ in range(3):
        firm.add_in_mosaic()
    before = firm.ledger.in_quickbooks()

    plant.leave_no_room()
    runs = []
    for _ in range(3):
        plant.read_soon()
        plant.leave_no_room()
        runs.append(firm.connect())
    during = firm.ledger.in_quickbooks()
    plant.heal()
    come_to_rest(plant)

    assert during == before
    assert [run.round_trips for run in runs] == [0, 0, 0]
    at_rest(plant)
