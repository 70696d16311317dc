"""A question about a lost write that is never answered readably stops nobody for long.

Its answer and the stored one are spoilt, or the question is refused each time. The
right values are those that were seen to be wrong in trials of the whole product.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from qbwc_server.companies import attention
from qbwc_server.jobs import by_hand, exchanges, queue
from qbwc_server.jobs.doubt import MOST_ANSWERS, WORKING_DAY, Question
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.planning import time_doubts
from qbwc_server.quickbooks import recovery
from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words.history import told
from tests.web_connector.desk import Desk
from tests.web_connector.timesheet import Timesheet

pytestmark = pytest.mark.in_turn

Answer = Callable[[str], str]
Twist = Callable[[str, Answer], str]
CODES = ("0x80040402", "0x80010105", "0x8004041B", "0x80040400")
DAY = "2026-02-27"
SAID = "QuickBooks could not do it."


@pytest.fixture
def twisted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[Twist], None]:
    """A function that stands between QuickBooks and Web Connector from now on."""
    session = type(desk.quickbooks())
    process = session.process

    def twist(change: Twist) -> None:
        def passed(self: object, qbxml: str) -> str:
            return change(qbxml, lambda text: str(process(self, text)))  # type: ignore[arg-type]

        monkeypatch.setattr(session, "process", passed)

    return twist


def is_probe(text: str) -> bool:
    """Tell whether a request asks for a stored answer and for nothing else."""
    return "oldMessageSetID" in text and " requestID=" not in text


def refused_probe(code: str) -> Twist:
    """Refuse the question for the stored answer; the answer to the write is cut."""

    def twist(text: str, answer: Answer) -> str:
        if is_probe(text):
            raise QuickBooksRefusal(code, SAID)
        given = answer(text)
        return given[: len(given) // 2] if "TimeTrackingAddRq" in text else given

    return twist


def cut(text: str, answer: Answer) -> str:
    """Cut the answer to a write in half, and the stored one, which is the same."""
    given = answer(text)
    return given[: len(given) // 2] if "newMessageSetID" in text else given


def runs(desk: Desk, many: int, **pause: float) -> None:
    """Have Web Connector run by its schedule."""
    for _ in range(many):
        desk.run()
        desk.clock.pass_(**(pause or {"minutes": 16}))


@pytest.mark.parametrize(
    "twist", [cut, *map(refused_probe, CODES)], ids=["cut", *CODES]
)
def test_a_write_whose_stored_answer_is_never_readable_is_found_by_its_guid(
    desk: Desk,
    timesheet: Timesheet,
    twisted: Callable[[Twist], None],
    twist: Twist,
) -> None:
    """Within five sessions it is looked for and taken; there is one entry, and it."""
    twisted(twist)
    record = timesheet.new()
    runs(desk, 5)
    [entry] = timesheet.file()
    row, job = timesheet.record(record), timesheet.job(record)
    assert (job.state, row.quickbooks_id) == ("done", entry["txn_id"])
    assert row.external_guid == entry["external_guid"]
    probes = [one for one in desk.rows(tables.exchange) if one.purpose == "probe"]
    assert len(probes) == 2


@pytest.mark.parametrize("twist", [cut, refused_probe("0x80040402")])
def test_the_others_go_on_while_one_is_in_doubt(
    desk: Desk,
    timesheet: Timesheet,
    twisted: Callable[[Twist], None],
    twist: Twist,
) -> None:
    """A customer and an entry of QuickBooks, in the very run that asks in vain."""
    twisted(twist)
    record = timesheet.new()
    desk.run()
    desk.clock.pass_(minutes=16)
    desk.hands.add("Customer", "Newco")
    theirs = desk.hands.add_time(
        desk.person, "2026-02-26", 60, customer=desk.customer, item=timesheet.item
    )
    run = desk.run()
    assert (run.error, run.percents[-1]) == (None, 100)
    assert timesheet.job(record).state == "unsure"
    assert ("customer", "Newco") in desk.names()
    assert theirs in {row.quickbooks_id for row in desk.rows(tables.record)}
    assert all(job.state == "done" for job in desk.jobs() if not job.writes)


def test_another_write_goes_on_while_one_is_in_doubt(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """The doubt is about one entry, and holds that one alone."""
    twisted(refused_probe("0x80040402"))
    record = timesheet.new()
    desk.run()
    desk.clock.pass_(minutes=16)
    twisted(lambda text, answer: _refused(text) if is_probe(text) else answer(text))
    other = timesheet.new("2026-02-26")
    desk.run()
    assert timesheet.job(record).state == "unsure"
    assert timesheet.job(other).state == "done"


def _refused(_: str) -> str:
    raise QuickBooksRefusal("0x80040402", SAID)


def test_entries_with_long_rules_of_equal_signs_are_each_added_once(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Twenty-five in one message set, whose answer repeats the notes."""
    notes = "=" * 4_090
    records = [timesheet.new(f"2026-02-{day:02}", notes=notes) for day in range(1, 26)]
    desk.run()
    assert {timesheet.job(one).state for one in records} == {"done"}
    assert [row["notes"] for row in timesheet.file()] == [notes] * 25
    assert len([one for one in desk.rows(tables.exchange) if one.writes]) == 1


def test_a_question_is_asked_after_something_else_was_answered(
    desk: Desk, timesheet: Timesheet
) -> None:
    """The harmless one goes by itself, so that a refusal is one of the question."""
    timesheet.new()
    timesheet.lose(executed=True)
    before = len(desk.rows(tables.exchange))
    desk.clock.pass_(minutes=16)
    desk.run()
    asked = [one for one in desk.rows(tables.exchange)[before:] if one.purpose != "hcp"]
    assert "<CompanyActivityQueryRq" in asked[0].request
    assert asked[0].request.count(" requestID=") == 1
    assert [one.purpose for one in asked[:2]] == ["work", "probe"]


def test_a_refusal_before_anything_was_answered_is_none_of_the_question(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """QuickBooks that takes no call for days leaves the doubt as it is."""
    record = timesheet.new()
    timesheet.lose(executed=True)
    twisted(lambda text, answer: answer(text) if is_first(text) else _refused(text))
    runs(desk, 12, hours=6)
    job = timesheet.job(record)
    assert (job.state, job.doubt.answers) == ("unsure", 0)
    assert job.doubt.question is Question.STORED
    assert desk.stored().attention_id != attention.IN_DOUBT
    twisted(lambda text, answer: answer(text))
    runs(desk, 2)
    assert timesheet.job(record).state == "done"
    assert timesheet.days() == [DAY]


def is_first(text: str) -> bool:
    """Tell whether Web Connector itself asks, before our server does."""
    asks = ("<HostQueryRq", "<CompanyQueryRq", "<DataExt", "></PreferencesQueryRq>")
    return any(one in text for one in asks[:3]) or 'Rq requestID="2"' + asks[3] in text


@pytest.mark.parametrize("guilty", ["2026-02-03", DAY])
def test_of_questions_that_are_refused_together_the_guilty_one_stands_alone(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None], guilty: str
) -> None:
    """The others are found in the same run, and only it is counted."""
    days = [*(f"2026-02-{day:02}" for day in range(1, 8)), DAY]
    records = {day: timesheet.new(day) for day in days}
    timesheet.lose(executed=True)
    timesheet.forget()
    twisted(
        lambda text, answer: (
            _refused(text) if f"<FromTxnDate>{guilty}" in text else answer(text)
        )
    )
    runs(desk, 2)
    states = {day: timesheet.job(record).state for day, record in records.items()}
    assert states.pop(guilty) == "unsure"
    assert set(states.values()) == {"done"}
    assert timesheet.job(records[guilty]).doubt.answers >= 1
    assert sorted(timesheet.days()) == days


def given_up(desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]) -> int:
    """Return a record whose write nobody can find out about."""
    record = timesheet.new()
    timesheet.lose(executed=True)
    timesheet.forget()
    twisted(
        lambda text, answer: (
            _refused(text) if f"<FromTxnDate>{DAY}" in text else answer(text)
        )
    )
    runs(desk, MOST_ANSWERS, seconds=WORKING_DAY.total_seconds() / 4)
    assert timesheet.job(record).state == "unsure"
    desk.run()
    desk.clock.pass_(minutes=16)
    return record


def test_what_cannot_be_found_out_is_told_to_a_person_by_name(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """The job failed, the record needs somebody, the company says which it is."""
    record = given_up(desk, timesheet, twisted)
    job, row = timesheet.job(record), timesheet.record(record)
    assert (job.state, job.in_doubt, row.state) == ("failed", True, "refused")
    assert "jobs found" in str(job.reason)
    assert desk.stored().attention_id == attention.IN_DOUBT
    assert job.summary in str(desk.stored().attention)
    runs(desk, 2)
    assert desk.stored().attention_id == attention.IN_DOUBT
    assert timesheet.days() == [DAY]


def _decide(desk: Desk, decide: Callable[..., str], job: Job, *said: str) -> None:
    with company_transaction(desk.engine, desk.company.id) as connection:
        decide(connection, job, *said, by="Eve", now=desk.clock(), why="She looked.")


def test_a_person_says_that_it_is_there_and_which_it_is(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """It is asked for by its TxnID, taken, and nothing is added."""
    record = given_up(desk, timesheet, twisted)
    [entry] = timesheet.file()
    _decide(desk, by_hand.found, timesheet.job(record), f" {entry['txn_id']} ")
    assert desk.stored().attention_id is None
    desk.run()
    assert timesheet.job(record).state == "done"
    assert timesheet.record(record).quickbooks_id == entry["txn_id"]
    assert timesheet.days() == [DAY]
    [said] = [row for row in desk.rows(tables.audit) if "said" in row.what]
    assert (said.who, said.why) == ("Eve", "She looked.")


def test_an_entry_that_quickbooks_does_not_show_is_not_taken_from_a_person(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """A number that was typed wrong comes back as a question, with the number."""
    record = given_up(desk, timesheet, twisted)
    _decide(desk, by_hand.found, timesheet.job(record), "7A-1")
    desk.run()
    job = timesheet.job(record)
    assert (job.state, job.in_doubt) == ("failed", True)
    assert "7A-1" in str(job.reason)
    assert timesheet.record(record).state == "refused"
    assert desk.stored().attention_id == attention.IN_DOUBT


def test_an_entry_that_is_another_records_is_not_taken_from_a_person(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """One entry of QuickBooks never stands for two of Mosaic."""
    other = timesheet.linked("2026-02-20")
    record = given_up(desk, timesheet, twisted)
    taken = timesheet.record(other).quickbooks_id
    with pytest.raises(by_hand.NotDecidable, match="already"):
        _decide(desk, by_hand.found, timesheet.job(record), taken)
    assert timesheet.job(record).state == "failed"


def test_a_person_says_that_it_is_not_there(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """Its record is planned anew, and the job is over."""
    record = given_up(desk, timesheet, twisted)
    _decide(desk, by_hand.missing, timesheet.job(record))
    row = timesheet.record(record)
    assert timesheet.job(record).state == "cancelled"
    assert (row.state, row.due_at) == ("pending", desk.clock())
    assert desk.stored().attention_id is None


def test_a_person_leaves_it_and_may_say_otherwise_later(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """The entry takes no part any more, and nobody is asked about it."""
    record = given_up(desk, timesheet, twisted)
    _decide(desk, by_hand.leave, timesheet.job(record))
    row = timesheet.record(record)
    assert (row.state, row.choice, row.due_at) == ("do_not_link", "none", None)
    assert desk.stored().attention_id is None
    runs(desk, 2)
    assert timesheet.days() == [DAY]

    [entry] = timesheet.file()
    _decide(desk, by_hand.found, timesheet.job(record), entry["txn_id"])
    desk.run()
    row = timesheet.record(record)
    assert (timesheet.job(record).state, row.choice) == ("done", None)
    assert row.quickbooks_id == entry["txn_id"]
    company_id, job = desk.company.id, timesheet.job(record).id
    about = [(f"job {company_id}-{job}", "She looked.")] * 2
    about.insert(1, (f"TxnID {entry['txn_id']}; job {company_id}-{job}", "She looked."))
    assert [
        (one.what, told(one.detail, company_id))
        for one in desk.rows(tables.record_event)
        if one.by == "Eve" and one.record_id == record
    ] == [
        (what, "; ".join(parts))
        for what, parts in zip(
            ("left out", "job said to be done", "taken in again"), about, strict=True
        )
    ]


@pytest.mark.parametrize("word", [by_hand.missing, by_hand.leave])
def test_a_person_need_not_wait_until_it_is_given_up(
    desk: Desk, timesheet: Timesheet, word: Callable[..., str]
) -> None:
    """What is still being looked for can be decided too."""
    record = timesheet.new()
    timesheet.lose(executed=False)
    desk.call("authenticate", desk.company.username, desk.company.password)
    assert timesheet.job(record).state == "unsure"
    _decide(desk, word, timesheet.job(record))
    assert timesheet.job(record).state in {"cancelled", "failed"}


def test_an_equal_entry_of_that_person_and_day_waits_until_the_doubt_ends(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """Of either side; one that differs goes on, and all go when a person has spoken."""
    record = given_up(desk, timesheet, twisted)
    job = timesheet.job(record)
    fields = timesheet.fields(DAY)
    unknown = cast("sa.Row[Any]", SimpleNamespace(id=0, quickbooks=fields))
    differ = [
        *(("date", "2026-02-26"), ("minutes", 91), ("person", "8-1")),
        *(("job", "8-2"), ("item", None), ("notes", "Other drawings")),
    ]
    with company_transaction(desk.engine, desk.company.id) as connection:
        doubted = time_doubts.doubted(connection, desk.company.id)
    for action in (Action(Do.ADD, fields=fields), Action(Do.CREATE)):
        held = time_doubts.held(doubted, unknown, action)
        assert held is not None
        assert (held.do, held.waits_for) == (Do.NOTHING, f"job:{job.id}")
    for name, other in differ:
        action = Action(Do.ADD, fields={**fields, name: other})
        assert time_doubts.held(doubted, unknown, action) is None
    changed = Action(Do.MOD, fields=fields)
    assert time_doubts.held(doubted, unknown, changed) is None
    itself = timesheet.record(record)
    assert time_doubts.held(doubted, itself, Action(Do.ADD, fields=fields)) is None

    waiting = timesheet.new("2026-02-26")
    with company_transaction(desk.engine, desk.company.id) as connection:
        connection.execute(
            tables.record.update()
            .where(tables.record.c.id == waiting)
            .values(waits_for=f"job:{job.id}", due_at=None)
        )
    _decide(desk, by_hand.leave, job)
    row = timesheet.record(waiting)
    assert (row.waits_for, row.due_at) == (None, desk.clock())
    with company_transaction(desk.engine, desk.company.id) as connection:
        assert time_doubts.doubted(connection, desk.company.id) == []


def test_a_job_that_is_not_in_doubt_is_none_to_decide_so(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Of what has not left nobody can say that it is there."""
    record = timesheet.new()
    for word in (by_hand.missing, by_hand.leave):
        with pytest.raises(by_hand.NotDecidable, match="not in doubt"):
            _decide(desk, word, timesheet.job(record))
    with pytest.raises(by_hand.NotDecidable, match="not in doubt"):
        _decide(desk, by_hand.found, timesheet.job(record), "7A-1")


def test_no_later_set_names_a_doubtful_one_to_be_forgotten(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """QuickBooks keeps its answer until it is known, or a person has spoken."""
    twisted(refused_probe("0x80040402"))
    record = timesheet.new()
    desk.run()
    doubtful = next(one for one in desk.rows(tables.exchange) if one.writes)
    for day in range(1, 6):
        desk.clock.pass_(minutes=16)
        timesheet.new(f"2026-02-{day:02}")
        with company_transaction(desk.engine, desk.company.id) as connection:
            named = recovery.to_forget(connection, desk.company.id)
            open_ = queue.select(
                connection, desk.company.id, tables.job.c.state == "unsure"
            )
        assert open_ == [] or named != doubtful.message_set_id
        desk.run()
    assert timesheet.job(record).state == "done"
    forgotten = [
        one
        for one in desk.rows(tables.exchange)
        if one.writes and f'oldMessageSetID="{doubtful.message_set_id}"' in one.request
    ]
    assert forgotten == []


def test_what_web_connector_brings_unasked_and_a_refusal_are_no_answers(
    desk: Desk,
) -> None:
    """Only what our server asked, and QuickBooks answered, shows that it does."""
    ticket = desk.ticket()
    session = desk.session().id

    def answered() -> bool:
        with company_transaction(desk.engine, desk.company.id) as connection:
            return exchanges.is_answered(connection, desk.company.id, session)

    request = desk.first(ticket)
    assert not answered()
    desk.give(ticket, "", "0x80040400", SAID)
    assert not answered()
    request = desk.next(ticket)
    desk.give(ticket, desk.quickbooks().process(request))
    assert answered()
