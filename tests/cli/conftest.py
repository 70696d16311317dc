"""Commands run in this process, with the embedded database of a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qbwc_server.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command with the embedded database."""
    for name, value in {
        "QBWC_DATA_DIR": str(tmp_path / "data"),
        "QBWC_PUBLIC_URL": "http://localhost:8000",
        "QBWC_LOG_LEVEL": "ERROR",
        "SUDO_USER": "eve",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("QBWC_DATABASE_URL", raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return invoke


def add_company(run: Run, *more: str, name: str = "Harbor & Vale") -> dict[str, object]:
    """Add a company and return what its command tells."""
    result = run(
        *("company", "add", name, "--mosaic-url", "http://localhost:1"),
        *("--mosaic-team", "100", "--json", *more),
    )
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.output)
    return told
