"""The commands by which a person links records and goes live."""

from __future__ import annotations

import json

import pytest

from qbwc_server.app import utc_now
from qbwc_server.companies import registry
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Seen
from qbwc_server.records import mosaic_objects
from qbwc_server.records.store import keep_seen
from qbwc_server.settings import Settings
from qbwc_server.storage.database import company_transaction, make_engine

from .conftest import Run, add_company


@pytest.fixture
def record(run: Run) -> str:
    """An employee without an address, and a member of Mosaic of that name."""
    add_company(run, "--mode", "preview")
    engine = make_engine(Settings().url())
    company = registry.find(engine, "Harbor & Vale")
    member = {"mosaic_id": 7, "email": "ana@x.com", "first_name": "Ana"}
    with company_transaction(engine, company.id) as connection:
        seen = Seen("E1", "Ana Vale", {"name": "Ana Vale"}, "1", "2026-01-01", 40)
        keep_seen(connection, company.id, KINDS["employee"], [seen], now=utc_now())
        mosaic_objects.keep(
            connection,
            company.id,
            "employee",
            [{**member, "last_name": "Vale"}],
            run=1,
            now=utc_now(),
        )
    engine.dispose()
    return str(json.loads(run("records", "list", "--json").output)[0]["id"])


def test_a_record_is_explained_linked_taken_back_and_left(
    run: Run, record: str
) -> None:
    """Each command says what became of it, and explains it afterwards."""
    told = json.loads(run("records", "explain", record, "--json").output)
    assert told["suggestions"] == [
        "employee 7 Ana Vale <ana@x.com> (same name, exactly)"
    ]
    assert run("records", "link", record, "7").output == f"{record} is linked.\n"
    assert "already" in run("records", "link", record, "7").output
    told = json.loads(run("records", "explain", record, "--json").output)
    assert (told["choice"], told["in_mosaic"]) == ("linked by a person", "employee 7")

    undone = run("records", "choose", record, "--as", "undo", "--json")
    assert json.loads(undone.output)["changed"] == 1
    for way in ("none", "new", "later", "match"):
        assert run("records", "choose", record, "--as", way).exit_code == 0, way
    refused = run("records", "choose", record, "--as", "new")
    assert refused.exit_code == 1
    assert "Unlink it first" in refused.output
    assert run("records", "unlink", record).exit_code == 0


def test_a_link_that_cannot_be_is_refused_in_one_sentence(
    run: Run, record: str
) -> None:
    """With the id by which support finds it."""
    result = run("records", "link", record, "8")
    assert result.exit_code == 1
    assert "Mosaic has no employee 8" in result.output
    assert "link-object-unknown" in result.output


@pytest.mark.usefixtures("record")
def test_going_live_is_refused_with_every_reason(run: Run) -> None:
    """And nothing is shared with a file that is not there."""
    result = run("company", "go-live", "Harbor & Vale", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["live"], len(told["reasons"])) == (False, 3)
    assert run("company", "go-live", "Harbor & Vale").exit_code == 1
    assert run("company", "overlap", "Harbor & Vale", "--json").output == "[]\n"


@pytest.mark.usefixtures("record")
def test_shared_hours_are_shown_and_said(run: Run) -> None:
    """Half a word is refused; one that was said is shown with names."""
    name = "Harbor & Vale"
    assert run("company", "shared-hours", name, "--json").output == "[]\n"
    half = run("company", "shared-hours", name, "--person", "7", "--ours")
    assert half.exit_code == 2
    word = ("--person", "7", "--project", "9")
    nobody = run("company", "shared-hours", name, *word, "--theirs")
    assert nobody.exit_code == 1
    assert "hours-not-shared" in nobody.output
    said = run("company", "shared-hours", name, *word, "--ours", "--json")
    assert json.loads(said.output) == [
        {
            "member_id": 7,
            "person": "Ana Vale",
            "project_id": 9,
            "project": "9",
            "whose": "this file's",
            "entries": 0,
            "minutes": 0,
        }
    ]
    whole = run("company", "shared-hours", name, "--project", "9", "--ours", "--json")
    of_all, of_one = json.loads(whole.output)
    assert (of_all["member_id"], of_all["person"]) == (0, "everybody")
    assert (of_one["member_id"], of_all["whose"]) == (7, "this file's")
    assert run("company", "shared-hours", name, "--succeed").exit_code == 0
