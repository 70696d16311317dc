"""Every page: https, our name, our own forms, and what browsers are told to forbid."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from flask import Blueprint, Flask
from sqlalchemy.engine import Engine
from werkzeug.test import Client, TestResponse

from qbwc_server import __version__, app
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.settings import Settings
from qbwc_server.web.customer import site
from qbwc_server.web.guard import guard
from tests.conftest import Clock
from tests.customer import Customer
from tests.web_connector.desk import body_of, result

OURS = "https://sync.example.com"
HOST = {"Host": "sync.example.com"}
PROXY = {"REMOTE_ADDR": "10.0.0.1"}


@pytest.fixture
def server(settings: Settings, engine: Engine, keys: Keys, clock: Clock) -> Client:
    """The whole server behind a proxy at 10.0.0.1, as it is reached by https."""
    changed = settings.model_copy(update={"public_url": OURS, "proxies": "10.0.0.1"})
    return Customer(app.wsgi(app.Parts(changed, engine, keys, clock)))


@pytest.fixture
def form() -> Client:
    """A page that changes something, and one that breaks."""
    pages = Flask("qbwc_server.web")
    site.prepare(pages, Settings(contact_name="Mara Quill"))
    guard(pages, public_url=OURS)
    blueprint = Blueprint("form", __name__)

    @blueprint.post("/form")
    @blueprint.post("/webhook/form")
    def form() -> str:
        return "changed"

    @blueprint.get("/breaks")
    def breaks() -> str:
        raise ZeroDivisionError("a secret of the program")

    pages.register_blueprint(blueprint)
    return Client(pages)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ({"Origin": OURS}, 200),
        ({"Origin": "https://SYNC.example.com"}, 200),
        ({"Origin": "http://sync.example.com"}, 403),
        ({"Origin": "https://sync.example.com.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 200),
    ],
)
def test_only_our_own_pages_may_change_something(
    form: Client, headers: dict[str, str], status: int
) -> None:
    """Browsers say where a request comes from; programs have no cookies to misuse."""
    answer = form.post("/form", headers={**HOST, **headers})
    assert answer.status_code == status
    assert (answer.text == "changed") == (status == 200)


def test_callbacks_are_not_asked_where_they_come_from(form: Client) -> None:
    """Mosaic's servers are no browsers; the address is the secret."""
    headers = {**HOST, "Origin": "https://app.mosaicapp.com"}
    assert form.post("/webhook/form", headers=headers).status_code == 200


def _page(answer: TestResponse) -> str:
    """Return the page's text; whoever gets none is told nothing of the program."""
    assert answer.mimetype == "text/html"
    assert answer.text.count("<h1>") == 1
    assert "/static/page.css" in answer.text
    for secret in ("Traceback", "qbwc_server", "flask", "werkzeug", __version__):
        assert secret not in answer.text
    told = html.unescape(re.sub("<[^>]+>", " ", answer.text))
    assert "Mara Quill" in told
    return told


def test_a_page_that_breaks_tells_nothing(form: Client) -> None:
    """But what to do; the trace is in the log."""
    answer = form.get("/breaks", headers=HOST)
    assert answer.status_code == 500
    told = _page(answer)
    assert "Something went wrong on our side" in told
    assert "load the page again" in told
    assert "secret" not in answer.text


def test_what_is_not_there_or_not_allowed_is_told_with_what_to_do(form: Client) -> None:
    """Without the name of a program or its version."""
    missing = form.get("/nowhere", headers=HOST)
    wrong = form.get("/form", headers=HOST)
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["Allow"]
    assert "There is nothing at this address" in _page(missing)
    assert "press the button on the page" in _page(wrong)


@pytest.mark.parametrize("path", ["/setup/", "/setup/abc", "/setup/abc/records/x"])
def test_a_link_that_is_not_whole_is_told_so_in_words(form: Client, path: str) -> None:
    """And what to do with it, whatever of it is left."""
    answer = form.get(path, headers=HOST)
    assert answer.status_code == 404
    told = _page(answer)
    for words in ("This link opens nothing", "copy the whole link", "Ask whoever gave"):
        assert words in told


@pytest.mark.parametrize("path", ["/webhook/nobody/x", "/static/nothing.css"])
def test_programs_are_told_in_a_sentence(form: Client, path: str) -> None:
    """They show no page to anybody."""
    asked_by_soap = form.post("/qbwcx", content_type="text/xml", headers=HOST)
    for answer in (form.get(path, headers=HOST), asked_by_soap):
        assert (answer.status_code, answer.mimetype) == (404, "text/plain")
        assert answer.text == "There is nothing at this address.\n"


@pytest.mark.parametrize("path", ["/", "/setup/", "/setup/nobody", "/healthz", "/x"])
def test_every_answer_forbids_what_no_page_of_ours_needs(
    server: Client, path: str
) -> None:
    """Frames, scripts, guessing at types, telling others the address."""
    headers = server.get(path, headers=HOST).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Strict-Transport-Security"].startswith("max-age=")
    assert "camera=()" in headers["Permissions-Policy"]
    assert ("Cache-Control" in headers) == path.startswith(("/setup", "/x"))


def test_the_setup_page_may_not_be_kept_and_has_no_script_or_style_inside(
    server: Client, new_company: Callable[..., NewCompany]
) -> None:
    """Its address is a secret, and what others put into it is neither run nor drawn."""
    page = server.get(f"/setup/{new_company().setup_token}/connect", headers=HOST)
    policy = page.headers["Content-Security-Policy"]
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "style-src 'self'; script-src 'self'; connect-src 'self';" in policy
    scripts = re.findall(r"<script\b[^>]*>", page.text)
    assert scripts
    assert all(' src="/static/' in one for one in scripts)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page.text)


def test_style_and_script_come_from_here_and_may_be_kept(server: Client) -> None:
    """They are no secret, and on every page."""
    for name in ("page.css", "page.js", "icon.svg"):
        answer = server.get(f"/static/{name}", headers=HOST)
        assert answer.status_code == 200
        assert "max-age" in answer.headers["Cache-Control"]
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        answer.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("sync.example.com", 200),
        ("SYNC.example.com:443", 200),
        ("localhost:8000", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("sync.example.com.evil.example", 421),
        ("sync.example.com@evil.example", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_only_our_own_name_is_answered(server: Client, host: str, status: int) -> None:
    """A page reached by another name is somebody's who points his name at us."""
    environ = {"HTTP_HOST": host}
    answer = server.get("/", environ_overrides=environ)
    assert answer.status_code == status


def _by(server: Client, proto: str, path: str, peer: str = "10.0.0.1") -> TestResponse:
    return server.get(
        path,
        headers={**HOST, "X-Forwarded-Proto": proto},
        environ_overrides={"REMOTE_ADDR": peer},
    )


def test_a_page_asked_for_by_plain_http_is_refused_in_plain_words(
    server: Client, new_company: Callable[..., NewCompany]
) -> None:
    """Only a proxy of ours is believed when it says so; health is told to anybody."""
    path = f"/setup/{new_company().setup_token}"
    assert _by(server, "https", path).status_code == 200
    refused = _by(server, "http", path)
    assert (refused.status_code, "https" in refused.text) == (403, True)
    assert _by(server, "https, http", path).status_code == 403
    assert _by(server, "http", path, peer="203.0.113.9").status_code == 200
    assert _by(server, "http", "/healthz").status_code == 200


def test_a_call_by_plain_http_gets_the_no_of_the_method(
    server: Client, new_company: Callable[..., NewCompany]
) -> None:
    """HTTP 200 and never a redirect, which Web Connector does not follow."""
    company = new_company()
    body = body_of("authenticate", company.username, company.password)
    found = {}
    for proto in ("https", "http"):
        answer = server.post(
            "/qbwc",
            data=body,
            headers={
                **HOST,
                "X-Forwarded-Proto": proto,
                "SOAPAction": f'"{INTUIT}authenticate"',
                "Content-Type": "text/xml; charset=utf-8",
            },
            environ_overrides=PROXY,
        )
        assert answer.status_code == 200
        found[proto] = result("authenticate", answer.data)[1]
    assert found["http"] == "nvu"
    assert found["https"] != "nvu"
