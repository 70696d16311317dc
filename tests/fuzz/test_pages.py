"""Whatever is asked of a page, by whomever: it is answered, and never by a 500.

Routes come from the application's own map, the names of what is said from its code,
so that a page which is added is tried too; beside them are SOAP's and the figures'.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask, request
from hypothesis import given
from pydantic import SecretStr
from sqlalchemy.engine import Engine
from werkzeug.test import Client, run_wsgi_app

from qbwc_server import app
from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import alert_addresses
from qbwc_server.keys import Keys
from qbwc_server.qbxml.response import clean
from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
    next_id,
    operator_transaction,
)
from qbwc_server.support import tokens
from qbwc_server.web_connector.endpoint import Endpoint
from qbwc_server.words import questions
from tests import logged_in
from tests.conftest import Clock
from tests.fuzz.near import MINUTES, few, for_long, seeds
from tests.web_connector.desk import PARAMETERS, body_of

CODE = Path(app.__file__).parent / "web"
_SAID = re.compile(
    r'(?:args|form|files|values)\.(?:get|getlist)\(\s*"(\w+)"|_number\("(\w+)"\)'
)
_WORDS = re.compile(r'"([a-z_:]{2,20})"')
NUMBERS = (
    *(b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"-1", b"00", b"1e3"),
    *(str(2**power + more).encode() for power in (31, 32, 63, 64) for more in (-1, 0)),
    *(b"-9223372036854775809", b"9" * 30, b"9" * 5000, b"\xd9\xa3", b"1_0", b" 7 "),
)
TEXTS = (
    *(b"2026-03-02", b"2026-03-08", b"0001-01-01", b"9999-12-31", b"2026-02-30"),
    *(b"", b" ", b"x", b"\0", b"a\0b", b"\xff\xfe", b"\xed\xa0\x80", b"%", b"_", b"\\"),
    *(
        b"'",
        b'"',
        b"<script>",
        b"{{7*7}}",
        b"../..",
        b"//evil",
        "é \U0001f3db".encode(),
    ),
    *(b"x" * 70_000, b"\r\nX: y", b"null", b"[]", b"NaN", b"yes", b"on", b"-"),
)
HEADERS = (
    *("HTTP_ACCEPT", "HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"),
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_AUTHORIZATION"),
    *("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_HOST", "CONTENT_TYPE", "HTTP_EXPECT"),
    *("HTTP_REFERER", "HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_CONTENT_ENCODING"),
    "HTTP_SOAPACTION",
)
SOAP, FIGURES = "/qbwc", "/metrics"
LOGOUT = "/support/logout"
TYPES = (
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *("multipart/form-data", "application/json", "text/plain; charset=nonsense"),
)


@dataclass
class Site:
    """A server with a company in it, its pages' map, and who has logged in."""

    wsgi: Callable[..., Any]
    flask: Flask
    company: NewCompany
    records: list[int]
    token: str
    alert: str
    words: list[bytes]
    names: list[bytes]
    cookies: list[bytes] = field(default_factory=list)

    def enter(self) -> None:
        """Log in, and open the setup link."""
        browser = Client(self.wsgi)
        browser.post(f"/setup/{self.company.setup_token}/open")
        ours = {"Sec-Fetch-Site": "same-origin"}
        form = {"name": "ann", "token": self.token}
        assert (
            browser.post("/support/login", data=form, headers=ours).status_code == 303
        )
        self.cookies = [
            f"{one.key}={one.value}".encode()
            for path in ("/setup", "/support")
            for name in ("qbwc_support", f"qbwc_setup_{self.company.id}")
            if (one := browser.get_cookie(name, path=path)) is not None
        ]

    def routes(self) -> list[tuple[str, list[str]]]:
        """Return every address there is, with its methods."""
        found = [
            (str(rule), sorted(rule.methods or ()))
            for rule in self.flask.url_map.iter_rules()
        ]
        more = [(SOAP, ["GET", "POST", "PUT"]), (FIGURES, ["GET"])]
        return sorted(found) + more

    def good(self, variable: str) -> list[bytes]:
        """Return what may stand at a place of an address, as far as it is known."""
        token, hook = self.company.setup_token, self.company.webhook_token
        return {
            "token": [token.encode(), hook.encode()],
            "company_id": [str(self.company.id).encode()],
            "record_id": [str(one).encode() for one in self.records],
            "number": [str(one).encode() for one in self.records],
            "what": self.words,
            "attention_id": [one.encode() for one in questions.WAYS],
            "name": [self.company.username.encode()],
            "filename": [b"style.css"],
            "link": [self.alert.encode()],
        }[variable]


@pytest.fixture
def site(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: Callable[..., NewCompany],
) -> Site:
    """A server with a record of each kind that a page shows otherwise."""
    company = new_company("Alice")
    records = _fill(engine, clock, company.id)
    # Where mail is sent there are more pages.
    settings = settings.model_copy(update={"smtp_url": SecretStr("smtp://localhost")})
    parts = app.Parts(settings, engine, keys, clock, logged_in.reading(engine))
    with operator_transaction(engine) as connection:
        token = tokens.add(
            connection, keys, "ann", may_act=True, now=clock(), who="eve"
        )
    made: Any = app.pages(parts)
    code = "".join(path.read_text() for path in sorted(CODE.rglob("*.py")))
    found = Site(
        app.wsgi(parts),
        made._make().__self__,
        company,
        records,
        token,
        _alert(engine, keys, clock, company.id),
        sorted({one.encode() for one in _WORDS.findall(code)}),
        sorted({(one or two).encode() for one, two in _SAID.findall(code)}),
    )
    found.enter()
    return found


def _alert(engine: Engine, keys: Keys, clock: Clock, company_id: int) -> str:
    """Ask for alerts to an address; return its link."""
    found, now = registry.numbered(engine, company_id), clock()
    number = alert_addresses.ask(
        engine, keys, found, "ann@example.com", now=now, who="test"
    )
    return alert_addresses.link(keys, company_id, number, now)


def _fill(engine: Engine, clock: Clock, company_id: int) -> list[int]:
    """Put records; return their numbers."""
    made = []
    conflict = {"notes": {"quickbooks": "a", "mosaic": "b", "kept": None}}
    with company_transaction(engine, company_id) as connection:
        for number, (kind, state, more) in enumerate(_records(conflict)):
            made.append(next_id(connection, company_id))
            connection.execute(
                tables.record.insert(),
                {
                    "company_id": company_id,
                    "id": made[-1],
                    "kind": kind,
                    "state": state,
                    "name": f"{kind} 'x' <b>",
                    "quickbooks_id": f"Q-{number}",
                    "created_at": clock(),
                    "changed_at": clock(),
                    **more,
                },
            )
    return made


def _records(conflict: object) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Return kind, state and more of each."""
    return (
        ("customer", "unlinked", {}),
        ("employee", "unlinked", {}),
        ("employee", "in_sync", {"mosaic_id": 7, "mosaic_type": "employee"}),
        ("time_entry", "conflict", {"conflict": conflict}),
        ("time_entry", "unlinked", {}),
        ("time_entry", "in_sync", {}),
    )


def _value(site: Site, seed: random.Random) -> bytes:
    value = seed.choice(seed.choice((NUMBERS, TEXTS, site.words, site.words)))
    if seed.random() < 0.2:
        value += seed.choice((b":", b",", b"-")) + seed.choice(NUMBERS)
    return value


def _said(site: Site, seed: random.Random) -> list[tuple[bytes, bytes]]:
    return [
        (seed.choice(site.names), _value(site, seed))
        for _ in range(seed.choice((0, 1, 2, 3, 6)))
    ]


def _urlencoded(said: list[tuple[bytes, bytes]]) -> bytes:
    pairs = ((quote_from_bytes(a), quote_from_bytes(b)) for a, b in said)
    return "&".join(f"{a}={b}" for a, b in pairs).encode()


def _multipart(said: list[tuple[bytes, bytes]], seed: random.Random) -> bytes:
    file = b'; filename="L.txt"' if seed.random() < 0.3 else b""
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="' + a + b'"' + file
        + b"\r\n\r\n" + b + b"\r\n"
        for a, b in said
    )  # fmt: skip
    return b"".join(parts) + seed.choice((b"--x--\r\n", b"", b"--x"))


def _path(site: Site, seed: random.Random, route: str) -> str:
    """Return a route's path, whose variables are good or not."""

    def variable(found: re.Match[str]) -> str:
        known = site.good(found[1])
        one = seed.choice(known) if seed.random() < 0.85 else _value(site, seed)
        return quote_from_bytes(one, safe="")

    return re.sub(r"<(?:\w+:)?(\w+)>", variable, route)


def ask(site: Site, seed: random.Random, route: str = "") -> tuple[str, str]:
    """Ask for something; return what, and the status of the answer."""
    route, methods = seed.choice(
        [one for one in site.routes() if route in {"", one[0]}]
    )
    method = seed.choice((*methods, *methods, "GET", "POST"))
    path = _path(site, seed, route)
    said, query = _said(site, seed), _urlencoded(_said(site, seed))
    kind = seed.choice(TYPES)
    body = _multipart(said, seed) if "multipart" in kind else _urlencoded(said)
    if "json" in kind:
        body = seed.choice((b"{}", b"[" * 2000, b'{"dataType": 1}', b"\xff", body))
    cookies = list(site.cookies) if seed.random() < 0.8 else []
    for _ in range(seed.choice((0, 0, 1, 2))):
        name = seed.choice((*site.cookies, b"x=")).partition(b"=")[0]
        cookies.insert(0, name + b"=" + seed.choice((*TEXTS[:-6], b"1.0.ann.\xe9")))
    raw, _, _ = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": _unquoted(raw),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "HTTP_COOKIE": b"; ".join(cookies).decode("latin-1"),
        "REMOTE_ADDR": seed.choice(("192.0.2.1", "2001:db8::1", "", "unix:", "é")),
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
    }
    for _ in range(seed.choice((0, 0, 1, 3))):
        environ[seed.choice(HEADERS)] = _value(site, seed).decode("latin-1")
    if route == SOAP:
        called = seed.choice(tuple(PARAMETERS))
        environ["HTTP_SOAPACTION"] = f'"{INTUIT}{called}"'
        values = [_value(site, seed).decode("latin-1") for _ in PARAMETERS[called]]
        body = body_of(called, *map(clean, values))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
    written, status, _ = run_wsgi_app(site.wsgi, environ)
    for _ in written:
        pass
    if route == LOGOUT:
        site.enter()
    told = f"{method} {path[:200]}?{query[:300]!r} {body[:300]!r} {environ!r:.2000}"
    return told, status


def _unquoted(path: str) -> str:
    return re.sub("%([0-9A-F]{2})", lambda one: chr(int(one[1], 16)), path)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The routes whose own code was asked: past what refuses strangers."""
    found: set[str] = set()
    page, call = Flask.dispatch_request, Endpoint.__call__

    def of_page(self: Flask) -> Any:
        found.add(str(request.url_rule))
        return page(self)

    def of_call(self: Endpoint, *arguments: Any) -> Any:
        found.add(SOAP)
        return call(self, *arguments)

    monkeypatch.setattr(Flask, "dispatch_request", of_page)
    monkeypatch.setattr(Endpoint, "__call__", of_call)
    return found


def test_every_route_there_is_gets_asked(site: Site, reached: set[str]) -> None:
    """Also one that is added: it is in the map, and must be known here."""
    routes = {route for route, _ in site.routes()}
    for route in sorted(routes):
        for number in range(12):
            told, status = ask(site, random.Random(f"{route} {number}"), route)
            assert not status.startswith("5") or status.startswith("503"), told

    assert routes - reached == {FIGURES}, "it has no token here: a 404"


def test_who_asks_stays_logged_in(site: Site) -> None:
    """Else all of the console would be asked by a stranger after the first logout."""
    for number in range(20):
        ask(site, random.Random(number), LOGOUT)
    browser = Client(site.wsgi, use_cookies=False)
    cookies = {"Cookie": b"; ".join(site.cookies).decode()}
    assert browser.get("/support", headers=cookies).status_code == 200


def test_no_page_answers_with_a_500_whatever_is_asked(site: Site) -> None:
    """Routes, parameters, forms, cookies and headers; a few hundred at random."""

    @few(400)
    @given(seeds())
    def check(seed: random.Random) -> None:
        told, status = ask(site, seed)
        assert not status.startswith("5") or status.startswith("503"), told

    check()


@pytest.mark.parametrize(
    ("path", "cookie"),
    [
        ("/records?after=99999999999999999999", ""),
        ("/records?after=" + "9" * 5000, ""),
        ("/records?after=9223372036854775808", ""),
        ("/choices/9223372036854775808", ""),
        ("/conflicts/9223372036854775808", ""),
        ("/records?text=a%00b", ""),
        ("/choices/99999999999999999999999", ""),
        ("/choices/" + "9" * 5000, ""),
        ("/choices?search=a%00b", ""),
        ("/choices/RECORD?find=a%00b", ""),
        ("/overview", "qbwc_support=1.0.bob.\xe9"),
        ("/overview", "qbwc_setup_1=\xe9"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_answered_with_a_500_once(
    site: Site, path: str, cookie: str, method: str
) -> None:
    """Each by itself: numbers out of range, NUL, a cookie of strange characters."""
    for base in (f"/setup/{site.company.setup_token}", "/support/companies/1"):
        path = path.replace("RECORD", str(site.records[0]))
        where, _, query = f"{base}{path}".partition("?")
        kept = b"; ".join(site.cookies).decode()
        body = b"side=mosaic&record=99999999999999999999&said=link:9" + b"9" * 5000
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": where,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": f"{cookie}; {kept}" if cookie else kept,
            "HTTP_SEC_FETCH_SITE": "same-origin",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
        }
        _, status, _ = run_wsgi_app(site.wsgi, environ)
        assert not status.startswith("5"), f"{method} {where}?{query}"


def test_a_text_with_a_character_that_no_database_holds_is_kept_without_it(
    site: Site,
) -> None:
    """PostgreSQL refuses NUL; a reason that somebody gives is stored."""
    headers = {
        "Cookie": b"; ".join(site.cookies).decode(),
        "Sec-Fetch-Site": "same-origin",
    }
    form = {"do": "pause", "why": "a\0b", "confirmed": "yes"}
    path = f"/support/companies/{site.company.id}/act"
    browser = Client(site.wsgi, use_cookies=False)
    assert browser.post(path, data=form, headers=headers).status_code == 303
    name = f"a%00b={form['why']}"
    assert browser.post(path, data=name, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("page", "what"),
    [("records", "every_hour.listing.rows"), ("hours", "hours.hours_report.of")],
)
def test_a_page_that_breaks_would_be_found(
    site: Site, monkeypatch: pytest.MonkeyPatch, page: str, what: str
) -> None:
    """The control: the requests get as far as what a page does."""

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(f"qbwc_server.web.customer.{what}", breaks)
    statuses = {ask(site, random.Random(number))[1][:3] for number in range(300)}
    assert {"200", "303", "404"} <= statuses
    asked = [ask(site, random.Random(n), f"/setup/<token>/{page}") for n in range(100)]
    assert any(status.startswith("500") for _, status in asked)


@pytest.mark.soak
@pytest.mark.skipif(not MINUTES, reason="FUZZ_MINUTES is not set")
def test_it_goes_on_however_long_it_is_asked(site: Site) -> None:
    """For FUZZ_MINUTES; memory stays flat."""

    def once(seed: random.Random) -> None:
        told, status = ask(site, seed)
        assert not status.startswith("5") or status.startswith("503"), told

    start, _, end = for_long(once)
    assert end < start + 60
