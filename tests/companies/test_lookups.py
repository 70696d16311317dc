"""What is looked for across companies: who calls, whose turn it is, whose team."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import callers, credentials, logins, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.operations import doctor, key_rotation
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    SeesOneCompany,
    company_transaction,
    make_engine,
    transaction,
)
from tests import logged_in
from tests.conftest import SECRET, Clock

NewCompanies = Callable[..., NewCompany]
HERE = "192.0.2.1"
DUTY = tables.duty
DAY = timedelta(days=1)


def test_what_is_due_is_given_to_one_alone_and_the_longest_first(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Whoever asks next gets another, and then nothing."""
    ids = [new_company(name).id for name in ("Alice", "Bob")]
    for one, ago in zip(ids, (1, 2), strict=True):
        with company_transaction(engine, one) as connection:
            then = clock() - timedelta(minutes=ago)
            registry.change(connection, one, housekeep_at=then)

    def taken() -> int | None:
        return registry.take_next(engine, DUTY.c.housekeep_at, clock(), DAY)

    assert [taken(), taken(), taken()] == [ids[1], ids[0], None]
    # Who had looked before the other took it finds it taken.
    late = registry.unless_taken(ids[0], DUTY.c.housekeep_at <= clock())
    with company_transaction(engine, ids[0]) as connection:
        again = connection.execute(DUTY.update().where(late).values(leased_by="me"))
    assert again.rowcount == 0
    clock.pass_(days=1)
    assert taken() in ids


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_company_that_somebody_changes_is_not_waited_for(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """There are others, which nobody changes."""
    alice, bob = (new_company(name).id for name in ("Alice", "Bob"))
    clock.pass_(days=2)
    with engine.begin() as connection:
        connection.execute(
            DUTY.update()
            .where(DUTY.c.company_id == alice)
            .values(housekeep_at=clock() - DAY)
        )
        taken = registry.take_next(engine, DUTY.c.housekeep_at, clock(), DAY)
        assert taken == bob


def test_each_part_of_a_company_is_changed_where_it_is_kept(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """And its mode and team are told to the other files of the team."""
    company = new_company().id
    with company_transaction(engine, company) as connection:
        registry.change(
            connection,
            company,
            check_at=clock(),
            late_at=clock(),
            time_claims="kept",
            mode="paused",
        )
        found = registry.get(connection, company)
    assert (found.check_at, found.late_at) == (clock(), clock())
    assert (found.time_claims, found.mode) == ("kept", "paused")

    def told() -> tuple[object, ...]:
        with engine.begin() as connection:
            return tuple(connection.execute(sa.select(tables.team_file)).one())[1:]

    team = found.team
    assert told() == (team, False, "kept")
    with company_transaction(engine, company) as connection:
        registry.change(connection, company, mode_before_pause="live")
    assert told() == (team, True, "kept")
    company_settings.set_values(
        engine, company, now=clock(), who="a test", mosaic_team="8"
    )
    assert told() == (f"{team.rpartition(' ')[0]} 8", True, "kept")
    with engine.begin() as connection:
        former = sa.select(tables.company.c.check_at, tables.company.c.time_claims)
        assert tuple(connection.execute(former).one()) == (None, "none")


def test_a_lookup_alone_opens_nothing(
    engine: Engine, new_company: NewCompanies, keys: Keys, clock: Clock
) -> None:
    """What the company itself has must fit: a row that is wrong is not believed."""
    alice, bob = new_company("Alice"), new_company("Bob")
    with engine.begin() as connection:
        connection.execute(tables.caller.delete())
        for kind, secret in (("user", bob.username), ("setup", bob.setup_token)):
            hashed = keys.hash(kind, secret)
            callers.know(connection, alice.id, kind, hashed)  # type: ignore[arg-type]

    assert credentials.company_of(engine, keys, "setup", bob.setup_token) is None
    for password in (alice.password, bob.password):
        found = logins.check(
            engine, keys, bob.username, password, peer=HERE, now=clock()
        )
        assert found is None


def test_user_names_come_over_to_a_new_key_by_command(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """The customer need not call for that."""
    company = new_company(mosaic_key=None)
    renewed, alone = Keys(["n" * 40, SECRET]), Keys(["n" * 40])
    assert "user name" in {
        one.what
        for one in key_rotation.older(engine, renewed, now=Clock()(), page_link_days=90)
    }
    key_rotation.rotate(engine, renewed, now=clock(), who="a test")
    assert "user name" not in {
        one.what
        for one in key_rotation.older(engine, renewed, now=Clock()(), page_link_days=90)
    }
    with transaction(engine) as connection:
        known = callers.find(connection, alone, "user", company.username)
    assert known == callers.Known(company.id, is_new=True)


def test_a_new_password_opens_also_where_the_key_was_lost(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """The user name is known under the new key from then on."""
    company, another = new_company(), Keys(["n" * 40])
    new = credentials.new_password(
        engine, another, company.id, now=clock(), who="a test"
    )
    found = logins.check(engine, another, company.username, new, peer=HERE, now=clock())
    assert found is not None
    assert found.id == company.id


def test_the_doctor_tells_of_user_names_that_are_not_noted(
    engine: Engine, new_company: NewCompanies
) -> None:
    """As after statements that were run by hand."""
    new_company()
    assert doctor.of_callers(engine).state == "ok"
    with engine.begin() as connection:
        connection.execute(tables.caller.delete())
    assert doctor.of_callers(engine).state == "fail"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_concerns_other_companies_needs_the_owner_s_login(
    engine: Engine,
    new_company: NewCompanies,
    postgres_url: str,
    keys: Keys,
    clock: Clock,
) -> None:
    """Half of it would be done in silence: the others' rows are not seen."""
    company = new_company()
    serving = make_engine(logged_in.url_as(postgres_url, logged_in.SERVING))

    def set_team() -> None:
        now = clock()
        company_settings.set_values(
            serving, company.id, now=now, who="a test", mosaic_team="8"
        )

    def add() -> None:
        new = {"mosaic_url": "http://x", "mosaic_team": "1", "now": clock()}
        registry.add(serving, keys, name="Carol", **new)  # type: ignore[arg-type]

    for act in (set_team, add, lambda: registry.every(serving)):
        with pytest.raises(SeesOneCompany):
            act()
    serving.dispose()
    assert [one.name for one in registry.every(engine)] == ["Alice & Co"]
