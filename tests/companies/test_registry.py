"""Companies: what is made once, what is told once, and what a setting wakes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.names import CompanyExists
from qbwc_server.companies.registry import CompanyUnknown, NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.records import store
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.records.seen import CLASS, CUSTOMER, change, deliver_at, due, rows, seen

NewCompanies = Callable[..., NewCompany]


def test_a_company_is_made_with_secrets_that_are_told_once(
    engine: Engine, new_company: NewCompanies, keys: Keys
) -> None:
    """The database knows them only as hashes, and Mosaic's key only encrypted."""
    made = new_company("Büro & Söhne", mosaic_key="the key of Mosaic")

    with engine.begin() as connection:
        stored = connection.execute(sa.select(tables.company)).one()
    secrets = {made.password, made.setup_token, made.webhook_token}
    assert len(secrets) == 3
    for secret in (*secrets, "the key of Mosaic"):
        assert secret not in str(stored)
    assert keys.matches("password", made.password, stored.password_hash)
    assert keys.matches("setup", made.setup_token, stored.setup_token_hash)
    assert keys.matches("webhook", made.webhook_token, stored.webhook_token_hash)
    assert keys.decrypt(stored.mosaic_key) == "the key of Mosaic"
    assert re.fullmatch(r"buro-sohne-[0-9a-f]{6}", made.username)


@pytest.mark.parametrize("name", ["名前", "🏗️", "!!!", "A" * 300, "Company"])
def test_any_name_makes_a_user_name_that_can_be_typed(
    new_company: NewCompanies, name: str
) -> None:
    """ASCII, short, and never empty."""
    username = new_company(name).username
    assert re.fullmatch(r"[a-z0-9-]{1,27}", username)
    assert not username.startswith("-")


def test_each_company_has_ids_of_its_own_for_quickbooks(
    engine: Engine, new_company: NewCompanies
) -> None:
    """In the form of a GUID in braces; equal ones would make two files one."""
    new_company("Alice")
    new_company("Bob")

    ids = [
        one
        for company in registry.every(engine)
        for one in (company.owner_id, company.file_id)
    ]
    assert len(set(ids)) == 4
    for one in ids:
        assert re.fullmatch(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", one)


def test_a_name_that_is_taken_is_refused_and_leaves_nothing(
    engine: Engine, new_company: NewCompanies
) -> None:
    """With a sentence that names it."""
    new_company("Alice")
    with pytest.raises(CompanyExists, match="'Alice'"):
        new_company("Alice")

    with engine.begin() as connection:
        for table in (tables.company, tables.company_sequence, tables.audit):
            assert len(connection.execute(sa.select(table)).all()) == 1


def test_of_eight_who_take_a_name_at_once_one_has_it(
    engine: Engine, new_company: NewCompanies
) -> None:
    """The others are told in words, not by an error of the database."""
    start = threading.Barrier(8)

    def add(_: int) -> bool:
        start.wait(timeout=30)
        try:
            new_company("Alice")
        except CompanyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 1
    assert len(registry.every(engine)) == 1


def test_a_company_is_found_by_name_or_number_and_the_name_wins(
    engine: Engine, new_company: NewCompanies
) -> None:
    """A company may be named like another one's number."""
    first, second = new_company("Alice"), new_company("1")

    assert registry.find(engine, "Alice").id == first.id
    assert registry.find(engine, "1").id == second.id
    assert registry.find(engine, str(second.id)).id == second.id
    assert [one.name for one in registry.every(engine)] == ["1", "Alice"]


@pytest.mark.parametrize("name", ["", "alice", "0", "-1", "²", "٣", "9" * 30, "A lice"])
def test_a_company_that_is_not_there_is_said_so(
    engine: Engine, new_company: NewCompanies, name: str
) -> None:
    """Whatever was asked for."""
    new_company("Alice")
    with pytest.raises(CompanyUnknown, match="company list"):
        registry.find(engine, name)


def test_what_was_changed_is_in_the_audit_without_secrets(
    engine: Engine, new_company: NewCompanies, keys: Keys, clock: Clock
) -> None:
    """Who, when and what; of a key only that it was changed."""
    company = new_company()
    company_settings.set_values(
        engine,
        company.id,
        now=clock.pass_(hours=1),
        who="operator",
        poll_every=5,
        mosaic_key=keys.encrypt("new"),
        password_hash=keys.hash("password", "new"),
    )

    with engine.begin() as connection:
        row = connection.execute(
            sa.select(tables.audit).order_by(tables.audit.c.id.desc()).limit(1)
        ).one()
    assert (row.who, row.what, row.at) == ("operator", "company changed", clock())
    assert row.detail == {
        "poll_every": 5,
        "mosaic_key": "[hidden]",
        "password_hash": "[hidden]",
    }
    assert registry.find(engine, company.name).poll_every == 5


@pytest.mark.parametrize(
    "values", [{"mode": "sleepy"}, {"structure": "flat"}, {"mode": None}]
)
def test_a_setting_that_does_not_exist_is_refused_whole(
    engine: Engine, new_company: NewCompanies, clock: Clock, values: dict[str, Any]
) -> None:
    """Nothing else of the same change is kept."""
    company = new_company()
    with pytest.raises(sa.exc.IntegrityError):
        company_settings.set_values(
            engine, company.id, now=clock(), who="operator", poll_every=9, **values
        )
    assert registry.find(engine, company.name).poll_every == 1


@pytest.mark.parametrize("values", [{"mode": "live"}, {"structure": "project"}])
def test_going_live_wakes_what_was_only_previewed(
    engine: Engine, new_company: NewCompanies, clock: Clock, values: dict[str, str]
) -> None:
    """What has no link yet, most of all; what a person decided or is gone sleeps on."""
    alice, bob = new_company("Alice", mode="preview"), new_company("Bob")
    states = ("pending", "in_sync", "unlinked", "refused", "gone", "do_not_link")
    for company in (alice, bob):
        with company_transaction(engine, company.id) as connection:
            objects = [seen(state, state) for state in states]
            store.keep_seen(connection, company.id, CUSTOMER, objects, now=clock())
            store.keep_seen(
                connection, company.id, CLASS, [seen("class", "C")], now=clock()
            )
            for state in states:
                change(connection, company.id, [state], state=state, due_at=None)
            registry.change(connection, company.id, deliver_at=None)

    company_settings.set_values(
        engine, alice.id, now=clock(), who="operator", poll_every=2
    )
    with company_transaction(engine, alice.id) as connection:
        assert due(connection, alice.id) == set()
    company_settings.set_values(engine, alice.id, now=clock(), who="operator", **values)

    with company_transaction(engine, alice.id) as connection:
        assert due(connection, alice.id) == {
            "pending",
            "in_sync",
            "unlinked",
            "refused",
        }
        assert deliver_at(connection, alice.id) == clock()
        assert rows(connection, alice.id)["class"].due_at is None
    with company_transaction(engine, bob.id) as connection:
        assert due(connection, bob.id) == set()
        assert deliver_at(connection, bob.id) is None


def test_what_stops_everything_stays_in_front_until_a_person_has_spoken(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Smaller troubles come and go; that one neither they nor their end take away."""
    company = new_company()

    with company_transaction(engine, company.id) as connection:

        def look() -> tuple[str | None, bool]:
            found = registry.get(connection, company.id)
            return found.attention_id, found.delivers

        attention.attend(
            connection, company.id, error_id="small", text="Small.", now=clock()
        )
        assert look() == ("small", True)
        attention.attend(
            connection, company.id, error_id="other", text="Other.", now=clock()
        )
        assert look() == ("other", True)
        attention.calm(connection, company.id, now=clock())
        assert look() == (None, True)
        attention.attend(
            connection, company.id, error_id="too-many-gone", text="!", now=clock()
        )
        attention.attend(
            connection, company.id, error_id="small", text="Small.", now=clock()
        )
        attention.calm(connection, company.id, now=clock())
        assert look() == ("too-many-gone", False)
        attention.calm(connection, company.id, also_stops=True, now=clock())
        assert look() == (None, True)


@pytest.mark.parametrize(
    ("mode", "delivers"), [("live", True), ("preview", False), ("paused", False)]
)
def test_only_a_live_company_delivers(
    engine: Engine,
    new_company: NewCompanies,
    mode: str,
    delivers: bool,
) -> None:
    """Preview and pause write nothing anywhere."""
    new_company("Alice", mode=mode)
    assert registry.find(engine, "Alice").delivers is delivers


def test_a_company_shows_none_of_its_hashes(
    engine: Engine, new_company: NewCompanies
) -> None:
    """What is handed around in the program has no password of any kind."""
    new_company("Alice")
    company = registry.find(engine, "Alice")
    with engine.begin() as connection:
        stored = connection.execute(sa.select(tables.company)).one()._mapping
    hashes = {value for name, value in stored.items() if name.endswith("_hash")}

    assert not hashes & set(map(str, astuple(company)))


def test_accepted_deletions_wake_what_the_stop_had_held_back(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """While a company stops, its records are looked at and laid aside."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        objects = [seen("1", "A")]
        store.keep_seen(connection, company.id, CUSTOMER, objects, now=clock())
        change(connection, company.id, "1", due_at=None)
        attention.attend(
            connection, company.id, error_id="too-many-gone", text="!", now=clock()
        )

        company_settings.accept_deletions(
            connection, company.id, now=clock(), who="operator"
        )

        assert registry.get(connection, company.id).delivers
        assert due(connection, company.id) == {"1"}
        assert deliver_at(connection, company.id) == clock()
        assert registry.get(connection, company.id).next_read_at == clock()


def test_a_company_with_counterparts_keeps_its_mosaic_team(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """The numbers of one team's objects mean other things in another team."""
    company = new_company()

    def move(team: str) -> None:
        company_settings.set_values(
            engine, company.id, now=clock(), who="operator", mosaic_team=team
        )

    move("101")
    with company_transaction(engine, company.id) as connection:
        registry.change(connection, company.id, mosaic_portfolio=7)
    move("101")
    with pytest.raises(company_settings.CompanyLinked):
        move("102")

    assert registry.find(engine, company.name).mosaic_team == "101"
