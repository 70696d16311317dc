"""Renewing the secret key without anybody noticing, and knowing when it is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Engine

from qbwc_server.companies import logins, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import alert_addresses
from qbwc_server.keys import Keys
from qbwc_server.operations import key_rotation
from qbwc_server.settings import Settings
from qbwc_server.storage import schema
from qbwc_server.storage.database import company_transaction
from qbwc_server.web.customer import setup, site
from qbwc_server.web.hooks import callbacks
from tests.conftest import SECRET, Clock

NewCompanies = Callable[..., NewCompany]
NEW = "n" * 40


@pytest.fixture
def renewed() -> Keys:
    """A new key in front of the one that everything was made under."""
    return Keys([NEW, SECRET])


def _what(engine: Engine, keys: Keys) -> list[str]:
    return [
        one.what
        for one in key_rotation.older(engine, keys, now=Clock()(), page_link_days=90)
    ]


def test_mosaic_keys_are_encrypted_anew_once(
    engine: Engine, new_company: NewCompanies, renewed: Keys, clock: Clock
) -> None:
    """Afterwards the new key alone opens them; a second time there is nothing to do."""
    ids = [new_company(name, mosaic_key=f"of {name}").id for name in ("A", "B")]
    new_company("C", mosaic_key=None)

    assert key_rotation.rotate(engine, renewed, now=clock(), who="test") == 2
    assert key_rotation.rotate(engine, renewed, now=clock(), who="test") == 0
    with engine.begin() as connection:
        stored = [registry.get(connection, one).mosaic_key for one in ids]
    assert [Keys([NEW]).decrypt(one or "") for one in stored] == ["of A", "of B"]
    assert key_rotation.MOSAIC_KEY not in _what(engine, renewed)


def test_addresses_for_alerts_are_encrypted_anew_and_their_links_stay_good(
    engine: Engine, new_company: NewCompanies, renewed: Keys, clock: Clock
) -> None:
    """One that no key opens is named, and stops nothing."""
    made = registry.numbered(engine, new_company("A", mosaic_key=None).id)
    old, now = Keys([SECRET]), clock()
    foreign = Keys(["f" * 40])
    good, lost = (
        alert_addresses.ask(engine, under, made, address, now=now, who="test")
        for under, address in (
            (old, "bo@firm.example"),
            (foreign, "ann@firm.example"),
        )
    )
    link = alert_addresses.link(old, made.id, good, now)
    assert _what(engine, renewed).count(key_rotation.ADDRESS) == 2

    assert key_rotation.rotate(engine, renewed, now=now, who="test") == 1
    assert key_rotation.rotate(engine, renewed, now=now, who="test") == 0
    found = [
        it
        for it in key_rotation.older(engine, renewed, now=Clock()(), page_link_days=90)
        if it.lost
    ]
    assert [(it.company, it.what) for it in found] == [("A", "alert address")]
    with company_transaction(engine, made.id) as connection:
        rows = alert_addresses.rows(connection, made.id, now)
    stored = {row.id: row.address for row in rows}
    assert Keys([NEW]).decrypt(stored[good]) == "bo@firm.example"
    assert foreign.decrypt(stored[lost]) == "ann@firm.example"
    opened = alert_addresses.linked(engine, renewed, link, now)
    assert opened is not None
    assert opened.id == good


def test_a_mosaic_key_that_no_key_opens_is_named_and_stops_nothing(
    engine: Engine, new_company: NewCompanies, renewed: Keys, clock: Clock
) -> None:
    """It is left as it is, so that the key that opens it can still be found."""
    lost, good = new_company("Lost").id, new_company("Good").id
    with company_transaction(engine, lost) as connection:
        foreign = Keys(["f" * 40]).encrypt("x")
        registry.change(connection, lost, mosaic_key=foreign)

    assert key_rotation.rotate(engine, renewed, now=clock(), who="test") == 1
    found = [
        one
        for one in key_rotation.older(engine, renewed, now=Clock()(), page_link_days=90)
        if one.lost
    ]
    assert [(one.company, one.what) for one in found] == [("Lost", "Mosaic key")]
    with engine.begin() as connection:
        assert registry.get(connection, lost).mosaic_key == foreign
        assert registry.get(connection, good).mosaic_key != foreign


def test_hashes_come_over_when_what_they_are_of_is_used_rightly(
    engine: Engine,
    new_company: NewCompanies,
    renewed: Keys,
    settings: Settings,
    clock: Clock,
) -> None:
    """Password, setup address and webhook; then the older key is needed no more."""
    company = new_company(mosaic_key=None)
    pages = Flask("qbwc_server.web")
    of_customers = site.Site(engine, renewed, settings, clock)
    site.prepare(pages, settings)
    pages.register_blueprint(setup.blueprint(of_customers))
    pages.register_blueprint(callbacks.blueprint(engine, renewed, clock))
    web = pages.test_client()

    def log_in(keys: Keys, password: str) -> bool:
        name, peer = company.username, "192.0.2.1"
        args = {"peer": peer, "now": clock()}
        return logins.check(engine, keys, name, password, **args) is not None  # type: ignore[arg-type]

    everything = ["user name", "password", "setup address", "webhook address"]
    assert _what(engine, renewed) == everything
    assert not log_in(renewed, "wrong")
    assert web.get("/setup/wrong").status_code == 404
    assert _what(engine, renewed) == everything

    assert log_in(renewed, company.password)
    assert _what(engine, renewed) == everything[2:]
    assert web.get(f"/setup/{company.setup_token}").status_code == 200
    assert _what(engine, renewed) == everything[3:]
    web.post(f"/webhook/{company.webhook_token}", data=b"{")
    assert _what(engine, renewed) == []

    assert log_in(Keys([NEW]), company.password)
    assert not log_in(Keys([SECRET]), company.password)


def test_a_former_password_comes_over_as_what_it_is(
    engine: Engine, new_company: NewCompanies, renewed: Keys, keys: Keys, clock: Clock
) -> None:
    """It does not become the password again."""
    company = new_company(mosaic_key=None)
    with company_transaction(engine, company.id) as connection:
        registry.change(
            connection,
            company.id,
            password_hash=keys.hash("password", "new"),
            former_password_hash=keys.hash("password", company.password),
        )

    def log_in(password: str) -> bool:
        return (
            logins.check(
                engine, renewed, company.username, password, peer="1", now=clock()
            )
            is not None
        )

    assert log_in(company.password)
    assert "former password" not in _what(engine, renewed)
    assert "password" in _what(engine, renewed)
    assert log_in("new")
    assert not log_in(company.password)


def test_under_one_key_nothing_is_older(
    engine: Engine, new_company: NewCompanies, keys: Keys, clock: Clock
) -> None:
    """The usual state of things, in which rotating does nothing."""
    new_company()
    assert _what(engine, keys) == []
    assert key_rotation.rotate(engine, keys, now=clock(), who="test") == 0


def test_going_back_a_revision_leaves_hashes_that_the_program_before_understands(
    engine: Engine, new_company: NewCompanies
) -> None:
    """It knew no names of keys in front of them; nobody has to be given a password."""
    company = new_company()
    schema.downgrade(engine, "0001")

    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT * FROM company")).one()
    plain = Keys([SECRET]).hashes("password", company.password)[-1]
    assert row.password_hash == plain
    assert {len(row.setup_token_hash), len(row.webhook_token_hash)} == {64}
    assert row.former_password_hash is None


def test_a_setup_address_that_has_ended_holds_no_key(
    engine: Engine, new_company: NewCompanies, renewed: Keys, clock: Clock
) -> None:
    """Nobody opens it again, so it would never come over; one in use does."""
    unused = new_company("Unused", mosaic_key=None)
    used = registry.numbered(engine, new_company("Used", mosaic_key=None).id)
    with company_transaction(engine, used.id) as connection:
        registry.change(connection, used.id, setup_used_at=clock())

    def held() -> list[str]:
        found = key_rotation.older(engine, renewed, now=clock(), page_link_days=90)
        return [one.company for one in found if one.what == key_rotation.SETUP]

    assert held() == ["Unused", "Used"]
    clock.pass_(days=15)
    assert held() == ["Used"], "a link shows its password for two weeks"
    clock.pass_(days=75)
    assert held() == []
    assert unused.setup_token
