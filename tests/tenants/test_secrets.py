"""A day with distinctive secrets in it, and then a look for them everywhere.

Each place is a function below: what is built later (a view, a metric, an export) gets
one of its own, and a line in `PLACES`.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import stamina
import structlog
from click.testing import CliRunner
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.app import Parts
from qbwc_server.cli import main
from qbwc_server.companies import connection_file
from qbwc_server.decisions import company_settings
from qbwc_server.delivery.rate_budget import Budget
from qbwc_server.keys import Keys
from qbwc_server.kinds import KINDS
from qbwc_server.logs import set_up_logs
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.connection import Connection as MosaicConnection
from qbwc_server.sandbox.web_connector.program import WebConnector
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
    make_engine,
    operator_transaction,
)
from qbwc_server.support import tokens
from qbwc_server.web_connector.admission import Admission
from qbwc_server.web_connector.conversation import Conversation
from qbwc_server.worker.loop import Worker
from tests import logged_in
from tests.agreement.house import House
from tests.agreement.test_findings import in_mosaic, in_quickbooks
from tests.conftest import SECRET
from tests.customer import Customer
from tests.delivery.mirror import Wire
from tests.web_connector.desk import body_of

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MOSAIC_KEY = "planted-mosaic-key-0815"
WRONG = "planted-wrong-password"
DATABASE_PASSWORD = "planted-database-password"
PERSON = "Ann Planted"
SSN = "987-65-4320"
_MOST_PAGES = 150


class Echo(Wire):
    """A Mosaic that repeats the key in its errors, as proxies have been seen to."""

    def __init__(self, sandbox: Any) -> None:
        super().__init__(sandbox)
        self.statuses: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the next error that was asked for, else as it should be."""
        if not self.statuses:
            return super().handle_request(request)
        said = f"no: {request.headers['authorization']} {dict(request.headers)}"
        return httpx.Response(
            self.statuses.pop(0), text=said, headers={"x-request-id": MOSAIC_KEY}
        )


@dataclass
class Day:
    """What is left of a day: where to look, and what for."""

    house: House
    settings: Settings
    planted: dict[str, str]
    logs: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = (structlog.get_config(), root.handlers[:], root.level)
    yield
    structlog.configure(**before[0])
    root.handlers[:] = before[1]
    root.setLevel(before[2])


@pytest.fixture
def day(
    engine: Engine,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    _logs_as_before: None,
) -> Iterator[Day]:
    """A day on each of the databases, with everything going wrong that can."""
    monkeypatch.setenv("QBWC_DATABASE_URL", _with_password(database_url))
    monkeypatch.setenv("QBWC_SECRET_KEY", SECRET)
    monkeypatch.setenv("QBWC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QBWC_LOG_LEVEL", "DEBUG")
    logs = io.StringIO()
    set_up_logs(level="DEBUG", as_json=True)
    logging.getLogger().handlers[0].setStream(logs)  # type: ignore[attr-defined]
    tickets = _tickets(monkeypatch)
    house = House(engine, tmp_path, NOW, "America/New_York")
    house.sandbox.team.api_key = MOSAIC_KEY
    company_settings.set_values(
        engine,
        house.company.id,
        now=NOW,
        who="test",
        mosaic_key=house.keys.encrypt(MOSAIC_KEY),
    )
    made = Day(house, Settings(), {})
    with stamina.set_testing(True, attempts=2, cap=True):
        _work(house, monkeypatch)
    made.pages = _pages(made, monkeypatch)
    _fail_in_the_database(made)
    made.logs = logs.getvalue()
    assert len(tickets) > 3
    made.planted = {
        **{f"ticket {number}": one for number, one in enumerate(tickets)},
        "password": house.company.password,
        "setup token": house.company.setup_token,
        "webhook token": house.company.webhook_token,
        "wrong password": WRONG,
        "Mosaic key": MOSAIC_KEY,
        "secret key": SECRET,
        "database password": DATABASE_PASSWORD,
        **made.planted,
    }
    made.output = _commands(made)
    yield made
    house.close()


def _with_password(url: str) -> str:
    """Return the URL with a password; the private server lets everybody in."""
    if url.startswith("sqlite"):
        return url
    made = sa.make_url(url).set(password=DATABASE_PASSWORD)
    return made.render_as_string(hide_password=False)


def _tickets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which the secret part of each ticket is added."""
    given: list[str] = []
    real = Admission.authenticate

    def authenticate(talk: Admission, *args: str) -> list[str]:
        answer = real(talk, *args)
        given.extend([answer[0].partition("-")[2]] if answer[0] else [])
        return answer

    monkeypatch.setattr(Admission, "authenticate", authenticate)
    return given


def _work(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo(house.sandbox)
    house.wire = echo

    def fails(_ret: object) -> Any:
        raise RuntimeError(f"a bug, at {SSN}")

    broken = replace(KINDS["employee"], see=fails)
    echo.statuses = [500, 502, 500, 429, 500]
    house.settle()
    in_quickbooks(house, "one")
    in_mosaic(house, "two")
    house.settle_for(hours=2)
    in_quickbooks(house, "three")
    house.clock.pass_(minutes=20)
    house.hands.touch("Employee", house.persons["Bo Berg"])
    with monkeypatch.context() as patched:
        patched.setitem(KINDS, "employee", broken)
        house.connect()
    echo.statuses = [500] * 4
    house.work()
    house.settle_for(hours=1)
    in_quickbooks(house, "four")
    house.connect()
    echo.statuses = [401] * 20
    house.work()


def _pages(day: Day, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Ask for every page, right and wrong, and make each method fail once."""
    house, company = day.house, day.house.company
    served = Parts(
        *(day.settings, house.engine, house.keys, house.clock),
        logged_in.reading(house.engine),
    )
    web = Customer(app.wsgi(served))
    pages = {
        path: web.get(path).text
        for path in (
            *("/", "/healthz", "/readyz", "/metrics", "/nothing", "/qbwc?wsdl"),
            *("/setup/wrong", f"/setup/{company.setup_token}/x.qwc"),
        )
    }
    own = web.get(f"/setup/{company.setup_token}").text
    # Who has the page has its address; it is on no other page.
    pages["/setup/TOKEN"] = own.replace(company.setup_token, "")
    pages |= _console(day, web)
    for name, path, body in (
        ("callback not JSON", f"/webhook/{company.webhook_token}", b"{"),
        ("callback of nobody", f"/webhook/{WRONG}", b"{}"),
        ("a form", "/qbwc", f"password={WRONG}".encode()),
        ("no envelope", "/qbwc", f"<strPassword>{WRONG}</strPassword>".encode()),
    ):
        pages[name] = web.post(path, data=body).text
    for password in (WRONG, company.password):
        _soap(web, pages, "authenticate", company.username, password)
        _soap(web, pages, "sendRequestXML", f"1-{WRONG}", "", "", "US", "13", "0")
    nowhere = make_engine(f"postgresql://qbwc:{DATABASE_PASSWORD}@127.0.0.1:1/qbwc")
    down = Customer(app.wsgi(replace(served, engine=nowhere)))
    _soap(down, pages, "authenticate", company.username, company.password)
    for path in (f"/setup/{company.setup_token}", "/readyz"):
        pages[f"down {path}"] = down.get(path).text
    nowhere.dispose()

    def fails(*_: object) -> bytes:
        raise RuntimeError(f"no file for /setup/{company.setup_token}/x.qwc")

    with monkeypatch.context() as patched:
        patched.setattr(connection_file, "qwc_of", fails)
        pages["error page"] = web.get(f"/setup/{company.setup_token}/x.qwc").text
    return {name.replace(company.setup_token, "TOKEN"): p for name, p in pages.items()}


def _console(day: Day, web: Client) -> dict[str, str]:
    """Follow every link of the support console, from its login on."""
    house = day.house
    with operator_transaction(house.engine) as connection:
        token = tokens.add(
            connection, house.keys, "ann", may_act=True, now=house.clock(), who="eve"
        )
    day.planted["support token"] = token
    ours = {"Sec-Fetch-Site": "same-origin"}
    pages: dict[str, str] = {}
    for said in (WRONG, token):
        form = {"name": "ann", "token": said}
        pages[f"login {said == token}"] = web.post(
            "/support/login", data=form, headers=ours
        ).text
    kept = web.get_cookie("qbwc_support", path="/support")
    assert kept is not None
    day.planted["support login"] = kept.value
    left = ["/support", "/support/search?find=Alice", "/support/nothing"]
    while left and len(pages) < _MOST_PAGES:
        path = left.pop(0)
        pages[path] = web.get(path).text
        for found in re.findall(r'href="(/support[^"#]*)"', pages[path]):
            link = unescape(found)
            if link not in pages and link not in left:
                left.append(link)
    assert {path.split("/")[2] for path in pages if path.count("/") > 2} >= {
        *("companies", "records", "jobs", "sessions", "exchanges", "calls"),
    }
    web.delete_cookie("qbwc_support", path="/support")
    return pages


def _soap(web: Client, pages: dict[str, str], method: str, *values: str) -> None:
    headers = {"SOAPAction": f'"http://developer.intuit.com/{method}"'}
    answer = web.post("/qbwc", data=body_of(method, *values), headers=headers).text
    if method != "authenticate":  # which answers with a ticket, where it is told
        pages[method] = answer


def _fail_in_the_database(day: Day) -> None:
    """Have the database refuse rows, and tell why as it does.

    Of a table behind the wall PostgreSQL tells no values; the console's logins are of
    no company.
    """
    company_id = day.house.company.id
    row = {"company_id": company_id, "id": 9, "at": NOW, "who": PERSON, "what": PERSON}
    for table, each in (
        *((tables.audit, row), (tables.audit, row)),
        (tables.audit, {**row, "id": 10, "what": None}),
        (tables.support_login, {"hour": NOW, "who": PERSON, "what": "", "peer": ""}),
    ):
        try:
            with company_transaction(day.house.engine, company_id) as connection:
                connection.execute(table.insert(), each)
        except sa.exc.IntegrityError as error:
            structlog.get_logger().exception("row refused", said=str(error))
            structlog.get_logger().warning("row refused", error=error, all=[error])
    logging.getLogger("library").error(
        "GET https://user:%s@localhost/api {'authorization': 'Bearer %s'}",
        DATABASE_PASSWORD,
        MOSAIC_KEY,
    )


def _commands(day: Day) -> dict[str, str]:
    """Run every command that shows something; return what each printed, with logs."""
    said: dict[str, str] = {}

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, arguments)
        said[" ".join(arguments)[:60]] = result.output + str(result.exception or "")
        return result.stdout

    url = ("--mosaic-url", "http://localhost:1", "--mosaic-team", "100")
    key = day.house.folder / "key"
    key.write_text(MOSAIC_KEY)
    shown = run("company", "add", "Bob", *url, "--mosaic-key-file", str(key), "--json")
    told = json.loads(shown)
    day.planted |= {
        "Bob's password": told["password"],
        "Bob's setup token": told["setup_url"].rpartition("/")[2],
        "Bob's webhook token": told["webhook_url"].rpartition("/")[2],
    }
    # The one place where they are shown, once; and nothing else is.
    once = said.pop(next(iter(said)))
    assert not [one for one in (MOSAIC_KEY, SECRET, DATABASE_PASSWORD) if one in once]
    run("company", "add", "Bob", *url)
    run("company", "set", "Bob", "--mosaic-key-file", str(key))
    for shape in ((), ("--json",)):
        for what in ("company", "jobs", "records"):
            listed = run(what, "list", *shape)
        run("company", "show", "Bob", *shape)
        run("company", "show", "1", *shape)
        run("records", "preview", "1", *shape)
        run("keys", "check", *shape)
    for record in json.loads(listed):
        run("records", "show", record["id"], "--json")
        run("records", "explain", record["id"])
    for job in json.loads(run("jobs", "list", "--limit", "500", "--json")):
        run("jobs", "show", job["id"], "--json")
    run("qwc", "Bob")
    run("keys", "rotate")
    run("database", "check")
    run("company", "show", "nobody")
    run("jobs", "retry", "1-999999")
    assert len(said) > 30
    return said


# The places


def logs(day: Day) -> dict[str, str]:
    """Every log line of the day, at DEBUG."""
    assert day.logs.count("\n") > 20
    for event in (
        *("login refused", "row refused", "page failed"),
        *(
            "object not read",
            "Mosaic not usable",
            "callback not readable",
            "database not usable",
        ),
    ):
        assert event in day.logs, event
    return dict(enumerate_lines(day.logs))


def enumerate_lines(text: str) -> Iterator[tuple[str, str]]:
    """Give each line of a text with its number."""
    for number, line in enumerate(text.splitlines()):
        yield f"line {number}", line


def command_line(day: Day) -> dict[str, str]:
    """What every command printed, with its logs."""
    return day.output


def pages(day: Day) -> dict[str, str]:
    """Every page and every answer, also those for errors."""
    return day.pages


def database(day: Day) -> dict[str, str]:
    """Every column of every table, also those that no model knows."""
    engine = day.house.engine
    with engine.connect() as connection:
        return {
            f"{table}.{name}": str(value)
            for table in sa.inspect(engine).get_table_names()
            for row in connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()
            for name, value in row.items()
        }


def objects(day: Day) -> dict[str, str]:
    """What live objects show of themselves, as a debugger or an error report would."""
    house = day.house
    connection = MosaicConnection("http://localhost", "1", MOSAIC_KEY, "raw", "x")
    client = MosaicClient(connection, spend=lambda: None, transport=house.wire)
    keys = Keys([SECRET, "o" * 40])
    served = Parts(
        *(day.settings, house.engine, keys, house.clock),
        logged_in.reading(house.engine),
    )
    connector = WebConnector(
        house.talk.application,
        house.company.password,
        house.file,
        sleep=lambda _: None,
        log=lambda _: None,
    )
    args = (house.engine, keys, day.settings, house.clock)
    budget = Budget(
        house.engine,
        keys.hash("budget", MOSAIC_KEY),
        requests=20,
        window=1,
        clock=house.clock,
    )
    shown = (
        *(house.company, house.stored(), day.settings, keys, connection, client),
        *(client._http, served, connector, Worker(*args), Conversation(*args)),
        *(budget, make_engine(day.settings.url()), app.wsgi(served)),
    )
    return {type(one).__name__: f"{one!r} {one} {[one]}" for one in shown}


PLACES: list[Callable[[Day], Mapping[str, str]]] = [
    *(logs, command_line, pages, database, objects),
]


def test_no_secret_is_where_it_does_not_belong_and_nobody_in_a_log(day: Day) -> None:
    """Every planted secret in every place; one long day for both."""
    found = [
        f"{secret} in {place.__name__}: {where}"
        for place in PLACES
        for where, text in place(day).items()
        for secret, value in day.planted.items()
        if value in text
    ]
    assert found == []

    # PostgreSQL tells the row that it refused; a bug tells the answer it choked on.
    found = [
        f"{name} in a line of {where}"
        for name, value in (("person", PERSON), ("SSN", SSN))
        for where, text in logs(day).items()
        if value in text
    ]
    assert found == []
