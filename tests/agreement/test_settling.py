"""A conflict as support settles it: listed, explained, decided, brought to both."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qbwc_server import app
from qbwc_server.cli import main
from qbwc_server.companies import registry
from tests.agreement.house import House
from tests.conftest import SECRET

pytestmark = pytest.mark.in_turn

Run = Callable[..., Result]
_TODAY = "2026-03-02"


@pytest.fixture
def house(new_house: House) -> House:
    """A house with one entry that both sides have, on each of the databases."""
    made = new_house
    made.hands.add_time(
        made.persons["Ann Lee"],
        _TODAY,
        60,
        customer=made.jobs["Acme:House"],
        item=made.items["Design"],
        notes="plans",
        billable="Billable",
    )
    made.settle()
    return made


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command on the house's database, at its time."""
    url = house.engine.url.render_as_string(hide_password=False)
    for name, value in {
        "QBWC_DATABASE_URL": url.replace("+psycopg", ""),
        "QBWC_SECRET_KEY": SECRET,
        "QBWC_LOG_LEVEL": "ERROR",
        "SUDO_USER": "eve",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "utc_now", house.clock)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return invoke


def _both_change(house: House, policy: str, run: Run) -> str:
    """Have both sides change the notes; return the record as commands call it."""
    result = run("company", "set", str(house.company.id), "--policy", policy)
    assert result.exit_code == 0, result.output
    house.settle()
    (entry,) = house.people.time()
    house.hands.edit_time(_txn_id(house), notes="in the office")
    house.clock.pass_(minutes=5)
    house.people.edit_time(entry["mosaic_id"], description="on the site")
    house.settle_for(minutes=house.settings.time_window_minutes + 5)
    rows = json.loads(run("records", "list", "--kind", "time_entry", "--json").output)
    assert len(rows) == 1
    return str(rows[0]["id"])


def _txn_id(house: House) -> str:
    return str(house.file.store.all("SELECT txn_id FROM time_entry")[0]["txn_id"])


def _notes(house: House) -> tuple[str, str]:
    (here,) = house.file.store.all("SELECT notes FROM time_entry")
    (there,) = house.people.time()
    return here["notes"], there["description"]


def _explained(run: Run, record: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        run("records", "explain", record, "--json").output
    )
    return told


@pytest.mark.parametrize(
    ("side", "text"), [("quickbooks", "in the office"), ("mosaic", "on the site")]
)
def test_a_conflict_waits_for_a_person_and_then_goes_to_both_sides(
    house: House, run: Run, side: str, text: str
) -> None:
    """Nobody's value is overwritten before somebody said which one is right."""
    record = _both_change(house, "ask", run)

    assert _notes(house) == ("in the office", "on the site")
    told = _explained(run, record)
    assert (told["state"], told["who_must_act"]) == ("conflict", "customer")
    assert "Both sides changed the notes" in told["why"]
    assert told["conflict"]["notes"] == {
        "quickbooks": "in the office",
        "mosaic": "on the site",
        "kept": None,
    }
    listed = run("records", "list", "--state", "conflict", "--kind", "time_entry")
    assert record in listed.output

    result = run("records", "settle", record, "--keep", side)
    assert result.exit_code == 0, result.output
    house.settle()

    assert _notes(house) == (text, text)
    assert _explained(run, record)["state"] == "in_sync"
    history = json.loads(run("records", "show", record, "--json").output)["history"]
    said = [(one["by"], one["what"]) for one in history]
    assert ("operator eve", f"settled: {side} is right") in said
    writes = house.everything()
    house.quiet()
    assert house.everything() == writes


def test_what_the_policy_decided_is_taken_off_the_list(house: House, run: Run) -> None:
    """The losing value can be read until then."""
    record = _both_change(house, "quickbooks", run)

    assert _notes(house) == ("in the office", "in the office")
    told = _explained(run, record)
    assert told["state"] == "in_sync"
    assert told["conflict"]["notes"]["mosaic"] == "on the site"
    assert told["conflict"]["notes"]["kept"] == "quickbooks"

    assert run("records", "settle", record, "--keep", "quickbooks").exit_code == 0
    house.settle()
    assert _explained(run, record)["conflict"] is None
    assert _notes(house) == ("in the office", "in the office")


def test_what_the_policy_did_not_keep_is_taken_after_all(
    house: House, run: Run
) -> None:
    """The same command, for the other side; then nothing is left on the list."""
    record = _both_change(house, "quickbooks", run)
    assert run("records", "settle", record, "--keep", "mosaic").exit_code == 0
    house.settle()
    house.settle()
    assert _notes(house) == ("on the site", "on the site")
    assert _explained(run, record)["conflict"] is None


def test_where_there_is_no_conflict_nothing_is_settled(house: House, run: Run) -> None:
    """The error is a sentence, and the side has to be said."""
    rows = json.loads(run("records", "list", "--kind", "time_entry", "--json").output)
    record = rows[0]["id"]

    none = run("records", "settle", record, "--keep", "mosaic")
    assert none.exit_code == 1
    assert "This record has no conflict." in none.output
    assert run("records", "settle", record).exit_code == 2
    unknown = run("records", "settle", "9-9", "--keep", "mosaic")
    assert unknown.exit_code == 1
    assert "There is no record 9-9." in unknown.output
    assert _explained(run, record)["why"] == "QuickBooks and Mosaic agree."
    assert registry.find(house.engine, str(house.company.id)).attention is None


def test_the_preview_is_a_command(house: House, run: Run) -> None:
    """A table for people, all of it for programs."""
    house.hands.add("Employee", "Di Nowhere", FirstName="Di")
    house.clock.pass_(minutes=20)
    house.settle()
    company = str(house.company.id)

    told = json.loads(run("records", "preview", company, "--json").output)
    printed = run("records", "preview", company).output

    assert told["counts"]["employee"] == {"in_sync": 2, "unlinked": 1}
    assert told["counts"]["time_entry"] == {"in_sync": 1}
    (one,) = told["people"]
    assert (one["name"], one["what"]) == ("Di Nowhere", "stay unlinked")
    explained = _explained(run, one["id"])
    assert explained["why"] == one["reason"]
    assert "Di Nowhere" in printed
    assert "agree already" in printed
    assert run("records", "preview", "nobody").exit_code == 1
