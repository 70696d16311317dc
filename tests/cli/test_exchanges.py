"""Exchanges on the command line: listed, shown, replayed."""

from __future__ import annotations

import json

import pytest

from qbwc_server.app import utc_now
from qbwc_server.jobs import exchanges
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, make_engine
from tests.cli.conftest import Run, add_company

ANSWER = (
    '<QBXML><QBXMLMsgsRs><EmployeeQueryRs requestID="999" statusCode="0"><EmployeeRet>'
    "<ListID>8-1</ListID><EditSequence>1</EditSequence><Name>Ann</Name></EmployeeRet>"
    "</EmployeeQueryRs></QBXMLMsgsRs></QBXML>"
)


@pytest.fixture
def exchange(run: Run) -> str:
    """An exchange on which our program failed, and one that is fine."""
    company_id = int(str(add_company(run)["id"]))
    engine = make_engine(Settings().url())
    with company_transaction(engine, company_id) as connection:
        now = utc_now()
        for session_id in (1, 2):
            exchanges.keep_unasked(connection, company_id, session_id, ANSWER, now)
        row = exchanges.latest(connection, company_id, 1, "hcp")
        assert row is not None
        exchanges.fail(connection, company_id, row.id, reason="a bug", now=now)
    engine.dispose()
    return f"{company_id}-{row.id}"


def test_those_that_need_somebody_are_listed(run: Run, exchange: str) -> None:
    """By company and by day too."""
    assert len(json.loads(run("exchanges", "list", "--json").output)) == 2
    (one,) = json.loads(run("exchanges", "list", "--problem", "--json").output)
    assert (one["id"], one["needs_replay"], one["reason"]) == (exchange, True, "a bug")
    for more, count in ((("--company", "1"), 2), (("--since", "2999-01-01"), 0)):
        told = run("exchanges", "list", *more, "--json").output
        assert len(json.loads(told)) == count


def test_one_is_shown_with_request_and_answer(run: Run, exchange: str) -> None:
    """As it is kept; one that is not there is a sentence."""
    assert json.loads(run("exchanges", "show", exchange, "--json").output)[
        "answer"
    ] == (ANSWER)
    assert ANSWER in run("exchanges", "show", exchange).output
    missing = run("exchanges", "show", "1-99999")
    assert (missing.exit_code, "There is no exchange" in missing.output) == (1, True)


@pytest.mark.parametrize("which", ["one", "--company", "--all"])
def test_it_is_replayed_once(run: Run, exchange: str, which: str) -> None:
    """One, those of a company, or all; a second time there is nothing to do."""
    wanted = {"one": [exchange], "--company": [which, "1"], "--all": [which]}[which]

    result = run("exchanges", "replay", *wanted, "--json")

    assert result.exit_code == 0, result.output
    (told,) = json.loads(result.output)
    assert (told["exchange"], told["replayed"]) == (exchange, True)
    assert told["told"].startswith("1 objects taken")
    again = run("exchanges", "replay", *wanted, "--json")
    if which == "one":
        assert again.exit_code == 1
        assert "did not fail on it" in again.output
    else:
        assert json.loads(again.output) == []
    engine = make_engine(Settings().url())
    with engine.begin() as connection:
        rows = connection.execute(tables.record.select()).all()
        whos = [row.who for row in connection.execute(tables.audit.select())]
    engine.dispose()
    assert [row.name for row in rows] == ["Ann"]
    assert sum(who.startswith("operator ") for who in whos) == 1


def test_what_is_to_be_replayed_must_be_said(run: Run) -> None:
    """Neither nothing nor two things."""
    assert run("exchanges", "replay").exit_code == 2
    assert run("exchanges", "replay", "1-1", "--all").exit_code == 2
