"""No way leads from QuickBooks into the database that personal data could take."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import pytest

from qbwc_server.jobs import exchanges
from qbwc_server.qbxml import personal
from qbwc_server.storage import tables
from tests.web_connector.desk import PATH, Desk, dump, post, serving

NUMBER = "123-45-6789"
PLANTED = f"<SSN>{NUMBER}</SSN><EIN>{NUMBER}</EIN>"


def _with_planted(answer: str) -> str:
    """Put personal data into every object of an answer."""
    for name in ("EmployeeRet", "CustomerRet", "CompanyRet", "HostRet"):
        answer = answer.replace(f"</{name}>", f"{PLANTED}</{name}>")
    assert NUMBER in answer
    return answer


def _through_all_ways(desk: Desk) -> None:
    """Have personal data come with everything that Web Connector brings along."""
    ticket = desk.ticket()
    request = desk.first(ticket, _with_planted(desk.hcp()))
    answer = _with_planted(desk.quickbooks().process(request))
    percent = desk.give(ticket, answer, message=f"at <SSN>{NUMBER}</SSN>")
    assert desk.give(ticket, answer) == percent, "the same answer again"
    assert desk.give(ticket, answer.replace("Ada", "Eve")) == -1
    desk.call("closeConnection", ticket)

    desk.clock.pass_(minutes=30)
    ticket = desk.ticket()
    assert desk.first(ticket)
    late = desk.session().exchange_id
    with desk.engine.begin() as connection:
        exchanges.lose(connection, desk.company.id, late, by="a test", now=desk.clock())
    desk.give(ticket, answer)
    desk.call("closeConnection", ticket)

    desk.clock.pass_(minutes=30)
    ticket = desk.ticket()
    assert desk.first(ticket)
    inner = f"<response>{escape(PLANTED)}&nbsp;</response>"
    body = f"<x><ticket>{ticket}</ticket>{inner}</x>".encode()
    post(desk.url, body, "receiveResponseXML")
    assert desk.exchange().reason is not None
    desk.call("sendRequestXML", ticket, _with_planted(desk.hcp()), PATH, "", "", "")


def test_personal_data_reaches_no_table(desk: Desk) -> None:
    """First answers, an answer, repeated, late, unreadable; what is said with it."""
    _through_all_ways(desk)
    stored = dump(desk.engine)

    assert ("employee", "Ada") in desk.names()
    assert NUMBER not in str(stored)
    kept = [str(row.answer) for row in desk.rows(tables.exchange)]
    assert sum("<SSN></SSN>" in one for one in kept) == 3
    assert sum("&lt;SSN" in one for one in kept) == 1


@pytest.mark.parametrize("way", ["dropped", "dropped_anywhere"])
def test_without_the_rule_it_would(
    new_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The negative control, for each of the two ways of looking for it."""
    monkeypatch.setattr(personal, way, lambda text: text)
    desk = new_desk()

    with serving(desk.wsgi):
        _through_all_ways(desk)

    assert NUMBER in str(dump(desk.engine))
