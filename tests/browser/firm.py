"""A firm in which something goes wrong: both sides, its Web Connector, and its page.

The real Web Connector and the browser call the real server, and time passes only here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect
from werkzeug.serving import make_server

from qbwc_server import app
from qbwc_server.companies import connection_file, credentials, heartbeat, registry
from qbwc_server.sandbox.mosaic.server import serve
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import add, read_application
from qbwc_server.serving.served import WSGI
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    transaction,
)
from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks
from tests.agreement.house import House
from tests.agreement.talk import Trouble
from tests.browser.looking import Looking
from tests.browser.silent import Silent

SUPPORT = "Harbor Help"
_WHO = sa.text(
    "SELECT who_must_act, why, next_step FROM support_companies WHERE company_id = :id"
)


class Firm:
    """A company file and its Mosaic, their server, and somebody who looks at the page.

    `status` is what Web Connector's Status column shows.
    """

    def __init__(self, house: House, page: Page) -> None:
        self.house, self.page, self.looking = house, page, Looking(page)
        self.status, self.password = "", house.company.password
        self._mosaic = serve(house.sandbox, 0)
        self._pages: WSGI | None = None
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=Silent
        )
        self._address = f"http://localhost:{self._server.server_port}"
        house.settings = house.settings.model_copy(
            update={
                "public_url": self._address,
                "contact_name": SUPPORT,
                "contact_address": "help@harbor.example",
                "mosaic_requests": 10_000,
            }
        )
        parts = app.Parts(house.settings, house.engine, house.keys, house.clock)
        self._pages = app.wsgi(parts)
        with company_transaction(house.engine, house.company.id) as connection:
            registry.change(connection, house.company.id, mosaic_url=self._mosaic.url)
        qwc = connection_file.qwc_of(house.stored(), self._address)
        self._application = read_application(qwc)
        house.people.calls_back = True
        setattr(house, "connect", self._connect)  # noqa: B010 - mypy refuses a method
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = self._new_link()

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        assert self._pages is not None
        return self._pages(environ, start_response)

    def _new_link(self) -> str:
        house = self.house
        token, _ = credentials.new_setup_link(
            house.engine,
            house.keys,
            house.company.id,
            days=30,
            now=house.clock(),
            who="eve",
        )
        return f"{self._address}/setup/{token}"

    def close(self) -> None:
        """End the server and Mosaic."""
        self._server.shutdown()
        self._server.server_close()
        self._mosaic.stop()

    # What happens beside the browser

    def run(self) -> Run:
        """Have Web Connector run once, with the file that is open in QuickBooks."""
        made = WebConnector(
            self._application,
            self.password,
            self.house.file,
            sleep=self._wait,
            clock=self._unix,
            log=lambda _line: None,
        ).run()
        if made.result != "No Data Exchange":
            self.status = made.result
        return made

    def _connect(self, trouble: Trouble | None = None, **_dies: object) -> bool:
        assert trouble is None
        return self.run().error is None

    def _wait(self, seconds: float) -> None:
        self.house.clock.pass_(seconds=seconds)

    def _unix(self) -> float:
        return self.house.clock.now.timestamp()

    def goes_on(self) -> None:
        """Let everything run to rest, and again when both sides were read anew."""
        for _ in range(2):
            self.house.settle_for(minutes=65)

    def passes(self, runs: int = 2) -> None:
        """Let Web Connector and the worker run so often, whatever comes of it."""
        for _ in range(runs):
            self.house.clock.pass_(minutes=31)
            self.house.connect()
            self.house.work()

    def is_silent(self, minutes: int) -> None:
        """Have Web Connector not call, while our server and worker are up."""
        for _ in range(minutes):
            self.house.clock.pass_(minutes=1)
            with transaction(self.house.engine) as connection:
                heartbeat.beat(connection, self.house.clock())
            self.house.work()

    def open_another_file(self, *, added: bool) -> CompanyFile:
        """Open somebody else's file in QuickBooks; return the one that was open.

        `added` says that somebody has added this connection there, too.
        """
        house, mine = self.house, self.house.file
        house.file = CompanyFile(":memory:", clock=self._unix)
        house.file.hands.set("company_name", "Dry Dock Joinery")
        house.file.hands.set("file_name", "C:\\QuickBooks\\Dry Dock.qbw")
        if added:
            add(self._application, house.file)
        return mine

    # What there is

    def hours(self) -> tuple[int, int]:
        """Return the minutes that QuickBooks has, and those that Mosaic has."""
        both = hours_in_quickbooks(self.house), hours_in_mosaic(self.house)
        in_quickbooks, in_mosaic = (sum(one[2] for one in side) for side in both)
        return in_quickbooks, in_mosaic

    def supports(self) -> tuple[str, str]:
        """Return who must act, and why, as support sees it."""
        with company_reading(self.house.engine, self.house.company.id) as connection:
            row = connection.execute(_WHO, {"id": self.house.company.id}).one()
        return row.who_must_act, row.why

    def records(self, **wanted: object) -> list[Any]:
        """Return the records of time that have some values."""
        record = tables.record
        asked = [record.c[name] == value for name, value in wanted.items()]
        return self.house.rows(record, record.c.kind == "time_entry", *asked)

    # What the customer does

    def open(self, page: str = "overview") -> None:
        """Open a page of the setup link, with the button where that is the first."""
        self.page.goto(f"{self.url}/{page}")
        button = self.page.get_by_role("button", name="Open my page")
        if button.count():
            button.click()
        expect(self.page.locator("nav.tabs").first).to_be_visible()

    def answer(self, question: str) -> Locator:
        """Return the answer of the page to one of its four questions."""
        told = self.page.locator("section.answers dl > div")
        return told.filter(has=self.page.locator("dt", has_text=question)).locator("dd")

    def says(self, working: str, do: str) -> None:
        """See what the overview says, and look at it."""
        self.open()
        expect(self.answer("Is it working?")).to_contain_text(working)
        expect(self.answer("What must I do?")).to_contain_text(do)

    def follow(self, link: str, heading: str) -> None:
        """Follow a link of "What must I do?" and see where it leads."""
        self.answer("What must I do?").get_by_role("link", name=link).click()
        expect(self.page.locator("h1")).to_have_text(heading)

    def press(self, button: str | re.Pattern[str]) -> None:
        """Press a button of the page."""
        self.page.locator("main").get_by_role("button", name=button).click()

    def is_told(self, notice: str) -> None:
        """See what the page says of what was pressed."""
        expect(self.page.locator("main .notice")).to_contain_text(notice)

    def all_is_well(self, minutes: int) -> None:
        """See that page, Status and support are quiet, and both sides have so much."""
        assert self.hours() == (minutes, minutes)
        self.says("Yes.", "Nothing.")
        expect(self.page.locator("section.answers")).to_have_class("answers good")
        expect(self.page.locator("nav .count")).to_have_count(0)
        assert self.supports()[0] == "nobody"
        assert "setup page" not in self.status
        assert "need" not in self.status
        assert self.looking.errors == []
