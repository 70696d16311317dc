"""The commands with which an operator renews the secret key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.keys import Keys
from qbwc_server.operations import key_rotation
from qbwc_server.storage import tables
from tests.cli.conftest import Run, add_company
from tests.conftest import SECRET

OLD, NEW = "o" * 40, "n" * 40


def test_a_key_is_renewed_and_what_is_left_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit code 1 as long as the older key is needed, and never a key in the output."""
    key = tmp_path / "key"
    key.write_text("a-very-secret-key")
    monkeypatch.setenv("QBWC_SECRET_KEY", OLD)
    add_company(run, "--mosaic-key-file", str(key))
    assert run("keys", "check").exit_code == 0
    monkeypatch.setenv("QBWC_SECRET_KEY", f"{NEW},{OLD}")

    before = run("keys", "check", "--json")
    rotated = run("keys", "rotate")
    after = run("keys", "check", "--json")

    assert (before.exit_code, rotated.exit_code, after.exit_code) == (1, 0, 1)
    assert json.loads(before.output)["counts"]["Mosaic key"] == 1
    assert rotated.output.startswith("1 Mosaic keys and addresses are encrypted anew.")
    told = json.loads(after.output)
    assert told["keys"] == 2
    assert told["removable"] is False
    assert told["counts"] == {
        "password": 1,
        "setup address": 1,
        "webhook address": 1,
    }
    for secret in (OLD, NEW, "a-very-secret-key"):
        assert secret not in before.output + rotated.output + after.output


@pytest.mark.parametrize(
    ("mosaic_key", "now", "fits"),
    [
        (True, SECRET, True),
        (True, f"{NEW},{SECRET}", True),
        (True, NEW, False),
        (False, SECRET, True),
        (False, NEW, False),
        (None, NEW, True),
    ],
)
def test_a_key_fits_a_database_if_it_knows_anything_that_is_in_it(
    mosaic_key: bool | None,
    now: str,
    fits: bool,
    engine: Engine,
    new_company: Callable[..., object],
) -> None:
    """None is a database without companies; one without keys of Mosaic has others."""
    if mosaic_key is not None:
        new_company()
        # A hash of the first release names no key.
        column = "password_hash" if mosaic_key else "mosaic_key"
        value = "ab" if mosaic_key else None
        with engine.begin() as connection:
            connection.execute(tables.company.update().values({column: value}))
    assert key_rotation.fit(engine, Keys(now.split(","))) is fits
