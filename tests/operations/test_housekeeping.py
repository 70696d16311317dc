"""What is old goes, once a day, and nothing that is open goes with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.operations import housekeeping
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from qbwc_server.worker.loop import Worker
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
LONG_AGO = timedelta(days=1000)


class Attic:
    """A company's rows of long ago."""

    def __init__(self, engine: Engine, company_id: int, clock: Clock) -> None:
        self.engine = engine
        self.company_id = company_id
        self.clock = clock
        self.then = clock() - LONG_AGO

    def put(self, table: sa.Table, **values: Any) -> int:
        """Add a row and return its id."""
        with company_transaction(self.engine, self.company_id) as connection:
            row = {
                "company_id": self.company_id,
                "id": next_id(connection, self.company_id),
                **values,
            }
            connection.execute(table.insert(), row)
        return int(row["id"])

    def session(self, **values: Any) -> int:
        """Add a session, closed unless said otherwise."""
        closed = {"state": "closed", "ended_at": self.then} if not values else {}
        return self.put(
            tables.session,
            started_at=self.then,
            last_call_at=self.then,
            ticket_hash=f"t{values}{self.then}",
            **closed,
            **values,
        )

    def exchange(self, state: str = "answered", **values: Any) -> int:
        """Add an exchange, worked with unless said otherwise."""
        if state == "answered":
            values.setdefault("applied_at", self.then)
        return self.put(
            tables.exchange,
            state=state,
            purpose="work",
            sent_at=self.then,
            request="asked",
            **{"session_id": 1, "answer": "said", **values},
        )

    def job(self, state: str, **values: Any) -> int:
        """Add a job with an event."""
        done = {"finished_at": self.then} if state in tables.JOB_FINAL else {}
        job_id = self.put(
            tables.job,
            state=state,
            kind="time_entry",
            action="add",
            summary="",
            created_at=self.then,
            run_at=self.then,
            **{**done, **values},
        )
        self.put(
            tables.job_event, job_id=job_id, at=self.then, to_state=state, by="test"
        )
        return job_id

    def call(self, state: str, **values: Any) -> int:
        """Add a write to Mosaic."""
        return self.put(
            tables.mosaic_call,
            state=state,
            operation="create",
            data_type="client",
            fields={},
            ref=f"{state}{values}",
            created_at=self.then,
            **values,
        )

    def clear(self, settings: Settings) -> int:
        """Remove what is old; return how many rows went."""
        gone, finished = housekeeping.clear(
            self.engine, self.company_id, settings, self.clock()
        )
        assert finished
        return gone

    def ids(self, *tables: sa.Table) -> set[int]:
        """Return the ids of all rows of tables."""
        with self.engine.begin() as connection:
            return {
                one
                for table in tables
                for one in connection.execute(
                    sa.select(table.c.id).where(table.c.company_id == self.company_id)
                ).scalars()
            }


@pytest.fixture
def attic(engine: Engine, new_company: NewCompanies, clock: Clock) -> Attic:
    """The attic of a company."""
    return Attic(engine, new_company().id, clock)


TABLES = (
    tables.exchange,
    tables.job,
    tables.mosaic_call,
    tables.mosaic_callback,
    tables.session,
)


def test_what_is_old_and_over_goes(attic: Attic, settings: Settings) -> None:
    """Of each table, jobs with their events; a second time there is nothing."""
    attic.exchange()
    attic.exchange("lost")
    attic.exchange("refused", applied_at=attic.then)
    attic.job("done")
    attic.job("cancelled")
    attic.call("done", settled_at=attic.then)
    attic.put(
        tables.mosaic_callback,
        received_at=attic.then,
        handled_at=attic.then,
        body={"note": "x"},
    )
    attic.session()

    assert attic.clear(settings) == 8
    assert attic.ids(*TABLES, tables.job_event) == set()
    assert attic.clear(settings) == 0


def test_addresses_of_wrong_passwords_go_with_the_raw_exchanges(
    attic: Attic, settings: Settings
) -> None:
    """But for one from which another came since."""
    lately = attic.clock() - timedelta(days=settings.exchange_days - 1)
    with company_transaction(attic.engine, attic.company_id) as connection:
        connection.execute(
            tables.failed_login.insert(),
            [
                {
                    "company_id": attic.company_id,
                    "address": address,
                    "whose": "stranger",
                    "first_at": attic.then,
                    "last_at": last_at,
                }
                for address, last_at in (("192.0.2.1", attic.then), ("::1", lately))
            ],
        )
    assert attic.clear(settings) == 1
    with attic.engine.begin() as connection:
        left = connection.execute(sa.select(tables.failed_login.c.address)).scalars()
        assert list(left) == ["::1"]


def test_nothing_that_is_open_goes_however_old(
    attic: Attic, settings: Settings
) -> None:
    """Whatever somebody or something may still ask about is there."""
    open_session = attic.session(state="finishing")
    stays = {
        open_session,
        attic.exchange("sent", answer=None),
        attic.exchange("answered", applied_at=None),
        attic.exchange(session_id=open_session),
        attic.call("sent", check_at=attic.then),
        attic.call("unsure"),
        attic.call("accepted"),
        attic.call("refused", settled_at=attic.then, looks=6),
        attic.put(tables.mosaic_callback, received_at=attic.then, body={}),
    }
    for state in ("sent", "unsure", "failed", "ready", "waiting"):
        for exchange_state in ("answered", "lost", "refused"):
            of_it = attic.exchange(exchange_state, applied_at=attic.then)
            stays |= {of_it, attic.job(state, exchange_id=of_it)}
    stays.add(attic.exchange(message_set_id="the latest with writes", writes=True))
    attic.exchange()
    events = attic.ids(tables.job_event)

    assert attic.clear(settings) == 1
    assert attic.ids(*TABLES) == stays
    assert attic.ids(tables.job_event) == events


def test_an_answer_that_waits_for_a_replay_stays_as_long_as_the_history(
    attic: Attic, settings: Settings, clock: Clock
) -> None:
    """Longer than others, but what people wrote in it is not kept for ever."""
    attic.then = clock() - timedelta(days=settings.history_days - 1)
    waits = attic.exchange(failed_at=attic.then)

    assert attic.clear(settings) == 0
    assert attic.ids(tables.exchange) == {waits}
    clock.pass_(days=2)
    assert attic.clear(settings) == 1


def test_what_strangers_tried_with_a_ticket_goes_in_the_end(
    attic: Attic, settings: Settings
) -> None:
    """What people did to the company stays."""
    people = attic.ids(tables.audit)
    tried = {"who": "192.0.2.1", "what": "call with a ticket", "at": attic.then}
    attic.put(tables.audit, **tried, dedupe_key="x", last_at=attic.then)

    assert attic.clear(settings) == 1
    assert attic.ids(tables.audit) == people


def test_what_happened_to_records_and_who_did_what_stays(
    attic: Attic, settings: Settings
) -> None:
    """Nothing is overwritten unseen, also not by time."""
    event = attic.put(
        tables.record_event, record_id=1, at=attic.then, what="changed", by="test"
    )
    before = attic.ids(tables.audit, tables.record_event)
    assert event in before
    attic.clear(settings)
    assert attic.ids(tables.audit, tables.record_event) == before


@pytest.mark.parametrize(
    ("name", "days", "table"),
    [
        ("exchange_days", 30, tables.exchange),
        ("exchange_days", 3, tables.exchange),
        ("history_days", 400, tables.job),
    ],
)
def test_a_setting_says_how_long(
    attic: Attic, settings: Settings, name: str, days: int, table: sa.Table
) -> None:
    """To the day: what is as old as that goes, what is younger stays."""
    changed = settings.model_copy(update={name: days})
    attic.then = attic.clock() - timedelta(days=days, seconds=1)
    attic.exchange()
    attic.job("done")
    attic.then = attic.clock() - timedelta(days=days, seconds=-1)
    stays = attic.exchange(), attic.job("done")

    attic.clear(changed)

    assert attic.ids(table) <= set(stays)
    assert attic.ids(table)


def test_another_company_is_not_touched(
    attic: Attic, new_company: NewCompanies, settings: Settings
) -> None:
    """Each is housekept by itself."""
    other = Attic(attic.engine, new_company("Bob").id, attic.clock)
    attic.exchange()
    stays = other.exchange()
    attic.clear(settings)
    assert other.ids(tables.exchange) == {stays}


def test_a_pass_is_bounded_and_goes_on_soon(
    attic: Attic, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Years of rows go in many short transactions, not in one long one."""
    monkeypatch.setattr(housekeeping, "_BATCH", 2)
    monkeypatch.setattr(housekeeping, "_MOST_BATCHES", 8)
    kept = attic.exchange("sent")
    for _ in range(19):
        attic.exchange()
    clock = attic.clock
    clock.pass_(days=1)
    found = []
    for _ in range(4):
        found.append(housekeeping.serve_next(attic.engine, settings, clock()))
        clock.pass_(minutes=1)
    assert found == [15, 4, 0, None]
    assert attic.ids(tables.exchange) == {kept}


@pytest.mark.parametrize("mode", tables.MODES)
@pytest.mark.parametrize("key", [None, "a-key"])
def test_the_worker_does_it_once_a_day_for_every_company(
    engine: Engine,
    new_company: NewCompanies,
    clock: Clock,
    keys: Keys,
    settings: Settings,
    mode: str,
    key: str | None,
) -> None:
    """Also for one that is paused, and one without a Mosaic key."""
    attic = Attic(engine, new_company(mosaic_key=key).id, clock)
    with engine.begin() as connection:
        registry.change(
            connection, attic.company_id, mode=mode, leased_until=clock() + LONG_AGO
        )
    worker = Worker(engine, keys, settings, clock)
    for _ in range(2):
        first = attic.exchange()
        worker.run_once()
        assert attic.ids(tables.exchange) == {first}, "not before its day has come"
        clock.pass_(days=1, seconds=1)
        worker.run_once()
        assert attic.ids(tables.exchange) == set()


def test_what_belongs_to_nobody_goes_when_it_means_nothing(
    attic: Attic, settings: Settings, clock: Clock
) -> None:
    """Failed logins and rate budgets of a day ago; a 429 that still holds stays."""
    old, new = clock(), clock.pass_(days=2)
    failure, budget = tables.login_failure, tables.mosaic_budget
    with attic.engine.begin() as connection:
        for who, at in (("old", old), ("new", new)):
            connection.execute(failure.insert(), {"who": who, "last_at": at})
        for key, at, until in (
            ("old", old, None),
            ("over", old, old),
            ("blocked", old, new),
            ("new", new, None),
        ):
            connection.execute(
                budget.insert(),
                {
                    "key_hash": key,
                    "tokens": 0,
                    "refilled_at": at,
                    "blocked_until": until,
                },
            )
    housekeeping.serve_next(attic.engine, settings, new)
    with attic.engine.begin() as connection:
        failures = set(connection.execute(sa.select(failure.c.who)).scalars())
        budgets = set(connection.execute(sa.select(budget.c.key_hash)).scalars())
    assert (failures, budgets) == ({"new"}, {"blocked", "new"})


_GOES = {
    *("session", "exchange", "job", "job_event", "mosaic_call", "mosaic_callback"),
    *("audit", "login_failure", "mosaic_budget", "attention"),
}
_BOUNDED = {
    "company": "as many as customers",
    "company_sequence": "one of a company",
    "caller": "three of a company",
    "duty": "one of a company",
    "team_file": "one of a company",
    "reading": "one of a company and kind",
    "preview_result": "one of a company",
    "record": "one for each thing that either side has or had",
    "record_event": "what was replaced is kept as long as the company, on purpose",
    "former_id": "one for each id that a record had, kept as long as its history",
    "said": "one for each word of a person about two entries",
    "joined": "at most one for each record",
    "mosaic_object": "one for each thing in Mosaic; gone ones are removed",
    "mosaic_claim": "one for each link",
    "time_claim": "one for each time entry of a team with several company files",
    "time_rule": "one for each word of a person",
    "alert_address": "three of a company; those that ended go a day later",
    "database_mark": "one row",
    "heartbeat": "one for servers and one for workers",
    "outage": "one for each of ours; those of long ago go",
    "failed_login": "fifty of a company",
    "forgotten_company": "one for each company that is forgotten, on purpose",
    "word": "one for each state",
    "support_token": "one for each person of support",
    "support_login": "some an hour, which go with a login after 400 days",
}


def test_every_table_is_bounded(
    attic: Attic, settings: Settings, clock: Clock, keys: Keys
) -> None:
    """With the clock far ahead, of what only grows nothing is left; all are named."""
    assert _GOES | set(_BOUNDED) == set(tables.metadata.tables)
    people = attic.ids(tables.audit)
    attic.session()
    for _ in range(3):
        attic.exchange()
        attic.job("done")
        attic.call("done", settled_at=attic.then, mosaic_id=len(attic.ids(tables.job)))
        attic.put(
            tables.mosaic_callback,
            received_at=attic.then,
            handled_at=attic.then,
            body={},
        )
        attic.put(
            tables.audit, who="server", what="Web Connector is late", at=attic.then
        )
        attic.put(
            tables.attention,
            reason="list-not-read",
            place=9,
            text="",
            began_at=attic.then,
            seen_at=attic.then,
            ended_at=attic.then,
        )
    with attic.engine.begin() as connection:
        connection.execute(
            tables.login_failure.insert(), {"who": "x", "last_at": attic.then}
        )
        connection.execute(
            tables.mosaic_budget.insert(),
            {"key_hash": "x", "tokens": 0, "refilled_at": attic.then},
        )
    clock.pass_(days=settings.history_days * 20)
    with attic.engine.begin() as connection:
        connection.execute(tables.company.update().values(mosaic_key=None))
    Worker(attic.engine, keys, settings, clock).run_once()

    with attic.engine.begin() as connection:
        left = {
            name: connection.execute(
                sa.select(sa.func.count()).select_from(tables.metadata.tables[name])
            ).scalar_one()
            for name in _GOES
        }
    assert left.pop("audit") == len(people)
    assert attic.ids(tables.audit) == people
    assert set(left.values()) == {0}, left


def test_what_the_server_noted_by_itself_goes_and_what_people_did_stays(
    attic: Attic, settings: Settings, clock: Clock
) -> None:
    """A connection that is late each night would fill the audit for ever."""
    noted = {"who": "server", "what": "Web Connector is late"}
    attic.put(tables.audit, **noted, at=attic.then)
    young = attic.put(tables.audit, **noted, at=clock())
    person = attic.put(tables.audit, who="eve", what="pause", at=attic.then)

    assert attic.clear(settings) == 1
    assert {young, person} <= attic.ids(tables.audit)
