"""Somebody of support finds out why, and settles it, in a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import stamina
import structlog
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from werkzeug.serving import make_server

from qbwc_server import app
from qbwc_server.cli.demo_processes import free_port
from qbwc_server.companies import heartbeat
from qbwc_server.keys import Keys
from qbwc_server.kinds.list_plan import match_key, name_key, near_key
from qbwc_server.settings import Settings
from qbwc_server.storage import schema, tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
    operator_transaction,
)
from qbwc_server.support import tokens
from tests.browser.looking import Looking
from tests.browser.silent import Silent
from tests.conftest import SECRET
from tests.support import firms

_NAME = "ann"


class Desk:
    """The server with the firms of docs/support.md, and a token for it."""

    def __init__(self, folder: Path) -> None:
        engine = make_engine(f"sqlite:///{folder / 'qbwc.db'}")
        schema.upgrade(engine)
        before = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        with stamina.set_testing(True, attempts=3, cap=True):
            made = firms.build(engine, folder)
        structlog.configure(**before)
        clock, keys, port = made[-1].clock, Keys([SECRET]), free_port()
        self.clock = clock
        for firm in made:
            firm.close()
        self.engine = make_engine(str(engine.url))
        self.url = f"http://localhost:{port}"
        with operator_transaction(self.engine) as connection:
            self.token = tokens.add(
                connection, keys, _NAME, may_act=True, now=clock(), who="eve"
            )
        self.beat()
        settings = Settings(
            data_dir=folder, secret_key=SecretStr(SECRET), public_url=self.url
        )
        pages = app.wsgi(app.Parts(settings, self.engine, keys, clock, self.engine))
        self._server = make_server(
            "127.0.0.1", port, pages, threaded=True, request_handler=Silent
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def beat(self) -> None:
        """Have our server and a worker be up."""
        with self.engine.begin() as connection:
            for name in (heartbeat.SERVER, heartbeat.WORKER):
                heartbeat.beat(connection, self.clock(), name)

    def lose_the_worker(self) -> None:
        """Have no worker be up for half an hour."""
        table = tables.heartbeat
        before = self.clock() - timedelta(minutes=30)
        with self.engine.begin() as connection:
            connection.execute(
                table.update().where(table.c.name == heartbeat.WORKER).values(at=before)
            )

    def disputed(self) -> tuple[int, str]:
        """Return number and TxnID of the record in conflict."""
        record = tables.record
        with company_reading(self.engine, 1) as connection:
            row = connection.execute(
                sa.select(record.c.id, record.c.quickbooks_id).where(
                    record.c.company_id == 1, record.c.state == "conflict"
                )
            ).one()
        return row.id, row.quickbooks_id

    def hire(self, number: int, first: str, last: str, email: str) -> None:
        """Have Mosaic show a member that nobody in QuickBooks is linked to."""
        named = {"email": email, "first_name": first, "last_name": last}
        with company_transaction(self.engine, 1) as connection:
            connection.execute(
                tables.mosaic_object.insert(),
                {
                    "company_id": 1,
                    "data_type": "employee",
                    "mosaic_id": number,
                    "name": email,
                    "match_key": match_key(email),
                    "name_key": name_key(f"{first} {last}"),
                    "near_key": near_key(f"{first} {last}"),
                    "snapshot": {**named, "archived": False},
                    "seen_in": 1,
                },
            )

    def settled(self) -> list[tuple[str, str, str | None]]:
        """Return who settled conflicts, as the audit has it."""
        audit = tables.audit
        with company_reading(self.engine, 1) as connection:
            rows = connection.execute(
                sa.select(audit.c.who, audit.c.what, audit.c.why).where(
                    audit.c.company_id == 1, audit.c.what.startswith("conflict")
                )
            )
            return [(row.who, row.what, row.why) for row in rows]

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self.engine.dispose()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A server, and what is needed to log in."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has never been here."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def _log_in(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/support")
    page.get_by_label("Your name").fill(_NAME)
    page.get_by_label("Your token").fill(desk.token)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("h1")).to_have_text("Companies")


def test_support_sees_whether_it_is_us_what_waits_and_finds_a_person(
    page: Page, desk: Desk
) -> None:
    """A banner while no worker is up; one list over all; a name, and her day."""
    looking = Looking(page)
    _log_in(page, desk)
    expect(page.locator(".notice")).to_have_text([])
    page.get_by_role("link", name="All that waits").click()
    page.get_by_role("link", name="Read customers and jobs").wait_for()
    looking.at("console-open")
    page.get_by_label("What", exact=True).select_option("Stuck for longer than")
    page.get_by_role("button", name="Show").click()
    looking.at("console-open-stuck")
    for text, found in (("okafor", 0), ("ben", 6), ("Ben Okafor 2026-03-01", 1)):
        page.get_by_role("searchbox").fill(text)
        page.get_by_role("button", name="Find").click()
        expect(page.locator("h1")).to_have_text(f"What is called {text}")
        expect(page.get_by_role("row", name="Ben Okafor")).to_have_count(found)
        looking.at(f"console-find-{found}")
    page.get_by_role("link", name="time entry").click()
    history = page.get_by_role("region", name="Its history")
    expect(history.get_by_role("row").nth(1)).to_contain_text("created in Mosaic")
    history.scroll_into_view_if_needed()
    looking.at("console-history", whole=True)
    page.goto(f"{desk.url}/support/companies/3")
    expect(page.get_by_role("heading", name="All that hinders it")).to_be_visible()
    looking.at("console-attentions", whole=True)
    desk.lose_the_worker()
    page.goto(f"{desk.url}/support/open")
    expect(page.locator(".notice")).to_contain_text("No worker of ours is up")
    looking.at("console-banner")
    desk.beat()
    assert looking.errors == []


def test_support_finds_why_a_record_is_not_in_sync_and_settles_it(
    page: Page, desk: Desk
) -> None:
    """Log in, see who waits, find an entry by its TxnID, look, read qbXML, act."""
    looking = Looking(page)
    number, txn_id = desk.disputed()
    page.goto(f"{desk.url}/support")
    looking.at("console-login")
    _log_in(page, desk)
    looking.at("console-companies")
    page.get_by_role("link", name="Fern & Co").click()
    expect(page.locator("h1")).to_have_text("Fern & Co")
    looking.at("console-company")
    page.get_by_role("link", name="Jobs", exact=True).click()
    looking.at("console-jobs")
    page.get_by_role("link", name="Read customers and jobs").first.click()
    expect(page.locator(".qbxml").first).to_contain_text("<CustomerQueryRq")
    expect(page.locator(".qbxml").last).to_contain_text('statusCode="3220"')
    looking.at("console-job", whole=True)
    page.get_by_role("link", name="message 4-").click()
    expect(page.locator(".qbxml").first).to_contain_text("<QBXMLMsgsRq")
    looking.at("console-message")

    page.get_by_role("searchbox").fill(txn_id)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="time entry").click()
    expect(page.get_by_text("Both sides changed the duration.").first).to_be_visible()
    conflict = page.get_by_role("region", name="Both sides changed")
    expect(conflict.get_by_role("cell")).to_have_text(["0:45", "1:00"])
    looking.at("console-record", whole=True)
    page.get_by_label("Why").fill("Tom said so on the phone.")
    page.get_by_role("button", name="Mosaic is right").click()
    expect(page.get_by_text("Done. Below is where it stands now")).to_be_visible()
    expect(conflict).to_contain_text("said to be right")
    assert page.url.endswith(f"/support/records/1-{number}?said=done")
    assert desk.settled() == [
        (_NAME, "conflict settled: mosaic is right", "Tom said so on the phone.")
    ]
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.goto(f"{desk.url}/support/records/1-{number}")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert looking.errors == []


def test_support_looks_for_time_by_who_and_job_and_for_messages_by_their_text(
    page: Page, desk: Desk
) -> None:
    """What cannot be looked for so is said, and what was typed stays."""
    _log_in(page, desk)
    page.goto(f"{desk.url}/support/companies/1/records")
    page.get_by_label("Who worked").fill("OKAFOR")
    page.get_by_label("Customer or job").fill("garage")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Tell the days as well")).to_be_visible()
    expect(page.get_by_label("Who worked")).to_have_value("OKAFOR")
    looking = Looking(page)
    page.get_by_label("Worked from").fill("2026-03-01")
    page.get_by_label("To", exact=True).fill("2026-03-03")
    page.get_by_role("button", name="Show").click()
    entries = page.get_by_role("link", name="Ben Okafor")
    expect(entries.first).to_be_visible()
    assert all("Garage" in one for one in entries.all_text_contents())
    looking.at("console-records")
    page.get_by_role("link", name="Messages").click()
    page.get_by_label("Text sent or answered").fill("locking the object")
    page.get_by_label("From").fill("2026-03-01")
    page.get_by_label("To", exact=True).fill("2026-03-04")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    looking.at("console-messages")
    assert looking.errors == []


def test_support_picks_who_somebody_is_and_sees_first_what_happens(
    page: Page, desk: Desk
) -> None:
    """Found by a name in Mosaic; who goes back has changed nothing."""
    looking = Looking(page)
    page.goto(f"{desk.url}/support")
    page.get_by_label("Your name").fill(_NAME)
    page.get_by_label("Your token").fill(desk.token)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("h1")).to_have_text("Companies")
    desk.hire(9001, "Marie", "Lopez", "marie@firm.example")
    page.goto(f"{desk.url}/support/companies/1/records?kind=employee&state=unlinked")
    page.locator("tbody a").first.click()
    page.get_by_role("link", name="Link it: look in Mosaic").click()
    page.get_by_label("Name in Mosaic").fill("marie")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("radio").first.check()
    looking.at("console-link")
    page.get_by_label("Why").fill("It is the same person.")
    page.get_by_role("button", name="See what happens").click()
    expect(page.get_by_text("in Mosaic from then on.")).to_be_visible()
    looking.at("console-question")
    page.get_by_role("link", name="No, go back").click()
    expect(page.get_by_role("button", name="See what happens")).to_be_visible()
    assert looking.errors == []
