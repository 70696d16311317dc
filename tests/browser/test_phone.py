"""A customer's pages on a phone: no word is cut, the present tab is seen, all is read.

axe-core finds nothing wrong with a column of one letter; so the words are measured.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from pydantic import SecretStr
from werkzeug.serving import make_server

from qbwc_server import app
from qbwc_server.cli.demo_processes import free_port
from qbwc_server.companies import registry
from qbwc_server.companies.team import team_claims
from qbwc_server.keys import Keys
from qbwc_server.kinds import KINDS
from qbwc_server.onboarding import forecast
from qbwc_server.records import mosaic_objects
from qbwc_server.settings import Settings
from qbwc_server.storage import schema, tables
from qbwc_server.storage.database import company_transaction, make_engine, next_id
from qbwc_server.words.qwclog import MOST_BYTES
from tests.browser.looking import Looking
from tests.browser.silent import Silent
from tests.conftest import SECRET

PAGES = (
    *("overview", "preview", "choices", "records", "conflicts", "hours", "runs"),
    *("questions", "shared"),
)
_JOB = "Thunderbird Conservatory:Photovoltaics Construction administration"
_NOTES = "Coordination with the municipality about the photovoltaic installation."
_DAYS = 30
_CUSTOMERS = tuple(f"Customer {number}" for number in range(12))
_CLIENT = "Featherstonehaugh Conservatory Trust"
_NAMED = {"name": "Photovoltaics Construction administration"}
_JOB_OF_IT = f"{_CLIENT}:{_NAMED['name']}"

CUT = """() => {
  const cut = [];
  const texts = document.createTreeWalker(
    document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode());) {
    const inside = node.parentElement;
    if (inside.closest(".unseen, .tabs, svg, option, .path, code")) continue;
    if (!inside.checkVisibility()) continue;
    if (inside.closest("thead")?.offsetWidth === 1) continue;
    for (const word of node.data.matchAll(/[^\\s\\-\\/]+/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = [...range.getClientRects()].filter((one) => one.width > 0);
      const cell = inside.closest("td, th");
      const widest = Math.max(0, ...lines.map((one) => one.width));
      if (lines.some((one) => Math.abs(one.top - lines[0].top) > 3)) {
        cut.push(`${word[0]} is on ${lines.length} lines`);
      } else if (cell && cell.getBoundingClientRect().width < widest - 1) {
        cut.push(`${word[0]} is wider than its cell`);
      } else if (lines.some((one) => one.right > innerWidth + 1 || one.left < -1)) {
        cut.push(`${word[0]} is beside the screen`);
      }
    }
  }
  return cut;
}"""
"""What of a page's words stands on two lines, or wider than its cell or the screen."""

TAB = """() => [...document.querySelectorAll(".tabs [aria-current]")].every((one) => {
  const [it, strip] = [one, one.closest("ul")].map((of) => of.getBoundingClientRect());
  return it.left >= strip.left - 1 && it.right <= strip.right + 1;
})"""
"""Whether the present tab is within what is seen of its strip."""

SMALL = """() => [...document.querySelectorAll("main *")].filter((one) => {
  const says = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
  if (![...one.childNodes].some(says)) return false;
  if (!one.checkVisibility() || one.closest(".unseen, title")) return false;
  const drawn = one.ownerSVGElement;
  const shrunk = drawn ? drawn.clientWidth / drawn.viewBox.baseVal.width : 1;
  return parseFloat(getComputedStyle(one).fontSize) * shrunk < 11;
}).map((one) => one.textContent.trim().slice(0, 40))"""
"""What is written smaller than 11 pixels, as it is drawn."""


class Firm:
    """A company with some of everything, and a server with its pages."""

    def __init__(self, folder: Path) -> None:
        engine, port = make_engine(f"sqlite:///{folder / 'qbwc.db'}"), free_port()
        schema.upgrade(engine)
        self.engine, self.now = engine, app.utc_now()
        url, keys = f"http://localhost:{port}", Keys([SECRET])
        settings = Settings(
            data_dir=folder, secret_key=SecretStr(SECRET), public_url=url
        )
        self.company = registry.add(
            engine,
            keys,
            name="Thunderbird Landscape Architecture",
            mosaic_url="http://localhost:1",
            mosaic_team="100",
            mosaic_key="a key",
            mode="preview",
            now=self.now,
        )
        self.url = f"{url}/setup/{self.company.setup_token}"
        self._fill()
        self._share(keys)
        found = registry.find(engine, str(self.company.id))
        forecast.make(engine, found, settings, self.clock)
        pages = app.wsgi(app.Parts(settings, engine, keys, self.clock))
        self._server = make_server(
            "127.0.0.1", port, pages, threaded=True, request_handler=Silent
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def clock(self) -> datetime:
        """Return the time, which stands still."""
        return self.now

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self.engine.dispose()

    def _fill(self) -> None:
        with company_transaction(self.engine, self.company.id) as connection:
            registry.change(
                connection,
                self.company.id,
                file_name="Thunderbird",
                file_path="C:\\Users\\Public\\Intuit\\Thunderbird.qbw",
                mosaic_read_at=self.now,
            )
            for kind in KINDS:
                row = {"company_id": self.company.id, "kind": kind}
                connection.execute(
                    tables.reading.insert(), {**row, "last_full_at": self.now}
                )
        self._put("Featherstonehaugh Bartholomew", kind="employee", state="unlinked")
        self._put(_JOB, state="unlinked", reason="No counterpart in Mosaic.")
        for name in _CUSTOMERS:
            self._put(name, state="pending")
        # In the last week, which is the one that is shown of hours.
        day = (self.now - timedelta(days=7)).date().isoformat()
        time: dict[str, Any] = {"kind": "time_entry", "day": day}
        worked = {"date": day, "person": "Q-2", "job": "Q-3", "item": None}
        more = {"class": None, "payroll_item": None, "notes": "", "billable": ""}
        entry = {**worked, **more, "minutes": 17_315}
        for number in range(3):
            self._put(
                f"{day} Entry {number}", state="unlinked", quickbooks=entry, **time
            )
        self._put(
            f"{day} Featherstonehaugh 8:00 {_JOB}",
            state="conflict",
            quickbooks=entry,
            conflict={
                "minutes": {"quickbooks": 90, "mosaic": 195, "kept": None},
                "notes": {"quickbooks": _NOTES, "mosaic": "On the site.", "kept": None},
                "billable": {"quickbooks": "NotBillable", "mosaic": True, "kept": None},
            },
            **time,
        )
        for days_ago in reversed(range(_DAYS)):
            self._run(self.now - timedelta(days=days_ago, minutes=5), days_ago)

    def _share(self, keys: Keys) -> None:
        """Have another company file of the team be linked to some of the same."""
        company = registry.find(self.engine, str(self.company.id))
        other = registry.add(
            self.engine,
            keys,
            name="Another file",
            mosaic_url=company.mosaic_url,
            mosaic_team=company.mosaic_team,
            mosaic_key="a key",
            now=self.now,
        )
        acme = self._put(_CLIENT, state="pending")
        self._put(_JOB_OF_IT, state="pending", parent_id=f"Q-{acme}", quickbooks=_NAMED)
        clients = [
            {"mosaic_id": number, "client_name": name}
            for number, name in enumerate((_CLIENT, *_CUSTOMERS), 20)
        ]
        project = {"mosaic_id": 50, "title": _NAMED["name"], "client_id": 20}
        with company_transaction(self.engine, company.id) as connection:
            for data_type, objects in (("client", clients), ("project", [project])):
                mosaic_objects.keep(
                    connection, company.id, data_type, objects, run=1, now=self.now
                )
        shared = [("client", number) for number in range(20, 20 + len(clients))]
        with company_transaction(self.engine, other.id) as connection:
            team_claims.claim(
                connection,
                company.team,
                other.id,
                [*shared, ("project", 50)],
                now=self.now,
            )

    def _put(self, name: str, **values: Any) -> int:
        with company_transaction(self.engine, self.company.id) as connection:
            number = next_id(connection, self.company.id)
            row: dict[str, Any] = {
                "company_id": self.company.id,
                "id": number,
                "kind": "customer",
                "name": name,
                "quickbooks_id": f"Q-{number}",
                "quickbooks": {"name": name},
                "created_at": self.now,
                "changed_at": self.now,
                **values,
            }
            connection.execute(tables.record.insert(), row)
        return number

    def _run(self, began: datetime, number: int) -> None:
        wrong = "QuickBooks could not be started unattended." if number % 7 == 3 else ""
        said = "18,648 time entries in; 12,400 customers and jobs in. 5 need you."
        with company_transaction(self.engine, self.company.id) as connection:
            row = {
                "company_id": self.company.id,
                "id": next_id(connection, self.company.id),
                "state": "closed",
                "summary": wrong or said,
                "last_error": wrong,
                "started_at": began,
                "last_call_at": began,
                "ended_at": began + timedelta(minutes=3),
                "ended_why": "closed",
                "ticket_hash": f"hash-{number}",
            }
            connection.execute(tables.session.insert(), row)


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """A firm, filled once for all tests here."""
    made = Firm(tmp_path_factory.mktemp("phone"))
    yield made
    made.close()


@pytest.fixture
def phone(browser: Browser, firm: Firm) -> Iterator[Page]:
    """A phone on which the link was opened."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(firm.url)
    page.get_by_role("button", name="Open my page").click()
    expect(page.locator("nav.tabs").first).to_be_visible()
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_no_word_is_cut_and_the_present_tab_is_seen(
    phone: Page, firm: Firm, name: str
) -> None:
    """Each cell is as wide as its longest word, and nothing is too small to read."""
    looking = Looking(phone)
    phone.goto(f"{firm.url}/{name}")
    expect(phone.locator("h1")).to_be_visible()
    for one in phone.locator("main details summary").all():
        one.click()
    assert phone.evaluate(CUT) == []
    assert phone.evaluate(TAB)
    assert phone.evaluate(SMALL) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert looking.errors == []


@pytest.mark.parametrize("name", ["overview", "preview", "conflicts", "hours", "runs"])
def test_a_row_is_a_card_on_a_phone_and_a_row_on_a_desk(
    phone: Page, firm: Firm, name: str
) -> None:
    """With the title of each of its cells beside what is in it."""
    phone.goto(f"{firm.url}/{name}")
    cells = phone.locator("main .wide tbody tr").last.locator("td")
    tops = (
        """cells => new Set(cells.map((one) => one.getBoundingClientRect().top)).size"""
    )
    titled = """cells => cells.every((one) =>
      getComputedStyle(one, "::before").content.includes(one.dataset.title))"""
    assert cells.count() > 1
    assert cells.evaluate_all(tops) > 1
    assert cells.evaluate_all(titled)
    phone.set_viewport_size({"width": 1100, "height": 800})
    assert cells.evaluate_all(tops) == 1


def test_hours_are_one_clean_document_on_paper(phone: Page, firm: Firm) -> None:
    """Whose, which days, as of when, all tables; and nothing that is to be pressed."""
    phone.set_viewport_size({"width": 700, "height": 990})
    phone.goto(f"{firm.url}/hours")
    phone.emulate_media(media="print")
    pressed = "nav, form, button, .button, input, [download]"
    assert [one for one in phone.locator(pressed).all() if one.is_visible()] == []
    expect(phone.locator(".whose")).to_have_text(firm.company.name)
    expect(phone.locator("h1")).to_contain_text("Hours, ")
    expect(phone.get_by_text("Not complete for payroll yet.")).to_be_visible()
    assert phone.locator("main tbody tr").count() > 4
    assert all(one.is_visible() for one in phone.locator("main tbody tr").all())
    assert phone.evaluate(CUT) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 700


def test_the_chart_keeps_its_height_on_a_phone(phone: Page, firm: Firm) -> None:
    """And says what its height is, in letters of the page's size."""
    phone.goto(f"{firm.url}/runs")
    drawn = phone.locator(".chart svg").bounding_box()
    assert drawn is not None
    assert (drawn["width"] > 300, drawn["height"] >= 100) == (True, True)
    expect(phone.locator(".chart .scale").first).to_have_text("4 a day")


def test_a_log_that_is_too_long_is_not_sent_but_how_to_send_its_end_is_shown(
    phone: Page, firm: Firm
) -> None:
    """A browser that sends a hundred megabytes is answered by a broken connection."""
    phone.goto(f"{firm.url}/runs")
    sent: list[str] = []
    phone.on("request", lambda one: sent.append(one.method))
    first = phone.get_by_text("Open QWCLog.txt by a double click")
    choose, press = phone.get_by_label("QWCLog.txt"), "Explain it"
    line = b"20260302.14:00:00 UTC\t: nothing of note\n"
    for most, is_open in ((MOST_BYTES, False), (MOST_BYTES + 1, True)):
        log = line.ljust(most, b"\n")
        choose.set_input_files(
            FilePayload(name="QWCLog.txt", mimeType="text/plain", buffer=log)
        )
        phone.get_by_role("button", name=press).click()
        if is_open:
            expect(first).to_be_visible()
        else:
            expect(
                phone.get_by_role("heading", name="What the log says")
            ).to_be_visible()
            expect(first).to_be_hidden()
    assert sent.count("POST") == 1
