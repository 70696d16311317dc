"""A connection that does not call: found once, told once, and told when it is back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import heartbeat, registry, silence
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.operations import notices
from qbwc_server.operations.notices import Ways
from qbwc_server.operations.notify import NotSent
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import transaction
from qbwc_server.web_connector.conversation import Conversation
from tests.conftest import Clock

pytestmark = pytest.mark.in_turn

URL = "https://qb.example.com"


class Office:
    """A company whose Web Connector calls when a test says so."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        clock: Clock,
        settings: Settings,
        company: NewCompany,
    ) -> None:
        self.engine, self.clock, self.company = engine, clock, company
        self._talk = Conversation(engine, keys, settings, clock)
        self.posted: list[Mapping[str, object]] = []
        self.mailed: list[tuple[str, str, str]] = []
        self.fails: set[str] = set()
        self.ways = Ways(self._post, self._mail)

    def _post(self, body: Mapping[str, object]) -> None:
        if "webhook" in self.fails:
            raise NotSent("webhook: HTTP 500")
        self.posted.append(body)

    def _mail(self, subject: str, text: str, message_id: str) -> None:
        if "email" in self.fails:
            raise NotSent("e-mail: OSError")
        self.mailed.append((subject, text, message_id))

    def call(self) -> None:
        """Have Web Connector log in, which is all that counts."""
        who = self.company
        ticket, said, *_ = self._talk.admission.authenticate(
            who.username, who.password, "1.1"
        )
        assert said != "nvu"
        if ticket:
            self._talk.close(ticket)

    def pass_(self, minutes: int, *, beats: bool = True, calls: bool = False) -> None:
        """Let minutes pass, in which servers are up, and a worker looks each minute."""
        for _ in range(minutes):
            self.clock.pass_(minutes=1)
            if beats:
                with self.engine.begin() as connection:
                    heartbeat.beat(connection, self.clock())
            if calls:
                self.call()
            self.look()

    def look(self) -> None:
        """Do what a worker does each minute."""
        silence.look(self.engine, self.clock())
        notices.deliver(self.engine, self.ways, URL, self.clock)

    def stored(self) -> Company:
        """Return the company as it is stored."""
        return registry.find(self.engine, str(self.company.id))

    def told(self) -> list[object]:
        """Return what the webhook was told, in its order."""
        return [body["event"] for body in self.posted]


@pytest.fixture
def office(
    engine: Engine,
    keys: Keys,
    clock: Clock,
    settings: Settings,
    new_company: Callable[..., NewCompany],
) -> Office:
    """An office that has called once."""
    made = Office(engine, keys, clock, settings, new_company("Alice & Co"))
    with engine.begin() as connection:
        heartbeat.beat(connection, clock())
    made.call()
    return made


def test_who_does_not_call_is_late_and_told_once(office: Office) -> None:
    """After ten minutes at an interval of one; both ways tell it, and no more."""
    office.pass_(9)
    assert office.stored().late_at is None
    office.pass_(2)
    assert office.stored().late_at is not None
    office.pass_(120)
    assert office.told() == ["connection.late"]
    assert len(office.mailed) == 1
    subject, text, _ = office.mailed[0]
    assert subject == "Alice & Co: is late"
    assert "Auto-Run" in text
    assert text.endswith(URL)


def test_who_is_back_is_told_once(office: Office) -> None:
    """And may be late again another day."""
    office.pass_(20)
    office.pass_(30, calls=True)
    assert office.told() == ["connection.late", "connection.back"]
    assert office.stored().late_at is None
    office.pass_(20)
    assert office.told() == ["connection.late", "connection.back", "connection.late"]
    ids = [body["id"] for body in office.posted]
    assert len(set(ids)) == 3


def test_three_intervals_count_where_they_are_longer(office: Office) -> None:
    """At every 30 minutes it is an hour and a half."""
    with office.engine.begin() as connection:
        registry.change(connection, office.company.id, poll_every=30)
    office.pass_(88)
    assert office.stored().late_at is None
    office.pass_(4)
    assert office.stored().late_at is not None


def test_who_calls_is_never_late(office: Office) -> None:
    """However long."""
    office.pass_(60, calls=True)
    assert office.told() == []


def test_our_own_outage_is_nobodys_silence(office: Office) -> None:
    """While no server is up nobody is late, and from its end on it counts anew."""
    office.pass_(5)
    office.pass_(60, beats=False)
    assert office.stored().late_at is None
    office.pass_(9)
    assert office.stored().late_at is None
    office.pass_(3)
    assert office.told() == ["connection.late"]


def test_a_server_that_restarts_does_not_hide_a_silence(office: Office) -> None:
    """Two minutes without a beat are no outage."""
    office.pass_(5)
    office.pass_(2, beats=False)
    office.pass_(5)
    assert office.told() == ["connection.late"]


def test_a_long_run_is_no_silence(office: Office) -> None:
    """A first read takes hours within one session, in which calls come."""
    with office.engine.begin() as connection:
        connection.execute(
            tables.session.update().values(
                state="asked", ended_at=None, last_call_at=office.clock()
            )
        )
    for _ in range(30):
        with office.engine.begin() as connection:
            connection.execute(
                tables.session.update().values(last_call_at=office.clock())
            )
        office.pass_(1)
    assert office.told() == []
    office.pass_(15)
    assert office.told() == ["connection.late"]


def test_who_is_paused_is_not_late_and_is_missed_again_afterwards(
    office: Office,
) -> None:
    """A pause is a person's wish."""

    def set_mode(mode: str) -> None:
        company_settings.set_values(
            office.engine, office.company.id, now=office.clock(), who="op", mode=mode
        )

    set_mode("paused")
    office.pass_(60)
    assert office.told() == []
    set_mode("live")
    office.pass_(15)
    assert office.told() == ["connection.late"]


def test_who_has_never_called_is_not_late(
    office: Office, new_company: Callable[..., NewCompany]
) -> None:
    """It is still being set up."""
    new = new_company("Bob")
    office.pass_(60, calls=True)
    assert registry.find(office.engine, str(new.id)).late_at is None
    assert office.told() == []


def test_what_could_not_be_sent_is_tried_again_and_the_other_way_not_twice(
    office: Office,
) -> None:
    """After 1, 2, 4 minutes and so on, with the same id."""
    office.fails = {"webhook"}
    office.pass_(14)
    assert (len(office.posted), len(office.mailed)) == (0, 1)
    office.fails = set()
    office.pass_(30)
    assert (len(office.posted), len(office.mailed)) == (1, 1)
    assert office.posted[0]["id"] == office.mailed[0][2]


def test_what_can_never_be_sent_is_given_up(office: Office) -> None:
    """After ten tries, and the audit tells."""
    office.fails = {"webhook", "email"}
    office.pass_(12)
    for _ in range(12):
        office.clock.pass_(hours=2)
        notices.deliver(office.engine, office.ways, URL, office.clock)
    assert office.stored().notice is None
    with office.engine.begin() as connection:
        what = connection.execute(sa.select(tables.audit.c.what)).scalars().all()
    assert "notice given up: late" in what


def test_killed_before_sending_it_is_sent_and_killed_after_it_has_the_same_id(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one moment in which a notice comes twice: sent, and not yet kept."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    office.pass_(9)
    with monkeypatch.context() as patch:
        patch.setattr(notices, "_keep", killed)
        with pytest.raises(KeyboardInterrupt):
            office.pass_(2)
    assert (len(office.posted), len(office.mailed)) == (1, 0)
    office.pass_(30)
    assert (len(office.posted), len(office.mailed)) == (2, 1)
    assert len({str(body["id"]) for body in office.posted}) == 1


def test_who_is_back_before_anybody_was_told_is_not_told_at_all(
    office: Office,
) -> None:
    """Nothing was said that would have to be taken back."""
    for _ in range(12):
        office.clock.pass_(minutes=1)
        with office.engine.begin() as connection:
            heartbeat.beat(connection, office.clock())
        silence.look(office.engine, office.clock())
    assert office.stored().notice == "late"
    office.call()
    office.pass_(5, calls=True)
    assert office.told() == []


def test_without_a_way_to_tell_it_is_still_known(office: Office) -> None:
    """The page shows it; nothing waits to be sent."""
    office.ways = Ways(None, None)
    office.pass_(15)
    assert office.stored().late_at is not None
    assert office.stored().notice is None


def test_two_workers_tell_it_once(office: Office) -> None:
    """Whoever claims it first."""
    office.pass_(9)
    office.clock.pass_(minutes=2)
    with office.engine.begin() as connection:
        heartbeat.beat(connection, office.clock())
    assert silence.look(office.engine, office.clock()) == 1
    assert silence.look(office.engine, office.clock()) == 0
    assert notices.deliver(office.engine, office.ways, URL, office.clock) == 1
    assert notices.deliver(office.engine, office.ways, URL, office.clock) == 0
    assert len(office.posted) == 1


UNASKED = ("BEGIN", "PRAGMA", "SELECT set_config")


def statements(engine: Engine, act: Callable[[], Any]) -> list[str]:
    """Return the statements that something makes."""
    made: list[str] = []

    def note(*arguments: Any) -> None:
        made.append(arguments[2])

    sa.event.listen(engine, "before_cursor_execute", note)
    act()
    sa.event.remove(engine, "before_cursor_execute", note)
    return [one for one in made if not one.startswith(UNASKED)]


def test_a_minute_in_which_nobody_is_late_costs_four_looks(office: Office) -> None:
    """And a call of who is not late writes nothing of this."""
    office.pass_(3)
    assert len(statements(office.engine, office.look)) == 4
    called = statements(office.engine, office.call)
    assert not any(
        "check_at" in one.partition("WHERE")[0]
        for one in called
        if one.startswith("UPDATE")
    )


def test_many_server_processes_write_one_beat_a_minute(
    engine: Engine, clock: Clock
) -> None:
    """The others see that one was just made."""

    def beats() -> None:
        for _ in range(10):
            with transaction(engine) as connection:
                heartbeat.beat(connection, clock())

    def since(at: datetime) -> datetime | None:
        with transaction(engine) as connection:
            return heartbeat.up_since(connection, at)

    assert since(clock()) is None
    beats()
    first = clock()
    clock.pass_(seconds=20)
    beats()
    assert since(clock()) == first
    with transaction(engine) as connection:
        [row] = connection.execute(sa.select(tables.heartbeat)).all()
    assert row.at == first
    clock.pass_(minutes=2)
    beats()
    assert since(clock()) == first
    assert since(clock() + heartbeat.GAP + timedelta(seconds=1)) is None
    with transaction(engine) as connection:
        assert connection.execute(sa.select(tables.outage)).all() == []
    last = clock()
    clock.pass_(minutes=4)
    beats()
    assert since(clock()) == clock()
    with transaction(engine) as connection:
        rows = connection.execute(sa.select(tables.outage)).all()
    assert [tuple(row) for row in rows] == [("server", last, clock())]
