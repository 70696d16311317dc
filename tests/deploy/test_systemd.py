"""The units of deploy/systemd, as systemd itself reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy/systemd"
NAMES = ("qbwc-server", "qbwc-worker", "qbwc-migrate")
_PROGRAM = "/opt/qbwc/bin/qbwc-server"
_MOST_EXPOSED = 15
"""Of 100, as `systemd-analyze security` counts; without a sandbox it is 96."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy, whose program is one that is on this machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT READ BY SYSTEMD: it is not on this machine (systemd)")
    copy = tmp_path / "units"
    shutil.copytree(UNITS, copy)
    for path in copy.glob("*.service"):
        path.write_text(path.read_text().replace(_PROGRAM, sys.executable))
    return copy


def _analyze(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = [str(units / f"{name}.service") for name in NAMES]
    return subprocess.run(
        ["systemd-analyze", *words, *paths],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_takes_the_units(units: Path) -> None:
    """Every word of them, and what they wait for is there."""
    said = _analyze(units, "verify", "--recursive-errors=no", "--man=no")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_a_word_that_systemd_does_not_know_would_be_said(units: Path) -> None:
    """The negative control, in what the units share."""
    shared = units / "qbwc-.service.d/all.conf"
    shared.write_text(shared.read_text().replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in _analyze(units, "verify", "--man=no").stderr


def test_they_may_do_little(units: Path) -> None:
    """What takes one of them over reads no files of others and becomes nobody else."""
    threshold = f"--threshold={_MOST_EXPOSED}"
    said = _analyze(units, "security", "--offline=true", "--no-pager", threshold)
    assert said.returncode == 0, said.stdout[-2000:]

    shared = units / "qbwc-.service.d/all.conf"
    shared.write_text(shared.read_text().partition("CapabilityBoundingSet=")[0])
    said = _analyze(units, "security", "--offline=true", "--no-pager", threshold)
    assert said.returncode != 0


def test_each_has_the_login_that_it_needs_and_no_other() -> None:
    """The owner's is only there while the schema is brought up."""
    texts = {name: (UNITS / f"{name}.service").read_text() for name in NAMES}
    shared = (UNITS / "qbwc-.service.d/all.conf").read_text()
    of_owner = {name for name, text in texts.items() if "/owner-url" in text}
    assert of_owner == {"qbwc-migrate"}
    assert "-url" not in shared
    for text in (shared, *texts.values()):
        for name, path in re.findall(r"Environment=.*?(\w+)_FILE=%d/([\w-]+)", text):
            assert f"LoadCredential={path}:" in text, name
