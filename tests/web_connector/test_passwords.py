"""Who may come in: user names, passwords, and slowing down guessers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs
from werkzeug.test import Client

from qbwc_server.companies import logins, registry
from qbwc_server.companies.logins import FREE_WITH_A_NAME
from qbwc_server.keys import new_secret
from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.storage import tables
from qbwc_server.web_connector.conversation import Conversation
from tests.web_connector.desk import Desk, body_of

NO = ["", "nvu", "", ""]


def guess(talk: Conversation, desk: Desk, times: int, peer: str = "1.1.1.1") -> None:
    """Say a wrong password."""
    for _ in range(times):
        assert talk.admission.authenticate(desk.company.username, "guess", peer) == NO


def comes_in(talk: Conversation, desk: Desk, peer: str = "1.1.1.1") -> bool:
    """Say the right password; tell whether it was taken."""
    who = desk.company
    return talk.admission.authenticate(who.username, who.password, peer)[1] != "nvu"


@pytest.mark.parametrize("name", ["nobody", "", "Ünbekannt", "x" * 100_000, "' OR 1=1"])
def test_an_unknown_user_gets_the_same_no_as_a_wrong_password(
    desk: Desk, name: str
) -> None:
    """Nothing tells whether a user name exists."""
    assert desk.call("authenticate", name, "x") == NO
    assert desk.call("authenticate", desk.company.username, "x") == NO


def test_the_password_is_never_logged_and_the_user_name_is(
    desk: Desk,
) -> None:
    """A refused login leaves a line with the name that was tried."""
    with capture_logs() as lines:
        desk.call("authenticate", "mallory", "hunter2-hunter2")
    told = str(lines)
    assert "mallory" in told
    assert "hunter2" not in told


def test_however_many_wrong_passwords_came_the_right_one_is_taken(
    new_desk: Callable[..., Desk],
) -> None:
    """From the same address too: a password is nothing that anybody guesses."""
    desk = new_desk()
    talk = desk.conversation()
    guess(talk, desk, 3 * FREE_WITH_A_NAME)
    assert comes_in(talk, desk)


def test_a_guesser_does_not_lock_out_others(new_desk: Callable[..., Desk]) -> None:
    """From another address the same name still works."""
    desk = new_desk()
    talk = desk.conversation()
    guess(talk, desk, 30, peer="6.6.6.6")
    assert comes_in(talk, desk, peer="1.1.1.1")


def test_a_web_connector_that_goes_on_calling_comes_in_when_its_password_was_mended(
    new_desk: Callable[..., Desk],
) -> None:
    """At its next call, not after a wait."""
    desk = new_desk()
    talk = desk.conversation()
    for _ in range(20):
        guess(talk, desk, 1)
        desk.clock.pass_(minutes=1)
    assert comes_in(talk, desk)


def test_a_login_forgives_the_failures_before_it(
    new_desk: Callable[..., Desk],
) -> None:
    """A correct password begins the count anew."""
    desk = new_desk()
    talk = desk.conversation()
    for _ in range(5):
        guess(talk, desk, FREE_WITH_A_NAME - 1)
        assert comes_in(talk, desk)


def test_after_a_reset_the_former_password_works_until_the_new_one_was_used(
    new_desk: Callable[..., Desk],
) -> None:
    """Nobody is locked out between the reset and typing the new password."""
    desk = new_desk()
    talk, new = desk.conversation(), new_secret()
    with desk.engine.begin() as connection:
        old_hash = connection.execute(
            sa.select(tables.company.c.password_hash)
        ).scalar_one()
        registry.change(
            connection,
            desk.company.id,
            former_password_hash=old_hash,
            password_hash=desk.keys.hash("password", new),
        )
    assert comes_in(talk, desk)
    assert (
        talk.admission.authenticate(desk.company.username, new, "1.1.1.1")[1] != "nvu"
    )
    assert not comes_in(talk, desk)


def test_the_company_is_the_one_of_the_name(new_desk: Callable[..., Desk]) -> None:
    """A password of one company opens no other."""
    alice, bob = new_desk("Alice"), new_desk("Bob")
    found = logins.check(
        alice.engine,
        alice.keys,
        alice.company.username,
        bob.company.password,
        peer="1.1.1.1",
        now=alice.clock(),
    )
    assert found is None


@pytest.mark.parametrize(
    ("proxies", "address"),
    [
        ("", "127.0.0.1"),
        ("10.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1", "1.1.1.1"),
        ("127.0.0.1,1.1.1.0/24", "6.6.6.6"),
    ],
)
def test_behind_a_proxy_the_address_is_the_callers(
    new_desk: Callable[..., Desk], proxies: str, address: str
) -> None:
    """Only what our own proxies added is believed; the rest anybody may have made."""
    desk = new_desk()
    desk.settings = desk.settings.model_copy(update={"proxies": proxies})
    who = desk.company
    Client(desk.wsgi("http://localhost")).post(
        "/qbwc",
        data=body_of("authenticate", who.username, who.password),
        headers={
            "SOAPAction": f'"{INTUIT}authenticate"',
            "Content-Type": "text/xml; charset=utf-8",
            "X-Forwarded-For": "6.6.6.6, 1.1.1.1",
        },
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    )
    with desk.engine.begin() as connection:
        peers = connection.execute(sa.select(tables.session.c.peer)).scalars().all()
    assert peers == [address]
