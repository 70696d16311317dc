"""What becomes of the answers of QuickBooks: good, refused, spoilt and repeated."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qbwc_server.quickbooks import job_answers
from qbwc_server.storage import tables
from tests.web_connector.desk import Desk

pytestmark = pytest.mark.in_turn


def test_a_good_answer_returns_how_much_is_done(desk: Desk) -> None:
    """From 1 to 99 while there is more, 100 at the end and never before."""
    for index in range(1700):
        desk.hands.add("Customer", f"Customer {index:04}")
    percents = desk.read_all()
    assert len(percents) == 4
    assert percents == sorted(set(percents))
    assert percents[-1] == 100
    assert min(percents) > 0
    assert " in. Mosaic has 0 of " in desk.session().summary


def test_the_same_answer_again_gets_the_same_percentage(desk: Desk) -> None:
    """The network may deliver a call twice; what it did is done once."""
    for index in range(600):
        desk.hands.add("Customer", f"Customer {index:04}")
    ticket = desk.ticket()
    answer = desk.quickbooks().process(desk.first(ticket))
    percent = desk.give(ticket, answer)
    records = desk.rows(tables.record)
    assert desk.give(ticket, answer) == percent < 100
    assert desk.give(ticket, answer.replace("Ada", "Eve")) == -1
    assert desk.rows(tables.record) == records


@pytest.mark.parametrize(
    ("code", "ends"),
    [("0x80040400", False), ("0x80010105", True), ("0x80040423", True)],
)
def test_a_refused_message_set_is_judged_by_its_code(
    desk: Desk, code: str, *, ends: bool
) -> None:
    """0x80040400 is halved within the session, others end it; nothing is lost."""
    ticket = desk.ticket()
    desk.first(ticket)
    percent = desk.give(ticket, "", code, "QuickBooks said no.")
    exchange = desk.exchange()
    assert (exchange.state, exchange.hresult) == ("refused", code)
    assert {job.state for job in desk.jobs()} == {"ready"}
    assert all("QuickBooks said no." in str(job.reason) for job in desk.jobs())
    if ends:
        assert percent == -1
        assert desk.call("getLastError", ticket) not in {"", "NoOp", "No error."}
        desk.call("closeConnection", ticket)
        ticket = desk.ticket()
        request = desk.first(ticket)
    else:
        assert 0 < percent < 100
        request = desk.next(ticket)
    assert desk.finish(ticket, request)[-1] == 100
    assert desk.all_read()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda _: "",
        lambda _: "HTTP/1.1 502 Bad Gateway",
        lambda text: text.replace("</EmployeeRet>", ""),
        lambda text: "<!DOCTYPE x>" + text,
        lambda text: text.replace("QBXMLMsgsRs", "QBXMLMsgsRq"),
        lambda text: re.sub(r'statusCode="\d+"', "", text),
        lambda text: re.sub(r'requestID="\d+"', 'requestID="999"', text),
        lambda text: re.sub(r"(\w+)QueryRs", r"\1AddRs", text),
        lambda _: "<QBXML><QBXMLMsgsRs/></QBXML>",
    ],
)
def test_an_unusable_answer_is_kept_and_asked_for_again(desk: Desk, spoil: Any) -> None:
    """The protocol's no, a reason on each job, and the next run reads it all."""
    ticket = desk.ticket()
    answer = spoil(desk.quickbooks().process(desk.first(ticket)))
    assert desk.give(ticket, answer) == -1
    assert "asked again" in desk.call("getLastError", ticket)
    assert desk.exchange().answer == answer
    assert desk.exchange().reason
    assert {job.state for job in desk.jobs()} == {"ready"}
    assert all(job.reason for job in desk.jobs())
    assert desk.call("closeConnection", ticket)
    desk.clock.pass_(minutes=2)
    assert desk.read_all() == [100]
    assert desk.all_read()


def test_an_answer_without_request_ids_is_taken_by_its_messages(desk: Desk) -> None:
    """Some real answers come so."""
    ticket = desk.ticket()
    answer = desk.quickbooks().process(desk.first(ticket))
    assert desk.give(ticket, re.sub(r' requestID="\d+"', "", answer)) == 100
    assert desk.all_read()


@pytest.mark.parametrize("code", [1, 500, 530, 550])
def test_nothing_found_and_warnings_are_successes(desk: Desk, code: int) -> None:
    """Whatever the severity beside it says."""
    ticket = desk.ticket()
    answer = desk.quickbooks().process(desk.first(ticket))
    told = f'statusCode="{code}" statusSeverity="Error"'
    answer = re.sub(r'statusCode="\d+" statusSeverity="\w+"', told, answer)
    assert desk.give(ticket, answer) == 100
    assert {job.state for job in desk.jobs()} == {"done"}


@pytest.mark.parametrize("code", [1000, 3120, 3140, 3250, 3260])
def test_an_error_on_one_request_stops_no_other(desk: Desk, code: int) -> None:
    """The others are done; the one says what QuickBooks said."""
    ticket = desk.ticket()
    answer = desk.quickbooks().process(desk.first(ticket))
    answer = re.sub(
        r'(<EmployeeQueryRs [^>]*?statusCode=")\d+("[^>]*>).*?</EmployeeQueryRs>',
        rf"\g<1>{code}\2</EmployeeQueryRs>",
        answer,
        flags=re.DOTALL,
    )
    assert 0 < desk.give(ticket, answer) <= 100
    states = {job.kind: job.state for job in desk.jobs()}
    assert states.pop("employee") in {"ready", "failed"}
    assert set(states.values()) == {"done"}
    [employee] = [job for job in desk.jobs() if job.kind == "employee"]
    assert f"QuickBooks answered {code}" in str(employee.reason)
    desk.call("closeConnection", ticket)
    desk.clock.pass_(minutes=15)
    assert desk.read_all() == [100]
    assert ("employee", "Ada") in desk.names()


def test_a_lost_iterator_begins_again(desk: Desk) -> None:
    """Another session cannot continue it, nor can this one after 3391."""
    for index in range(600):
        desk.hands.add("Customer", f"Customer {index:04}")
    ticket = desk.ticket()
    desk.give(ticket, desk.quickbooks().process(desk.first(ticket)))
    assert 'iterator="Continue"' in desk.next(ticket)
    desk.clock.pass_(minutes=20)
    ticket = desk.ticket()
    again = desk.first(ticket)
    assert 'iterator="Start"' in again
    assert 'iterator="Continue"' not in again
    assert desk.finish(ticket, again)[-1] == 100
    assert len(desk.names()) == 604


def test_an_answer_that_our_program_fails_on_does_not_stop_the_company(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept with a reason, and the next session begins as always."""

    def fail(*_: object) -> None:
        raise ValueError("a bug of ours")

    ticket = desk.ticket()
    answer = desk.quickbooks().process(desk.first(ticket))
    with monkeypatch.context() as patch:
        patch.setattr(job_answers, "apply", fail)
        assert desk.give(ticket, answer) == -1
    assert "Our program failed" in desk.exchange().reason
    assert desk.exchange().answer == answer
    desk.call("closeConnection", ticket)
    desk.clock.pass_(minutes=2)
    assert desk.read_all() == [100]
    assert desk.all_read()
