"""An answer to a write of time is lost: what is there is found, never written twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qbwc_server.jobs import by_hand, doubt
from qbwc_server.planning.time_steps import TimeSteps
from qbwc_server.records import due
from qbwc_server.sandbox.web_connector.interference import ConnectionLost
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.test_writes import Break
from tests.web_connector.desk import Desk
from tests.web_connector.timesheet import Timesheet

pytestmark = pytest.mark.in_turn


@pytest.fixture(params=[9002, 600])
def _forgetful(request: pytest.FixtureRequest, timesheet: Timesheet) -> None:
    """QuickBooks that says in one of two ways that it stored no answer."""
    timesheet.desk.hands.set("unknown_message_set", request.param)


@pytest.mark.usefixtures("_forgetful")
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_add_is_found_by_its_guid_or_sent_again_as_it_was(
    desk: Desk, timesheet: Timesheet, *, executed: bool
) -> None:
    """One entry in the company file either way, and the record has its TxnID."""
    record = timesheet.new()
    timesheet.lose(executed=executed)
    timesheet.forget()
    assert len(timesheet.file()) == int(executed)
    desk.run()

    [entry] = timesheet.file()
    row, job = timesheet.record(record), timesheet.job(record)
    assert (row.quickbooks_id, job.state) == (entry["txn_id"], "done")
    assert entry["external_guid"] == row.external_guid
    assert job.attempt == (1 if executed else 2)
    sent = [one.request for one in desk.rows(tables.exchange) if one.writes]
    bodies = {text[text.index("<TimeTrackingAddRq") :] for text in sent}
    assert len(bodies) == 1


def test_an_equal_entry_that_a_person_made_before_is_not_taken_for_a_lost_one(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Without our GUID it is ours only if it was made since we sent it."""
    wanted = timesheet.fields("2026-02-27")
    desk.hands.add_time(
        desk.person,
        "2026-02-27",
        wanted["minutes"],
        customer=desk.customer,
        item=timesheet.item,
        notes="Drawings",
        billable="Billable",
    )
    desk.clock.pass_(minutes=30)
    record = timesheet.new()
    timesheet.lose(executed=False)
    desk.run()
    assert timesheet.days() == ["2026-02-27"] * 2
    assert timesheet.file()[1]["txn_id"] == timesheet.record(record).quickbooks_id


def test_a_lost_add_whose_guid_quickbooks_did_not_keep_is_known_by_its_content(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Equal, made since, and nobody else's: it is the one."""
    record = timesheet.new()
    timesheet.lose(executed=True)
    timesheet.forget()
    desk.file.store.run("UPDATE time_entry SET external_guid = NULL")
    desk.run()
    [entry] = timesheet.file()
    assert timesheet.record(record).quickbooks_id == entry["txn_id"]


def test_a_lost_add_of_a_person_who_was_merged_is_looked_for_among_everybody(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Her entries are the other's now; a look for her is refused with 3140."""
    other = desk.hands.add("Employee", "Ada L")
    record = timesheet.new()
    timesheet.lose(executed=True)
    timesheet.forget()
    desk.hands.merge("Employee", desk.person, other)
    for _ in range(2):
        desk.run()
        desk.clock.pass_(minutes=2)
    [entry] = timesheet.file()
    assert timesheet.record(record).quickbooks_id == entry["txn_id"]
    assert timesheet.job(record).state == "done"


@pytest.mark.parametrize("person", ["Ada", "Bo"])
def test_a_lost_add_that_somebody_moved_before_it_was_looked_for_is_found(
    desk: Desk, timesheet: Timesheet, person: str
) -> None:
    """On another day, and another person's by then: it is not added a second time."""
    timesheet.linked("2026-02-20")
    desk.run()
    record = timesheet.new()
    timesheet.lose(executed=True)
    timesheet.forget()
    moved = next(row for row in timesheet.file() if row["txn_date"] == "2026-02-27")
    other = desk.hands.add("Employee", person) if person != "Ada" else desk.person
    desk.clock.pass_(minutes=1)
    desk.hands.edit_time(moved["txn_id"], txn_date="2026-02-11", entity_id=other)
    desk.run()

    assert timesheet.days() == ["2026-02-11", "2026-02-20"]
    assert timesheet.record(record).quickbooks_id == moved["txn_id"]


@pytest.mark.usefixtures("_forgetful")
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_change_is_done_or_planned_again(
    desk: Desk, timesheet: Timesheet, *, executed: bool
) -> None:
    """Every field as it was written: done. The EditSequence of before: not done."""
    record = timesheet.linked()
    desk.clock.pass_(seconds=5)
    timesheet.change(record, notes="New", minutes=75)
    timesheet.lose(executed=executed)
    timesheet.forget()
    desk.run()

    [entry] = timesheet.file()
    row, job = timesheet.record(record), timesheet.job(record)
    assert job.state == ("done" if executed else "cancelled")
    assert row.edit_sequence == entry["edit_sequence"]
    assert row.quickbooks["notes"] == entry["notes"] == ("New" if executed else "Old")
    wanted = "mosaic notes" if executed else "old"
    assert row.agreed["mosaic"]["notes"] == wanted
    assert (row.state, row.due_at) == ("pending", desk.clock())


def test_a_lost_change_over_which_a_person_wrote_is_planned_from_what_is_there(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Neither ours nor what was before: both sides are compared anew."""
    record = timesheet.linked()
    desk.clock.pass_(seconds=5)
    timesheet.change(record, notes="New")
    timesheet.lose(executed=True)
    timesheet.forget()
    desk.hands.edit_time(timesheet.record(record).quickbooks_id, notes="At the PC")
    desk.run()
    row = timesheet.record(record)
    assert timesheet.job(record).state == "cancelled"
    assert row.quickbooks["notes"] == "At the PC"
    assert row.agreed["quickbooks"]["notes"] == "Old"
    assert row.due_at == desk.clock()


@pytest.mark.usefixtures("_forgetful")
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_deletion_is_done_or_planned_again(
    desk: Desk, timesheet: Timesheet, *, executed: bool
) -> None:
    """Not there: done. Still there: whether it is to go is decided anew."""
    record = timesheet.linked()
    timesheet.delete(record)
    timesheet.lose(executed=executed)
    timesheet.forget()
    desk.run()
    row = timesheet.record(record)
    assert row.quickbooks_gone is executed
    assert timesheet.job(record).state == ("done" if executed else "cancelled")
    assert (row.state, row.due_at) == ("pending", desk.clock())


@pytest.mark.usefixtures("no_look_first")
def test_a_lost_change_of_what_is_gone_is_read_again(
    desk: Desk, timesheet: Timesheet
) -> None:
    """That it was deleted is judged where deletions are judged."""
    record = timesheet.linked()
    txn_id = timesheet.record(record).quickbooks_id
    timesheet.change(record, notes="New")
    timesheet.lose(executed=False)
    desk.hands.delete_time(txn_id)
    desk.run()
    assert timesheet.verified() == [{"txn_ids": [txn_id]}]
    row = timesheet.record(record)
    assert (row.quickbooks_gone, timesheet.job(record).state) == (True, "cancelled")
    assert row.due_at == desk.clock()


def test_what_cannot_be_found_out_waits_for_a_person_after_five_sessions(
    desk: Desk, timesheet: Timesheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is added on doubt, and QuickBooks is not opened for ever."""
    record, other = timesheet.new(), timesheet.new("2026-02-26")
    timesheet.lose(executed=True)
    timesheet.forget()
    session = type(desk.quickbooks())
    process = session.process
    day = "<FromTxnDate>2026-02-27"

    def silent(self: object, qbxml: str) -> str:
        answer = str(process(self, qbxml))  # type: ignore[arg-type]
        if day in qbxml:
            job_id = timesheet.job(record).id
            mine = f'requestID="{job_id}" statusCode="0" statusSeverity="Info"'
            assert mine in answer
            answer = answer.replace(
                mine, mine.replace('"0"', '"1000"').replace("Info", "Error")
            )
        return answer

    monkeypatch.setattr(session, "process", silent)
    for _ in range(doubt.MOST_ANSWERS):
        assert timesheet.job(record).state == "unsure"
        desk.run()
        desk.clock.pass_(hours=2)
    assert timesheet.job(other).state == "done"
    desk.run()

    job, row = timesheet.job(record), timesheet.record(record)
    assert (job.state, row.state, row.due_at) == ("failed", "refused", None)
    assert job.in_doubt
    assert "Look for it in QuickBooks" in (job.reason or "")
    assert "until our support" in row.reason
    assert timesheet.days() == ["2026-02-26", "2026-02-27"]
    desk.clock.pass_(minutes=1)
    assert desk.log_in()[1] == "none"

    # Whoever has it planned anew: a second write could be written twice.
    steps = TimeSteps(
        desk.company.id,
        desk.keys,
        clock=desk.clock,
        settle=timedelta(minutes=2),
        window_days=120,
        history_years=10,
    )
    with company_transaction(desk.engine, desk.company.id) as connection:
        due.make_due(connection, desk.company.id, [record], desk.clock())
        assert steps.plan(connection, [record]) == []
    job, row = timesheet.job(record), timesheet.record(record)
    assert (job.state, row.state, row.due_at) == ("failed", "refused", None)
    assert row.reason == job.reason

    # A person has it looked for again, and now QuickBooks answers: it was there.
    monkeypatch.setattr(session, "process", process)
    with company_transaction(desk.engine, desk.company.id) as connection:
        said = by_hand.retry(connection, job, by="operator", now=desk.clock())
    assert "looked for" in said
    desk.run()
    assert timesheet.job(record).state == "done"
    assert timesheet.days() == ["2026-02-26", "2026-02-27"]


def test_a_stored_answer_that_cannot_be_used_is_followed_by_a_look(
    desk: Desk, timesheet: Timesheet
) -> None:
    """QuickBooks stored its answer, but that holds nothing for this request."""
    record = timesheet.new()
    timesheet.lose(executed=True)
    answers = desk.file.store.all("SELECT answer FROM message_set")
    broken = str(answers[-1]["answer"]).replace("TimeTrackingRet", "StrangeRet")
    desk.file.store.run(
        "UPDATE message_set SET answer = ?", broken.replace("TxnID", "StrangeID")
    )
    desk.run()
    [entry] = timesheet.file()
    assert timesheet.record(record).quickbooks_id == entry["txn_id"]


def test_a_set_that_is_lost_each_time_ends_alone_and_is_told(
    desk: Desk, timesheet: Timesheet
) -> None:
    """One that brings QuickBooks down goes by itself, and not for ever."""
    record, other = timesheet.new(), timesheet.new("2026-02-26")
    for _ in range(12):
        job = timesheet.job(record)
        if job.state == "cancelled":
            break
        ticket, state, *_ = desk.log_in()
        if state != "none":
            request, quickbooks = desk.first(ticket), desk.quickbooks()
            while request and request != "NoOp":
                if "2026-02-27" in request and "<TimeTrackingAddRq " in request:
                    break
                desk.give(ticket, quickbooks.process(request))
                request = desk.next(ticket)
            desk.call("closeConnection", ticket)
        desk.clock.pass_(minutes=30)

    row = timesheet.record(record)
    assert (timesheet.job(record).state, row.state) == ("cancelled", "refused")
    assert "several times" in row.reason
    assert row.due_at is not None
    assert timesheet.job(other).state == "done"
    assert timesheet.days() == ["2026-02-26"]


METHODS = ("authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("forgets", [True, False])
def test_wherever_a_call_is_lost_each_write_is_done_once(
    desk: Desk,
    timesheet: Timesheet,
    method: str,
    number: int,
    *,
    after: bool,
    forgets: bool,
) -> None:
    """An addition, a change and a deletion, whatever breaks at each of the calls."""
    changed, deleted = timesheet.linked("2026-02-20"), timesheet.linked("2026-02-21")
    desk.clock.pass_(seconds=5)
    timesheet.change(changed, notes="New")
    timesheet.delete(deleted)
    added = [timesheet.new(f"2026-02-0{day}") for day in (1, 2)]
    desk.run(Break(method, number, after=after, how=ConnectionLost))
    if forgets:
        timesheet.forget()
    for _ in range(3):
        desk.clock.pass_(minutes=2)
        desk.run()

    # A change that was certainly not done is not repeated but planned anew.
    undone = timesheet.job(deleted).state == "cancelled"
    left = {*added, changed, *([deleted] if undone else [])}
    ids = sorted(str(row["txn_id"]) for row in timesheet.file())
    assert sorted(timesheet.record(one).quickbooks_id for one in left) == ids
    assert timesheet.record(deleted).quickbooks_gone is not undone
    for record in (*added, changed, deleted):
        assert timesheet.job(record).state in {"done", "cancelled"}
        assert timesheet.record(record).due_at is not None
    assert timesheet.job(added[0]).state == timesheet.job(added[1]).state == "done"
