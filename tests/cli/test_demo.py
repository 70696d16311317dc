"""The demo, as a new user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import reference_data


def _demo(*arguments: str) -> tuple[int, dict[str, object], str]:
    done = subprocess.run(
        [sys.executable, "-m", "qbwc_server", "demo", "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_the_demo_ends_with_both_sides_in_agreement() -> None:
    """Exit code 0, no difference, and a reason for everybody who waits."""
    code, told, narration = _demo("--time-entries", "60")

    assert code == 0, narration
    assert told["differences"] == []
    steps = {one["step"]: one["ok"] for one in told["steps"]}  # type: ignore[attr-defined]
    assert steps == {
        "edit in QuickBooks": True,
        "edit in Mosaic": True,
        "answer lost": True,
        "entry there once": True,
    }
    kinds = {one["kind"]: one for one in told["kinds"]}  # type: ignore[attr-defined]
    assert kinds["customers and jobs"]["in_quickbooks"] == 360
    assert kinds["employees"]["waiting"] == 5
    assert kinds["time entries"]["in_mosaic"] > 20
    assert "e-mail" in kinds["employees"]["why"]
    assert "receiveResponseXML" in narration


def test_a_second_run_on_the_same_folder_changes_nothing(
    tmp_path: Path, small_firm: Path
) -> None:
    """What was delivered is recognised; no object is created again."""
    options = ("--structure", "project", "--company-file", str(small_firm))
    first = _demo("--keep", str(tmp_path / "demo"), *options)
    second = _demo("--keep", str(tmp_path / "demo"), *options)

    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert second[1]["created"] == first[1]["created"]


def test_real_answers_arrive_as_the_right_clients_projects_and_phases() -> None:
    """Recorded answers of real company files are mirrored record by record."""
    samples = reference_data() / "qbxml" / "samples"
    wanted = (
        "024-CustomerQuery*",
        "027-CustomerQuery*",
        "072-Item*",
        "096-Vendor*",
    )
    files = [str(path) for name in wanted for path in samples.glob(name)]
    assert len(files) == 4

    code, told, narration = _demo("--company-file", *files)

    assert code == 0, narration
    assert told["differences"] == []
    kinds = {one["kind"]: one for one in told["kinds"]}  # type: ignore[attr-defined]
    assert kinds["customers and jobs"]["in_quickbooks"] == 147
    assert kinds["customers and jobs"]["in_mosaic"] == 147


def test_the_comparison_finds_a_difference() -> None:
    """The verdict is not always yes: a project archived in Mosaic alone is named."""
    from qbwc_server.sandbox.agreement import compare
    from qbwc_server.sandbox.quickbooks.company_file import CompanyFile

    file = CompanyFile(":memory:", clock=lambda: 1_750_000_000.0)
    customer = file.hands.add("Customer", "Vale")
    file.hands.add("Customer", "Barn", parent=customer)
    client = {"mosaic_id": 1, "client_name": "Vale", "is_archived": False}
    project = {"mosaic_id": 2, "title": "Barn", "client_id": 1, "is_archived": False}
    objects: dict[str, list[dict[str, object]]] = {
        "client": [client],
        "project": [project],
        "phase": [],
        "employee": [],
        "standard_work_category": [],
    }

    assert compare(file, objects).differences == []

    for change in ({"is_archived": True}, {"title": "Shed"}, {"client_id": 9}):
        changed = {**objects, "project": [{**project, **change}]}
        assert compare(file, changed).differences != [], change
    doubled = {**objects, "client": [client, {**client, "mosaic_id": 3}]}
    assert compare(file, doubled).differences != []
    file.close()


@pytest.mark.parametrize("command", ["--help", "demo --help", "company add --help"])
def test_help_is_there_for_every_command(command: str) -> None:
    """Help comes without a database."""
    done = subprocess.run(
        [sys.executable, "-m", "qbwc_server", *command.split()],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Usage: " in done.stdout
