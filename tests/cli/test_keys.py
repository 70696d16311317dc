"""The commands with which an operator renews the secret key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, add_company

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
