"""Addresses for alerts on a customer's page, and the links of the mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.operations import notices
from qbwc_server.operations.notices import Ways
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading
from tests.conftest import Clock
from tests.customer import Customer
from tests.operations import post_office
from tests.operations.post_office import PostOffice

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
BO = "bo.berg@firm.example"


class House:
    """A server that sends mail, a customer's page, and who reads the mails."""

    def __init__(self, parts: app.Parts, made: NewCompany, office: PostOffice) -> None:
        self.parts, self.made, self.office = parts, made, office
        self.page = Customer(app.wsgi(parts))
        self.reader = Client(app.wsgi(parts))
        self.here = f"/setup/{made.setup_token}"

    def type_(self, address: str) -> int:
        """Type an address on the page; return the status."""
        answer = self.page.post(f"{self.here}/alerts", data={"address": address})
        return answer.status_code

    def send(self) -> None:
        """Have a worker send what is due."""
        ways = Ways.of(self.parts.settings)
        url = self.parts.settings.public_url
        notices.deliver(self.parts.engine, ways, url, self.parts.clock)

    def rows(self, table: sa.Table) -> list[Any]:
        """Return the company's rows."""
        with company_reading(self.parts.engine, self.made.id) as connection:
            chosen = sa.select(table).where(table.c.company_id == self.made.id)
            return list(connection.execute(chosen.order_by(table.c.id)).all())

    def audited(self) -> list[tuple[str, str]]:
        """Return who did what to addresses."""
        rows = self.rows(tables.audit)
        return [(row.who, row.what) for row in rows if "alert address" in row.what]

    def told(self) -> str:
        """Return the customer's page of addresses."""
        return self.page.get(f"{self.here}/alerts").text


@pytest.fixture
def house(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> Iterator[House]:
    """A house whose mail server is on loopback."""
    with post_office.serving() as office:
        mailing = settings.model_copy(update={"smtp_url": SecretStr(office.url)})
        parts = app.Parts(mailing, engine, keys, clock)
        yield House(parts, new_company(), office)


def test_an_address_is_asked_confirmed_and_ended_by_its_link(house: House) -> None:
    """Opening the link changes nothing, as mail scanners do; each button does, once."""
    assert "Nobody is told yet" in house.page.get(f"{house.here}/overview").text
    assert house.type_(f" {BO} ") == 303
    assert "waits until somebody" in house.told()
    house.send()
    assert house.office.recipients == [[BO]]
    link = house.office.link()

    for _ in range(2):
        asked = house.reader.get(link)
        assert asked.status_code == 200
        assert "Yes, send them" in asked.text
        assert "waits until somebody" in house.told(), "opening confirms nothing"
    assert "Set-Cookie" not in asked.headers

    assert "End these mails" in house.reader.post(link, data={"do": "confirm"}).text
    house.reader.post(link, data={"do": "confirm"})
    assert "Gets alerts since" in house.told()
    assert "is told when" in house.page.get(f"{house.here}/overview").text

    assert house.reader.get(link).status_code == 200
    assert "Gets alerts since" in house.told(), "opening ends nothing"
    for _ in range(2):
        assert house.reader.post(link, data={"do": "end"}).status_code == 410
    assert house.reader.post(link, data={"do": "confirm"}).status_code == 410
    assert "No address is told yet" in house.told()
    assert house.audited() == [
        ("the setup page", "alert address added"),
        ("the link in a mail", "alert address confirmed"),
        ("the link in a mail", "alert address ended"),
    ]


def test_a_mail_program_ends_it_with_one_click(house: House) -> None:
    """As the header of each mail offers it; anything else said there is refused."""
    house.type_(BO)
    house.send()
    link = house.office.link()
    assert house.reader.post(link, data={"do": "other"}).status_code == 400
    data = {"List-Unsubscribe": "One-Click"}
    assert house.reader.post(link, data=data).status_code == 410
    assert "No address is told yet" in house.told()


def test_the_page_ends_an_address_and_needs_no_link_for_it(house: House) -> None:
    """By its number; that of no address, or of another company's, does nothing."""
    house.type_(BO)
    number = house.rows(tables.alert_address)[0].id
    for strange in (number + 1, 0):
        assert house.page.post(f"{house.here}/alerts/{strange}/end").status_code == 303
    assert "bo" not in house.told().lower() or "waits until somebody" in house.told()
    house.page.post(f"{house.here}/alerts/{number}/end")
    assert "No address is told yet" in house.told()
    house.send()
    assert house.office.messages == []


def test_an_address_is_stored_encrypted_and_shown_in_part(house: House) -> None:
    """Neither a page nor the audit has it whole."""
    house.type_(BO)
    assert BO not in house.told()
    assert "b******@firm.example" in house.told()
    row = house.rows(tables.alert_address)[0]
    assert "firm" not in row.address
    assert house.parts.keys.decrypt(row.address) == BO
    assert "firm" not in str(house.rows(tables.audit))


@pytest.mark.parametrize(
    "typed",
    [
        *("", "bo", "bo@", "@firm.example", "bo@firm", "bo berg@firm.example"),
        *("bo@firm.example,eve@firm.example", "bo@firm.example;eve@firm.example"),
        *("bo@firm.example\r\nBcc: eve@firm.example", "bo@firm.example\n"),
        *("Bo <bo@firm.example>", '"bo"@firm.example', "bö@firm.example"),
        *("bo@firm.example\x00", "bo@[127.0.0.1]", "bo@-firm.example"),
        *("b" * 65 + "@firm.example", "bo@" + "a" * 260 + ".example", "x" * 50_000),
    ],
)
def test_what_is_no_one_address_is_refused(house: House, typed: str) -> None:
    """No second recipient, no second header, nothing that is too long."""
    status = house.type_(typed)
    clean = typed.replace("\0", "").strip(" ")
    assert (status == 303) is (clean == "bo@firm.example")
    house.send()
    assert house.office.recipients in ([], [["bo@firm.example"]])


def test_few_addresses_and_few_mails_that_ask(house: House, clock: Clock) -> None:
    """Whoever has the link fills nobody's mailbox: by company, by hour, by address."""
    typed = [house.type_(f"a{n}@firm.example") for n in range(4)]
    assert typed == [303, 303, 303, 409]
    house.send()
    assert len(house.office.messages) == 3
    for row in house.rows(tables.alert_address):
        house.page.post(f"{house.here}/alerts/{row.id}/end")
    assert house.type_("a9@firm.example") == 409, "three in this hour already"
    clock.pass_(minutes=61)
    assert house.type_("A1@firm.example") == 303
    assert house.type_("a1@firm.example") == 409, "it is there already"
    clock.pass_(hours=2)
    number = house.rows(tables.alert_address)[-1].id
    house.page.post(f"{house.here}/alerts/{number}/end")
    assert house.type_("a1@firm.example") == 409, "two of this day already"
    clock.pass_(hours=25)
    assert house.type_("a1@firm.example") == 303


def test_a_link_that_was_made_up_opens_nothing(
    house: House, new_company: NewCompanies
) -> None:
    """Nor does one of another company, or of another address."""
    house.type_(BO)
    house.send()
    link = house.office.link()
    company, number, secret = link.removeprefix("/alerts/").split("-")
    other = new_company("Another")
    for wrong in (
        *(f"{company}-{number}", f"{company}-{number}-", "x", f"{link[8:]}0"),
        *(f"{company}-{int(number) + 1}-{secret}", f"{other.id}-{number}-{secret}"),
        *(f"{company}-{number}-{'0' * 8}.{'0' * 64}", f"999-{number}-{secret}"),
        f"{'9' * 18}-{'9' * 18}-{secret}",
    ):
        for answer in (
            house.reader.get(f"/alerts/{wrong}"),
            house.reader.post(f"/alerts/{wrong}", data={"do": "end"}),
        ):
            assert answer.status_code == 404, wrong
    assert "waits until somebody" in house.told()


def test_where_no_mail_is_sent_the_page_does_not_offer_it(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """Nor takes an address."""
    server = Customer(app.wsgi(app.Parts(settings, engine, keys, clock)))
    here = f"/setup/{new_company().setup_token}"
    assert "Alerts by e-mail" not in server.get(f"{here}/overview").text
    assert server.get(f"{here}/alerts").status_code == 404
    assert server.post(f"{here}/alerts", data={"address": BO}).status_code == 404
