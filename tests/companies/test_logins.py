"""Who may call: passwords, their renewal, and guessers who are slowed down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import logins, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.storage import tables
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
        count = sa.select(sa.func.count()).select_from(tables.login_failure)
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
        for _ in range(logins.FREE_WITH_A_NAME + 1):
            assert check(username, "wrong") is None
        work.append(list(done))

    assert work[0] == work[1]
    assert work[0].count("hash") == 2 * (logins.FREE_WITH_A_NAME + 1)


def _guess(check: Check, username: str, times: int, peer: str = HERE) -> None:
    for _ in range(times):
        assert check(username, "wrong", peer) is None


def test_each_failure_makes_the_wait_longer_up_to_fifteen_minutes() -> None:
    """A few are free, then 1, 2, 4 seconds and so on."""
    waits = [logins.wait(failures, 5).total_seconds() for failures in range(17)]
    assert waits == [*[0] * 5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert logins.wait(10**9, 5) == logins.LONGEST_WAIT


def test_who_must_wait_is_refused_whatever_is_said(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """And is heard again a moment later: nobody waits in a thread."""
    company = new_company()
    _guess(check, company.username, logins.FREE_WITH_A_NAME)
    assert check(company.username, company.password) is None
    clock.pass_(seconds=1)
    _guess(check, company.username, 1)
    clock.pass_(seconds=1)
    assert check(company.username, company.password) is None
    clock.pass_(seconds=1)
    assert check(company.username, company.password) == company.name


def test_one_failure_less_still_opens_and_is_forgotten(
    new_company: NewCompanies, check: Check
) -> None:
    """A success begins the count of that name from there anew."""
    company = new_company()
    for _ in range(3):
        _guess(check, company.username, logins.FREE_WITH_A_NAME - 1)
        assert check(company.username, company.password) == company.name


def test_failures_far_apart_do_not_add_up(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """A count that nobody continued within an hour begins anew."""
    company = new_company()
    for _ in range(3):
        _guess(check, company.username, logins.FREE_WITH_A_NAME - 1)
        clock.pass_(hours=1)
    _guess(check, company.username, 1)
    assert check(company.username, company.password) == company.name


def test_asking_again_while_refused_does_not_make_it_longer(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """A Web Connector whose password was mended calls every minute, and gets in."""
    company = new_company()
    for _ in range(30):
        _guess(check, company.username, 1)
        clock.pass_(minutes=15)
    _guess(check, company.username, 1)

    minutes = 0
    while check(company.username, company.password) is None:
        clock.pass_(minutes=1)
        minutes += 1
        assert minutes <= 15
    assert minutes == 15


def test_nobody_can_lock_a_company_out_from_elsewhere(
    new_company: NewCompanies, check: Check
) -> None:
    """Whoever has not guessed himself is heard, also from an address never seen."""
    alice, bob = new_company("Alice"), new_company("Bob")
    for number in range(200):
        _guess(check, alice.username, 1, f"198.51.100.{number}")
    _guess(check, alice.username, 50, ELSEWHERE)

    assert check(alice.username, alice.password, ELSEWHERE) is None
    assert check(alice.username, alice.password, HERE) == "Alice"
    assert check(bob.username, bob.password, "192.0.2.3") == "Bob"


def test_of_a_name_that_many_guess_at_each_has_one_guess(
    new_company: NewCompanies, check: Check
) -> None:
    """So a thousand addresses have a thousand guesses and not five thousand."""
    alice = new_company("Alice")
    _guess(check, alice.username, 1, ELSEWHERE)
    assert check(alice.username, alice.password, ELSEWHERE) == "Alice"
    for number in range(logins.FREE_OF_A_NAME + 5):
        _guess(check, alice.username, 1, f"198.51.100.{number}")
    assert check(alice.username, alice.password, "198.51.100.1") is None
    assert check(alice.username, alice.password, "192.0.2.7") == "Alice"


def test_an_address_that_guesses_at_many_names_waits_at_all_of_them(
    new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """Also at a name that it tries for the first time."""
    alice = new_company("Alice")
    for number in range(logins.FREE_OF_AN_ADDRESS):
        _guess(check, f"guess-{number}", 1, ELSEWHERE)
    assert check(alice.username, alice.password, ELSEWHERE) is None
    assert check(alice.username, alice.password, HERE) == "Alice"
    clock.pass_(seconds=1)
    assert check(alice.username, alice.password, ELSEWHERE) == "Alice"


def test_the_addresses_of_one_network_of_ipv6_are_one_caller(
    new_company: NewCompanies, check: Check
) -> None:
    """Anybody has 2**64 of them."""
    alice = new_company("Alice")
    for number in range(logins.FREE_OF_AN_ADDRESS):
        _guess(check, f"guess-{number}", 1, f"2001:db8::{number:x}")
    assert check(alice.username, alice.password, "2001:db8::ffff") is None
    assert check(alice.username, alice.password, "2001:db8:0:1::1") == "Alice"


def test_others_behind_a_known_address_do_not_stop_its_company(
    new_company: NewCompanies, check: Check
) -> None:
    """Hosted desktops of many customers call from one address."""
    alice = new_company("Alice")
    assert check(alice.username, alice.password, HERE) == "Alice"
    for number in range(100):
        check(f"guess-{number}", "wrong", HERE)
    assert check(alice.username, alice.password, HERE) == "Alice"


def test_while_everybody_guesses_only_known_addresses_are_heard(
    new_company: NewCompanies,
    check: Check,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And two minutes after the storm everybody is."""
    monkeypatch.setattr(logins, "MOST_IN_A_MINUTE", 30)
    alice, bob = new_company("Alice"), new_company("Bob")
    assert check(alice.username, alice.password, HERE) == "Alice"
    for number in range(40):
        check(f"guess-{number}", "wrong", f"198.51.100.{number}")

    assert check(alice.username, alice.password, HERE) == "Alice"
    assert check(bob.username, bob.password, HERE) == "Bob"
    assert check(bob.username, bob.password, ELSEWHERE) is None
    clock.pass_(minutes=2)
    assert check(bob.username, bob.password, ELSEWHERE) == "Bob"


def test_a_storm_of_guesses_leaves_a_bounded_number_of_rows(
    check: Check, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once nobody unknown is heard, nothing more is counted."""
    monkeypatch.setattr(logins, "MOST_IN_A_MINUTE", 30)
    for number in range(200):
        check(f"guess-{number}", "wrong", f"10.0.{number}.1")
    assert _failures(engine) == 3 * 30 + 1


def test_guessers_of_many_names_do_not_fill_the_database(
    check: Check, engine: Engine, clock: Clock
) -> None:
    """What is forgotten is deleted; who is meant cannot be read from what is left."""
    for number in range(20):
        check(f"guess-{number}", "wrong")
    assert _failures(engine) == 20 + 20 + 1 + 1
    with engine.begin() as connection:
        kept = str(connection.execute(sa.select(tables.login_failure)).all())
    assert "guess" not in kept
    assert HERE not in kept

    clock.pass_(hours=1)
    check("one more", "wrong")

    assert _failures(engine) == 4


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
        rows = connection.execute(sa.select(tables.login_failure)).all()
    # Those who came after the free ones were refused without being heard.
    assert [row.failures for row in rows] == [row.failures for row in rows[:1]] * 4
    assert logins.FREE_WITH_A_NAME <= rows[0].failures <= 8


def test_after_a_reset_the_former_password_works_until_the_new_one_was_used(
    new_company: NewCompanies, check: Check, engine: Engine, keys: Keys
) -> None:
    """So the customer's updates go on until the new one was typed in."""
    company = new_company()
    with engine.begin() as connection:
        registry.change(
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
