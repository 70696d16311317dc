"""The bars of the first reads, looked at while QuickBooks is being read."""

from __future__ import annotations

import html
import re

import pytest

from qbwc_server import app
from qbwc_server.app import Parts
from tests.customer import Customer
from tests.web_connector.desk import Desk, serving


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which it is."""
    return sqlite_url


def _bars(desk: Desk) -> dict[str, tuple[str | None, str]]:
    """Return for each kind on the page how full its bar is, and what stands beside."""
    made = Parts(desk.settings, desk.engine, desk.keys, desk.clock)
    page = Customer(app.wsgi(made)).get(f"/setup/{desk.company.setup_token}/live")
    found = re.findall(
        r'<label for="read-\d+">([^<]+)</label>\s*<progress [^>]*?max="1"'
        r'(?: value="([\d.]+)")?></progress>\s*<span class="number">([^<]+)</span>',
        page.text,
    )
    return {
        html.unescape(kind): (value or None, " ".join(html.unescape(said).split()))
        for kind, value, said in found
    }


def test_bars_fill_as_pages_come_and_tell_the_time_left_at_that_pace(
    desk: Desk,
) -> None:
    """31 pages of customers, one in eight seconds: what is left is told by that."""
    desk.settings = desk.settings.model_copy(update={"page_size": 2})
    for number in range(60):
        desk.hands.add("Customer", f"Client {number}")
    with serving(desk.wsgi):
        ticket = desk.ticket()
        request, quickbooks = desk.first(ticket), desk.quickbooks()
        assert _bars(desk)["Customers and jobs"] == ("0", "0")
        seen = []
        while request:
            desk.clock.pass_(seconds=8)  # an iterator dies after ten
            if desk.give(ticket, quickbooks.process(request)) == 100:
                break
            seen.append(_bars(desk)["Customers and jobs"])
            request = desk.next(ticket)
        desk.call("closeConnection", ticket)
    assert [seen[page - 1] for page in (1, 8, 16, 24, 30)] == [
        ("0.032", "2"),
        ("0.258", "16, 3 minutes left"),
        ("0.516", "32, 2 minutes left"),
        ("0.774", "48, less than a minute left"),
        ("0.968", "60, less than a minute left"),
    ]
    made = Parts(desk.settings, desk.engine, desk.keys, desk.clock)
    page = Customer(app.wsgi(made)).get(f"/setup/{desk.company.setup_token}/live")
    assert _bars(desk) == {}
    assert 'data-part="head-reads" data-tick="trouble"' not in page.text
    assert "64 objects are known." in page.text


def test_a_kind_that_is_read_stands_so_while_another_is_still_read(desk: Desk) -> None:
    """People come in one piece, and are all there with the first answer."""
    desk.settings = desk.settings.model_copy(update={"page_size": 2})
    for number in range(8):
        desk.hands.add("Customer", f"Client {number}")
    with serving(desk.wsgi):
        ticket = desk.ticket()
        desk.give(ticket, desk.quickbooks().process(desk.first(ticket)))
        bars = _bars(desk)
    assert bars["Employees"] == ("1", "1, all read")
    assert bars["Customers and jobs"][0] == "0.200"
