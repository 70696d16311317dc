"""What an auditor gets: files that say whether they are as they were made."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.cli import main
from qbwc_server.companies.registry import NewCompany
from qbwc_server.records import history
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from tests.conftest import Clock
from tests.support import answers

NewCompanies = Callable[..., NewCompany]
Run = Callable[..., Result]
FILES = {
    *("hours.csv", "entries.csv", "history.csv", "jobs.csv", "calls.csv"),
    *("messages.csv", "decisions.csv", "README.txt", "SHA256SUMS"),
}


@pytest.fixture
def run(engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command on the database."""
    for name, value in answers.environment(engine).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "utc_now", clock)
    return lambda *words: CliRunner().invoke(main, words)


def _entry(engine: Engine, company_id: int, clock: Clock, day: str, name: str) -> int:
    with company_transaction(engine, company_id) as connection:
        number = next_id(connection, company_id)
        row: dict[str, Any] = {
            "company_id": company_id,
            "id": number,
            "kind": "time_entry",
            "name": name,
            "day": day,
            "state": "in_sync",
            "quickbooks_id": f"T{number}",
            "quickbooks": {"minutes": 90, "date": day, "notes": "=1+1"},
            "created_at": clock(),
            "changed_at": clock(),
        }
        connection.execute(tables.record.insert(), row)
        history.event(
            connection, company_id, number, at=clock(), what="read", by="quickbooks"
        )
    return number


def _read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_it_has_the_hours_of_the_period_and_of_this_company_alone(
    engine: Engine, new_company: NewCompanies, clock: Clock, run: Run, tmp_path: Path
) -> None:
    """With what happened to them, who decided what, and no other day."""
    alice, bob = new_company("Alice"), new_company("Bob")
    _entry(engine, alice.id, clock, "2026-02-28", "before")
    inside = _entry(engine, alice.id, clock, "2026-03-01", "=cmd|evil")
    last = _entry(engine, alice.id, clock, "2026-03-31", "last")
    _entry(engine, alice.id, clock, "2026-04-01", "after")
    _entry(engine, bob.id, clock, "2026-03-01", "of somebody else")
    folder = tmp_path / "for the auditor"
    done = run(
        *("company", "export", "Alice", "--from", "2026-03-01", "--to", "2026-03-31"),
        *("-o", str(folder), "--why", "The auditor asked."),
    )
    assert done.exit_code == 0, done.output

    assert {one.name for one in folder.iterdir()} == FILES
    entries = _read(folder, "entries.csv")
    assert [one["record"] for one in entries] == [
        f"{alice.id}-{inside}",
        f"{alice.id}-{last}",
    ]
    assert {one["record_id"] for one in _read(folder, "hours.csv")} == {
        str(inside),
        str(last),
    }
    assert len(_read(folder, "history.csv")) == 2
    # What a program for tables would run is text, in its own column or another one.
    assert entries[0]["name"] == "'=cmd|evil"
    assert json.loads(entries[0]["quickbooks"])["minutes"] == 90
    decided = {one["what"]: one["why"] for one in _read(folder, "decisions.csv")}
    assert decided["company exported"] == "The auditor asked."
    everything = "".join(one.read_text() for one in folder.iterdir())
    assert "somebody else" not in everything
    assert "Bob" not in everything
    assert {one.stat().st_mode & 0o077 for one in (folder, *folder.iterdir())} == {0}


def test_a_file_that_was_changed_is_found(
    new_company: NewCompanies, run: Run, tmp_path: Path
) -> None:
    """By the ordinary command, on any machine."""
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("sha256sum is not on this machine")
    company = new_company()
    folder = tmp_path / "out"
    period = ("--from", "2026-03-01", "--to", "2026-03-31")
    assert (
        run("company", "export", str(company.id), *period, "-o", str(folder)).exit_code
        == 0
    )

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tool, "-c", "SHA256SUMS"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    good = check()
    assert good.returncode == 0, good.stdout
    assert good.stdout.count(": OK") == len(FILES) - 1
    with (folder / "decisions.csv").open("a") as file:
        file.write("x")
    assert "decisions.csv: FAILED" in check().stdout


def test_nothing_is_written_over(
    engine: Engine, new_company: NewCompanies, run: Run, tmp_path: Path
) -> None:
    """Nor is it kept as a decision: nothing was given to anybody."""
    company = new_company()
    (tmp_path / "there").mkdir()
    period = ("--from", "2026-03-01", "--to", "2026-03-31")
    done = run(
        "company", "export", str(company.id), *period, "-o", str(tmp_path / "there")
    )
    assert done.exit_code == 1
    assert "is there already" in done.output
    with engine.begin() as connection:
        said = connection.execute(sa.select(tables.audit.c.what)).scalars().all()
    assert "company exported" not in said
    backwards = ("--from", "2026-03-31", "--to", "2026-03-01")
    assert run("company", "export", str(company.id), *backwards).exit_code == 2
