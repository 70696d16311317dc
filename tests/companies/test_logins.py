"""Who may call: passwords, their renewal, and guessers who are slowed down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import failed_logins, logins, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.proxies import group
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
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
    assert work[0].count("hash") == 3 * (logins.FREE_WITH_A_NAME + 1)


def _guess(check: Check, username: str, times: int, peer: str = HERE) -> None:
    for _ in range(times):
        assert check(username, "wrong", peer) is None


def test_each_failure_makes_the_wait_longer_up_to_fifteen_minutes() -> None:
    """A few are free, then 1, 2, 4 seconds and so on."""
    waits = [logins.wait(failures, 5).total_seconds() for failures in range(17)]
    assert waits == [*[0] * 5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert logins.wait(10**9, 5) == logins.LONGEST_WAIT


def _count(engine: Engine) -> int:
    """Return how many failures were counted."""
    with engine.begin() as connection:
        most = sa.select(sa.func.max(tables.login_failure.c.failures))
        return connection.execute(most).scalar_one() or 0


def _known(engine: Engine, keys: Keys, *peers: str) -> list[bool]:
    with engine.begin() as connection:
        known = connection.execute(sa.select(tables.company.c.known_from)).scalar_one()
    return [keys.hash("address", group(peer)) in known.split() for peer in peers]


def _as_one_guesser(check: Check, username: str) -> None:
    _guess(check, username, 50)


def _as_many(check: Check, username: str) -> None:
    for number in range(50):
        _guess(check, username, 1, f"198.51.100.{number}")


def _as_one_of_many_names(check: Check, _username: str) -> None:
    for number in range(50):
        _guess(check, f"guess-{number}", 1)


def _as_a_site(check: Check, _username: str) -> None:
    for number in range(50):
        _guess(check, f"guess-{number}", 1, f"2001:db8:0:{number:x}::1")


@pytest.mark.parametrize(
    "guess", [_as_one_guesser, _as_many, _as_one_of_many_names, _as_a_site]
)
@pytest.mark.parametrize("peer", [HERE, ELSEWHERE, "2001:db8:0:1::1", "172.17.0.1"])
def test_the_right_password_is_always_heard_whatever_others_do(
    new_company: NewCompanies,
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
    guess: Callable[[Check, str], None],
    peer: str,
) -> None:
    """From the guesser's own address too, which many may share behind a gateway.

    Whether a company ever called from there or not, and while everybody guesses.
    """
    monkeypatch.setattr(logins, "MOST_IN_A_MINUTE", 30)
    alice, bob = new_company("Alice"), new_company("Bob")
    assert check(alice.username, alice.password, "192.0.2.9") == "Alice"
    guess(check, alice.username)
    assert check(alice.username, alice.password, peer) == "Alice"
    assert check(bob.username, bob.password, peer) == "Bob"
    assert check(alice.username, bob.password, peer) is None


def test_who_guesses_too_often_is_not_counted_for_a_while(
    new_company: NewCompanies, check: Check, engine: Engine, clock: Clock
) -> None:
    """And that makes it no longer; a moment later one more is."""
    company = new_company()
    _guess(check, company.username, 50)
    assert _count(engine) == logins.FREE_WITH_A_NAME
    clock.pass_(seconds=1)
    _guess(check, company.username, 50)
    assert _count(engine) == logins.FREE_WITH_A_NAME + 1
    clock.pass_(seconds=1)
    _guess(check, company.username, 50)
    assert _count(engine) == logins.FREE_WITH_A_NAME + 1


def test_a_success_begins_the_count_anew(
    new_company: NewCompanies, check: Check, engine: Engine, keys: Keys
) -> None:
    """That of a name from an address."""
    company = new_company()
    _guess(check, company.username, 3)
    assert check(company.username, company.password) == company.name
    with engine.begin() as connection:
        whose = set(connection.execute(sa.select(tables.login_failure.c.who)).scalars())
    assert logins.counted(keys, company.username, HERE) not in whose


def test_failures_far_apart_do_not_add_up(
    new_company: NewCompanies, check: Check, engine: Engine, clock: Clock
) -> None:
    """A count that nobody continued within an hour begins anew."""
    company = new_company()
    for _ in range(3):
        _guess(check, company.username, logins.FREE_WITH_A_NAME - 1)
        clock.pass_(hours=1)
    _guess(check, company.username, 1)
    assert _count(engine) == 1


@pytest.mark.parametrize(
    ("peers", "free"),
    [
        ("2001:db8::{:x}", logins.FREE_OF_AN_ADDRESS),
        ("2001:db8:0:{:x}::1", logins.FREE_OF_A_SITE),
        ("2001:db8:{:x}::1", 150),
        ("198.51.100.{}", 150),
    ],
    ids=["64", "48", "strangers", "ipv4"],
)
def test_the_addresses_of_one_customer_of_a_provider_are_one_caller(
    check: Check, engine: Engine, peers: str, free: int
) -> None:
    """Anybody has 2**64 addresses, many 65,536 networks of these."""
    for number in range(150):
        check(f"guess-{number}", "wrong", peers.format(number))
    assert _count(engine) == free


def test_the_doors_are_counted_apart(
    check: Check, engine: Engine, keys: Keys, clock: Clock
) -> None:
    """Who storms one is counted at the other from the beginning."""
    for number in range(logins.MOST_IN_A_MINUTE + 10):
        check(f"guess-{number}", "wrong", f"10.0.{number % 200}.{number // 200}")
    with engine.begin() as connection:
        args = connection, keys, "one more", "10.9.9.9", clock()
        assert not logins.failed(*args)
        assert logins.failed(*args, logins.SUPPORT)


def test_all_addresses_that_a_company_called_from_lately_are_known(
    new_company: NewCompanies, check: Check, engine: Engine, keys: Keys
) -> None:
    """Two lines, two computers; the oldest goes when there are too many."""
    alice = new_company("Alice")
    check(alice.username, alice.password, HERE)
    check(alice.username, alice.password, ELSEWHERE)
    assert _known(engine, keys, HERE, ELSEWHERE, "192.0.2.3") == [True, True, False]
    check(alice.username, alice.password, HERE)
    for number in range(logins.MOST_ADDRESSES - 1):
        check(alice.username, alice.password, f"198.51.100.{number}")
    assert _known(engine, keys, HERE, ELSEWHERE) == [True, False]


def test_the_address_that_the_program_before_wrote_down_stays_known(
    new_company: NewCompanies, check: Check, engine: Engine, keys: Keys
) -> None:
    """It knew the last alone, and may run beside this one while that is upgraded."""
    alice = new_company("Alice")
    before = keys.hash("address", HERE)
    with engine.begin() as connection:
        registry.change(connection, alice.id, login_from=before, known_from=None)
    check(alice.username, alice.password, ELSEWHERE)
    assert _known(engine, keys, HERE, ELSEWHERE) == [True, True]


def test_a_storm_of_guesses_leaves_a_bounded_number_of_rows(
    check: Check, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once enough were counted in a minute, nothing more is."""
    monkeypatch.setattr(logins, "MOST_IN_A_MINUTE", 30)
    for number in range(200):
        check(f"guess-{number}", "wrong", f"10.0.{number}.1")
    assert _failures(engine) == 3 * 30 + 1


def test_a_storm_of_old_programs_leaves_a_bounded_number_of_rows(
    engine: Engine, keys: Keys, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no password, and who has a site of IPv6 has 65,536 addresses for it."""
    monkeypatch.setattr(logins, "MOST_IN_A_MINUTE", 10)

    def call_from_everywhere() -> None:
        for number in range(40):
            peer = f"2001:db8:7:{number:x}::1"
            logins.note_too_old(engine, keys, peer, clock())

    call_from_everywhere()
    assert _failures(engine) == 10 + 1
    clock.pass_(hours=2)
    call_from_everywhere()
    assert _failures(engine) == 10 + 1


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
    # Those who came after the free ones were not counted.
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


def test_what_a_stranger_guesses_is_not_the_customers_wrong_password(
    engine: Engine, new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """Nor is the customer's own hidden by it; once a minute each."""
    alice = new_company("Alice")

    def kept() -> tuple[datetime | None, datetime | None]:
        with engine.begin() as connection:
            row = connection.execute(sa.select(tables.company)).one()
        return row.wrong_password_at, row.guessed_at

    first = clock()
    check(alice.username, "wrong", ELSEWHERE)
    assert kept() == (first, None), "nobody knows yet where its calls come from"
    clock.pass_(minutes=2)
    check(alice.username, alice.password)
    strange = clock.pass_(minutes=2)
    check(alice.username, "wrong", ELSEWHERE)
    assert kept() == (first, strange)
    own = clock.pass_(seconds=30)
    check(alice.username, "wrong")
    assert kept() == (own, strange)
    clock.pass_(seconds=20)
    check(alice.username, "wrong", ELSEWHERE)
    assert kept() == (own, strange)


def test_a_wrong_password_is_kept_with_where_it_came_from_and_whose_that_is(
    engine: Engine, new_company: NewCompanies, check: Check, clock: Clock
) -> None:
    """Once a minute at most; fifty addresses of a company, the others together."""
    alice = new_company("Alice")

    def kept() -> dict[str, tuple[str, int]]:
        with engine.begin() as connection:
            rows = connection.execute(sa.select(tables.failed_login)).all()
        return {row.address: (row.whose, row.times) for row in rows}

    check(alice.username, "wrong", ELSEWHERE)
    assert kept() == {ELSEWHERE: ("unknown", 1)}
    clock.pass_(minutes=2)
    check(alice.username, alice.password)
    first = clock.pass_(minutes=2)
    check(alice.username, "wrong", ELSEWHERE)
    clock.pass_(seconds=30)
    check(alice.username, "wrong", ELSEWHERE)
    assert kept() == {ELSEWHERE: ("stranger", 2)}
    check(alice.username, "wrong")
    assert kept() == {ELSEWHERE: ("stranger", 2), HERE: ("customer", 1)}
    with engine.begin() as connection:
        row = connection.execute(
            sa.text("SELECT * FROM support_failed_logins WHERE whose = 'customer'")
        ).one()
        assert (row.company, row.address) == ("Alice", HERE)
    assert first < clock()
    for number in range(60):
        with company_transaction(engine, alice.id) as connection:
            now = clock.pass_(minutes=1)
            registry.change(connection, alice.id, guessed_at=now)
            failed_logins.keep(
                connection, alice.id, f"198.51.100.{number}", "stranger", now
            )
    assert len(kept()) == failed_logins.MOST + 1
    assert kept()[failed_logins.OTHERS] == ("stranger", 12)
    check("nobody", "wrong", ELSEWHERE)
    assert len(kept()) == failed_logins.MOST + 1
