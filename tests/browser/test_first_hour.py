"""The customer's first hour and the hours after, in a browser, from end to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from qbwc_server import app
from qbwc_server.decisions import company_settings
from qbwc_server.storage import tables
from tests.browser.house import House, house
from tests.browser.looking import Looking

_SOON = 20_000
"""Milliseconds in which the page must have noticed what happened."""


expect.set_options(timeout=_SOON)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has never been here."""
    context = browser.new_context(accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    """A house whose connection was just made, and that nobody has connected yet."""
    with house(tmp_path) as made:
        yield made


def _tab(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name).click()
    expect(page.locator("[aria-current=page]")).to_contain_text(name)


def _ticked(page: Page, *steps: str) -> None:
    for step in steps:
        expect(page.locator(f"#step-{step}")).to_have_class(
            re.compile("done|remark"), timeout=_SOON
        )


def _go_live(page: Page, looking: Looking) -> None:
    """Press the button, read what it does, and say yes."""
    page.get_by_role("button", name="Go live").click()
    expect(page.locator("h1")).to_have_text("Go live?")
    looking.at("going-live")
    page.get_by_role("button", name="Yes, go live").click()
    expect(page.locator("main .notice")).to_be_visible()
    assert page.evaluate("window.never_left") is True


def test_a_customer_connects_goes_live_and_settles_a_conflict_without_a_reload(
    page: Page, home: House
) -> None:
    """Setup page, download, password, live steps, preview, go live, a conflict."""
    looking = Looking(page)
    page.goto(home.url)
    page.get_by_role("button", name="Open my page").click()
    expect(page.locator("h1")).to_contain_text("Connect Harbor & Vale")
    looking.at("setup")
    # What a reload would forget.
    page.evaluate("window.never_left = true")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the connection file").click()
    home.add(Path(download.value.path()).read_bytes())
    page.get_by_role("button", name="Show a password").click()
    page.get_by_role("button", name="Copy").click()
    password = page.evaluate("navigator.clipboard.readText()")
    assert password == page.locator("#password-text").inner_text()

    home.run("not the password")
    expect(page.locator("#step-password")).to_have_class("trouble")
    _ticked(page, "ready", "added")
    home.run(password)
    _ticked(page, "added", "password", "file", "permission", "reads", "preview")
    assert "Harbor & Vale" in page.locator("#step-file").inner_text()
    assert page.evaluate("window.never_left") is True
    looking.at("connected")

    _tab(page, "Before going live")
    page.evaluate("window.never_left = true")
    page.get_by_role("button", name=re.compile("Show what|Look again")).click()
    expect(page.get_by_role("heading", name="In numbers")).to_be_visible()
    assert page.evaluate("window.never_left") is True
    looking.at("preview")
    _choose(page, home, looking)
    _tab(page, "Before going live")
    page.evaluate("window.never_left = true")
    assert home.sandbox.objects("client") == []
    _go_live(page, looking)

    _look_around(page, home, looking)
    txn_id = _both_change_the_notes(home, password)
    _tab(page, "Conflicts")
    expect(page.get_by_role("cell", name="in the office")).to_be_visible()
    expect(page.get_by_role("cell", name="on the site")).to_be_visible()
    looking.at("conflict")
    page.evaluate("window.never_left = true")
    page.get_by_role("button", name="Mosaic is right").click()
    expect(page.locator("main .notice")).to_be_visible()
    assert page.evaluate("window.never_left") is True
    home.wait(lambda: _notes_after_a_run(home, txn_id, password) == "on the site")
    _tab(page, "Conflicts")
    page.get_by_role("button", name="I have seen it").click()
    expect(page.get_by_text("There is no conflict.")).to_be_visible()
    assert looking.errors == []


def _choose(page: Page, home: House, looking: Looking) -> None:
    """Match a person by a search, leave another out, and take that back."""
    _tab(page, "Choices")
    page.evaluate("window.never_left = true")
    people = [row for row in home.rows(tables.record) if row.kind == "employee"]
    matched, left = (
        page.locator(f"#record-{row.id}")
        for row in sorted(people, key=lambda row: row.id)[:2]
    )
    matched.get_by_text("Search Mosaic").click()
    matched.get_by_label("Name in Mosaic").fill("outlander")
    matched.get_by_role("button", name="Search").click()
    matched.get_by_role("button", name="Confirm: it is Olga Outlander").click()
    notice = page.locator("main .notice")
    expect(notice).to_contain_text("is matched with Olga Outlander")
    expect(matched).to_contain_text("Matched with Olga Outlander by you")
    left.get_by_role("button", name="Do not link").click()
    expect(notice).to_contain_text("is not linked")
    expect(left).to_contain_text("Not linked, as you said.")
    looking.at("choices")
    notice.get_by_role("button", name="Undo this").click()
    expect(notice).to_contain_text("is as it was before")
    expect(left).not_to_contain_text("Not linked, as you said.")
    page.get_by_role("button", name="Select all on this page").click()
    expect(left.get_by_role("checkbox")).to_be_checked()
    assert page.evaluate("window.never_left") is True
    _say_of_all(page, home, looking)
    (row,) = home.rows(tables.record, tables.record.c.choice.is_not(None))
    assert (row.id, row.choice) == (min(one.id for one in people), "link")


def _say_of_all(page: Page, home: House, looking: Looking) -> None:
    """Say the same of all service items, which are more than a page, and undo it."""
    page.get_by_role("link", name="Service items").click()
    page.evaluate("window.never_left = true")
    items = [row for row in home.rows(tables.record) if row.kind == "service_item"]
    page.get_by_text("The same for all on all pages").click()
    form = page.get_by_role("form", name="The same for all that match")
    form.get_by_role("button", name="Decide later").click()
    expect(page.locator("h1")).to_contain_text("The same for all that match?")
    looking.at("choices-all")
    sure = f"Yes, decide later: {len(items)}"
    page.get_by_role("button", name=sure).click()
    notice = page.locator("main .notice")
    expect(notice).to_contain_text(f"{len(items)} records: each is decided later.")
    notice.get_by_role("button", name="Undo this").click()
    expect(notice).to_contain_text(f"{len(items)} records: each is as it was before.")
    assert page.evaluate("window.never_left") is True


def _look_around(page: Page, home: House, looking: Looking) -> None:
    """Look at the pages of a connection that works."""
    home.wait(lambda: home.sandbox.objects("time_entry") and home.is_quiet())
    page.goto(home.url)
    expect(page.get_by_text("Is it working?")).to_be_visible()
    looking.at("overview")
    _tab(page, "Records")
    looking.at("records")
    _tab(page, "Hours")
    page.get_by_role("link", name="This month").click()
    expect(page.get_by_role("link", name="This month")).to_have_attribute(
        "aria-current", "true"
    )
    looking.at("hours")
    _tab(page, "Runs")
    looking.at("runs")
    page.evaluate("window.never_left = true")
    log = b"20260302.14:00:00 UTC\t: QBWC1012: Authentication failed\n"
    file = FilePayload(name="QWCLog.txt", mimeType="text/plain", buffer=log)
    page.get_by_label("QWCLog.txt").set_input_files(file)
    page.get_by_role("button", name="Explain it").click()
    expect(page.get_by_role("heading", name="What the log says")).to_be_visible()
    assert page.evaluate("window.never_left") is True
    looking.at("log")


def _notes_after_a_run(home: House, txn_id: str, password: str) -> str:
    """Let the worker finish and Web Connector run; return what QuickBooks has then."""
    home.wait(home.is_quiet)
    home.run(password)
    (row,) = home.file.store.all("SELECT * FROM time_entry WHERE txn_id = ?", txn_id)
    return str(row["notes"])


def _both_change_the_notes(home: House, password: str) -> str:
    """Edit one entry on both sides until it waits for a person; return its TxnID."""
    company_settings.set_values(
        home.made.engine, home.company.id, now=app.utc_now(), who="test", policy="ask"
    )
    record = tables.record
    both = home.rows(
        record,
        record.c.kind == "time_entry",
        record.c.state == "in_sync",
        record.c.mosaic_id.is_not(None),
    )
    # Of what is on an invoice QuickBooks is right, and nobody is asked.
    free = [row for row in both if row.quickbooks["billable"] == "NotBillable"]
    row = max(free, key=lambda one: one.day)
    home.file.hands.edit_time(row.quickbooks_id, notes="in the office")
    home.people.edit_time(row.mosaic_id, description="on the site")
    home.wait(home.is_quiet)
    home.run(password)
    home.wait(lambda: home.rows(record, record.c.conflict.is_not(None)))
    return str(row.quickbooks_id)


def test_a_link_of_nobody_says_nothing(page: Page, home: House) -> None:
    """Neither whose it was nor what it is for."""
    answer = page.goto(home.url[:-8] + "abcdefgh")
    assert answer is not None
    assert answer.status == 404
    assert "Harbor" not in page.content()


def test_every_page_works_without_its_script(browser: Browser, home: House) -> None:
    """The steps are there, and the password is shown by a form that is sent."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(home.url)
    page.get_by_role("button", name="Open my page").click()
    expect(page.locator("#step-added")).to_be_visible()
    page.get_by_role("button", name="Show a password").click()
    expect(page.locator("#password-text")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    for name in (
        "Overview",
        "Before going live",
        "Choices",
        "Records",
        "Conflicts",
        "Runs",
    ):
        _tab(page, name)
        expect(page.locator("h1")).to_be_visible()
    context.close()
