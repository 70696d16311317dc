"""What a piece of work is called is what QuickBooks is told, whatever was before."""

from __future__ import annotations

from qbwc_server.storage import tables
from tests.agreement.hours import typed_in_mosaic
from tests.agreement.house import House


def _titles(house: House) -> list[str]:
    rows = house.rows(tables.job, tables.job.c.kind == "time_entry")
    return [row.summary for row in rows if row.record_id and row.state != "cancelled"]


def test_a_title_has_the_values_that_are_sent(house: House) -> None:
    """The entry was changed after its record got its name, and before it was sent."""
    number = typed_in_mosaic(house, "Ann", hours=1.5)
    _read_mosaic(house)
    (before,) = _titles(house)
    assert before.startswith("Add ")
    assert before.endswith(" Ann Lee 1:30 Acme:House")

    house.people.edit_time(number, hours=2.5)
    _read_mosaic(house)
    (added,) = _titles(house)
    assert added == before.replace("1:30", "2:30")
    house.settle()

    house.people.edit_time(number, hours=4)
    house.quiet()
    assert _titles(house) == [
        added,
        added.replace("Add", "Change").replace("2:30", "4:00"),
    ]


def _read_mosaic(house: House) -> None:
    """Have the worker read Mosaic's time and plan; no Web Connector comes meanwhile."""
    for _ in range(2):
        house.clock.pass_(minutes=house.settings.time_window_minutes + 5)
        house.work()
