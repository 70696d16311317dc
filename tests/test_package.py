"""What is installed is what was tested: the wheel carries all that it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a wheel that was just built."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "content")
    return folder / "content"


def test_migrations_templates_and_contract_travel_in_the_wheel(unpacked: Path) -> None:
    """At the top of the repository, and inside the package when installed."""
    package = unpacked / "qbwc_server"

    assert (package / "_migrations/env.py").is_file()
    assert list((package / "_migrations/versions").glob("0001*.py"))
    assert (package / "_qwc_templates/company.qwc.j2").is_file()
    assert (package / "web_connector/qbwebconnector.wsdl").is_file()
    assert (package / "py.typed").is_file()
    for name in ("templates/base.html", "static/page.css", "static/page.js"):
        assert (package / "web" / name).is_file()


def test_the_unpacked_wheel_makes_a_database_and_a_connection_file(
    unpacked: Path, tmp_path: Path
) -> None:
    """It works away from the repository."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(unpacked),
        "QBWC_DATA_DIR": str(tmp_path / "data"),
        "QBWC_DATABASE_URL": "",
    }
    command = [sys.executable, "-m", "qbwc_server"]
    options = ("--mosaic-url", "http://localhost:1", "--mosaic-team", "100")

    told = subprocess.run(
        [*command, "company", "add", "Vale", *options],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert "Vale.qwc" in told
    (file,) = (tmp_path / "data").glob("*.qwc")
    assert b"<QBWCXML>" in file.read_bytes()
