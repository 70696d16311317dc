"""What the preview says is what going live does, and it does nothing itself."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from qbwc_server.decisions import company_settings
from qbwc_server.onboarding.preview import Preview, preview
from qbwc_server.storage import tables
from tests.agreement.house import TYPES, House

pytestmark = pytest.mark.in_turn

_TODAY = "2026-03-02"


@pytest.fixture
def house(new_house: House) -> House:
    """A house in preview, on each of the databases."""
    _set_mode(new_house, "preview")
    return new_house


def _set_mode(house: House, mode: str) -> None:
    company_settings.set_values(
        house.engine, house.company.id, now=house.clock(), who="person", mode=mode
    )


def _preview(house: House) -> Preview:
    return preview(house.engine, house.stored(), house.settings, house.clock)


def _fill_quickbooks(house: House) -> None:
    """Two entries that go, one that Mosaic has too, and three that cannot go."""
    house.hands.add("Employee", "Cy Noble", FirstName="Cy", LastName="Noble")
    nobody = house.hands.add("Employee", "Di Nowhere", FirstName="Di")
    vendor = house.hands.add("Vendor", "Plans Inc")
    ann, bo = house.persons["Ann Lee"], house.persons["Bo Berg"]
    design = house.items["Design"]
    add, jobs = house.hands.add_time, house.jobs
    add(ann, _TODAY, 60, customer=jobs["Acme:House"], item=design, notes="plans")
    add(ann, _TODAY, 90, customer=jobs["Bolt:Garage"], item=design, notes="garage")
    add(bo, _TODAY, 45, customer=jobs["Acme:House:Sketches"], item=design)
    add(nobody, _TODAY, 30, customer=jobs["Acme:House"], item=design)
    add(bo, _TODAY, 15)
    add(
        vendor,
        _TODAY,
        20,
        person_kind="Vendor",
        customer=jobs["Acme:House"],
        item=design,
    )


def _fill_mosaic(house: House) -> None:
    """A team that has a part of it already, in part with the same hours."""
    create, people = house.sandbox.create, house.people
    ann = create(
        "employee", email="ann@example.com", first_name="Ann", last_name="Leigh"
    )["mosaic_id"]
    category = create("standard_work_category", title="Design")["mosaic_id"]
    portfolio = create("portfolio", title=house.stored().name)["mosaic_id"]
    create("client", client_name="Acme")
    project = create("project", title="House", portfolio_id=portfolio, client="Acme")[
        "mosaic_id"
    ]
    stray = create("project", title="Own affair", portfolio_id=portfolio)["mosaic_id"]
    long_ago = str(house.clock().date() - timedelta(days=200))
    for day, hours, where, text in (
        (_TODAY, 1, project, "plans"),
        (_TODAY, 2, project, "only here"),
        (long_ago, 3, project, "old"),
        (_TODAY, 4, stray, "stray"),
    ):
        people.add_time(
            ann,
            day,
            hours,
            project=where,
            category=category,
            text=text,
            billable=text != "plans",
        )


def test_a_preview_tells_what_going_live_then_does(house: House) -> None:
    """Each number of it is found again in what was written; before, nothing was."""
    _fill_quickbooks(house)
    _fill_mosaic(house)
    before = house.everything()
    house.settle()
    records = house.rows(tables.record)

    told = _preview(house)

    assert house.everything() == before
    assert house.rows(tables.record) == records
    assert house.rows(tables.mosaic_call) == []
    assert house.unfinished_jobs() == []
    assert told.counts == {
        "employee": Counter(link_change=1, create=1, unlinked=2),
        "customer": Counter(link=2, create=3),
        "service_item": Counter(link=1, create=1),
        "time_entry": Counter(join=1, create=2, add=1, unlinked=5),
    }
    assert [(one.name, one.outcome) for one in told.people] == [
        *(("Cy Noble", "unlinked"), ("Di Nowhere", "unlinked")),
        *(("Ann Lee", "link_change"), ("Bo Berg", "create")),
    ]
    assert "e-mail" in (told.people[0].reason or "")
    there = {name: len(house.sandbox.objects(name)) for name in TYPES}

    _set_mode(house, "live")
    house.quiet()

    made = Counter(
        one["data_type"] for one in house.sandbox.writes if one["op"] == "create"
    )
    assert made == Counter(
        employee=1, client=1, project=1, phase=1, standard_work_category=1, time_entry=2
    )
    assert len(house.sandbox.objects("time_entry")) == there["time_entry"] + 2
    changed = [one for one in house.sandbox.writes if one["op"] != "create"]
    assert [one["data_type"] for one in changed] == ["employee"]
    assert house.talk.writes == ["TimeTrackingAdd"]
    after = _preview(house)
    assert after.counts == {
        "employee": Counter(in_sync=2, unlinked=2),
        "customer": Counter(in_sync=5),
        "service_item": Counter(in_sync=2),
        "time_entry": Counter(in_sync=4, unlinked=5),
    }


def test_time_that_stays_is_told_by_its_reason(house: House) -> None:
    """Each reason is a group, with its hours and one entry to look at."""
    _fill_quickbooks(house)
    _fill_mosaic(house)
    house.settle()

    told = _preview(house)

    stays = {
        (one.reason or "").split(".")[0]: (one.entries, one.minutes)
        for one in told.time
        if one.outcome == "unlinked"
    }
    assert stays == {
        "Di Nowhere has no member in Mosaic yet": (1, 30),
        "Has no customer or job in QuickBooks, and no project": (1, 15),
        "Whoever worked is not among the employees": (1, 20),
        "Is only in Mosaic, and older than the 120 days that are sent to QuickBooks": (
            *(1, 180),
        ),
        "The project Own affair is not linked to a job in QuickBooks": (1, 240),
    }
    outcomes = [one.outcome for one in told.time]
    assert outcomes == ["unlinked"] * 5 + ["join", "create", "add"]
    ids = {row.id for row in house.rows(tables.record)}
    assert {one.record_id for one in told.time} <= ids


def test_what_was_not_read_is_said(house: House) -> None:
    """Nothing is promised from a Mosaic that nobody has looked at."""
    told = _preview(house)

    assert told.counts == {}
    assert [one.split(":")[0] for one in told.remarks][:2] == [
        *("QuickBooks was not read yet", "Mosaic was not read yet"),
    ]


def test_a_company_without_two_way_time_previews_no_additions(house: House) -> None:
    """The preview goes by the company's own decisions."""
    _fill_mosaic(house)
    company_settings.set_values(
        house.engine, house.company.id, now=house.clock(), who="person", two_way=False
    )
    house.settle()

    assert _preview(house).counts["time_entry"] == Counter(unlinked=4)
