"""What QuickBooks answers to our writes of time, and what becomes of the records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qbwc_server.companies import registry
from qbwc_server.sandbox.quickbooks.answer import Refused
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.web_connector.desk import PATH, Desk
from tests.web_connector.timesheet import Timesheet

pytestmark = pytest.mark.in_turn

HOUR = timedelta(hours=1)


def test_an_entry_that_was_added_is_linked_and_planned_again(
    desk: Desk, timesheet: Timesheet
) -> None:
    """The record has QuickBooks' side, what both agree on, and what was done."""
    record = timesheet.new(notes="Plan\nand section")
    guid = timesheet.record(record).external_guid
    assert desk.run().percents[-1] == 100

    [entry] = timesheet.file()
    row = timesheet.record(record)
    assert (entry["txn_id"], entry["external_guid"]) == (row.quickbooks_id, guid)
    assert row.edit_sequence == entry["edit_sequence"]
    assert row.quickbooks["notes"] == "Plan\nand section"
    assert row.agreed["quickbooks"]["minutes"] == 90
    assert row.agreed["mosaic"]["minutes"] == "mosaic minutes"
    assert (row.day, row.parent_id) == ("2026-02-27", desk.person)
    assert row.name == "2026-02-27 Ada 1:30 Harbor"
    assert (row.due_at, row.attempt, row.state) == (desk.clock(), 1, "pending")
    assert timesheet.job(record).state == "done"
    assert [one.what for one in timesheet.events(record)] == ["added to QuickBooks"]


def test_an_entry_that_was_changed_keeps_what_was_there_before(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Nothing is overwritten unseen, and the EditSequence is the new one."""
    record = timesheet.linked()
    desk.clock.pass_(seconds=5)
    timesheet.change(record, notes="New", job=None, billable="NotBillable")
    desk.run()

    [entry] = timesheet.file()
    row = timesheet.record(record)
    assert (entry["notes"], entry["customer_id"]) == ("New", None)
    assert row.edit_sequence == entry["edit_sequence"]
    assert row.agreed["quickbooks"]["notes"] == "New"
    assert row.agreed["mosaic"]["notes"] == "mosaic notes"
    [event] = timesheet.events(record)
    assert event.detail["before"]["notes"] == "Old"
    assert event.detail["after"]["notes"] == "New"


def test_an_entry_that_was_deleted_is_gone_and_its_content_is_kept(
    desk: Desk, timesheet: Timesheet
) -> None:
    """TxnDel is final, so what was deleted stays readable."""
    record = timesheet.linked()
    timesheet.delete(record)
    desk.run()

    assert timesheet.file() == []
    row = timesheet.record(record)
    assert row.quickbooks_gone
    assert row.due_at == desk.clock()
    [event] = timesheet.events(record)
    assert event.what == "deleted in QuickBooks, because Mosaic does not have it"
    assert event.detail["before"]["minutes"] == 60


def test_adds_changes_and_deletions_share_a_message_set(
    desk: Desk, timesheet: Timesheet
) -> None:
    """One round trip for all that is written of time."""
    changed, deleted = timesheet.linked(), timesheet.linked()
    timesheet.change(changed, notes="New")
    timesheet.delete(deleted)
    timesheet.new()
    before = len(desk.rows(tables.exchange))
    desk.run()

    texts = [row.request for row in desk.rows(tables.exchange)[before:]]
    [writes] = [text for text in texts if "newMessageSetID" in text]
    for name in ("TimeTrackingModRq", "TxnDelRq", "TimeTrackingAddRq"):
        assert f"<{name} " in writes


def test_notes_that_quickbooks_did_not_save_are_not_taken_for_agreed(
    desk: Desk, timesheet: Timesheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 550: the entry is there, and its notes are still to be written."""
    record = timesheet.new()
    answered = _answer_otherwise(
        desk,
        monkeypatch,
        ('statusCode="0"', 'statusCode="550"'),
        ("<Notes>Drawings</Notes>", ""),
    )
    desk.run()

    assert answered
    row = timesheet.record(record)
    assert timesheet.job(record).state == "done"
    assert row.quickbooks["notes"] == ""
    # The next plan sees that Mosaic has notes that QuickBooks does not have.
    assert row.agreed["quickbooks"]["notes"] == row.agreed["mosaic"]["notes"] == ""


@pytest.mark.usefixtures("no_look_first")
def test_an_outdated_edit_sequence_has_the_entry_read_again(
    desk: Desk, timesheet: Timesheet
) -> None:
    """3200: nothing was written, and both changes are brought together."""
    record = timesheet.linked()
    timesheet.change(record, notes="From Mosaic")
    desk.clock.pass_(seconds=5)
    desk.hands.edit_time(timesheet.record(record).quickbooks_id, notes="From the PC")
    desk.run()

    assert [one["notes"] for one in timesheet.file()] == ["From the PC"]
    row, job = timesheet.record(record), timesheet.job(record)
    assert timesheet.verified() == [{"txn_ids": [row.quickbooks_id]}]
    assert (job.state, row.state) == ("cancelled", "pending")
    assert "out-of-date" in (job.reason or "")
    assert row.quickbooks["notes"] == "From the PC"
    assert row.edit_sequence == timesheet.file()[0]["edit_sequence"]
    assert row.due_at == desk.clock()


@pytest.mark.usefixtures("no_look_first")
def test_the_third_outdated_edit_sequence_in_a_row_is_a_conflict(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Something there changes it all the time: a person must decide."""
    record = timesheet.linked()
    _change_record(desk, record, attempt=2)
    timesheet.change(record, notes="From Mosaic")
    desk.clock.pass_(seconds=5)
    desk.hands.edit_time(timesheet.record(record).quickbooks_id, notes="From the PC")
    desk.run()

    row = timesheet.record(record)
    assert (row.state, row.due_at) == ("conflict", None)
    assert "3 times in a row" in row.reason
    assert timesheet.job(record).state == "cancelled"


@pytest.mark.usefixtures("no_look_first")
@pytest.mark.parametrize("action", ["change", "delete"])
def test_what_was_deleted_in_quickbooks_is_read_again(
    desk: Desk, timesheet: Timesheet, action: str
) -> None:
    """3120 on a Mod or a Delete: the entry is asked for before it counts as gone."""
    record = timesheet.linked()
    txn_id = timesheet.record(record).quickbooks_id
    if action == "change":
        timesheet.change(record, notes="New")
    else:
        timesheet.delete(record)
    desk.hands.delete_time(txn_id)
    desk.run()

    assert timesheet.verified() == [{"txn_ids": [txn_id]}]
    row = timesheet.record(record)
    state = timesheet.job(record).state
    assert (row.quickbooks_gone, state) == (True, "cancelled")
    assert row.due_at == desk.clock()
    assert timesheet.file() == []


def test_a_missing_customer_has_the_customers_read_again(
    desk: Desk, timesheet: Timesheet
) -> None:
    """3140 that names a record which is not there: our list of them is out of date."""
    record = timesheet.new(job="80000099-1783000000")
    desk.run()

    row = timesheet.record(record)
    assert (row.state, timesheet.job(record).state) == ("pending", "cancelled")
    assert "80000099-1783000000" in row.reason
    assert row.due_at == desk.clock() + timedelta(minutes=15)
    with desk.engine.begin() as connection:
        read = connection.execute(tables.reading.select()).all()
    assert [one.kind for one in read if one.full_due] == ["customer"]
    assert timesheet.file() == []


def test_a_rule_of_the_books_is_told_and_waits_for_a_change(
    desk: Desk, timesheet: Timesheet
) -> None:
    """3140 that is about billable time without a customer."""
    record = timesheet.new(job=None)
    desk.run()

    row = timesheet.record(record)
    assert (row.state, row.due_at) == ("refused", None)
    assert "customer or job" in row.reason
    assert timesheet.job(record).state == "cancelled"


@pytest.mark.parametrize("action", ["add", "change", "delete"])
def test_closed_books_lock_an_entry_until_the_closing_date_changes(
    desk: Desk, timesheet: Timesheet, action: str
) -> None:
    """3161 and 3171; tried again at once when somebody moves the date."""
    record = timesheet.new() if action == "add" else timesheet.linked()
    if action == "change":
        timesheet.change(record, notes="New")
    elif action == "delete":
        timesheet.delete(record)
    before = timesheet.file()
    desk.hands.set("closing_date", "2026-02-28")
    desk.run()

    row = timesheet.record(record)
    assert (row.state, row.due_at) == ("locked", desk.clock() + 6 * HOUR)
    assert "closing date" in row.reason
    assert timesheet.job(record).state == "cancelled"
    assert timesheet.file() == before
    assert desk.stored().attention is None

    desk.clock.pass_(minutes=16)
    desk.hands.set("closing_date", "2026-01-31")
    desk.run()
    assert timesheet.record(record).due_at == desk.clock()


@pytest.mark.parametrize("action", ["add", "change", "delete"])
def test_what_an_accountants_copy_keeps_is_locked_until_the_copy_is_over(
    desk: Desk, timesheet: Timesheet, action: str
) -> None:
    """QuickBooks' own sentence is in the reason; released when the file says so."""
    record = timesheet.new() if action == "add" else timesheet.linked()
    if action == "change":
        timesheet.change(record, notes="New")
    elif action == "delete":
        timesheet.delete(record)
    before = timesheet.file()
    desk.hands.set("dividing_date", "2026-02-28")
    desk.run()

    row = timesheet.record(record)
    assert (row.state, row.due_at) == ("locked", desk.clock() + 6 * HOUR)
    assert "Import the accountant's changes" in row.reason
    assert 'QuickBooks says: "There was an error when modifying' in row.reason
    assert timesheet.file() == before
    assert desk.stored().attention is None

    desk.clock.pass_(minutes=16)
    desk.hands.set("dividing_date", "")
    desk.run()
    assert timesheet.record(record).due_at == desk.clock()


def test_an_entry_that_is_open_in_a_form_goes_later(
    desk: Desk, timesheet: Timesheet
) -> None:
    """3175: the same content, after a pause, without anybody doing anything."""
    record = timesheet.linked()
    txn_id = timesheet.record(record).quickbooks_id
    timesheet.change(record, notes="New")
    desk.hands.lock(txn_id)
    desk.run()
    assert timesheet.job(record).state == "ready"
    row = timesheet.record(record)
    assert (row.state, row.due_at) == ("pending", None)
    assert "open in QuickBooks" in row.reason

    desk.hands.unlock(txn_id)
    desk.clock.pass_(minutes=2)
    desk.run()
    assert [one["notes"] for one in timesheet.file()] == ["New"]
    assert timesheet.job(record).state == "done"


def test_an_entry_that_stays_open_in_a_form_is_told_and_tried_every_hour(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Five tries, then the record says whom it waits for."""
    record = timesheet.linked()
    timesheet.change(record, notes="New")
    desk.hands.lock(desk.customer)
    desk.hands.lock(timesheet.record(record).quickbooks_id)
    for _ in range(5):
        desk.run()
        desk.clock.pass_(minutes=30)
    desk.clock.pass_(minutes=-30)

    row = timesheet.record(record)
    assert timesheet.job(record).state == "cancelled"
    assert (row.state, row.due_at) == ("refused", desk.clock() + HOUR)
    assert "open in QuickBooks" in row.reason


@pytest.mark.parametrize(
    ("preference", "value", "said"),
    [
        ("may_write_time", False, "Integrated Applications"),
        ("read_only_access", True, "read-only"),
        ("time_tracking", False, "Preferences"),
        ("class_tracking", False, "Preferences"),
    ],
)
def test_what_somebody_must_allow_first_is_told_and_tried_every_hour(
    desk: Desk, timesheet: Timesheet, preference: str, value: object, said: str
) -> None:
    """325x and 326x are told to the customer, with the record and the company."""
    class_ = desk.hands.add("Class", "North")
    record = timesheet.new(**{"class": class_})
    desk.hands.set(preference, value)
    desk.run()

    row = timesheet.record(record)
    assert (row.state, row.due_at) == ("refused", desk.clock() + HOUR)
    assert said in row.reason
    assert said in (desk.stored().attention or "")
    assert timesheet.job(record).state == "cancelled"
    assert timesheet.file() == []


@pytest.mark.parametrize(
    ("code", "message", "job", "state", "due"),
    [
        (
            3210,
            'The "Notes" field has an invalid value.',
            "cancelled",
            "refused",
            0,
        ),
        (
            3070,
            'The string "x" is too long.',
            "cancelled",
            "refused",
            0,
        ),
        (3035, "The time interval is not valid.", "failed", "refused", 0),
        (3150, "There is a missing element.", "failed", "refused", 0),
        (3231, "The request has not been processed.", "ready", "pending", 0),
        (
            *(3180, "QuickBooks error message: could not be locked."),
            *("ready", "pending", 0),
        ),
        (3180, "QuickBooks error message: no reason.", "cancelled", "pending", 15),
        (3999, "Nobody knows.", "cancelled", "refused", 0),
    ],
)
def test_every_other_refusal_has_its_verdict(
    desk: Desk,
    timesheet: Timesheet,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    message: str,
    job: str,
    state: str,
    due: int,
) -> None:
    """One record waits with a reason, the other of the same set is written."""
    record, other = timesheet.new(notes="Bad"), timesheet.new("2026-02-26")
    _refuse(monkeypatch, code, message)
    desk.run()

    row = timesheet.record(record)
    assert (timesheet.job(record).state, row.state) == (job, state)
    assert row.reason
    wanted = desk.clock() + timedelta(minutes=due) if due else None
    assert row.due_at == wanted
    assert timesheet.job(other).state == "done"
    assert timesheet.days() == ["2026-02-26"]


def test_a_write_that_crashed_inside_quickbooks_is_looked_for(
    desk: Desk, timesheet: Timesheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1000: nobody knows whether it was done; here it was not."""
    record = timesheet.new(notes="Bad")
    with monkeypatch.context() as patch:
        _refuse(patch, 1000, "Internal error.")
        desk.run()
    job = timesheet.job(record)
    assert (job.state, job.attempt, job.batch_limit) == ("ready", 2, 1)
    desk.clock.pass_(minutes=5)
    desk.run()

    assert timesheet.job(record).state == "done"
    assert timesheet.days() == ["2026-02-27"]


def test_a_request_that_our_own_check_refuses_is_told_with_its_record(
    desk: Desk, timesheet: Timesheet
) -> None:
    """It is our program's fault, and the record says so."""
    record, other = timesheet.new(job="x" * 50), timesheet.new("2026-02-26")
    desk.run()

    row = timesheet.record(record)
    assert (row.state, timesheet.job(record).state) == ("refused", "failed")
    assert "Our program" in row.reason
    assert timesheet.job(other).state == "done"


def test_what_a_person_said_is_not_to_be_linked_stays_so(
    desk: Desk, timesheet: Timesheet
) -> None:
    """A late answer changes what is known, not what was decided."""
    record, other = timesheet.new(), timesheet.new("2026-02-26", job=None)
    for one in (record, other):
        _change_record(desk, one, state="do_not_link", reason="Told so.")
    desk.run()

    for one in (record, other):
        row = timesheet.record(one)
        assert (row.state, row.reason) == ("do_not_link", "Told so.")
    assert timesheet.record(record).quickbooks_id is not None


def test_writes_wait_while_the_company_may_not_write(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Held writes open QuickBooks for nothing, and no session turns in circles."""
    record = timesheet.new()
    for held in ({"two_way": False}, {"mode": "preview"}):
        _change_company(desk, two_way=True, mode="live")
        _change_company(desk, **held)
        assert desk.log_in()[1] == "none"
        desk.clock.pass_(minutes=16)
        run = desk.run()
        assert (run.error, run.percents[-1]) == (None, 100)
        assert timesheet.job(record).state == "ready"
    _change_company(desk, mode="live")
    desk.run()
    assert timesheet.job(record).state == "done"
    assert len(timesheet.file()) == 1


def test_no_write_leaves_before_quickbooks_said_whether_a_backup_was_restored(
    desk: Desk, timesheet: Timesheet
) -> None:
    """A poll for writes alone asks that first; without an answer nothing goes."""
    timesheet.new()
    ticket = desk.ticket()
    request = str(
        desk.call("sendRequestXML", ticket, desk.hcp(), PATH, "US", "13", "0")
    )
    assert "<CompanyActivityQueryRq " in request
    assert "TimeTrackingAddRq" not in request
    answer = desk.quickbooks().process(request)
    broken = answer.replace('statusCode="0"', 'statusCode="3250"')
    assert desk.give(ticket, broken) == 100
    desk.call("closeConnection", ticket)

    # It is asked again with the next reading, and only then is written.
    assert desk.log_in()[1] == "none"
    desk.clock.pass_(minutes=16)
    desk.run()
    assert len(timesheet.file()) == 1


def test_five_hundred_entries_take_twenty_message_sets(
    desk: Desk, timesheet: Timesheet
) -> None:
    """As many round trips as there are full batches, and a constant."""
    for number in range(500):
        timesheet.new(f"2026-02-{1 + number % 28:02}")
    before = len(desk.rows(tables.exchange))
    run = desk.run()

    exchanges = desk.rows(tables.exchange)[before:]
    assert sum(1 for row in exchanges if row.writes) == 500 // 25
    assert run.round_trips <= 500 // 25 + 1
    assert len(timesheet.file()) == 500
    assert {job.state for job in desk.jobs()} == {"done"}


def test_each_message_set_has_quickbooks_forget_the_one_before(
    desk: Desk, timesheet: Timesheet
) -> None:
    """At most one answer is remembered for us, and never one that was not used."""
    for number in range(60):
        timesheet.new(f"2026-02-{1 + number % 28:02}")
    desk.run()
    remembered = desk.file.store.all("SELECT set_id FROM message_set")
    last = [row for row in desk.rows(tables.exchange) if row.writes][-1]
    assert [row["set_id"] for row in remembered] == [last.message_set_id]


def _refuse(patch: pytest.MonkeyPatch, code: int, message: str) -> None:
    """Have QuickBooks refuse to add what has the note "Bad"."""
    from qbwc_server.sandbox.quickbooks import company_file

    add = company_file._HANDLERS["TimeTrackingAddRq"]

    def refusing(store: Any, request: Any) -> Any:
        if request.findtext(".//Notes") == "Bad":
            raise Refused(code, message)
        return add(store, request)

    patch.setitem(company_file._HANDLERS, "TimeTrackingAddRq", refusing)


def _answer_otherwise(
    desk: Desk, patch: pytest.MonkeyPatch, *changes: tuple[str, str]
) -> list[str]:
    """Change the answers to writes on their way; return them."""
    session = type(desk.quickbooks())
    process = session.process
    changed: list[str] = []

    def other(self: Any, qbxml: str) -> str:
        answer = process(self, qbxml)
        if "<TimeTrackingAddRq" in qbxml:
            for before, after in changes:
                assert before in answer
                answer = answer.replace(before, after)
            changed.append(answer)
        return answer

    patch.setattr(session, "process", other)
    return changed


def _change_record(desk: Desk, record_id: int, **values: Any) -> None:
    with desk.engine.begin() as connection:
        connection.execute(
            tables.record.update()
            .where(tables.record.c.id == record_id)
            .values(**values)
        )


def _change_company(desk: Desk, **values: Any) -> None:
    with company_transaction(desk.engine, desk.company.id) as connection:
        registry.change(connection, desk.company.id, **values)
