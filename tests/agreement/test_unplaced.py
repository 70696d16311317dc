"""Hours of Mosaic wait for a job that QuickBooks does not have: somebody is told."""

from __future__ import annotations

from qbwc_server.standing import to_see, unplaced, who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_mosaic, mosaic, quickbooks


def test_a_project_without_a_job_is_told_once_with_all_hours_that_wait(
    house: House,
) -> None:
    """The customer must act; with a job of that name they go by themselves."""
    house.settle()
    in_mosaic(house, "")
    there = mosaic(house)[0]
    of_house = next(
        one for one in house.sandbox.objects("project") if one["title"] == "House"
    )
    portfolio = of_house["portfolio_id"]
    pier = house.sandbox.create(
        "project", title="Pier 7", client="Acme", portfolio_id=portfolio
    )
    for hours in (7.5, 7.5, 1.0):
        house.people.add_time(
            there["member_id"],
            day(house, 2),
            hours,
            project=pier["mosaic_id"],
            category=there["standard_work_category_id"],
        )
    house.settle_for(hours=25)

    company = house.stored()
    with company_reading(house.engine, company.id) as connection:
        (found,) = unplaced.of(connection, company.id)
        told = to_see.of(connection, company).told
    assert found.told == (
        "Pier 7 of Mosaic is not linked to a job in QuickBooks: 3 entries, 16:00 "
        "hours, wait for it."
    )
    assert found.told in told
    waiting = house.rows(tables.record, tables.record.c.state == "unlinked")
    assert {who_must_act.of(row).who for row in waiting} == {"customer"}
    assert len(quickbooks(house)) == 1

    house.hands.add("Customer", "Pier 7", parent=house.jobs["Acme"])
    for _ in range(2):
        house.settle_for(minutes=65)
    with company_reading(house.engine, house.company.id) as connection:
        assert unplaced.of(connection, house.company.id) == []
    assert sorted(row["minutes"] for row in quickbooks(house)) == [60, 60, 450, 450]
