"""Writes: kept before they leave, asked for when an answer is lost, never doubled."""

from __future__ import annotations

import re

import pytest

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.web_connector.interference import Call, ConnectionLost, Vanish
from qbwc_server.storage import tables
from tests.web_connector.desk import Desk
from tests.web_connector.writing import Hours

pytestmark = pytest.mark.in_turn

ALL = ["2026-03-01", "2026-03-02", "2026-03-03"]


class Break:
    """Breaks the connection at the n-th call of a method, before or after it."""

    def __init__(
        self, method: str, number: int, *, after: bool, how: type[Exception]
    ) -> None:
        self.method, self.left, self.is_after, self.how = method, number, after, how

    def before(self, call: Call, /) -> None:
        """Break what has not arrived."""
        if call.method == self.method and not self.is_after:
            self._count()

    def after(self, call: Call, answer: bytes, /) -> None:
        """Break what was answered."""
        del answer
        if call.method == self.method and self.is_after:
            self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.how


def message_set_id(request: str) -> str:
    """Return the newMessageSetID of a request."""
    found = re.search('newMessageSetID="(.*?)"', request)
    return found[1] if found else ""


def test_a_set_of_writes_has_an_id_that_is_stored_before_it_leaves(
    desk: Desk, hours: Hours
) -> None:
    """At most 23 characters, committed with the very text."""
    desk.read_all()
    hours.enqueue(desk, 1, 2)
    text = desk.first_write(desk.ticket())
    exchange = desk.exchange()
    assert exchange.request == text
    assert exchange.message_set_id == message_set_id(text)
    assert 0 < len(exchange.message_set_id) <= 23
    assert (exchange.state, exchange.writes) == ("sent", True)
    assert hours.states(desk) == ["sent", "sent"]


def test_reads_have_no_message_set_id(desk: Desk) -> None:
    """QuickBooks need not remember what may simply be asked again."""
    text = desk.first(desk.ticket())
    assert message_set_id(text) == ""
    assert not desk.exchange().writes


@pytest.mark.parametrize("how", [ConnectionLost, Vanish])
def test_a_lost_answer_is_asked_for_first_and_then_taken(
    desk: Desk, hours: Hours, how: type[Exception]
) -> None:
    """Nothing is added twice, and the stored answer counts as if it had come."""
    desk.read_all()
    hours.enqueue(desk, 1, 2, 3)
    lost = Break("receiveResponseXML", 2, after=False, how=how)
    desk.run(lost)
    assert hours.days(desk) == ALL
    desk.clock.pass_(minutes=2)
    run = desk.run()
    assert (run.error, run.percents[-1]) == (None, 100)
    assert hours.days(desk) == ALL == sorted(hours.kept)
    assert hours.states(desk) == ["done"] * 3
    *_, write, _, probe = (
        row for row in desk.rows(tables.exchange) if "<CompanyAct" not in row.request
    )
    assert (write.purpose, write.state) == ("work", "lost")
    assert probe.purpose == "probe"
    assert f'oldMessageSetID="{write.message_set_id}"' in probe.request
    assert message_set_id(probe.request) == write.message_set_id
    assert "Rq requestID" not in probe.request


def test_new_work_waits_until_the_lost_answer_was_asked_for(
    desk: Desk, hours: Hours
) -> None:
    """The question for the stored answer goes before anything new."""
    desk.read_all()
    hours.enqueue(desk, 1)
    desk.run(Break("receiveResponseXML", 2, after=False, how=ConnectionLost))
    hours.enqueue(desk, 2, 3)
    desk.clock.pass_(minutes=2)
    ticket = desk.ticket()
    probe = desk.first(ticket)
    assert "oldMessageSetID" in probe
    assert hours.states(desk) == ["unsure", "ready", "ready"]
    assert desk.finish(ticket, probe)[-1] == 100
    assert hours.days(desk) == ALL
    assert hours.states(desk) == ["done"] * 3


def test_a_request_asked_for_twice_makes_the_first_unsure_and_is_asked_about(
    desk: Desk, hours: Hours
) -> None:
    """Whether the first one was executed, only QuickBooks knows."""
    desk.read_all()
    hours.enqueue(desk, 1, 2, 3)
    ticket = desk.ticket()
    write = desk.first_write(ticket)
    desk.quickbooks().process(write)
    probe = desk.next(ticket)
    assert hours.states(desk) == ["unsure"] * 3
    assert message_set_id(probe) == message_set_id(write)
    assert desk.finish(ticket, probe) == [100]
    assert hours.days(desk) == ALL
    assert hours.states(desk) == ["done"] * 3


def test_a_write_that_never_reached_quickbooks_is_looked_for_and_sent_again(
    desk: Desk, hours: Hours
) -> None:
    """Without a stored answer nothing is sent again until it was looked for."""
    desk.read_all()
    hours.enqueue(desk, 1)
    desk.first_write(desk.ticket())
    desk.clock.pass_(minutes=20)
    desk.run()
    purposes = [
        row.purpose for row in desk.rows(tables.exchange) if row.purpose != "hcp"
    ]
    assert purposes[purposes.index("probe") :][:3] == ["probe", "look", "work"]
    [job] = hours.jobs(desk)
    assert (job.state, job.attempt) == ("done", 2)
    assert hours.days(desk) == ["2026-03-01"]


def test_a_set_that_cannot_be_parsed_is_halved_until_the_guilty_one_stands_alone(
    desk: Desk, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0x80040400 refuses all; the others go on, and one fails with the reason."""
    desk.read_all()
    hours.enqueue(desk, *range(1, 10))
    session = desk.quickbooks()
    process = type(session).process

    def strict(self: object, qbxml: str) -> str:
        if "2026-03-04" in qbxml:
            raise QuickBooksRefusal("0x80040400", "an error when parsing")
        return process(self, qbxml)  # type: ignore[arg-type]

    monkeypatch.setattr(type(session), "process", strict)
    run = desk.run()
    assert (run.error, run.percents[-1]) == (None, 100)
    assert list(run.percents) == sorted(run.percents)
    assert hours.days(desk) == [f"2026-03-0{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9)]
    [failed] = [job for job in hours.jobs(desk) if job.state != "done"]
    assert (failed.state, failed.payload) == (
        "failed",
        {"day": 4, "person": desk.person},
    )
    assert "0x80040400: an error when parsing" in str(failed.reason)


def test_an_item_that_quickbooks_refuses_fails_alone(desk: Desk, hours: Hours) -> None:
    """A status of 1000 and more on one of them stops no other."""
    desk.read_all()
    hours.enqueue(desk, 1)
    hours.enqueue(desk, 2, person="80000099-1783000000")
    hours.enqueue(desk, 3)
    assert desk.run().percents[-1] == 100
    assert hours.states(desk) == ["done", "failed", "done"]
    assert "3140" in str(hours.jobs(desk)[1].reason)


def test_a_refusal_that_leaves_open_whether_it_was_done_makes_unsure(
    desk: Desk, hours: Hours
) -> None:
    """QuickBooks crashed on the call: perhaps it was done before."""
    desk.read_all()
    hours.enqueue(desk, 1, 2, 3)
    ticket = desk.ticket()
    desk.quickbooks().process(desk.first_write(ticket))
    assert desk.give(ticket, "", "0x80010105", "The server threw an exception.") == -1
    assert hours.states(desk) == ["unsure"] * 3
    assert "QuickBooks" in desk.call("getLastError", ticket)
    desk.call("closeConnection", ticket)
    assert desk.run().percents[-1] == 100
    assert hours.states(desk) == ["done"] * 3
    assert hours.days(desk) == ALL


def test_an_answer_to_another_set_of_writes_is_not_taken(
    desk: Desk, hours: Hours
) -> None:
    """An answer with other requestIDs says nothing about our jobs."""
    desk.read_all()
    hours.enqueue(desk, 1)
    ticket = desk.ticket()
    answer = desk.quickbooks().process(desk.first_write(ticket))
    [job] = hours.jobs(desk)
    other = answer.replace(f'requestID="{job.id}"', 'requestID="7777"')
    assert desk.give(ticket, other) == -1
    assert hours.states(desk) == ["unsure"]
    assert hours.kept == []
    desk.call("closeConnection", ticket)
    desk.run()
    assert hours.states(desk) == ["done"]
    assert hours.days(desk) == ["2026-03-01"]


def test_a_job_that_cannot_be_built_fails_alone(desk: Desk, hours: Hours) -> None:
    """A bug in one kind does not block the queue behind it."""
    desk.read_all()
    hours.enqueue(desk, 1)
    with desk.engine.begin() as connection:
        connection.execute(tables.job.update().values(payload={}))
    hours.enqueue(desk, 2)
    assert desk.run().percents[-1] == 100
    assert hours.states(desk) == ["failed", "done"]
    assert "failed to build" in str(hours.jobs(desk)[0].reason)


def test_a_write_whose_answer_our_program_fails_on_is_not_one_to_try_again(
    desk: Desk, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QuickBooks has it, so it is unsure, and the answer is kept."""
    desk.read_all()
    hours.enqueue(desk, 1)

    monkeypatch.setattr(hours, "kept", None)
    desk.run()
    assert hours.states(desk) == ["unsure"]
    assert "kept in exchange" in (hours.jobs(desk)[0].reason or "")


def test_a_request_that_our_own_check_refuses_never_leaves(
    desk: Desk, hours: Hours
) -> None:
    """One that QuickBooks could not parse would take the others down with it."""
    desk.read_all()
    hours.enqueue(desk, 1)
    hours.enqueue(desk, 2, person="x" * 50)
    assert desk.run().percents[-1] == 100
    assert hours.states(desk) == ["done", "failed"]
    assert "would refuse" in str(hours.jobs(desk)[1].reason)


def test_writes_go_out_in_batches_and_the_percentage_counts_them(
    desk: Desk, hours: Hours
) -> None:
    """Sixty writes are three round trips of at most twenty-five, after one question."""
    desk.read_all()
    hours.enqueue(desk, *[1 + n % 28 for n in range(60)])
    run = desk.run()
    assert (run.round_trips, run.percents) == (4, (25, 50, 75, 100))
    sizes = [
        row.request.count("<TimeTrackingAddRq ") for row in desk.rows(tables.exchange)
    ]
    assert [size for size in sizes if size] == [25, 25, 10]
