"""The command line as operators and support staff use it, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qbwc_server import words
from qbwc_server.app import utc_now
from qbwc_server.companies import registry
from qbwc_server.jobs import queue
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Seen
from qbwc_server.records.store import keep_seen
from qbwc_server.settings import Settings
from qbwc_server.storage.database import company_transaction, make_engine
from qbwc_server.storage.tables import RECORD_STATES
from qbwc_server.words.qwc import parse
from tests.cli.conftest import Run, add_company


def test_adding_the_first_company_tells_what_is_told_once(run_first: Run) -> None:
    """Id, names, password, the .qwc file and the two addresses; nothing else."""
    told = add_company(run_first)

    assert set(told) == {
        *("id", "name", "username", "password", "qwc", "setup_url", "webhook_url")
    }
    file = parse(Path(str(told["qwc"])).read_bytes())
    assert file.username == told["username"]
    assert str(told["password"]) not in Path(str(told["qwc"])).read_text("ascii")


def test_a_company_only_reads_until_somebody_has_it_go_live(run: Run) -> None:
    """Nothing is written to either side before it was looked at."""
    team = ("--mosaic-url", "http://localhost:1", "--mosaic-team", "100")
    assert run("company", "add", "Vale", *team).exit_code == 0
    shown = json.loads(run("company", "show", "Vale", "--json").output)
    assert shown["mode"] == "preview"


def test_a_second_company_of_that_name_is_refused(run: Run) -> None:
    """The error is a sentence with a stable id, not a traceback."""
    add_company(run)

    result = run(
        *("company", "add", "Harbor & Vale", "--mosaic-url", "http://localhost:1"),
        *("--mosaic-team", "100"),
    )

    assert result.exit_code == 1
    assert "company-exists" in result.output


def test_a_blank_name_is_refused_and_blanks_around_one_are_taken_away(run: Run) -> None:
    """With an id of its own; the company is then known by the name that was meant."""
    team = ("--mosaic-url", "http://localhost:1", "--mosaic-team", "100")
    refused = run("company", "add", "  ", *team)
    assert refused.exit_code == 1
    assert "company-name-blank" in refused.output

    told = add_company(run, name=" Harbor  & Vale ")

    assert told["name"] == "Harbor & Vale"
    assert run("company", "show", "Harbor & Vale ").exit_code == 0
    again = run("company", "add", "harbor & vale", *team)
    assert "company-exists" in again.output


def test_the_connection_file_is_the_same_every_time(run: Run, tmp_path: Path) -> None:
    """QuickBooks refuses a second pair of OwnerID and FileID for one file."""
    first = Path(str(add_company(run)["qwc"])).read_bytes()

    run("qwc", "Harbor & Vale", "-o", str(tmp_path / "again.qwc"))

    assert (tmp_path / "again.qwc").read_bytes() == first


def test_companies_are_listed_and_shown_without_secrets(
    run: Run, tmp_path: Path
) -> None:
    """The key is said to be set and never shown."""
    key = tmp_path / "key"
    key.write_text("a-very-secret-key\n")
    told = add_company(run, "--mosaic-key-file", str(key))

    listed = run("company", "list", "--json").output
    shown = run("company", "show", "Harbor & Vale", "--json").output

    assert json.loads(listed)[0]["name"] == "Harbor & Vale"
    assert json.loads(shown)["mosaic_key"] == "set"
    for secret in ("a-very-secret-key", str(told["password"])):
        assert secret not in listed + shown


def test_settings_of_a_company_can_be_changed(run: Run) -> None:
    """What is set is shown afterwards."""
    add_company(run, "--mode", "preview")

    run("company", "set", "Harbor & Vale", "--mode", "live", "--poll-every", "5")

    shown = json.loads(run("company", "show", "1", "--json").output)
    assert (shown["mode"], shown["poll_every"]) == ("live", 5)


@pytest.mark.parametrize(
    "command",
    ["company show nobody", "jobs show 9-9", "records show 9-9", "records explain 1-1"],
)
def test_what_is_not_there_is_said_in_a_sentence(run: Run, command: str) -> None:
    """Exit code 1 and no traceback."""
    result = run(*command.split())

    assert result.exit_code == 1
    assert result.output.startswith("Error: There is no")


def test_a_number_that_is_none_is_a_usage_error(run: Run) -> None:
    """Ids have the form 3-17 everywhere."""
    result = run("jobs", "show", "seventeen")

    assert result.exit_code == 2
    assert "3-17" in result.output


def test_a_wrong_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the variable and what is wrong with it."""
    monkeypatch.setenv("QBWC_PAGE_SIZE", "many")

    result = run("company", "list")

    assert result.exit_code == 1
    assert "QBWC_PAGE_SIZE" in result.output


def test_jobs_and_records_are_listed_shown_and_explained(run: Run) -> None:
    """The id that a listing prints is the one that the other commands take."""
    add_company(run)
    engine = make_engine(Settings().url())
    company = registry.find(engine, "Harbor & Vale")
    with company_transaction(engine, company.id) as connection:
        queue.enqueue(
            connection,
            company.id,
            kind="customer",
            action="read",
            summary="Read customers",
            now=utc_now(),
            by="test",
        )
        seen = Seen("E1", "Ana Vale", {"name": "Ana Vale"}, "1", "2026-01-01", 40)
        keep_seen(connection, company.id, KINDS["employee"], [seen], now=utc_now())
    engine.dispose()

    job = json.loads(run("jobs", "list", "--json").output)[0]
    record = json.loads(run("records", "list", "--json").output)[0]
    told = json.loads(run("jobs", "show", job["id"], "--json").output)
    explained = json.loads(run("records", "explain", record["id"], "--json").output)

    assert told["history"][0]["to"] == "ready"
    assert explained["what"] == "employee Ana Vale"
    assert explained["who_must_act"] == "customer"  # whose Web Connector never called
    assert run("jobs", "show", job["id"]).exit_code == 0
    assert run("records", "show", record["id"]).exit_code == 0
    assert run("records", "list", "--state", "gone", "--json").output == "[]\n"


def test_every_record_state_says_who_must_act_and_what_is_next() -> None:
    """Nothing is silent: a new state without words does not pass."""
    for state in RECORD_STATES:
        assert words.standing("customer", state, waits=False).do


def test_the_database_is_checked_and_upgraded(run_first: Run) -> None:
    """An empty database is refused by `check` with the command that mends it."""
    assert run_first("database", "check").exit_code == 1
    assert "database upgrade" in run_first("database", "check").output
    assert run_first("database", "upgrade").exit_code == 0
    assert run_first("database", "check").exit_code == 0


def test_the_worker_serves_what_is_due_and_ends(run: Run) -> None:
    """`worker --once` is for schedulers and for a look."""
    add_company(run)

    assert run("worker", "--once").output == "0 companies served\n"
