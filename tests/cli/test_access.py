"""Commands that pause a connection and renew what it is opened with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc_server import app
from qbwc_server.app import utc_now
from qbwc_server.cli.output import parts
from qbwc_server.companies import logins, registry
from qbwc_server.companies.registry import Company
from qbwc_server.storage import tables
from qbwc_server.words.qwc import parse
from tests.cli.conftest import Run, add_company
from tests.customer import Customer


def stored() -> Company:
    """Return the company as it is stored."""
    return registry.find(parts().engine, "1")


def audited() -> list[Any]:
    """Return who did what and why, in its order."""
    table = tables.audit
    with parts().engine.begin() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
    return [(row.who, row.what, row.why) for row in rows]


def comes_in(told: dict[str, object], password: object) -> bool:
    """Tell whether a password opens the company."""
    made = parts()
    found = logins.check(
        made.engine,
        made.keys,
        str(told["username"]),
        str(password),
        peer="1.1.1.1",
        now=utc_now(),
    )
    return found is not None


def test_a_new_password_is_shown_once_and_the_old_one_works_until_it_is_used(
    run: Run,
) -> None:
    """Also when one is made twice before anybody has typed it."""
    told = add_company(run)
    run("company", "new-password", "1")
    shown = run("company", "new-password", "1", "--json", "--who", "Eve", "--why", "x")
    new = json.loads(shown.output)["password"]

    assert comes_in(told, told["password"])
    assert comes_in(told, new)
    assert not comes_in(told, told["password"])
    assert audited()[-1] == ("Eve", "new password", "x")
    assert new not in run("company", "show", "1", "--json").output


def test_a_new_owner_id_makes_a_new_file_and_tells_what_to_do(run: Run) -> None:
    """Only the OwnerID differs; the customer is told where to remove the old one."""
    told = add_company(run)
    before = parse(Path(str(told["qwc"])).read_bytes())
    result = run("company", "new-owner-id", "1", "--why", "QBWC1039")
    after = parse(Path(str(told["qwc"])).read_bytes())

    assert before.owner_id != after.owner_id == stored().owner_id
    assert (before.file_id, before.username, before.app_name) == (
        after.file_id,
        after.username,
        after.app_name,
    )
    assert "Integrated Applications > Company Preferences" in result.output
    assert "Yes, always" in result.output
    assert audited()[-1] == ("operator eve", "new OwnerID", "QBWC1039")


def test_without_a_public_address_no_owner_id_is_changed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old file goes on working; the reason is told."""
    add_company(run)
    before = stored().owner_id
    monkeypatch.setenv("QBWC_PUBLIC_URL", "http://qb.example.com")
    result = run("company", "new-owner-id", "1")
    assert result.exit_code == 1
    assert "qwc.app_url_not_https" in result.output
    assert stored().owner_id == before


def opens(url: object, now: datetime) -> bool | None:
    """Tell whether a setup link opens its page; None if it is none."""
    web = Customer(app.wsgi(replace(parts(), clock=lambda: now)))
    answered = web.get("/setup/" + str(url).rpartition("/")[2]).status_code
    return {200: True, 410: False, 404: None}[answered]


def test_a_setup_link_ends_and_a_new_one_ends_the_old(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After as many days as the setting says."""
    first = add_company(run)["setup_url"]
    now = utc_now()
    assert opens(first, now + timedelta(days=15)) is False
    assert opens(first, now + timedelta(days=13))

    monkeypatch.setenv("QBWC_SETUP_LINK_DAYS", "2")
    told = json.loads(run("company", "setup-link", "1", "--json").output)
    assert opens(first, now) is None
    assert opens(told["setup_url"], now + timedelta(days=3)) is False
    assert opens(told["setup_url"], now)
    ends = datetime.fromisoformat(told["expires_at"])
    assert timedelta(days=2) <= ends - now < timedelta(days=2, minutes=5)
    assert ends.tzinfo == UTC
    assert audited()[-1] == ("operator eve", "new setup link", None)


@pytest.mark.parametrize("mode", ["preview", "live"])
def test_a_paused_company_goes_on_as_it_was(run: Run, mode: str) -> None:
    """A preview does not become live by a pause, however it was paused."""
    add_company(run, "--mode", mode)
    for command in (("pause", "1"), ("set", "1", "--mode", "paused"), ("pause", "1")):
        run("company", *command)
        assert stored().mode == "paused"
    run("company", "pause", "1", "--why", "moving")
    assert audited()[-1] == ("operator eve", "company changed", "moving")
    assert mode in run("company", "resume", "1").output
    assert stored().mode == mode
    assert stored().mode_before_pause is None
