"""Who gets into the console, for how long, and who does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.companies import logins
from qbwc_server.keys import Keys
from qbwc_server.operations import key_rotation
from qbwc_server.storage import tables
from qbwc_server.storage.database import operator_transaction, transaction
from qbwc_server.support import tokens
from qbwc_server.support.tokens import TokenExists, TokenUnknown
from tests.conftest import SECRET, Clock
from tests.web.support.conftest import Browser

TokenOf = Callable[..., str]
PAGES = ("/support", "/support/search?find=x", "/support/companies/1")


def _kept(engine: Engine) -> list[tuple[str, str, str, int]]:
    login = tables.support_login
    columns = (login.c.who, login.c.what, login.c.peer, login.c.times)
    with transaction(engine) as connection:
        return [
            tuple(row)
            for row in connection.execute(sa.select(*columns).order_by(*columns))
        ]


def _remove(engine: Engine, name: str, clock: Clock) -> None:
    with operator_transaction(engine) as connection:
        tokens.remove(connection, name, now=clock(), who="eve")


@pytest.mark.parametrize("path", [*PAGES, "/support/login"])
def test_without_a_token_there_is_no_console(browser: Browser, path: str) -> None:
    """Whoever does not use it has nothing that can be attacked."""
    assert browser.get(path).status_code == 404


def test_without_a_login_there_is_only_the_page_that_asks_for_one(
    browser: Browser, token_of: TokenOf
) -> None:
    """Its address is kept for afterwards; a form is not."""
    token = token_of("ann", may_act=True)
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 303
        assert answer.location.startswith("/support/login")
    assert browser.post("/support/companies/1/act", do="pause").status_code == 303
    page = browser.get("/support/login?next=/support/companies/1").text
    assert 'value="/support/companies/1"' in page
    assert browser.log_in("ann", token).location == "/support"
    assert browser.get("/support").status_code == 200


def test_the_next_page_is_one_of_the_console(
    browser: Browser, token_of: TokenOf
) -> None:
    """An address of somebody else in a link leads nowhere else."""
    token = token_of("ann")
    for wanted, then in (
        ("/support/records/1-7", "/support/records/1-7"),
        ("https://evil.example/support/", "/support"),
        ("//evil.example/support/", "/support"),
        ("/support/\\evil.example", "/support"),
        ("/setup/x", "/support"),
    ):
        answer = browser.post("/support/login", name="ann", token=token, next=wanted)
        assert answer.location == then


def test_what_a_browser_keeps_is_for_the_console_alone(
    browser: Browser, token_of: TokenOf
) -> None:
    """No script reads it, no other site sends it, and pages are kept by nobody."""
    token = token_of("ann")
    answer = browser.log_in("ann", token)
    for part in ("HttpOnly", "SameSite=Strict", "Path=/support", "Max-Age=28800"):
        assert part in answer.headers["Set-Cookie"]
    assert token not in answer.headers["Set-Cookie"]
    page = browser.get("/support")
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_by_https_it_is_kept_for_https_alone(
    parts: app.Parts, token_of: TokenOf
) -> None:
    """A page of the same name by http gets nothing."""
    changed = parts.settings.model_copy(update={"public_url": "https://localhost"})
    over = replace(parts, settings=changed)
    answer = Browser(over).log_in("ann", token_of("ann"))
    assert answer.headers["Set-Cookie"].startswith("__Host-qbwc_support=")
    assert {"Secure", "Path=/"} <= set(answer.headers["Set-Cookie"].split("; "))


def test_a_login_ends_after_eight_hours(ann: Browser, clock: Clock) -> None:
    """To the second, whatever the browser thinks."""
    kept = ann.kept
    clock.pass_(hours=8, seconds=-1)
    ann.keep(kept)
    assert ann.get("/support").status_code == 200
    clock.pass_(seconds=1)
    ann.keep(kept)
    assert ann.get("/support").status_code == 303


def test_who_logs_out_is_out_everywhere(ann: Browser, engine: Engine) -> None:
    """What a browser kept opens nothing afterwards, also a copy of it."""
    kept = ann.kept
    assert ann.post("/support/logout").status_code == 303
    assert ann.kept == ""
    ann.keep(kept)
    assert ann.get("/support").status_code == 303
    assert ("ann", "logged out") in [row[:2] for row in _kept(engine)]


def test_a_token_that_is_removed_opens_nothing_at_once(
    ann: Browser, engine: Engine, token_of: TokenOf, clock: Clock
) -> None:
    """Nor does the old login when somebody gets a token of the same name."""
    token_of("eve")
    _remove(engine, "ann", clock)
    assert ann.get("/support").status_code == 303
    token_of("ann", may_act=True)
    assert ann.get("/support").status_code == 303


def test_what_is_written_by_somebody_else_opens_nothing(
    ann: Browser, token_of: TokenOf
) -> None:
    """Another name, another end, another signature, or something else altogether."""
    token_of("bob")
    ends, round_, name, signature = ann.kept.split(".")
    for forged in (
        f"{ends}.{round_}.bob.{signature}",
        f"{int(ends) + 1}.{round_}.{name}.{signature}",
        f"{ends}.{int(round_) + 1}.{name}.{signature}",
        f"{ends}.{round_}.{name}.{'0' if signature[0] != '0' else '1'}{signature[1:]}",
        f"{ends}.{round_}.{name}.",
        f"x.{round_}.{name}.{signature}",
        "...",
        "ann",
        "x" * 4000,
    ):
        if forged == ann.kept:
            continue
        ann.keep(forged)
        assert ann.get("/support").status_code == 303


def test_every_try_is_kept(browser: Browser, engine: Engine, token_of: TokenOf) -> None:
    """With whose name, from where and how often; what was typed is not."""
    token = token_of("ann")
    for name, said in (("ann", "wrong"), ("ann", "wrong"), (token, "ann")):
        assert browser.log_in(name, said).status_code == 403
    assert browser.log_in("ann", token).status_code == 303
    assert _kept(engine) == [
        ("ann", "logged in", "192.0.2.1", 1),
        ("ann", "refused", "192.0.2.1", 2),
        ("ann", "token made by eve", "", 1),
        ("unknown", "refused", "192.0.2.1", 1),
    ]


def test_the_right_token_is_always_heard_whoever_guesses(
    parts: app.Parts, token_of: TokenOf, engine: Engine, keys: Keys, clock: Clock
) -> None:
    """Here, at the door of the Web Connectors, or from the very address."""
    token = token_of("ann")
    guesser, ann = Browser(parts), Browser(parts)
    for _ in range(30):
        assert guesser.log_in("ann", "wrong", peer="198.51.100.9").status_code == 403
    for number in range(logins.MOST_IN_A_MINUTE):
        peer = f"10.0.{number % 200}.{number // 200}"
        logins.check(engine, keys, "x", "wrong", peer=peer, now=clock())
    assert ann.log_in("ann", token).status_code == 303
    assert guesser.log_in("ann", token, peer="198.51.100.9").status_code == 303
    kept = [row[:2] for row in _kept(engine) if row[1] != "token made by eve"]
    assert ("ann", "refused, too many tries") in kept


def test_guessers_from_everywhere_do_not_fill_the_database(
    parts: app.Parts, engine: Engine, token_of: TokenOf, clock: Clock
) -> None:
    """From the hundredth address on they share a row."""
    token_of("ann")
    browser = Browser(parts)
    for number in range(130):
        browser.log_in(f"n{number}", "wrong", peer=f"198.51.100.{number}")
    refused = [row for row in _kept(engine) if row[1] == "refused"]
    assert len(refused) == 101
    assert ("unknown", "refused", "elsewhere", 30) in refused
    assert clock() is not None


def test_a_name_is_given_once_and_taken_once(
    engine: Engine, token_of: TokenOf, clock: Clock
) -> None:
    """And it must be one that can stand in the audit."""
    token_of("ann")
    with pytest.raises(TokenExists):
        token_of("ann")
    with pytest.raises(TokenUnknown):
        _remove(engine, "bob", clock)
    for name in ("", "Ann", "1a", "a b", "a.b", "a" * 41, "an\n"):
        with pytest.raises(ValueError, match=r"^"):
            token_of(name)


def test_a_token_comes_over_to_a_new_key_when_it_is_used(
    parts: app.Parts, engine: Engine, token_of: TokenOf
) -> None:
    """Until then it is named among what needs the old one."""
    token = token_of("ann")
    renewed = Keys(["n" * 40, SECRET])
    assert ("ann", "support token") in [
        (one.company, one.what)
        for one in key_rotation.older(engine, renewed, now=Clock()(), page_link_days=90)
    ]
    browser = Browser(replace(parts, keys=renewed))
    assert browser.log_in("ann", token).status_code == 303
    assert browser.get("/support").status_code == 200
    assert key_rotation.older(engine, renewed, now=Clock()(), page_link_days=90) == []


def test_the_server_cannot_make_itself_a_token(
    engine: Engine, token_of: TokenOf
) -> None:
    """Nor let one act: on PostgreSQL those columns are the owner's."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite knows no roles")
    token_of("ann")
    token = tables.support_token
    for statement in (
        token.insert().values(name="eve", made_by="", token_hash="", made_at=None),
        token.update().values(may_act=True),
        token.delete(),
    ):
        with (
            pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
            transaction(engine) as connection,
        ):
            connection.execute(statement)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_console_without_a_login_of_its_own_says_what_to_run(
    parts: app.Parts, engine: Engine, token_of: TokenOf
) -> None:
    """It never reads with that of the server, and takes none that may do more."""
    token = token_of("ann")
    for reading, why in (
        (None, "has no database login"),
        (engine, "may read tables, too"),
    ):
        browser = Browser(replace(parts, reading=reading))
        assert browser.log_in("ann", token).status_code == 303
        refused = browser.get("/support")
        assert refused.status_code == 503
        assert why in refused.text
        assert "IN ROLE qbwc_support; and QBWC_SUPPORT_DATABASE_URL" in refused.text
    browser = Browser(parts)
    assert browser.log_in("ann", token).status_code == 303
    assert browser.get("/support").status_code == 200
