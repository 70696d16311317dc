"""What the people at the PC do to a company file, as an application sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbwc_server.sandbox.quickbooks.list_changes import NotPossible
from tests.sandbox.quickbooks.office import Office, texts

CUSTOMERS = "<CustomerQueryRq><ActiveStatus>All</ActiveStatus></CustomerQueryRq>"
DELETED = "<ListDeletedQueryRq><ListDelType>Customer</ListDelType></ListDeletedQueryRq>"
TIME = "<TimeTrackingQueryRq/>"


def test_renaming_a_parent_changes_names_below_but_no_times(office: Office) -> None:
    """The jobs' FullName follows, their TimeModified does not."""
    parent = office.hands.add("Customer", "Old")
    job = office.hands.add("Customer", "House", parent=parent)
    office.hands.add("Customer", "Roof", parent=job)
    office.now += 60

    office.hands.rename("Customer", parent, "New")

    answer = office.one(CUSTOMERS)
    names = ["New", "New:House", "New:House:Roof"]
    assert texts(answer, "*/FullName") == names
    parents = texts(answer, "*/ParentRef/FullName")
    assert parents == names[:2]
    times = texts(answer, "*/TimeModified")
    assert times[0] > times[1] == times[2]


def test_a_job_can_be_put_elsewhere(office: Office) -> None:
    """Its FullName and level follow; below itself it cannot go."""
    one, two = (office.hands.add("Customer", name) for name in ("One", "Two"))
    job = office.hands.add("Customer", "House", parent=one)

    office.hands.move("Customer", job, two)
    assert texts(office.one(CUSTOMERS), "*/FullName") == ["One", "Two", "Two:House"]
    with pytest.raises(NotPossible):
        office.hands.move("Customer", two, job)
    office.hands.move("Customer", job, None)
    assert texts(office.one(CUSTOMERS), "*/Sublevel") == ["0", "0", "0"]


def test_a_merge_moves_the_time_and_tells_of_a_deletion(office: Office) -> None:
    """The loser is in ListDeletedQuery; its time is the winner's, unchanged."""
    winner, loser = (office.hands.add("Customer", name) for name in ("Right", "Wrong"))
    office.hands.add("Customer", "House", parent=loser)
    person = office.hands.add("Employee", "Ada")
    office.hands.add_time(person, "2026-07-01", 60, customer=loser)
    before = texts(office.one(TIME), "*/EditSequence")
    office.now += 60

    office.hands.merge("Customer", loser, winner)

    deleted = office.one(DELETED)
    assert texts(deleted, "*/ListID") == [loser]
    assert texts(deleted, "*/FullName") == ["Wrong"]
    assert texts(office.one(CUSTOMERS), "*/FullName") == ["Right", "Right:House"]
    moved = office.one(TIME)
    assert texts(moved, "*/CustomerRef/ListID") == [winner]
    assert texts(moved, "*/EditSequence") == before


def test_a_merge_of_people_moves_their_time(office: Office) -> None:
    """The person of a time entry becomes the winner."""
    winner, loser = (office.hands.add("Employee", name) for name in ("Ada", "Adah"))
    office.hands.add_time(loser, "2026-07-01", 60)

    office.hands.merge("Employee", loser, winner)

    assert texts(office.one(TIME), "*/EntityRef/FullName") == ["Ada"]


def test_a_deleted_record_is_gone_and_remembered(office: Office) -> None:
    """In single-user mode a delete deletes."""
    gone = office.hands.add("Customer", "Gone")

    office.hands.delete("Customer", gone)

    assert office.status(CUSTOMERS) == "1"
    assert texts(office.one(DELETED), "*/ListID") == [gone]


def test_a_delete_in_multi_user_mode_only_hides(office: Office) -> None:
    """The record turns inactive and no deletion is told."""
    gone = office.hands.add("Customer", "Gone")
    office.hands.set("file_mode", "MultiUser")

    office.hands.delete("Customer", gone)

    assert texts(office.one(CUSTOMERS), "*/IsActive") == ["false"]
    assert office.status(DELETED) == "1"


def test_a_record_in_use_cannot_be_deleted(office: Office) -> None:
    """Neither with jobs below it nor with time on it."""
    parent = office.hands.add("Customer", "Vale")
    job = office.hands.add("Customer", "House", parent=parent)
    person = office.hands.add("Employee", "Ada")
    office.hands.add_time(person, "2026-07-01", 60, customer=job)

    for kind, record in (("Customer", parent), ("Customer", job), ("Employee", person)):
        with pytest.raises(NotPossible):
            office.hands.delete(kind, record)


@pytest.mark.parametrize("name", ["vale", "a:b", "", "x" * 42])
def test_names_have_rules(office: Office, name: str) -> None:
    """A name is free among all people, has no colon, and fits."""
    office.hands.add("Vendor", "Vale")

    with pytest.raises(NotPossible):
        office.hands.add("Customer", name)


def test_an_edit_moves_time_and_edit_sequence(office: Office) -> None:
    """Both are the second of the edit; a touch moves the time alone."""
    person = office.hands.add("Employee", "Ada", Email="old@vale.example", Phone="1")
    office.now += 10
    office.hands.edit("Employee", person, Email="new@vale.example", Phone="")
    office.now += 10
    office.hands.touch("Employee", person)

    answer = office.one("<EmployeeQueryRq/>")

    assert texts(answer, "*/Email") == ["new@vale.example"]
    assert texts(answer, "*/Phone") == []
    assert texts(answer, "*/EditSequence") == [f"{office.now - 10:.0f}"]
    assert texts(answer, "*/TimeModified") == ["2026-07-02T09:47:00-05:00"]


def test_an_element_the_list_has_not_is_refused(office: Office) -> None:
    """A slip in a test's element name does not pass silently."""
    with pytest.raises(NotPossible):
        office.hands.add("Class", "Studio", Email="a@b.example")


def test_a_restored_backup_takes_everything_back(
    office: Office, tmp_path: Path
) -> None:
    """Later records and message sets are gone, and LastRestoreTime moves."""
    activity = "<CompanyActivityQueryRq/>"
    office.hands.add("Customer", "Before")
    office.hands.back_up(tmp_path / "backup")
    before = texts(office.one(activity), "*/LastRestoreTime")
    office.hands.add("Customer", "After")
    office.ask("<HostQueryRq/>", 'onError="stopOnError" newMessageSetID="S1"')
    office.now += 3600

    office.hands.restore(tmp_path / "backup")

    assert texts(office.one(CUSTOMERS), "*/FullName") == ["Before"]
    probe = 'onError="stopOnError" newMessageSetID="S1" oldMessageSetID="S1"'
    assert office.ask("", probe).get("messageSetStatusCode") == "9002"
    restored = texts(office.one(activity), "*/LastRestoreTime")
    assert before == ["1969-12-31T19:00:00-05:00"]
    assert restored == ["2026-07-02T10:46:40-05:00"]


def test_deleted_time_is_remembered(office: Office) -> None:
    """What the person deletes shows in TxnDeletedQuery too."""
    person = office.hands.add("Employee", "Ada")
    txn_id = office.hands.add_time(person, "2026-07-01", 60)

    office.hands.delete_time(txn_id)

    query = (
        "<TxnDeletedQueryRq><TxnDelType>TimeTracking</TxnDelType></TxnDeletedQueryRq>"
    )
    assert texts(office.one(query), "*/TxnID") == [txn_id]
    with pytest.raises(NotPossible):
        office.hands.edit_time(txn_id, minutes=5)
