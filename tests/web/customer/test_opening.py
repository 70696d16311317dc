"""A setup link opens by a button: programs that look at links in mails open nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies import credentials, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from tests.conftest import Clock
from tests.web.customer.test_pages import PAGES

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
MORE = ("/records.csv", "/runs.csv", "/connection.qwc", "/choices/1")


@pytest.fixture
def browser(settings: Settings, engine: Engine, keys: Keys, clock: Clock) -> Client:
    """A browser that presses nothing by itself."""
    return Client(app.wsgi(app.Parts(settings, engine, keys, clock)))


def _used(engine: Engine, name: str) -> bool:
    return registry.find(engine, name).setup_used_at is not None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_only_looks_opens_nothing_and_uses_nothing(
    browser: Client, engine: Engine, new_company: NewCompanies, method: str
) -> None:
    """Whatever address below the link it asks for; no name is told."""
    token = new_company("Alice").setup_token
    for page in (*PAGES, *MORE):
        answer = browser.open(f"/setup/{token}{page}", method=method)
        assert answer.status_code == (403 if page.startswith("/live") else 200)
        assert answer.mimetype == "text/html"
        assert "Alice" not in answer.text
        assert ("Open my page" in answer.text) == (method == "GET")
        assert "Set-Cookie" not in answer.headers
    assert not _used(engine, "Alice")


def test_a_link_that_only_programs_looked_at_ends_as_one_that_nobody_opened(
    browser: Client,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """After its two weeks, and not after ninety days."""
    token, ends = credentials.new_setup_link(
        engine, keys, new_company().id, days=14, now=clock(), who="test"
    )
    browser.head(f"/setup/{token}")
    browser.get(f"/setup/{token}/overview")
    clock.now = ends
    assert browser.get(f"/setup/{token}").status_code == 410
    assert browser.post(f"/setup/{token}/open").status_code == 410
    assert not _used(engine, registry.every(engine)[0].name)


def test_the_button_opens_the_page_that_was_wanted(
    browser: Client, engine: Engine, new_company: NewCompanies
) -> None:
    """In this browser from now on; the link stays good for another one."""
    token = new_company("Alice").setup_token
    path = f"/setup/{token}/records?need=done"
    assert f'value="{path}"' in browser.get(path).text
    answer = browser.post(f"/setup/{token}/open", data={"next": path})
    assert (answer.status_code, answer.location) == (303, path)
    assert _used(engine, "Alice")
    assert "Alice" in browser.get(f"/setup/{token}/overview").text
    other = Client(browser.application)
    assert "Open my page" in other.get(f"/setup/{token}/overview").text
    other.post(f"/setup/{token}/open")
    assert "Alice" in other.get(f"/setup/{token}/overview").text


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/setup/x/records", "/support", ""],
)
def test_the_button_leads_nowhere_else(
    browser: Client, new_company: NewCompanies, wanted: str
) -> None:
    """An address in a link that somebody made up is not gone to."""
    here = f"/setup/{new_company().setup_token}"
    for given in (wanted, f"{here}/\\{wanted}", f"{here}x/{wanted}"):
        answer = browser.post(f"{here}/open", data={"next": given})
        assert answer.location == here


def test_what_one_link_gave_opens_no_other(
    browser: Client, keys: Keys, engine: Engine, clock: Clock, new_company: NewCompanies
) -> None:
    """Neither that of another company nor a later one of the same."""
    alice, bob = new_company("Alice"), new_company("Bob")
    browser.post(f"/setup/{alice.setup_token}/open")
    assert "Open my page" in browser.get(f"/setup/{bob.setup_token}").text
    kept = browser.get_cookie(f"qbwc_setup_{alice.id}", path="/setup")
    assert kept is not None
    for value in (kept.value, "", "x", "é", kept.value[:-1]):
        browser.set_cookie(f"qbwc_setup_{bob.id}", value, path="/setup")
        assert "Open my page" in browser.get(f"/setup/{bob.setup_token}").text
    later, _ = credentials.new_setup_link(
        engine, keys, alice.id, days=14, now=clock(), who="test"
    )
    assert "Open my page" in browser.get(f"/setup/{later}").text


@pytest.mark.parametrize(
    ("public_url", "name", "parts"),
    [
        ("https://localhost", "__Host-qbwc_setup_1=", {"Secure", "Path=/"}),
        ("http://localhost:8080", "qbwc_setup_1=", {"Path=/setup"}),
    ],
)
def test_by_https_it_is_of_this_server_alone(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
    public_url: str,
    name: str,
    parts: set[str],
) -> None:
    """No other name of the domain can plant one; by http there is no such thing."""
    changed = settings.model_copy(update={"public_url": public_url})
    server = Client(app.wsgi(app.Parts(changed, engine, keys, clock)))
    token = new_company().setup_token
    given = server.post(f"/setup/{token}/open").headers["Set-Cookie"]
    said = set(given.split("; "))
    assert given.startswith(name)
    assert parts | {"HttpOnly", "SameSite=Lax"} <= said
    assert ("Secure" in said) == public_url.startswith("https")
    assert token not in given
    age = timedelta(days=settings.page_link_days).total_seconds()
    assert f"Max-Age={age:.0f}" in said
