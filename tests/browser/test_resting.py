"""A customer pauses and resumes, and has an address told: on a desk and on a phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from werkzeug.serving import make_server

from qbwc_server import app
from qbwc_server.cli.demo_processes import free_port
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.operations import notices
from qbwc_server.operations.notices import Ways
from qbwc_server.settings import Settings
from qbwc_server.storage import schema
from qbwc_server.storage.database import company_transaction, make_engine
from tests.browser.looking import Looking
from tests.browser.silent import Silent
from tests.browser.test_phone import CUT
from tests.conftest import SECRET
from tests.operations import post_office
from tests.operations.post_office import PostOffice

WHY = "The books are closed until Monday."


@dataclass
class Firm:
    """A company that is live, its server, and its mail server."""

    parts: app.Parts
    office: PostOffice
    id: int
    url: str

    def stored(self) -> Company:
        """Return the company as it is stored."""
        return registry.numbered(self.parts.engine, self.id)

    def send(self) -> None:
        """Have a worker send what is due."""
        ways, url = Ways.of(self.parts.settings), self.parts.settings.public_url
        notices.deliver(self.parts.engine, ways, url, self.parts.clock)


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    """A firm that Web Connector has called for."""
    engine, port = make_engine(f"sqlite:///{tmp_path / 'qbwc.db'}"), free_port()
    schema.upgrade(engine)
    keys, url = Keys([SECRET]), f"http://localhost:{port}"
    with post_office.serving() as office:
        settings = Settings(
            data_dir=tmp_path,
            secret_key=SecretStr(SECRET),
            public_url=url,
            smtp_url=SecretStr(office.url),
        )
        parts = app.Parts(settings, engine, keys, app.utc_now)
        made = registry.add(
            engine,
            keys,
            name="Thunderbird Landscape Architecture",
            mosaic_url="http://localhost:1",
            mosaic_team="100",
            mosaic_key="a key",
            now=app.utc_now(),
        )
        with company_transaction(engine, made.id) as connection:
            seen = {"last_seen_at": app.utc_now(), "file_name": "Thunderbird"}
            registry.change(connection, made.id, **seen)
        server = make_server(
            "127.0.0.1", port, app.wsgi(parts), threaded=True, request_handler=Silent
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Firm(parts, office, made.id, f"{url}/setup/{made.setup_token}")
        server.shutdown()
        server.server_close()
    engine.dispose()


@pytest.fixture
def page(browser: Browser, firm: Firm) -> Iterator[Page]:
    """The customer's page, opened."""
    context = browser.new_context()
    made = context.new_page()
    made.goto(firm.url)
    made.get_by_role("button", name="Open my page").click()
    expect(made.locator("nav.tabs").first).to_be_visible()
    made.goto(f"{firm.url}/overview")
    yield made
    context.close()


def _whole(page: Page) -> None:
    """Look that no word is cut on a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(CUT) == []
    page.set_viewport_size({"width": 1100, "height": 800})


def test_a_customer_pauses_and_resumes(page: Page, firm: Firm) -> None:
    """Asked back; the page says since when and why, and what support paused, too."""
    looking = Looking(page)
    page.get_by_role("link", name="Pause this connection").click()
    expect(page.locator("h1")).to_have_text("Pause this connection?")
    page.get_by_label("Why?").fill(WHY)
    looking.at("pausing")
    _whole(page)
    page.evaluate("window.never_left = true")
    page.get_by_role("button", name="Yes, pause it").click()
    expect(page.locator("#live .first")).to_contain_text("It is paused.")
    expect(page.locator("#live .first")).to_contain_text(f"on this page. Why: {WHY}")
    assert page.evaluate("window.never_left") is True
    assert (firm.stored().mode, firm.stored().paused_why) == ("paused", WHY)
    looking.at("paused")
    _whole(page)

    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("link", name="Pause this connection")).to_be_visible()
    assert firm.stored().mode == "live"
    company_settings.pause(
        firm.parts.engine, firm.stored(), now=app.utc_now(), who="eve", why="A look."
    )
    page.reload()
    expect(page.locator("#live .first")).to_contain_text("by our support")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)


def test_an_address_is_told_after_its_owner_pressed_the_button(
    page: Page, browser: Browser, firm: Firm
) -> None:
    """On any computer, without the setup link; and ends it the same way."""
    looking = Looking(page)
    page.get_by_role("link", name="Have an address told").click()
    page.get_by_label("E-mail address").fill("bo.berg@firm.example")
    page.get_by_role("button", name="Send a mail that asks").click()
    expect(page.locator(".notice")).to_contain_text("A mail is on its way")
    looking.at("alerts")
    _whole(page)
    firm.send()

    elsewhere = browser.new_context().new_page()
    seen = Looking(elsewhere)
    elsewhere.goto(firm.parts.settings.public_url + firm.office.link())
    expect(elsewhere.locator("h1")).to_contain_text("Alerts of Thunderbird")
    seen.at("alert-link")
    _whole(elsewhere)
    elsewhere.get_by_role("button", name="Yes, send them").click()
    expect(elsewhere.get_by_role("button", name="End these mails")).to_be_visible()
    page.reload()
    expect(page.locator("main")).to_contain_text("Gets alerts since")
    elsewhere.get_by_role("button", name="End these mails").click()
    expect(elsewhere.locator("main")).to_contain_text("Nothing is sent to b")
    elsewhere.context.close()
    page.reload()
    expect(page.locator("main")).to_contain_text("No address is told yet")
