"""Who holds the links of several company files sees them all on each one's page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies import credentials, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage.database import company_transaction
from qbwc_server.web.customer.opened import MOST, Opened, unsealed
from tests.conftest import Clock

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
_OTHERS = re.compile(r'<a href="/setup/([a-z0-9]+)">([^<]+)</a>: ([^<]+)</li>')


@pytest.fixture
def browser(settings: Settings, engine: Engine, keys: Keys, clock: Clock) -> Client:
    """A browser that presses nothing by itself."""
    return Client(app.wsgi(app.Parts(settings, engine, keys, clock)))


def _open(browser: Client, *companies: NewCompany) -> None:
    """Open each link in turn, and look at each page once more."""
    for one in companies:
        browser.post(f"/setup/{one.setup_token}/open")
    for one in companies:
        browser.get(f"/setup/{one.setup_token}/overview")


def _others(browser: Client, company: NewCompany, page: str = "runs") -> list[str]:
    text = browser.get(f"/setup/{company.setup_token}/{page}").text
    return [name for _, name, _ in _OTHERS.findall(text)]


def _cookie(browser: Client, company: NewCompany) -> str:
    kept = browser.get_cookie(f"qbwc_setup_{company.id}", path="/setup")
    assert kept is not None
    return kept.value


def test_each_page_names_the_others_that_were_opened_in_this_browser(
    browser: Client, new_company: NewCompanies
) -> None:
    """With a link that leads there; no page of another browser, and never itself."""
    alice, bob, carol = (new_company(name) for name in ("Alice", "Bob", "Carol"))
    _open(browser, alice, bob)
    for page in ("runs", "records", "connect", "choices"):
        assert _others(browser, alice, page) == ["Bob"]
    # Overview has it a second time, as a list of its own.
    assert _others(browser, bob, "overview") == ["Alice", "Alice"]
    text = browser.get(f"/setup/{alice.setup_token}/runs").text
    ((token, _, stands),) = _OTHERS.findall(text)
    assert (token, stands) == (bob.setup_token, "being connected")
    assert "Bob" in browser.get(f"/setup/{token}/overview").text
    stranger = Client(browser.application)
    _open(stranger, carol)
    assert _others(stranger, carol) == []
    assert carol.setup_token not in text


def test_how_each_stands_is_told_in_a_few_words(
    browser: Client, engine: Engine, clock: Clock, new_company: NewCompanies
) -> None:
    """As its own page tells it."""
    alice, bob, carol = (new_company(name) for name in ("Alice", "Bob", "Carol"))
    _open(browser, alice, bob, carol)
    with company_transaction(engine, bob.id) as connection:
        registry.change(connection, bob.id, late_at=clock())
    company_settings.set_values(
        engine, carol.id, now=clock(), who="test", mode="paused"
    )
    text = browser.get(f"/setup/{alice.setup_token}/runs").text
    told = {name: stands for _, name, stands in _OTHERS.findall(text)}
    assert told == {"Bob": "late", "Carol": "paused"}


def test_what_is_copied_for_support_is_of_one_company(
    browser: Client, new_company: NewCompanies
) -> None:
    """And no download names another one."""
    alice, bob = new_company("Alice"), new_company("Bob")
    _open(browser, alice, bob)
    here = f"/setup/{alice.setup_token}"
    text = browser.get(f"{here}/overview").text
    details = re.search(r'<pre id="details"[^>]*>(.*?)</pre>', text, re.DOTALL)
    assert details is not None
    for told in (
        details[1],
        browser.get(f"{here}/records.csv").text,
        browser.get(f"{here}/runs.csv").text,
        browser.get(f"{here}/connection.qwc").text,
        browser.get(f"{here}/live?part=overview").text,
    ):
        assert told
        assert "Bob" not in told
        assert bob.setup_token not in told


@pytest.mark.parametrize("how", ["rotated", "ended", "lost key"])
def test_a_link_that_opens_nothing_any_more_is_not_named(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
    how: str,
) -> None:
    """The other page goes on."""
    alice, bob = new_company("Alice"), new_company("Bob")
    browser = Client(app.wsgi(app.Parts(settings, engine, keys, clock)))
    _open(browser, alice, bob)
    assert _others(browser, alice) == ["Bob"]
    if how == "rotated":
        credentials.new_setup_link(
            engine, keys, bob.id, days=14, now=clock(), who="test"
        )
    elif how == "ended":
        with company_transaction(engine, bob.id) as connection:
            registry.change(
                connection,
                bob.id,
                setup_expires_at=clock() - timedelta(days=1),
                setup_used_at=None,
            )
    else:
        value = Opened(bob.id, bob.setup_token, frozenset({alice.id})).sealed(
            Keys(["another key than ours, of an attacker"])
        )
        browser.set_cookie(f"qbwc_setup_{bob.id}", value, path="/setup")
    assert _others(browser, alice) == []


def test_who_adds_a_link_of_his_own_to_what_a_browser_keeps_learns_no_other(
    browser: Client, new_company: NewCompanies
) -> None:
    """Not before the other link itself was used beside his."""
    alice, bob, thief = (new_company(name) for name in ("Alice", "Bob", "Eve"))
    _open(browser, alice, bob)
    browser.post(f"/setup/{thief.setup_token}/open")
    page = browser.get(f"/setup/{thief.setup_token}/overview").text
    assert _OTHERS.findall(page) == []
    assert alice.setup_token not in page
    browser.get(f"/setup/{alice.setup_token}/runs")
    assert _others(browser, thief) == ["Alice"]


def test_a_page_that_was_not_opened_in_this_browser_names_nobody(
    browser: Client, new_company: NewCompanies
) -> None:
    """Also where it answers a form, which needs no cookie."""
    alice, bob = new_company("Alice"), new_company("Bob")
    _open(browser, alice, bob)
    browser.delete_cookie(f"qbwc_setup_{alice.id}", path="/setup")
    answer = browser.post(f"/setup/{alice.setup_token}/choices", data={"said": "new"})
    assert answer.status_code == 200
    assert "Bob" not in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("how", ["key", "company", "tampered", "other", "purpose"])
def test_a_cookie_that_is_not_ours_opens_nothing(
    browser: Client, keys: Keys, new_company: NewCompanies, how: str
) -> None:
    """Of another key, another company, changed, or encrypted by us for another use."""
    alice, bob = new_company("Alice"), new_company("Bob")
    _open(browser, alice, bob)
    right = _cookie(browser, alice)
    middle = len(right) // 2
    changed = "A" if right[middle] != "A" else "B"
    value = {
        "key": Opened(alice.id, alice.setup_token).sealed(Keys(["x" * 40])),
        "company": Opened(bob.id, alice.setup_token).sealed(keys),
        "tampered": right[:middle] + changed + right[middle + 1 :],
        "other": Opened(alice.id, bob.setup_token).sealed(keys),
        "purpose": keys.encrypt(alice.setup_token),
    }[how]
    assert "Alice" in browser.get(f"/setup/{alice.setup_token}/overview").text
    browser.set_cookie(f"qbwc_setup_{alice.id}", value, path="/setup")
    page = browser.get(f"/setup/{alice.setup_token}/overview").text
    assert "Open my page" in page
    assert "Alice" not in page


def test_a_cookie_of_before_opens_its_link_and_is_replaced(
    browser: Client, keys: Keys, new_company: NewCompanies
) -> None:
    """Nobody has to press the button once more after an upgrade."""
    alice = new_company("Alice")
    former = keys.hash("setup opened", alice.setup_token)
    browser.set_cookie(f"qbwc_setup_{alice.id}", former, path="/setup")
    assert "Alice" in browser.get(f"/setup/{alice.setup_token}/overview").text
    kept = unsealed(keys, alice.id, _cookie(browser, alice))
    assert kept == Opened(alice.id, alice.setup_token)


def test_after_a_change_of_keys_it_is_encrypted_anew(
    settings: Settings, engine: Engine, clock: Clock, new_company: NewCompanies
) -> None:
    """So an older key can be taken away once each browser has come by."""
    alice = new_company("Alice")
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    (ours,) = settings.keys()
    browser = Client(app.wsgi(app.Parts(settings, engine, Keys([ours]), clock)))
    browser.post(f"/setup/{alice.setup_token}/open")
    both = Keys([new, ours])
    later = Client(app.wsgi(app.Parts(settings, engine, both, clock)))
    later.set_cookie(f"qbwc_setup_{alice.id}", _cookie(browser, alice), path="/setup")
    assert "Alice" in later.get(f"/setup/{alice.setup_token}/overview").text
    kept = _cookie(later, alice)
    assert unsealed(Keys([new]), alice.id, kept) is not None
    assert unsealed(Keys([old]), alice.id, kept) is None


def test_only_so_many_are_read(
    browser: Client, keys: Keys, new_company: NewCompanies
) -> None:
    """However many cookies somebody sends."""
    alice = new_company("Alice")
    others = [new_company(f"File {number}") for number in range(MOST + 2)]
    for one in others:
        value = Opened(one.id, one.setup_token, frozenset({alice.id})).sealed(keys)
        browser.set_cookie(f"qbwc_setup_{one.id}", value, path="/setup")
    _open(browser, alice)
    assert len(_others(browser, alice)) == MOST
    kept = unsealed(keys, alice.id, _cookie(browser, alice))
    assert kept is not None
    assert len(kept.beside) == MOST
    cookies = sum(len(_cookie(browser, one)) for one in others[:MOST])
    assert cookies + len(_cookie(browser, alice)) < 8 * 1024
