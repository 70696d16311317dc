"""Who may call: passwords, their renewal, and guessers who are slowed down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import companies, logins, models
from qbwc_server.companies import NewCompany
from qbwc_server.keys import Keys
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
Check = Callable[..., str | None]
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def check(engine: Engine, keys: Keys, clock: Clock) -> Check:
    """A function that returns the name of the company that may come in, or None."""

    def ask(username: str, password: str, peer: str = HERE) -> str | None:
        company = logins.check(engine, keys, username, password, peer=peer, now=clock())
        return None if company is None else company.name

    return ask


def _failures(engine: Engine) -> int:
    with engine.begin() as connection:
        count = sa.select(sa.func.count()).select_from(models.login_failure)
        return connection.execute(count).scalar_one()


def test_the_right_password_opens_its_own_company_only(
    new_company: NewCompanies, check: Check
) -> None:
    """A password is not another company's, and a name is not half of another."""
    alice, bob = new_company("Alice"), new_company("Bob")

    assert check(alice.username, alice.password) == "Alice"
    assert check(bob.username, bob.password) == "Bob"
    for username, password in (
        (alice.username, bob.password),
        (alice.username, alice.password.upper()),
        (alice.username, alice.password + " "),
        (alice.username, ""),
        (alice.username.upper(), alice.password),
        (alice.username + "' OR '1'='1", alice.password),
        ("%", alice.password),
        ("", ""),
        ("ä" * 5000, "🏗️" * 5000),
    ):
        assert check(username, password) is None, username[:40]


def test_the_work_is_the_same_for_known_and_unknown_names(
    new_company: NewCompanies,
    check: Check,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same statements and as many hashes: the time tells nothing."""
    company = new_company()
    done: list[str] = []
    hashes = Keys.hashes

    def counted(keys: Keys, purpose: str, secret: str) -> list[str]:
        done.append("hash")
        return hashes(keys, purpose, secret)

    def statement(_: object, __: object, text: str, *___: Any) -> None:
        done.append(text)

    monkeypatch.setattr(Keys, "hashes", counted)
    sa.event.listen(engine, "before_cursor_execute", statement)
    work = []
    for username in (company.username, "nobody"):
        done.clear()
        assert check(username, "wrong") is None
        work.append(list(done))

    assert work[0] == work[1]
    assert work[0].count("hash") == 2


def test_who_fails_ten_times_is_refused_whatever_is_said(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """For fifteen minutes: then the right password opens again."""
    company = new_company()
    for _ in range(logins.MOST_FAILURES):
        assert check(company.username, "wrong") is None
    assert check(company.username, company.password) is None

    clock.pass_(minutes=15, seconds=-1)
    assert check(company.username, company.password) is None
    clock.pass_(seconds=1)
    assert check(company.username, company.password) == company.name


def test_one_failure_less_still_opens_and_is_forgotten(
    new_company: NewCompanies, check: Check, engine: Engine
) -> None:
    """A success begins the count anew."""
    company = new_company()
    for _ in range(2):
        for _ in range(logins.MOST_FAILURES - 1):
            check(company.username, "wrong")
        assert check(company.username, company.password) == company.name
    assert _failures(engine) == 0


def test_failures_far_apart_do_not_add_up(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """A count that nobody continued within fifteen minutes begins anew."""
    company = new_company()
    for _ in range(3):
        for _ in range(logins.MOST_FAILURES - 1):
            check(company.username, "wrong")
        clock.pass_(minutes=15)
    assert check(company.username, "wrong") is None
    assert check(company.username, company.password) == company.name


def test_asking_again_while_refused_does_not_make_it_longer(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """A Web Connector whose password was mended calls every minute, and gets in."""
    company = new_company()
    for _ in range(logins.MOST_FAILURES):
        check(company.username, "wrong")

    minutes = 0
    while check(company.username, company.password) is None:
        clock.pass_(minutes=1)
        minutes += 1
        assert minutes <= 15
    assert minutes == 15


def test_nobody_can_lock_a_company_out_from_elsewhere(
    new_company: NewCompanies, check: Check
) -> None:
    """The count is of one name from one address."""
    alice, bob = new_company("Alice"), new_company("Bob")
    for _ in range(logins.MOST_FAILURES + 5):
        check(alice.username, "wrong", ELSEWHERE)

    assert check(alice.username, alice.password, ELSEWHERE) is None
    assert check(alice.username, alice.password, HERE) == "Alice"
    assert check(bob.username, bob.password, ELSEWHERE) == "Bob"


def test_guessers_of_many_names_do_not_fill_the_database(
    check: Check, engine: Engine, clock: Clock
) -> None:
    """What is forgotten is deleted; who is meant cannot be read from what is left."""
    for number in range(20):
        check(f"guess-{number}", "wrong")
    assert _failures(engine) == 20
    with engine.begin() as connection:
        kept = str(connection.execute(sa.select(models.login_failure)).all())
    assert "guess" not in kept
    assert HERE not in kept

    clock.pass_(minutes=15)
    check("one more", "wrong")

    assert _failures(engine) == 1


def test_failures_at_the_same_moment_are_all_counted(
    new_company: NewCompanies, check: Check, engine: Engine
) -> None:
    """Also the first ones, which nobody has counted before."""
    company = new_company()
    start = threading.Barrier(8)

    def guess(_: int) -> str | None:
        start.wait(timeout=30)
        return check(company.username, "wrong")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(guess, range(8))) == {None}

    with engine.begin() as connection:
        row = connection.execute(sa.select(models.login_failure)).one()
    assert row.failures == 8


def test_after_a_reset_the_former_password_works_until_the_new_one_was_used(
    new_company: NewCompanies, check: Check, engine: Engine, keys: Keys
) -> None:
    """So the customer's updates go on until the new one was typed in."""
    company = new_company()
    with engine.begin() as connection:
        companies.change(
            connection,
            company.id,
            password_hash=keys.hash("password", "new"),
            former_password_hash=keys.hash("password", company.password),
        )

    assert check(company.username, company.password) == company.name
    assert check(company.username, company.password) == company.name
    assert check(company.username, "new") == company.name
    assert check(company.username, company.password) is None
    assert check(company.username, "new") == company.name


def test_a_renewed_key_lets_everybody_in_as_before(
    new_company: NewCompanies, engine: Engine, clock: Clock
) -> None:
    """Passwords were hashed under the key that is now the second, until used."""
    from tests.conftest import SECRET

    company = new_company()
    alone, renewed = Keys(["n" * 32]), Keys(["n" * 32, SECRET])
    name = company.name

    for keys, expected in ((alone, None), (renewed, name), (alone, name)):
        found = logins.check(
            engine,
            keys,
            company.username,
            company.password,
            peer=HERE,
            now=clock(),
        )
        assert (found.name if found else None) == expected
