"""What a customer's addresses are told, and when: the rules, and the mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations, pairwise, product

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import alert_addresses, company_settings
from qbwc_server.keys import Keys
from qbwc_server.operations import housekeeping, notices
from qbwc_server.operations.alerts import Stands, news, next_week, told_by
from qbwc_server.operations.notices import MOST_TRIES, Ways
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction, next_id
from tests.conftest import Clock
from tests.operations import post_office
from tests.operations.post_office import PostOffice

pytestmark = pytest.mark.in_turn
URL = "https://qb.example.com"
STOP = (
    "Many records are gone in QuickBooks. Please say on the page whether that is right."
)


@pytest.mark.parametrize(
    ("stands", "told", "wanted"),
    [
        (Stands(), "", None),
        (Stands(late=True), "", "late"),
        (Stands(late=True), "late", None),
        (Stands(stopped=True), "", "stopped"),
        (Stands(stopped=True), "late", "stopped"),
        (Stands(stopped=True), "stopped", None),
        (Stands(late=True, stopped=True), "", "stopped"),
        (Stands(late=True, stopped=True), "stopped", "late"),
        (Stands(late=True, stopped=True), "late stopped", None),
        (Stands(late=True), "late stopped", None),
        (Stands(), "late", "back"),
        (Stands(), "stopped", "back"),
        (Stands(), "late stopped", "back"),
        (Stands(paused=True), "", None),
        (Stands(paused=True), "late", None),
        (Stands(paused=True, late=True), "", None),
        (Stands(paused=True, late=True, stopped=True), "", None),
    ],
)
def test_what_is_news_to_whom(stands: Stands, told: str, wanted: str | None) -> None:
    """One thing at a time, a stop first; of a pause nothing is news."""
    assert news(stands, frozenset(told.split())) == wanted


def test_whatever_comes_each_thing_is_told_once_and_its_end_once() -> None:
    """Of all states in a row of three: who is told nothing more knows what stands."""
    states = [Stands(late=a, stopped=b) for a, b in product((False, True), repeat=2)]
    for row in product(states, repeat=3):
        told: frozenset[str] = frozenset()
        came: list[str] = []
        for stands in row:
            while (what := news(stands, told)) is not None:
                came.append(what)
                told = told_by(stands, told, what)
                assert len(came) < 10
            told = told_by(stands, told, None)
            assert told == stands.wrong
        assert all(not (a == b == "back") for a, b in pairwise(came))


def test_a_pause_forgets_nothing() -> None:
    """Who was told that it is late is told after the pause that it is back."""
    every = chain.from_iterable(combinations(("late", "stopped"), n) for n in range(3))
    for told in map(frozenset, every):
        assert told_by(Stands(paused=True), told, None) == told


@pytest.mark.parametrize(
    ("now", "offset", "wanted"),
    [
        (
            datetime(2026, 3, 2, 7, 59, tzinfo=UTC),
            0,
            datetime(2026, 3, 2, 8, tzinfo=UTC),
        ),
        (datetime(2026, 3, 2, 8, tzinfo=UTC), 0, datetime(2026, 3, 9, 8, tzinfo=UTC)),
        (
            datetime(2026, 3, 4, 1, tzinfo=UTC),
            None,
            datetime(2026, 3, 9, 8, tzinfo=UTC),
        ),
        (datetime(2026, 3, 8, 23, tzinfo=UTC), 0, datetime(2026, 3, 9, 8, tzinfo=UTC)),
        # In New York it is still Sunday, and Monday's eight is at one in UTC.
        (
            datetime(2026, 3, 2, 3, tzinfo=UTC),
            -300,
            datetime(2026, 3, 2, 13, tzinfo=UTC),
        ),
        (
            datetime(2026, 3, 2, 0, tzinfo=UTC),
            600,
            datetime(2026, 3, 8, 22, tzinfo=UTC),
        ),
    ],
)
def test_a_week_begins_on_monday_at_eight_where_quickbooks_is(
    now: datetime, offset: int | None, wanted: datetime
) -> None:
    """Whenever it is asked, and always later than that."""
    assert next_week(now, offset) == wanted


class Firm:
    """A company that has called, with a worker that looks when a test says so."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        clock: Clock,
        settings: Settings,
        company: NewCompany,
        office: PostOffice,
    ) -> None:
        self.engine, self.keys, self.clock, self.office = engine, keys, clock, office
        self.id = company.id
        self.settings = settings.model_copy(
            update={
                "smtp_url": SecretStr(office.url),
                "contact_name": "Ann",
                "contact_address": "ann@help.example",
            }
        )
        self.change(last_seen_at=clock(), file_name="Alice")

    def change(self, **values: object) -> None:
        """Change what is stored of the company."""
        with company_transaction(self.engine, self.id) as connection:
            registry.change(connection, self.id, **values)

    def ask(self, address: str) -> int:
        """Have an address asked, as the page does."""
        found = registry.numbered(self.engine, self.id)
        return alert_addresses.ask(
            self.engine, self.keys, found, address, now=self.clock(), who="the page"
        )

    def confirmed(self, address: str = "bo@firm.example") -> int:
        """Have an address asked and confirmed; what was sent for that is forgotten."""
        number = self.ask(address)
        self.look()
        alert_addresses.confirm(
            self.engine, self.keys, self.id, number, now=self.clock()
        )
        self.look()
        self.office.messages.clear()
        self.office.recipients.clear()
        return number

    def look(self) -> None:
        """Do what a worker does each minute."""
        ways = Ways.of(self.settings)
        notices.deliver(self.engine, ways, URL, self.clock)

    def pass_(self, **spans: float) -> None:
        """Let time pass, with a look each minute of it, at most of two hours."""
        whole = timedelta(**spans)
        minutes = min(int(whole.total_seconds() // 60), 120)
        self.clock.now += whole - timedelta(minutes=minutes)
        for _ in range(minutes):
            self.clock.pass_(minutes=1)
            self.look()

    def late(self, *, since: bool = True) -> None:
        """Have Web Connector be missed, or not any more."""
        now = self.clock()
        self.change(late_at=now if since else None, alert_at=now)
        self.look()

    def stop(self, *, over: bool = False) -> None:
        """Have everything stop until somebody looked, or go on again."""
        with company_transaction(self.engine, self.id) as connection:
            said = ("too-many-gone",)
            if over:
                attention.over(connection, self.id, *said, now=self.clock())
            else:
                attention.attend(
                    connection, self.id, error_id=said[0], text=STOP, now=self.clock()
                )
        self.look()

    def need(self, many: int) -> None:
        """Put people whom somebody must place."""
        with company_transaction(self.engine, self.id) as connection:
            for _ in range(many):
                number = next_id(connection, self.id)
                connection.execute(
                    tables.record.insert(),
                    {
                        "company_id": self.id,
                        "id": number,
                        "kind": "employee",
                        "state": "unlinked",
                        "name": "Bo Berg",
                        "created_at": self.clock(),
                        "changed_at": self.clock(),
                    },
                )

    def audited(self) -> list[str]:
        """Return what was done, in its order."""
        audit = tables.audit
        with company_reading(self.engine, self.id) as connection:
            rows = connection.execute(
                sa.select(audit.c.what)
                .where(audit.c.company_id == self.id)
                .order_by(audit.c.id)
            ).scalars()
            return [one for one in rows if "company" not in one]


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server."""
    with post_office.serving() as made:
        yield made


@pytest.fixture
def firm(
    engine: Engine,
    keys: Keys,
    clock: Clock,
    settings: Settings,
    new_company: Callable[..., NewCompany],
    office: PostOffice,
) -> Firm:
    """A firm whose customer gave no address yet."""
    return Firm(engine, keys, clock, settings, new_company("Alice & Co"), office)


def test_before_somebody_said_yes_an_address_is_only_asked(firm: Firm) -> None:
    """Whatever happens meanwhile; and once."""
    firm.ask("bo@firm.example")
    firm.look()
    firm.late()
    firm.stop()
    firm.pass_(hours=2)
    firm.pass_(days=6)
    assert firm.office.subjects() == ["Alice & Co: do you want its alerts?"]
    assert firm.office.recipients == [["bo@firm.example"]]
    mail = firm.office.messages[0]
    text = mail.get_content()
    assert f"{URL}{firm.office.link()}" in text
    assert "Ask Ann: ann@help.example" in text
    assert mail["From"] == "alerts@localhost"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_what_is_wrong_and_that_it_is_over_is_told_once_each(firm: Firm) -> None:
    """With what happened, what to do, where, and how these mails end."""
    firm.confirmed()
    firm.late()
    firm.pass_(hours=2)
    firm.late(since=False)
    firm.stop()
    firm.pass_(hours=2)
    firm.stop(over=True)
    firm.pass_(hours=2)
    assert firm.office.subjects() == [
        "Alice & Co: late",
        "Alice & Co: goes on again",
        "Alice & Co: stopped",
        "Alice & Co: goes on again",
    ]
    late, _, stopped, _ = (one.get_content() for one in firm.office.messages)
    assert "It last called 2026-03-02 15:00 UTC." in late
    assert "Auto-Run" in late
    assert STOP in " ".join(stopped.split())
    for number, one in enumerate(firm.office.messages):
        text = one.get_content()
        assert URL in text
        assert "/setup/" not in text, "the setup link is a secret"
        assert f"To end these mails: {URL}{firm.office.link(number)}" in text
        assert one["List-Unsubscribe"] == f"<{URL}{firm.office.link(number)}>"
    assert len({one["Message-ID"] for one in firm.office.messages}) == 4


def test_who_confirms_while_it_is_late_learns_it_at_once(firm: Firm) -> None:
    """And who was not told that it is late is not told that it is back."""
    firm.late()
    number = firm.ask("first@firm.example")
    alert_addresses.confirm(firm.engine, firm.keys, firm.id, number, now=firm.clock())
    firm.look()
    assert firm.office.subjects() == ["Alice & Co: late"]
    firm.late(since=False)
    firm.confirmed("second@firm.example")
    firm.pass_(minutes=5)
    assert firm.office.subjects() == []


def test_of_a_paused_company_nothing_is_told(firm: Firm) -> None:
    """Late while it rests is no news; what is late after it is."""
    firm.confirmed()
    firm.need(3)
    company_settings.pause(
        firm.engine,
        registry.numbered(firm.engine, firm.id),
        now=firm.clock(),
        who="the setup page",
        by="customer",
    )
    firm.late()
    firm.stop()
    firm.pass_(days=8)
    assert firm.office.subjects() == []
    company_settings.resume(
        firm.engine,
        registry.numbered(firm.engine, firm.id),
        now=firm.clock(),
        who="the setup page",
        by="customer",
    )
    firm.pass_(minutes=5)
    assert firm.office.subjects() == ["Alice & Co: stopped", "Alice & Co: late"]


def test_once_a_week_it_is_told_how_much_needs_the_customer(firm: Firm) -> None:
    """On Mondays, the same number as on his page; not where nothing does."""
    firm.confirmed()
    firm.pass_(days=7)
    assert firm.office.subjects() == []
    firm.need(3)
    firm.pass_(days=6, hours=15)
    assert firm.office.subjects() == []
    for _ in range(3):
        firm.pass_(days=2, hours=8)
    assert firm.office.subjects() == ["Alice & Co: 3 things need you"]
    firm.need(1)
    firm.pass_(days=21)
    assert firm.office.subjects()[1:] == ["Alice & Co: 4 things need you"]


def test_what_does_not_arrive_is_tried_again_and_given_up_after_ten_tries(
    firm: Firm,
) -> None:
    """The same rule as for operators' notices, and the audit tells it."""
    firm.confirmed()
    firm.office.closed = True
    firm.late()
    firm.pass_(minutes=20)
    firm.office.closed = False
    firm.pass_(minutes=30)
    assert firm.office.subjects() == ["Alice & Co: late"]
    firm.office.closed = True
    firm.late(since=False)
    for _ in range(MOST_TRIES):
        firm.pass_(hours=2)
    firm.office.closed = False
    firm.pass_(hours=2)
    assert firm.office.subjects() == ["Alice & Co: late"]
    assert "notice given up: back" in firm.audited()
    assert "told: late" in firm.audited()


def test_where_no_mail_can_be_sent_it_waits(firm: Firm) -> None:
    """An hour later it is looked again, and nothing is lost by that."""
    firm.confirmed()
    with_mail = firm.settings
    firm.settings = with_mail.model_copy(update={"smtp_url": SecretStr("")})
    firm.late()
    firm.settings = with_mail
    firm.pass_(minutes=59)
    assert firm.office.subjects() == []
    firm.pass_(minutes=2)
    assert firm.office.subjects() == ["Alice & Co: late"]


def test_an_address_that_was_ended_is_told_nothing_and_goes(firm: Firm) -> None:
    """It is removed a day later; one that nobody confirmed, after a week."""
    ended = firm.confirmed()
    firm.ask("never@firm.example")
    firm.look()
    firm.office.messages.clear()
    alert_addresses.end(
        firm.engine, firm.id, ended, now=firm.clock(), who=alert_addresses.BY_LINK
    )
    firm.late()
    assert firm.office.subjects() == []
    for days, left in ((2, 1), (6, 0)):
        firm.clock.pass_(days=days)
        now = firm.clock()
        housekeeping.clear(firm.engine, firm.id, firm.settings, now)
        with company_reading(firm.engine, firm.id) as connection:
            rows = connection.execute(
                sa.select(tables.alert_address.c.id).where(
                    tables.alert_address.c.company_id == firm.id
                )
            ).all()
        assert len(rows) == left
