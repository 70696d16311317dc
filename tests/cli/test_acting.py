"""Whoever acts is kept with why, is asked back, and may say it twice."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.cli import main
from qbwc_server.cli.acting import MANY, operator
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Seen
from qbwc_server.records.store import keep_seen
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, make_engine
from tests.cli.conftest import Run, add_company

_PEOPLE = 12


@pytest.fixture
def engine(run: Run) -> Iterator[Engine]:
    """The database of the commands, with a company of twelve people."""
    add_company(run)
    made = make_engine(Settings().url())
    with company_transaction(made, 1) as connection:
        people = [
            Seen(f"E{n}", f"Ann {n}", {"name": f"Ann {n}"}, "1", "2026-01-01", 40)
            for n in range(_PEOPLE)
        ]
        keep_seen(connection, 1, KINDS["employee"], people, now=utc_now())
        connection.execute(
            tables.reading.insert(), [{"company_id": 1, "kind": "employee"}]
        )
    yield made
    made.dispose()


def _records(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return [
            f"1-{n}"
            for n in connection.execute(sa.select(tables.record.c.id)).scalars()
        ]


def _audited(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("audit", "--json").output)
    return found


def test_who_acts_is_the_person_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the login; a container's user may have no name at all."""
    monkeypatch.setenv("SUDO_USER", "eve")
    assert operator() == "operator eve"
    monkeypatch.delenv("SUDO_USER")
    assert operator() == f"operator {getpass.getuser()}"

    def nameless() -> str:
        raise KeyError("uid 1000")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert operator() == "operator"


def test_a_record_is_read_again_and_kept_with_who_and_why(
    run: Run, engine: Engine
) -> None:
    """Its kind is compared as a whole, and it is planned anew; twice does no harm."""
    record = _records(engine)[0]
    with engine.begin() as connection:
        connection.execute(tables.record.update().values(due_at=None, state="in_sync"))
    for _ in range(2):
        result = run("records", "resync", record, "--by", "Bo", "--why", "It is odd.")
        assert result.exit_code == 0, result.output

    with engine.begin() as connection:
        due = connection.execute(
            sa.select(tables.record.c.id).where(tables.record.c.due_at.is_not(None))
        ).scalars()
        assert [f"1-{n}" for n in due] == [record]
        assert connection.execute(sa.select(tables.reading.c.full_due)).scalar_one()
    last = _audited(run)[0]
    assert (last["who"], last["why"]) == ("Bo", "It is odd.")
    assert last["what"] == "records read again"
    assert run("records", "resync", "1-999").exit_code == 1


def test_what_a_person_took_out_stays_out(run: Run, engine: Engine) -> None:
    """Reading again is no decision."""
    record = _records(engine)[0]
    with engine.begin() as connection:
        connection.execute(
            tables.record.update().values(due_at=None, state="do_not_link")
        )
    assert run("records", "resync", record).exit_code == 0
    assert run("company", "resync", "1", "--yes").exit_code == 0
    with engine.begin() as connection:
        states = connection.execute(
            sa.select(tables.record.c.state, tables.record.c.due_at).distinct()
        ).all()
    assert [tuple(row) for row in states] == [("do_not_link", None)]


@pytest.mark.parametrize(
    "command",
    [
        ("company", "resync", "1"),
        ("records", "resync"),
        ("records", "choose", "--as", "later"),
        ("jobs", "retry"),
        ("jobs", "cancel"),
    ],
)
def test_what_touches_many_asks_back(
    run: Run, engine: Engine, command: tuple[str, ...]
) -> None:
    """No is the answer of nobody; `--yes` says it for scripts."""
    named = () if command[0] == "company" else tuple(_records(engine))
    assert _PEOPLE > MANY
    before = len(_audited(run))
    refused = CliRunner().invoke(main, [*command, *named], input="n\n")

    assert refused.exit_code == 1
    assert "12 will be touched. Go on?" in refused.output
    assert len(_audited(run)) == before
    if command[0] != "jobs":
        assert run(*command, *named, "--yes").exit_code == 0
        assert len(_audited(run)) == before + 1


def test_a_choice_for_few_asks_nothing_and_names_its_records(
    run: Run, engine: Engine
) -> None:
    """So that the audit tells what it was about."""
    two = _records(engine)[:2]
    assert run("records", "choose", *two, "--as", "later").exit_code == 0
    last = _audited(run)[0]
    assert (last["who"], last["what"]) == ("operator eve", "said of records: later")
    assert [f"1-{n}" for n in last["detail"]["records"]] == two


def test_the_views_are_looked_at_by_what_somebody_has_in_hand(
    run: Run, engine: Engine
) -> None:
    """A ListID, our number, a part of a name, a moment, a state."""
    del engine

    def found(*arguments: str) -> list[str]:
        rows = json.loads(run("support", *arguments, "--json").stdout)
        return [row.get("name", row.get("what")) for row in rows]

    record = json.loads(run("support", "records", "--id", "E3", "--json").output)[0]
    assert record["name"] == "Ann 3"
    assert found("records", "--id", record["record"]) == ["Ann 3"]
    assert found("records", "--name", "ann 1") == ["Ann 11", "Ann 10", "Ann 1"]
    assert found("records", "--company", "1", "--state", "gone") == []
    assert len(found("records", "--kind", "employee", "--limit", "5")) == 5
    assert found("audit", "--until", "2020-01-01") == []
    assert found("audit", "--since", "2020-01-01 10:42") == ["company added"]
    assert found("companies", "--who", "customer") == ["Connection of Harbor & Vale"]
    assert found("words", "--id", "two-computers") == ["two-computers"]


@pytest.mark.parametrize(
    "command",
    ["audit --state x", "support words --since 2020-01-01", "support sessions --id x"],
)
def test_what_a_view_does_not_have_is_said(run: Run, command: str) -> None:
    """And not an empty list, which would be believed."""
    result = run(*command.split())
    assert result.exit_code == 2
    assert "has no" in result.output


def test_names_are_printed_as_they_are(run: Run) -> None:
    """A job's name holds colons, and anything else that people type."""
    add_company(run, name="Acme:house: [bold]x[/bold]")
    assert "Acme:house: [bold]x[/bold]" in run("company", "list").output
