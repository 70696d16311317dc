"""Links are put right after hours were sent: those hours are seen, moved, or left."""

from __future__ import annotations

from qbwc_server.decisions import linking, relinked
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import (
    Hour,
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, set_values

ANN, BO = "Ann Lee", "Bo Berg"


def _link(house: House, to: dict[str, int]) -> None:
    """Link people to members, whatever they were linked to."""
    for name in to:
        _say(house, name, None)
    for name, member in to.items():
        _say(house, name, member)


def _say(house: House, name: str, member: int | None) -> None:
    (row,) = house.rows(
        tables.record,
        tables.record.c.kind == "employee",
        tables.record.c.quickbooks_id == house.persons[name],
    )
    word = linking.Word("bookkeeper", house.clock(), "linked wrongly")
    with company_transaction(house.engine, house.company.id) as connection:
        if member is None:
            linking.unlink(connection, house.company.id, row.id, word)
        else:
            linking.link(connection, house.company.id, row.id, member, word)


def _members(house: House) -> dict[str, int]:
    return {
        one.name: one.mosaic_id
        for one in house.rows(tables.record, tables.record.c.kind == "employee")
    }


def _entered(house: House, member: int, ago: int) -> None:
    """Have somebody enter an hour in Mosaic for a member, whatever it is called."""
    objects = house.sandbox.team.store.objects
    project = next(
        one for one in objects["project"].values() if one["title"] == "House"
    )
    category = next(
        one
        for one in objects["standard_work_category"].values()
        if one["title"] == "Design"
    )
    house.people.add_time(
        member,
        day(house, ago),
        1.0,
        project=project["mosaic_id"],
        category=category["mosaic_id"],
        text="",
    )


def _crossed(house: House) -> dict[str, int]:
    """Have two people linked crosswise while hours are sent both ways.

    Ann has an hour in QuickBooks, and her member one in Mosaic.
    """
    members = _members(house)
    _link(house, {ANN: members[BO], BO: members[ANN]})
    house.settle_for(minutes=65)
    house.hands.add_time(
        house.persons[ANN],
        day(house, 2),
        60,
        notes="",
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
        billable="Billable",
    )
    _entered(house, members[ANN], 1)
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert {one.state for one in time_records(house)} == {"in_sync"}
    return members


def _put_right(house: House, members: dict[str, int]) -> None:
    _link(house, members)
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)


def _settle(house: House, *, move: bool) -> int:
    with company_transaction(house.engine, house.company.id) as connection:
        done = relinked.settle(
            connection, house.company.id, move=move, by="support", now=house.clock()
        )
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    return done


def _who(hours: list[Hour]) -> dict[str, str]:
    return {on: who for who, on, _, _ in hours}


def test_hours_under_an_old_link_are_seen_with_their_number(house: House) -> None:
    """They agree with nothing any more: a person must say what becomes of them."""
    members = _crossed(house)
    _put_right(house, members)
    assert {one.state for one in time_records(house)} == {"conflict"}
    assert all("linked otherwise" in one.reason for one in time_records(house))
    with company_transaction(house.engine, house.company.id) as connection:
        found = relinked.groups(connection, house.company.id)
    assert [(one.what, one.entries, one.minutes) for one in found] == [
        ("person", 1, 60),
        ("person", 1, 60),
    ]
    assert _who(hours_in_quickbooks(house)) == {day(house, 2): ANN, day(house, 1): BO}


def test_one_word_moves_them_all_to_whom_they_belong(house: House) -> None:
    """The copy moves: in Mosaic what came from QuickBooks, and the other way round."""
    members = _crossed(house)
    old, new = day(house, 2), day(house, 1)
    _put_right(house, members)
    assert _settle(house, move=True) == 2
    assert _who(hours_in_quickbooks(house)) == {old: ANN, new: ANN}
    assert {
        one["member_id"]
        for one in house.sandbox.team.store.objects["time_entry"].values()
    } == {members[ANN]}
    assert {one.state for one in time_records(house)} == {"in_sync"}


def test_one_word_leaves_them_and_nothing_asks_again(house: House) -> None:
    """Also when links are looked through once more."""
    members = _crossed(house)
    _put_right(house, members)
    before = hours_in_quickbooks(house), hours_in_mosaic(house)
    assert _settle(house, move=False) == 2
    assert {one.state for one in time_records(house)} == {"in_sync"}
    _put_right(house, members)
    assert {one.state for one in time_records(house)} == {"in_sync"}
    assert (hours_in_quickbooks(house), hours_in_mosaic(house)) == before


def test_one_way_they_are_asked_about_too(house: House) -> None:
    """QuickBooks is right in everything, and its hours may go to the wrong member."""
    set_values(house, two_way=False)
    members = _members(house)
    _link(house, {ANN: members[BO], BO: members[ANN]})
    house.settle_for(minutes=65)
    house.hands.add_time(
        house.persons[ANN],
        day(house, 2),
        60,
        notes="",
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
        billable="Billable",
    )
    house.settle_for(minutes=65)
    _put_right(house, members)
    assert [one.state for one in time_records(house)] == ["conflict"]
    assert _settle(house, move=True) == 1
    (entry,) = house.sandbox.team.store.objects["time_entry"].values()
    assert entry["member_id"] == members[ANN]


def _on(house: House, job: str) -> None:
    house.hands.add_time(
        house.persons[ANN],
        day(house, 2),
        60,
        notes="",
        customer=house.jobs[job],
        item=house.items["Design"],
        billable="Billable",
    )


def _link_lists(house: House, kind: str, to: dict[str, int | None]) -> None:
    for list_id, number in to.items():
        (row,) = house.rows(
            tables.record,
            tables.record.c.kind == kind,
            tables.record.c.quickbooks_id == list_id,
        )
        word = linking.Word("bookkeeper", house.clock(), "linked wrongly")
        with company_transaction(house.engine, house.company.id) as connection:
            if number is None:
                linking.unlink(connection, house.company.id, row.id, word)
            else:
                linking.link(connection, house.company.id, row.id, number, word)


def test_hours_are_seen_where_nothing_is_linked_to_their_old_place(
    house: House,
) -> None:
    """An item is linked to another category, and what it was linked to is no one's."""
    _on(house, "Acme:House")
    house.settle_for(minutes=65)
    categories = {
        one["title"]: one["mosaic_id"]
        for one in house.sandbox.team.store.objects["standard_work_category"].values()
    }
    design, detail = house.items["Design"], house.items["Detail"]
    _link_lists(house, "service_item", {detail: None, design: None})
    _link_lists(house, "service_item", {design: categories["Detail"]})
    for _ in range(2):
        house.settle_for(minutes=65)
    assert [one.state for one in time_records(house)] == ["conflict"]
    assert _settle(house, move=True) == 1
    (entry,) = house.sandbox.team.store.objects["time_entry"].values()
    assert entry["standard_work_category_id"] == categories["Detail"]


def test_hours_on_a_phase_wait_for_the_link_of_its_project(house: House) -> None:
    """A phase is linked with its project alone, into Mosaic as out of it."""
    _link_lists(house, "customer", {house.jobs["Acme:House"]: None})
    _on(house, "Acme:House:Sketches")
    house.settle_for(minutes=65)
    assert not hours_in_mosaic(house)
    (waiting,) = time_records(house)
    assert (waiting.state, "House has no project" in waiting.reason) == (
        "unlinked",
        True,
    )
    _link_lists(house, "customer", {house.jobs["Acme:House"]: 1005})
    house.settle_for(minutes=65)
    assert len(hours_in_mosaic(house)) == 1
