"""A company that is forgotten leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.operations import forgetting
from qbwc_server.operations.forgetting import CompanyBusy
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, make_engine
from tests.cli.conftest import Run, add_company, run, run_first  # noqa: F401 - fixtures
from tests.conftest import Clock
from tests.tenants.statements import LOOKUPS
from tests.web_connector.conftest import new_desk  # noqa: F401 - a fixture
from tests.web_connector.desk import Desk, serving

PLANTED = "Zsuzsanna-Quillfeather-7134"
NewCompanies = Callable[..., NewCompany]


def fill(engine: Engine, company_id: int, clock: Clock) -> None:
    """Put a row with a planted name into every table with rows of companies."""
    now = clock()
    with company_transaction(engine, company_id) as connection:
        for number, (table, column) in enumerate(forgetting.of_company()):
            if table.name in {"company", "company_sequence"} | LOOKUPS:
                continue
            row = {
                one.name: _value(one, now)
                for one in table.c
                if not one.nullable and one.server_default is None
            }
            row |= {column.name: company_id}
            if "id" in table.c:
                row["id"] = 1000 + number
            connection.execute(table.insert(), {**row, **_right(table, now)})


def _value(column: sa.Column[Any], now: Any) -> Any:
    if isinstance(column.type, sa.Text):
        return PLANTED
    if isinstance(column.type, sa.BigInteger | sa.Integer):
        return 1
    return {"name": PLANTED} if isinstance(column.type, sa.JSON) else now


def _right(table: sa.Table, now: Any) -> dict[str, Any]:
    """Return what a table's checks ask for."""
    return {
        "session": {"state": "closed", "ended_at": now},
        "exchange": {"state": "lost", "purpose": "work", "answer": PLANTED},
        "job": {"state": "ready"},
        "record": {"state": "pending"},
        "mosaic_call": {"state": "done"},
        "said": {"word": "two"},
        "former_id": {"side": "quickbooks"},
    }.get(table.name, {})


def count(engine: Engine, company_id: int) -> dict[str, int]:
    """Return how many rows of a company each table has."""
    with company_transaction(engine, company_id) as connection:
        return {
            table.name: connection.execute(
                sa.select(sa.func.count()).where(column == company_id)
            ).scalar_one()
            for table, column in forgetting.of_company()
        }


def test_every_table_that_names_a_company_is_known(engine: Engine) -> None:
    """By the database's own word: also a table that is added one day."""
    found = sa.inspect(engine)
    named = {
        table
        for table in found.get_table_names()
        if {"company_id", "holder"}
        & {column["name"] for column in found.get_columns(table)}
    }
    assert {table.name for table, _ in forgetting.of_company()} == named | {"company"}


def test_nothing_of_it_is_left_and_the_others_keep_all(
    engine: Engine, new_company: NewCompanies, settings: Settings, clock: Clock
) -> None:
    """In any table; what was removed and what is left is told by table."""
    forgotten, stays = new_company("Alice"), new_company("Bob")
    for one in (forgotten, stays):
        fill(engine, one.id, clock)
    before = count(engine, stays.id)
    assert min(count(engine, forgotten.id).values()) >= 1

    told = forgetting.forget(
        engine,
        registry.find(engine, "Alice"),
        settings,
        now=clock(),
        who="a test",
    )

    assert min(told.removed.values()) >= 1
    assert set(told.left.values()) == {0}
    assert told.left.keys() == told.removed.keys() == before.keys()
    assert set(count(engine, forgotten.id).values()) == {0}
    assert count(engine, stays.id) == before


def test_what_is_left_would_be_told(
    engine: Engine,
    new_company: NewCompanies,
    settings: Settings,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: rows that come back behind our back are counted."""
    company, other = new_company(), new_company("Bob")

    def come_back(engine: Engine) -> str:
        with engine.begin() as connection:
            row = connection.execute(
                sa.select(tables.company).where(tables.company.c.id == other.id)
            ).one()
            again = {"id": company.id, "name": "back", "username": "back"}
            connection.execute(tables.company.insert(), {**row._mapping, **again})
        return ""

    monkeypatch.setattr(forgetting, "_overwrite", come_back)
    told = forgetting.forget(
        engine, registry.find(engine, company.name), settings, now=clock(), who="test"
    )
    assert told.left["company"] == 1


@pytest.mark.parametrize("rewritten", [True, False])
def test_its_bytes_are_gone_from_the_file(
    sqlite_url: str,
    settings: Settings,
    clock: Clock,
    keys: Any,
    monkeypatch: pytest.MonkeyPatch,
    rewritten: bool,
) -> None:
    """From the database and its journal; without being written anew they would not."""
    engine = make_engine(sqlite_url)
    company = registry.add(
        engine, keys, name=PLANTED, mosaic_url="", mosaic_team="1", now=clock()
    )
    fill(engine, company.id, clock)
    if not rewritten:
        monkeypatch.setattr(forgetting, "_overwrite", lambda _: "")
    found = registry.find(engine, PLANTED)
    forgetting.forget(engine, found, settings, now=clock(), who="a test")

    files = Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("qbwc.db*")
    there = [path.name for path in files if PLANTED.encode() in path.read_bytes()]
    assert (there == []) == rewritten
    engine.dispose()


def test_it_is_refused_while_somebody_is_at_work(
    new_desk: Callable[..., Desk],  # noqa: F811
    settings: Settings,
    clock: Clock,
) -> None:
    """A session, and a worker's lease; both end by themselves."""
    desk = new_desk()
    with serving(desk.wsgi):
        desk.ticket()

    def forget(*, anyway: bool = False) -> None:
        forgetting.forget(
            desk.engine,
            desk.stored(),
            settings,
            now=clock(),
            who="a test",
            even_if_running=anyway,
        )

    with pytest.raises(CompanyBusy, match="A Web Connector is at work"):
        forget()
    clock.pass_(minutes=settings.session_idle_minutes)
    with desk.engine.begin() as connection:
        until = clock() + timedelta(seconds=1)
        registry.change(connection, desk.company.id, leased_until=until)
    with pytest.raises(CompanyBusy, match="A worker is at work"):
        forget()
    assert count(desk.engine, desk.company.id)["session"] == 1
    clock.pass_(seconds=1)
    forget()
    assert set(count(desk.engine, desk.company.id).values()) == {0}


def test_late_calls_of_its_web_connector_get_the_protocols_no(
    new_desk: Callable[..., Desk],  # noqa: F811
    settings: Settings,
    clock: Clock,
) -> None:
    """Forgotten in the middle of a session, nothing comes back and nobody crashes."""
    desk = new_desk()
    with serving(desk.wsgi):
        ticket = desk.ticket()
        request = desk.first(ticket)
        answer = desk.quickbooks().process(request)
        forgetting.forget(
            desk.engine,
            desk.stored(),
            settings,
            now=clock(),
            who="a test",
            even_if_running=True,
        )
        assert desk.give(ticket, answer) == -1
        assert desk.next(ticket) == ""
        assert desk.call("getLastError", ticket).startswith("This session has ended")
        assert desk.call("connectionError", ticket, "0x80040408", "") == "done"
        assert desk.call("closeConnection", ticket) == "OK"
        assert desk.log_in() == ["", "nvu", "", ""]
    assert set(count(desk.engine, desk.company.id).values()) == {0}


def test_the_command_asks_back_tells_and_removes_the_connection_file(
    run: Run,  # noqa: F811
) -> None:
    """However it is named; a file of that name with another company's OwnerID stays."""
    told = add_company(run, name="Harbor & Vale")
    assert run("company", "forget", "Harbor & Vale").exit_code == 1
    made = Path(str(told["qwc"]))
    assert made.is_file()
    early = made.with_name("mosaic-company.qwc")
    early.write_bytes(made.read_bytes())

    result = run("company", "forget", "Harbor & Vale", "--yes", "--json")

    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert said["removed"]["company"] == said["removed"]["company_sequence"] == 1
    assert set(said["left"].values()) == {0}
    assert said["files"] == [told["qwc"], str(early)]
    assert not early.exists()
    assert not Path(str(told["qwc"])).exists()
    assert run("company", "show", "Harbor & Vale").exit_code == 1

    again = add_company(run, name="Harbor Vale")
    other = add_company(run, name="Harbor+Vale")
    assert again["qwc"] == other["qwc"]
    said = run("company", "forget", "Harbor Vale", "--yes", "--by", "Mara").output
    assert Path(str(other["qwc"])).is_file()
    assert "company_sequence" in said

    first, second = json.loads(run("company", "list", "--forgotten", "--json").output)
    assert first["number"] == told["id"]
    assert (first["who"], second["who"]) == ("operator eve", "Mara")
    assert set(first) == {"number", "at", "who"}, "and nothing else of it"
