"""Commands run in this process, with the embedded database of a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import Engine

from qbwc_server import private
from qbwc_server.app import utc_now
from qbwc_server.cli import main
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, make_engine, next_ids

Run = Callable[..., Result]
ENTRY: dict[str, Any] = {"date": "2026-03-02", "minutes": 450, "notes": ""}


@pytest.fixture
def run(run_first: Run, _sqlite_template: Path, tmp_path: Path) -> Run:
    """A function that runs a command with the embedded database, which is there."""
    private.folder(tmp_path / "data")
    shutil.copyfile(_sqlite_template, tmp_path / "data/qbwc.db")
    return run_first


@pytest.fixture
def run_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command where nothing is yet."""
    for name, value in {
        "QBWC_DATA_DIR": str(tmp_path / "data"),
        "QBWC_PUBLIC_URL": "http://localhost:8000",
        "QBWC_LOG_LEVEL": "ERROR",
        "SUDO_USER": "eve",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("QBWC_DATABASE_URL", raising=False)

    def invoke(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, typed, catch_exceptions=False)

    return invoke


def add_company(run: Run, *more: str, name: str = "Harbor & Vale") -> dict[str, object]:
    """Add a company, live unless `more` says otherwise; return what is told."""
    if "--mode" not in more:
        more = ("--mode", "live", *more)
    result = run(
        *("company", "add", name, "--mosaic-url", "http://localhost:1"),
        *("--mosaic-team", "100", "--json", *more),
    )
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.output)
    return told


@pytest.fixture
def kept(run: Run) -> Iterator[Engine]:
    """The database of the commands, with one company."""
    add_company(run)
    made = make_engine(Settings().url())
    yield made
    made.dispose()


def put_entry(engine: Engine, **values: Any) -> int:
    """Keep a record of time; return its number."""
    with company_transaction(engine, 1) as connection:
        (number,) = next_ids(connection, 1, 1)
        plain = {
            "company_id": 1,
            "id": number,
            "kind": "time_entry",
            "state": "pending",
            "name": "2026-03-02 Ann 7:30",
            "day": "2026-03-02",
            "created_at": utc_now(),
            "changed_at": utc_now(),
        }
        connection.execute(tables.record.insert().values(**{**plain, **values}))
    return int(number)
