"""Tokens for the support console, from the command line."""

from __future__ import annotations

import json

from tests.cli.conftest import Run


def test_a_token_is_made_listed_and_removed(run: Run) -> None:
    """It is shown once, its maker is kept, and a name is given once."""
    made = json.loads(
        run("support", "token", "add", "ann", "--may-act", "--json").output
    )
    assert len(made["token"]) == 32
    assert made["url"] == "http://localhost:8000/support"
    listed = run("support", "token", "list", "--json").output
    (one,) = json.loads(listed)
    assert (one["name"], bool(one["may_act"])) == ("ann", True)
    assert one["made_by"] == "operator eve"
    assert made["token"] not in listed
    again = run("support", "token", "add", "ann")
    assert again.exit_code == 1
    assert "support-token-exists" in again.output
    assert run("support", "token", "add", "Ann B").exit_code == 2
    assert run("support", "token", "remove", "ann").exit_code == 0
    assert "support-token-unknown" in run("support", "token", "remove", "ann").output
    assert json.loads(run("support", "token", "list", "--json").output) == []
    told = json.loads(run("support", "logins", "--json").output)
    assert {row["what"] for row in told} == {
        "token made by operator eve",
        "token removed by operator eve",
    }
