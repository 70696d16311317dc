"""Histories that broke a promise once: each is told in one sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qbwc_server.decisions import company_settings, gone
from qbwc_server.kinds.restored import Way
from qbwc_server.kinds.tombstone import Word
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import House
from tests.agreement.talk import Trouble


def day(house: House, ago: int = 1) -> str:
    """Return a day so many days ago."""
    return (house.clock.now.date() - timedelta(days=ago)).isoformat()


def in_quickbooks(house: House, notes: str = "work", **more: Any) -> str:
    """Enter an hour in QuickBooks; return its TxnID."""
    values = {
        "customer": house.jobs["Acme:House"],
        "item": house.items["Design"],
        "billable": "Billable",
        **more,
    }
    return house.hands.add_time(
        house.persons["Ann Lee"],
        values.pop("day", day(house)),
        values.pop("minutes", 60),
        notes=notes,
        **values,
    )


def in_mosaic(house: House, notes: str = "work", ago: int = 1, **more: Any) -> int:
    """Enter an hour in Mosaic for the same job; return its number."""
    objects = house.sandbox.team.store.objects
    project = next(
        one for one in objects["project"].values() if one["title"] == "House"
    )
    member = next(
        one for one in objects["employee"].values() if one["first_name"] == "Ann"
    )
    category = next(
        one
        for one in objects["standard_work_category"].values()
        if one["title"] == "Design"
    )
    return house.people.add_time(
        member["mosaic_id"],
        day(house, ago),
        more.pop("hours", 1.0),
        project=project["mosaic_id"],
        category=category["mosaic_id"],
        text=notes,
        **more,
    )


def quickbooks(house: House) -> list[dict[str, Any]]:
    """Return the time in the company file."""
    rows = house.file.store.all("SELECT * FROM time_entry ORDER BY number")
    return [dict(row) for row in rows]


def mosaic(house: House) -> list[dict[str, Any]]:
    """Return the time in Mosaic."""
    return list(house.sandbox.team.store.objects["time_entry"].values())


def linked(house: House) -> Any:
    """Return the one record of time."""
    (row,) = house.rows(tables.record, tables.record.c.kind == "time_entry")
    return row


def set_values(house: House, **values: Any) -> None:
    """Change settings of the company, as an operator does."""
    company_settings.set_values(
        house.engine, house.company.id, now=house.clock(), who="operator", **values
    )


def deleted_in_mosaic(house: House) -> None:
    """Delete the one entry in Mosaic, say that it is deleted, and have that planned."""
    house.connect()
    house.people.calls_back = True
    house.people.delete_time(mosaic(house)[0]["mosaic_id"])
    house.sandbox.deliver_callbacks()
    house.work()
    row = linked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        gone.say(connection, row, Word.DELETED, by="person", now=house.clock())
    house.work()
    assert [job.action for job in house.unfinished_jobs()] == ["del"]


def edited_in_mosaic(house: House) -> int:
    """Edit the one entry in Mosaic, which calls back, and have that planned."""
    mosaic_id: int = mosaic(house)[0]["mosaic_id"]
    house.people.calls_back = True
    house.people.edit_time(mosaic_id, description="more")
    house.sandbox.deliver_callbacks()
    house.work()
    assert [job.action for job in house.unfinished_jobs()] == ["mod"]
    return mosaic_id


def a_vendor_works(house: House) -> str:
    """Make a vendor who has an address."""
    return house.hands.add(
        "Vendor", "Ana Vale", FirstName="Ana", LastName="Vale", Email="ana@x.org"
    )


def a_vendors_hour(house: House, vendor: str) -> None:
    """Enter an hour of a vendor in QuickBooks."""
    house.hands.add_time(
        vendor,
        day(house),
        60,
        person_kind="Vendor",
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
        notes="work",
        billable="Billable",
    )


def with_payroll(house: House) -> tuple[str, str]:
    """Have Ann paid by her time; return a payroll item and a class."""
    hands = house.hands
    for name in ("payroll", "payroll_subscription", "personal_data", "class_tracking"):
        hands.set(name, True)
    wage, class_ = hands.add("PayrollItemWage", "Hourly"), hands.add("Class", "East")
    paid = [("UseTimeDataToCreatePaychecks", "UseTimeData")]
    hands.edit("Employee", house.persons["Ann Lee"], EmployeePayrollInfo=paid)
    return wage, class_


def test_time_invoiced_since_its_deletion_was_planned_is_not_deleted(
    house: House,
) -> None:
    """TxnDel has no EditSequence, so the entry is looked at just before."""
    txn_id = in_quickbooks(house)
    house.settle_for(minutes=65)
    deleted_in_mosaic(house)
    house.hands.mark_billed(txn_id)
    house.clock.pass_(minutes=1)

    house.connect()

    assert house.file.store.billed_touched == 0
    assert quickbooks(house)


def test_time_edited_since_its_deletion_was_planned_is_kept(house: House) -> None:
    """A deletion loses to an edit, also to one made a minute before."""
    txn_id = in_quickbooks(house)
    house.settle_for(minutes=65)
    deleted_in_mosaic(house)
    house.hands.edit_time(txn_id, minutes=480)
    house.clock.pass_(minutes=1)

    house.connect()
    house.settle()

    assert [row["minutes"] for row in quickbooks(house)] == [480]


def test_deletions_need_a_persons_word_once(house: House) -> None:
    """What QuickBooks then says was deleted is part of what the word was about."""
    txn_ids = [in_quickbooks(house, f"work {number}") for number in range(30)]
    house.settle_for(minutes=65)
    house.clock.pass_(minutes=16)
    for txn_id in txn_ids[:20]:
        house.hands.delete_time(txn_id)
    house.settle_for(minutes=16)
    assert house.stored().attention_id == "too-many-gone"

    house.accept()
    house.settle_for(minutes=65)

    assert house.stored().attention is None
    assert len(mosaic(house)) == 10


def test_what_a_new_closing_date_locks_is_not_sent(house: House) -> None:
    """The change was planned before the books were closed."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    edited_in_mosaic(house)
    house.hands.set("closing_date", day(house, 0))
    house.clock.pass_(minutes=16)

    house.connect()
    house.work()

    assert house.talk.writes == []
    assert linked(house).state == "locked"


@pytest.mark.parametrize("way", [None, "quickbooks"])
def test_a_backup_restored_to_undo_deletions_is_not_emptied_again(
    house: House, way: Way | None
) -> None:
    """What is there again is counted; if QuickBooks is right it is made in Mosaic."""
    txn_ids = [in_quickbooks(house, f"work {number}") for number in range(30)]
    house.settle_for(minutes=65)
    house.hands.back_up(house.folder / "backup.qbb")
    house.clock.pass_(minutes=16)
    for txn_id in txn_ids[:20]:
        house.hands.delete_time(txn_id)
    house.settle_for(minutes=16)
    house.accept()
    house.settle_for(minutes=65)
    house.accept()
    house.settle_for(minutes=65)
    assert len(mosaic(house)) == 10
    house.clock.pass_(minutes=60)

    house.hands.restore(house.folder / "backup.qbb")
    house.settle_for(minutes=65)

    assert len(quickbooks(house)) == 30
    assert "Of what was deleted, 20 are there again" in (house.stored().attention or "")
    if way is not None:
        with company_transaction(house.engine, house.company.id) as connection:
            deciding.decide(
                connection, house.company.id, way, now=house.clock(), who="person"
            )
        house.settle_for(minutes=65)
        house.settle_for(minutes=65)
        assert len(quickbooks(house)) == len(mosaic(house)) == 30


def test_an_entry_added_again_keeps_class_and_payroll_item(house: House) -> None:
    """Mosaic has neither, and without a payroll item the hour is not paid."""
    wage, class_ = with_payroll(house)
    txn_id = in_quickbooks(house)
    house.hands.edit_time(txn_id, payroll_id=wage, class_id=class_)
    house.settle_for(minutes=65)
    house.hands.delete_time(txn_id)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], description="more")

    house.settle_for(minutes=65)

    (row,) = quickbooks(house)
    assert (row["payroll_id"], row["class_id"]) == (wage, class_)


def test_an_hour_that_is_given_to_somebody_who_is_paid_by_time_is_paid(
    house: House,
) -> None:
    """It was entered for the wrong person; as a new one it would have the item, too."""
    wage, _ = with_payroll(house)
    set_values(house, time_payroll_item="Hourly")
    house.hands.edit_time(in_quickbooks(house, ""), payroll_id=wage)
    house.settle_for(minutes=65)
    ann = mosaic(house)[0]["member_id"]
    moved = house.hands.add_time(
        house.persons["Bo Berg"],
        day(house),
        60,
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
    )
    house.settle_for(minutes=65)
    (of_bo,) = [one for one in mosaic(house) if one["member_id"] != ann]
    for member, item in ((ann, wage), (of_bo["member_id"], None)):
        house.people.edit_time(of_bo["mosaic_id"], member_id=member)
        house.settle_for(minutes=65)
        (row,) = [one for one in quickbooks(house) if one["txn_id"] == moved]
        assert row["payroll_id"] == item


def test_an_entry_put_back_after_a_restore_keeps_class_and_payroll_item(
    house: House,
) -> None:
    """The same where a backup took the entry away."""
    wage, class_ = with_payroll(house)
    for number in range(12):
        in_quickbooks(house, f"work {number}")
    house.settle_for(minutes=65)
    house.hands.back_up(house.folder / "backup.qbb")
    house.clock.pass_(minutes=16)
    txn_id = in_quickbooks(house, "late")
    house.hands.edit_time(txn_id, payroll_id=wage, class_id=class_)
    house.settle_for(minutes=65)
    house.clock.pass_(minutes=16)

    house.hands.restore(house.folder / "backup.qbb")
    house.settle_for(minutes=65)

    (row,) = [one for one in quickbooks(house) if one["notes"] == "late"]
    assert (row["payroll_id"], row["class_id"]) == (wage, class_)


def test_a_change_that_nobody_could_find_out_about_is_planned_anew(
    house: House,
) -> None:
    """Only an Add could be done twice; time tracking was off for a few minutes."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    mosaic_id = edited_in_mosaic(house)
    for number in range(1, 9):
        house.clock.pass_(minutes=2)
        if house.talk.writes:
            break
        house.connect(Trouble("receiveResponseXML", number))
    assert house.talk.writes == ["TimeTrackingMod"]
    house.file.clear_all_message_sets(house.talk.application.app_name)
    house.hands.set("time_tracking", False)
    for _ in range(8):
        house.clock.pass_(minutes=2)
        house.connect()
    house.hands.set("time_tracking", True)

    house.settle_for(minutes=65)
    house.people.edit_time(mosaic_id, description="even more")
    house.settle_for(minutes=65)

    assert not house.unfinished_jobs()
    assert quickbooks(house)[0]["notes"] == "even more"


def test_time_of_vendors_goes_when_they_are_switched_on(house: House) -> None:
    """The entry was read while they were off, and waits for an "employee"."""
    a_vendors_hour(house, a_vendor_works(house))
    house.settle_for(minutes=65)
    assert not mosaic(house)

    set_values(house, contractors=True)
    house.settle_for(minutes=65)

    assert len(mosaic(house)) == 1


def test_time_of_vendors_stays_when_they_are_switched_off(house: House) -> None:
    """A vendor that was linked once is still known, but not asked for."""
    set_values(house, contractors=True)
    vendor = a_vendor_works(house)
    house.settle_for(minutes=65)
    set_values(house, contractors=False)
    house.settle_for(minutes=65)

    a_vendors_hour(house, vendor)
    house.settle_for(minutes=65)

    assert not mosaic(house)
    assert linked(house).state == "unlinked"


@pytest.mark.parametrize("ago", [1, 30])
def test_an_edit_in_mosaic_not_read_yet_is_not_overwritten_unseen(
    house: House, ago: int
) -> None:
    """Mosaic's edit is the later one, and no policy was asked."""
    txn_id = in_quickbooks(house, day=day(house, ago))
    house.settle_for(minutes=65)
    house.clock.pass_(minutes=16)
    house.work()
    house.hands.edit_time(txn_id, notes="from QuickBooks")
    house.connect()
    house.clock.pass_(minutes=2)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], description="from Mosaic")

    house.work()
    house.settle_for(minutes=65)

    kept = linked(house).conflict
    assert mosaic(house)[0]["description"] == "from Mosaic" or kept


@pytest.mark.parametrize("ago", [1, 30])
def test_an_edit_in_mosaic_not_read_yet_is_not_deleted(house: House, ago: int) -> None:
    """A deletion in QuickBooks loses to an edit in Mosaic."""
    txn_id = in_quickbooks(house, day=day(house, ago))
    house.settle_for(minutes=65)
    house.clock.pass_(minutes=16)
    house.work()
    house.hands.delete_time(txn_id)
    house.connect()
    house.clock.pass_(minutes=2)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], description="from Mosaic")

    house.work()
    house.settle_for(minutes=65)

    assert mosaic(house)
    assert quickbooks(house)


def test_the_same_entry_made_on_both_sides_stops_nothing(house: House) -> None:
    """Both records are due in one pass, and the first takes in the second."""
    in_quickbooks(house)
    in_mosaic(house)
    house.clock.pass_(minutes=16)
    house.connect()

    house.settle()

    assert house.stored().attention is None
    assert len(quickbooks(house)) == len(mosaic(house)) == 1


def test_a_preview_counts_what_would_be_joined_on_neither_side(house: House) -> None:
    """A customer of another connector has the same hours on both sides."""
    set_values(house, mode="preview")
    in_quickbooks(house)
    in_mosaic(house)

    house.settle_for(minutes=65)
    house.settle_for(minutes=65)

    rows = house.rows(tables.record, tables.record.c.kind == "time_entry")
    assert not [row.reason for row in rows if "would be" in (row.reason or "")]


def test_an_edit_after_the_computer_moved_west_arrives(house: House) -> None:
    """The wall clock is three hours behind the watermark from then on."""
    txn_id = in_quickbooks(house)
    house.settle_for(minutes=65)
    house.hands.set("zone", "America/Los_Angeles")
    house.clock.pass_(minutes=10)
    house.hands.edit_time(txn_id, notes="after the move")

    for _ in range(3):
        house.settle_for(hours=9)

    assert mosaic(house)[0]["description"] == "after the move"


@pytest.mark.parametrize("field", ["day", "person"])
@pytest.mark.parametrize("mode", ["callback", "silent", "mute"])
def test_an_entry_moved_in_mosaic_before_its_creation_was_settled_is_not_doubled(
    house: House, mode: Any, field: str
) -> None:
    """Moved within the two minutes before our answer came, it looks like a new one."""
    house.sandbox.answer_mode = mode
    in_quickbooks(house)
    house.clock.pass_(minutes=16)
    house.connect()
    house.sandbox.fail_next("callback_never", 1)
    house.work()
    house.clock.pass_(seconds=3)
    members = house.sandbox.team.store.objects["employee"].values()
    bo = next(one["mosaic_id"] for one in members if one["first_name"] == "Bo")
    moved = {"day": {"date": day(house, 3)}, "person": {"member_id": bo}}[field]
    house.people.calls_back = True
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], **moved)
    house.sandbox.deliver_callbacks()
    house.work()

    house.settle_for(minutes=65)
    house.settle_for(minutes=65)

    assert len(mosaic(house)) == len(quickbooks(house)) == 1
    assert linked(house).state == "in_sync"


def test_a_lost_add_whose_entry_was_moved_to_another_day_is_not_added_again(
    house: House,
) -> None:
    """QuickBooks has forgotten its answer, and the day does not show the entry."""
    in_mosaic(house)
    house.clock.pass_(minutes=70)
    house.connect()
    house.work()
    house.work()
    for number in range(1, 9):
        house.clock.pass_(minutes=2)
        if house.talk.writes:
            break
        house.connect(Trouble("receiveResponseXML", number))
    assert house.talk.writes == ["TimeTrackingAdd"]
    house.file.clear_all_message_sets(house.talk.application.app_name)
    house.hands.edit_time(quickbooks(house)[0]["txn_id"], txn_date=day(house, 3))
    house.clock.pass_(minutes=2)

    house.connect()
    house.settle_for(minutes=65)

    assert house.talk.writes == ["TimeTrackingAdd"]
    assert len(quickbooks(house)) == len(mosaic(house)) == 1


def test_time_on_a_project_that_is_linked_later_goes_by_itself(house: House) -> None:
    """It waits for the project: its main phase is linked to nothing, ever."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    portfolio = next(iter(house.sandbox.team.store.objects["portfolio"]))
    project = house.sandbox.create(
        "project", portfolio_id=portfolio, title="Free", client="Acme"
    )
    house.people.move_time(mosaic(house)[0]["mosaic_id"], project["mosaic_id"])
    house.settle_for(minutes=65)
    house.settle_for(hours=house.settings.mosaic_refresh_hours + 1)

    job = house.hands.add("Customer", "Free", parent=house.jobs["Acme"])
    house.settle_for(minutes=65)

    assert quickbooks(house)[0]["customer_id"] == job
