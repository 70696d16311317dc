"""Wrong situations, as a customer meets them: what Web Connector then shows.

Each is made with the sandbox over the real SOAP server, and its words are those of the
one table.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from qbwc_server import app, words
from qbwc_server.app import Parts
from qbwc_server.companies import computers, credentials, heartbeat, registry, silence
from qbwc_server.companies.attention import TIME_OFF
from qbwc_server.decisions import company_settings
from qbwc_server.sandbox.web_connector import program
from qbwc_server.sandbox.web_connector.company_stamp import (
    APP_LOCK,
    change_stamp,
    first_answers,
)
from qbwc_server.sandbox.web_connector.protocol import Session
from qbwc_server.sandbox.web_connector.registration import RegistrationRefused, add
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words import questions
from qbwc_server.words.qwclog import findings
from tests.customer import Customer
from tests.web_connector.desk import Desk
from tests.web_connector.timesheet import Timesheet

Says = Callable[[str, str], None]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which it is."""
    return sqlite_url


@pytest.fixture
def host_says(monkeypatch: pytest.MonkeyPatch) -> Says:
    """A function that has QuickBooks say something else of itself."""
    changed: list[tuple[str, str]] = []

    def answers(session: Session, owner_id: str) -> str:
        text = first_answers(session, owner_id)
        for before, after in changed:
            assert before in text
            text = text.replace(before, after)
        return text

    monkeypatch.setattr(program, "first_answers", answers)
    return lambda before, after: changed.append((before, after))


def is_told(desk: Desk, result: str, attention: str) -> None:
    """Check that both places tell it: Web Connector's answer and the company's page."""
    assert desk.stored().attention_id == attention
    assert result.startswith(str(desk.stored().attention))
    assert (result.isascii(), len(result) < 200) == (True, True)
    is_on_the_page(desk)


def page_of(desk: Desk, name: str, *, peer: str = "127.0.0.1") -> str:
    """Return what the company's page says to somebody who looks from an address."""
    made = Parts(desk.settings, desk.engine, desk.keys, desk.clock)
    address = f"/setup/{desk.company.setup_token}/{name}"
    answer = Customer(app.wsgi(made)).get(
        address, environ_overrides={"REMOTE_ADDR": peer}
    )
    return html.unescape(answer.text)


def is_on_the_page(desk: Desk) -> None:
    """Check that the page tells what needs attention, with all that the table has."""
    stored = desk.stored()
    made = Parts(desk.settings, desk.engine, desk.keys, desk.clock)
    pages = Customer(app.wsgi(made))
    told = words.attention(str(stored.attention_id))
    more = questions.on_the_page(told.page.removeprefix(told.said).strip())
    for page in ("connect", "overview"):
        answer = pages.get(f"/setup/{desk.company.setup_token}/{page}")
        text = html.unescape(answer.text)
        for part in (stored.attention, more, told.menu):
            assert str(part) in text, page


def goes_on(desk: Desk) -> None:
    """Check that everything was read all the same."""
    assert desk.all_read()


@pytest.mark.parametrize(
    ("before", "after", "attention"),
    [
        ("<Country>US<", "<Country>CA<", "quickbooks-unsupported-country"),
        ("<MajorVersion>34<", "<MajorVersion>22<", "quickbooks-unsupported-version"),
        (
            "QuickBooks Desktop Enterprise Solutions 24.0",
            "QuickBooks Simple Start 2014",
            "quickbooks-unsupported-edition",
        ),
    ],
)
def test_what_is_not_supported_is_said_and_goes_on(
    desk: Desk, host_says: Says, before: str, after: str, attention: str
) -> None:
    """Every time, as long as it is so."""
    host_says(before, after)
    for _ in range(2):
        run = desk.run()
        is_told(desk, run.result, attention)
        assert desk.stored().attention == words.attention(attention).said
        desk.clock.pass_(minutes=15)
    goes_on(desk)


def test_a_quickbooks_that_is_too_old_is_told_in_both_places(
    desk: Desk, host_says: Says
) -> None:
    """Nothing can go on there."""
    for major in range(6, 17):
        host_says(f"<SupportedQBXMLVersion>{major}.0</SupportedQBXMLVersion>", "")
    run = desk.run()
    is_told(desk, run.result, "quickbooks-too-old")
    assert run.result == words.attention("quickbooks-too-old").said


def test_the_wrong_file_is_told_in_both_places_with_what_to_open(desk: Desk) -> None:
    """However long the names are, what to do stands whole behind them."""
    desk.run()
    desk.hands.set("company_name", "Somebody Else of a Long Name and Partners, Inc.")
    desk.hands.set("file_name", "C:\\Books\\Else.QBW")
    desk.clock.pass_(minutes=15)
    run = desk.run()
    is_told(desk, run.result, "wrong-company-file")
    assert run.result.endswith("in QuickBooks, then run the update again.")


@pytest.mark.parametrize(
    ("what", "value"),
    [("file_name", "D:\\Moved\\Alice.QBW"), ("company_name", "Alice Ltd")],
)
def test_a_moved_or_renamed_file_goes_on_and_is_said_once(
    desk: Desk, what: str, value: str
) -> None:
    """With what to choose should QuickBooks ask; afterwards all is as before."""
    desk.run()
    desk.hands.set(what, value)
    desk.clock.pass_(minutes=15)
    run = desk.run()
    is_told(desk, run.result, "company-file-moved")
    assert "Yes, always" in run.result
    desk.clock.pass_(minutes=15)
    desk.run()
    assert desk.stored().attention is None
    goes_on(desk)


def test_a_restored_backup_is_told_in_both_places(
    desk: Desk, timesheet: Timesheet
) -> None:
    """Nothing is written until everything was compared."""
    timesheet.new()
    desk.run()
    desk.hands.set("last_restore", desk.seconds())
    desk.clock.pass_(minutes=15)
    timesheet.new(day="2026-02-25")
    run = desk.run()
    assert run.result.startswith("A backup of the company file was restored.")
    is_told(desk, run.result, "backup-restored")


def test_two_computers_with_one_connection_are_told_by_name(desk: Desk) -> None:
    """When they run by turns; for a day after the last time."""
    for computer in ("FRONT-DESK", "OFFICE", "FRONT-DESK"):
        run = desk.connector(computer=computer).run()
        assert run.error is None
        desk.clock.pass_(minutes=15)
    is_told(desk, run.result, "two-computers")
    assert "They are FRONT-DESK and OFFICE." in run.result.replace(
        "OFFICE and FRONT-DESK", "FRONT-DESK and OFFICE"
    )
    desk.clock.pass_(days=1)
    run = desk.connector(computer="FRONT-DESK").run()
    assert desk.stored().attention is None
    goes_on(desk)


def test_a_new_computer_that_takes_over_is_nothing_to_tell(desk: Desk) -> None:
    """The old one does not run again."""
    for computer in ("OLD", "OLD", "NEW", "NEW"):
        desk.connector(computer=computer).run()
        assert desk.stored().attention is None
        desk.clock.pass_(minutes=15)


def test_a_file_that_another_computer_left_locked_is_explained(desk: Desk) -> None:
    """Web Connector says it without a code; the log's reader knows it."""
    desk.run()
    lock = "LOCKED:OTHER-PC:1"
    change_stamp(desk.quickbooks(), desk.application.owner_id, APP_LOCK, lock)
    desk.clock.pass_(minutes=15)
    run = desk.run()
    assert "locked by another client [OTHER-PC]" in run.result
    log = "\n".join(run.log)
    assert words.LOCKED in [one.words for one in findings(log)]
    made = Parts(desk.settings, desk.engine, desk.keys, desk.clock)
    answer = Customer(app.wsgi(made)).post(
        f"/setup/{desk.company.setup_token}/runs",
        data={"log": (io.BytesIO(log.encode()), "QWCLog.txt")},
    )
    text = html.unescape(answer.text)
    assert words.LOCKED.happened in text
    assert words.LOCKED.do in text


def test_time_tracking_that_is_switched_off_is_told_and_the_rest_goes_on(
    desk: Desk,
) -> None:
    """With the menu path."""
    with company_transaction(desk.engine, desk.company.id) as connection:
        registry.change(connection, desk.company.id, time_tracking=None)
    run = desk.run()
    is_told(desk, run.result, TIME_OFF)
    assert "Edit > Preferences > Time & Expenses" in run.result
    assert {"employee", "customer"} <= {kind for kind, _ in desk.names()}


def test_personal_data_that_is_kept_from_us_is_told_and_the_rest_goes_on(
    desk: Desk,
) -> None:
    """With the box to tick, where the company needs the list that is kept from us."""
    for name in ("payroll", "payroll_subscription"):
        desk.hands.set(name, value=True)
    desk.hands.set("personal_data", value=False)
    desk.run()
    assert desk.stored().attention is None
    with company_transaction(desk.engine, desk.company.id) as connection:
        registry.change(connection, desk.company.id, time_payroll_item="Hourly")
    desk.clock.pass_(minutes=15)
    run = desk.run()
    assert desk.stored().attention_id == "quickbooks-status-3261"
    assert words.status(3261).happened in run.result
    assert words.attention("quickbooks-status-3261").menu.endswith("> Properties")
    is_on_the_page(desk)
    assert {"customer", "service_item"} <= {kind for kind, _ in desk.names()}


@pytest.mark.parametrize(
    ("setting", "value", "hresult"),
    [
        ("dialog_open", True, "0x80040414"),
        ("access", "not_asked", "0x80040418"),
        ("access", "denied", "0x8004041A"),
    ],
)
def test_a_quickbooks_that_does_not_let_us_in_is_told_in_both_places(
    desk: Desk, setting: str, value: object, hresult: str
) -> None:
    """The second time QuickBooks is left alone for a while."""
    desk.run()
    desk.hands.set(setting, value=value)
    desk.clock.pass_(minutes=15)
    run = desk.run()
    assert run.error == "QBWC1013"
    assert desk.stored().attention_id == f"quickbooks-{hresult.lower()}"
    assert desk.stored().attention == words.hresult(hresult).said
    assert desk.session().summary.startswith(words.hresult(hresult).said)
    assert words.attention(str(desk.stored().attention_id)) == words.hresult(hresult)
    is_on_the_page(desk)


def test_a_web_connector_that_is_too_old_is_told_the_version_it_needs(
    desk: Desk,
) -> None:
    """It stops before it says who it is: its address alone can tell the page."""
    told = words.attention("web-connector-too-old").said
    connector = desk.connector()
    assert told not in page_of(desk, "connect")
    connector.version = "2.0.9.99"
    run = connector.run()
    assert "authenticate" not in run.calls
    assert any("2.1" in line for line in run.log)
    assert told in page_of(desk, "connect")
    assert told not in page_of(desk, "connect", peer="203.0.113.9")
    connector.version = "34.0.10010.76"
    desk.clock.pass_(minutes=1)
    assert connector.run().error is None
    assert told not in page_of(desk, "connect")

    connector.version = "2.0.9.99"
    desk.clock.pass_(minutes=15)
    connector.run()
    for peer in ("127.0.0.1", "203.0.113.9"):  # where it calls from is known by now
        assert told in page_of(desk, "overview", peer=peer)


def explained(desk: Desk, log: str) -> str:
    """Return what the page says to somebody who gives it Web Connector's log."""
    made = Parts(desk.settings, desk.engine, desk.keys, desk.clock)
    answer = Customer(app.wsgi(made)).post(
        f"/setup/{desk.company.setup_token}/runs",
        data={"log": (io.BytesIO(log.encode()), "QWCLog.txt")},
    )
    return html.unescape(answer.text)


def test_a_wrong_password_is_told_in_both_places(desk: Desk) -> None:
    """Web Connector has its own words for it; the page says what to type where."""
    connector = desk.connector()
    connector.password = "not the password"
    run = connector.run()
    assert run.error == "QBWC1040"
    assert words.qwc_code(1040).happened in explained(desk, "\n".join(run.log))
    text = page_of(desk, "connect")
    assert 'class="trouble" id="step-password"' in text
    assert "a password that is not right. Please type the password again" in text
    desk.clock.pass_(minutes=1)
    assert desk.run().error is None
    assert "a password that is not right" not in page_of(desk, "connect")


def test_a_paused_connection_is_told_in_both_places(desk: Desk) -> None:
    """Web Connector is told that there is nothing to do, the page who can go on."""
    desk.run()
    company_settings.pause(desk.engine, desk.stored(), now=desk.clock(), who="support")
    desk.clock.pass_(minutes=15)
    run = desk.run()
    assert (run.error, run.round_trips) == (None, 0)
    assert "no data exchange" in run.result.lower()
    for page in ("connect", "overview"):
        text = page_of(desk, page)
        assert "It is paused." in text
        assert "Our support paused it, and resumes it: please ask them" in text
    company_settings.resume(desk.engine, desk.stored(), now=desk.clock(), who="support")
    desk.run()
    assert "It is paused." not in page_of(desk, "overview")
    goes_on(desk)


def test_a_run_that_is_paused_meanwhile_asks_nothing_more_and_says_who_paused(
    desk: Desk,
) -> None:
    """What it was about to read is read after the pause; its Status says the pause."""
    ticket = desk.ticket()
    company_settings.pause(
        desk.engine,
        desk.stored(),
        now=desk.clock(),
        who="the setup page",
        why="Payroll.",
        by="customer",
    )
    assert desk.first(ticket) == ""
    said = desk.call("closeConnection", ticket)
    assert said.startswith("Paused on the setup page since 20")
    assert "Resume it there. Why: Payroll." in said
    assert desk.session().ended_why == "closed"
    company_settings.resume(
        desk.engine, desk.stored(), now=desk.clock(), who="the setup page"
    )
    desk.read_all()
    goes_on(desk)


def test_a_connection_that_is_late_is_told_on_the_page_until_it_calls(
    desk: Desk,
) -> None:
    """Web Connector does not run, so it can say nothing; then all is as before."""
    company_settings.set_values(
        desk.engine, desk.company.id, now=desk.clock(), who="test", mode="live"
    )
    desk.run()
    for _ in range(60):  # our own server is up all the time
        desk.clock.pass_(minutes=1)
        heartbeat.keep(desk.engine, desk.clock)
        silence.look(desk.engine, desk.clock())
    for page in ("connect", "overview"):
        assert "has not called for too long" in page_of(desk, page)
        assert "Auto-Run is ticked" in page_of(desk, page)
    assert desk.run().error is None
    silence.look(desk.engine, desk.clock())
    assert "has not called for too long" not in page_of(desk, "overview")
    goes_on(desk)


def test_a_second_pair_of_ids_is_refused_explained_and_mended(desk: Desk) -> None:
    """QBWC1039: the company file knows this OwnerID with another FileID."""
    again = replace(desk.application, file_id="{00000000-1111-2222-3333-444444444444}")
    with pytest.raises(RegistrationRefused, match="QBWC1039") as refused:
        add(again, desk.file)
    told = words.qwc_code(1039)
    text = explained(desk, f"20260302.14:00:00 UTC\t: {refused.value}\n")
    assert told.happened in text
    assert told.do in text
    assert told.menu in text

    credentials.new_owner_id(
        desk.engine, desk.company.id, now=desk.clock(), who="test", why="QBWC1039"
    )
    desk.register()
    desk.clock.pass_(minutes=15)
    assert desk.run().error is None
    goes_on(desk)


def test_computers_are_kept_for_a_day_and_not_more_than_five(desk: Desk) -> None:
    """The names come from the lock, whatever else stands there."""
    now = desk.clock()
    known: computers.Computers = {}
    for number in range(9):
        known = computers.seen(known, f"LOCKED:PC{number}:1", now)
    assert list(known) == ["PC4", "PC5", "PC6", "PC7", "PC8"]
    for lock in ("", "UNLOCKED:PC1", "LOCKED:", "nonsense"):
        assert computers.seen({}, lock, now) == {}
    assert computers.seen(known, "", now + timedelta(days=1)) == {}


def test_a_file_without_our_mark_is_told_though_nothing_was_asked(desk: Desk) -> None:
    """Web Connector ends such a run by itself; the next good one ends what was said."""
    desk.run()
    desk.file.store.run("DELETE FROM extension_value WHERE name = 'AppLock'")
    desk.clock.pass_(minutes=15)
    assert desk.run().error == "QBWC1026"
    assert desk.stored().attention_id == "run-ended-early"
    is_on_the_page(desk)
    assert (
        desk.rows(tables.session)[-1].summary == words.attention("run-ended-early").said
    )
    add(desk.application, desk.file)
    desk.clock.pass_(minutes=15)
    desk.run()
    assert desk.stored().attention_id is None
