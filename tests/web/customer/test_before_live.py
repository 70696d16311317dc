"""The preview as it was kept, and the button that has a company go live."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import company_settings, overlap
from qbwc_server.kinds import KINDS
from qbwc_server.onboarding import forecast
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]


@pytest.fixture
def ready(engine: Engine, clock: Clock, new_company: NewCompanies) -> NewCompany:
    """A company of which all was read, and that is not live."""
    made = new_company(mode="preview", mosaic_key="a key")
    with company_transaction(engine, made.id) as connection:
        registry.change(connection, made.id, file_name="Alice", mosaic_read_at=clock())
        for kind in KINDS:
            row = {"company_id": made.id, "kind": kind, "last_full_at": clock()}
            connection.execute(tables.reading.insert(), row)
    return made


def test_a_preview_is_shown_as_it_was_kept_and_planned_by_nobody_who_looks(
    server: Client,
    engine: Engine,
    settings: Settings,
    clock: Clock,
    ready: NewCompany,
    put: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The button asks for a new one; the page says so until a worker has made it."""
    put(ready.id, "Acme", state="pending", quickbooks={"name": "Acme"})
    path = f"/setup/{ready.setup_token}/preview"
    company = registry.find(engine, str(ready.id))
    with company_transaction(engine, ready.id) as connection:
        registry.change(connection, ready.id, preview_at=None)
    assert "There is no preview yet" in server.get(path).text
    forecast.make(engine, company, settings, clock)

    def plan(*_: object) -> None:
        raise AssertionError("planned for a page")

    with monkeypatch.context() as patched:
        patched.setattr(forecast, "preview", plan)
        text = server.get(path).text
        assert "would be created in Mosaic" in text
        assert "Customers and jobs: 1" in text
        assert "is being made" not in text
        assert server.post(path).status_code == 303
        assert "is being made" in server.get(path).text
    tag = {"If-None-Match": server.get(f"{path}/live").headers["ETag"]}
    assert server.get(f"{path}/live", headers=tag).status_code == 304
    clock.pass_(minutes=1)
    assert forecast.serve_next(engine, settings, clock)
    assert "is being made" not in server.get(f"{path}/live", headers=tag).text


def test_the_button_has_a_company_go_live_once(
    server: Client, engine: Engine, clock: Clock, ready: NewCompany
) -> None:
    """It is audited, and again it does nothing."""
    path = f"/setup/{ready.setup_token}/go-live"
    for _ in range(2):
        assert server.post(path).status_code == 303
        assert registry.find(engine, str(ready.id)).mode == "live"
        clock.pass_(minutes=1)
    audit = tables.audit
    with company_transaction(engine, ready.id) as connection:
        rows = connection.execute(
            sa.select(audit.c.who).where(audit.c.what == "went live")
        ).scalars()
        assert list(rows) == ["the setup page"]
    text = server.get(f"/setup/{ready.setup_token}/preview").text
    assert "This connection is live" in text
    assert "Go live</button>" not in text


def test_the_button_says_yes_to_the_hours_that_the_page_shows(
    server: Client,
    engine: Engine,
    settings: Settings,
    clock: Clock,
    ready: NewCompany,
) -> None:
    """Other ones than the last preview has are shown again; none are no yes."""
    path = f"/setup/{ready.setup_token}"
    with company_transaction(engine, ready.id) as connection:
        registry.change(connection, ready.id, before_live="ask")
    assert 'name="minutes"' not in server.get(f"{path}/preview").text
    forecast.make(engine, registry.find(engine, str(ready.id)), settings, clock)
    live = server.get(f"{path}/preview/live").text
    for name in ("entries", "minutes"):
        assert f'form="to-live" name="{name}" value="0"' in live
    assert 'id="to-live"' in server.get(f"{path}/preview").text
    other = server.post(f"{path}/go-live", data={"entries": 3, "minutes": 60})
    assert (other.status_code, "since you looked" in other.text) == (409, True)
    assert registry.find(engine, str(ready.id)).before_live == "ask"
    shown = server.post(f"{path}/go-live", data={"entries": 0, "minutes": 0})
    assert shown.status_code == 303
    found = registry.find(engine, str(ready.id))
    assert (found.mode, found.before_live) == ("live", "add")


def test_going_live_is_asked_back_with_its_numbers_after_a_preview(
    server: Client,
    engine: Engine,
    settings: Settings,
    clock: Clock,
    ready: NewCompany,
    put: Callable[..., int],
) -> None:
    """Nobody says yes to what he was not shown; looking alone changes nothing."""
    path = f"/setup/{ready.setup_token}/go-live"
    assert "Look at what would be done" in server.get(path).text
    for name in ("Acme", "Bolt"):
        put(ready.id, name, state="pending", quickbooks={"name": name})
    ann = {"first_name": "Ann", "last_name": "Lee", "email": "ann@firm.example"}
    put(
        ready.id,
        "Ann Lee",
        kind="employee",
        state="pending",
        quickbooks={**ann, "name": "Ann Lee"},
    )
    company = registry.find(engine, str(ready.id))
    told = forecast.make(engine, company, settings, clock).told
    assert told["leaves"] == told["enters"] == [0, 0]
    text = server.get(path).text
    assert "2 customers and jobs" in text
    assert "1 new member is made in Mosaic" in text
    assert "within a minute" in text
    assert 'method="post" action="' + path in text
    assert registry.find(engine, str(ready.id)).mode == "preview"


def test_a_large_company_goes_live_by_its_last_preview_and_not_by_a_stale_one(
    server: Client,
    engine: Engine,
    settings: Settings,
    clock: Clock,
    ready: NewCompany,
    put: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What takes seconds is done by the worker; whoever presses the button is told."""
    monkeypatch.setattr(overlap, "_QUICK", 1)
    for number in range(2):
        name = f"Client {number}"
        put(ready.id, name, state="pending", quickbooks={"name": name})
    path = f"/setup/{ready.setup_token}/go-live"
    answer = server.post(path)
    assert (answer.status_code, "being worked out" in answer.text) == (409, True)
    with company_transaction(engine, ready.id) as connection:
        assert forecast.is_due(connection, ready.id, clock())

    clock.pass_(seconds=5)
    make = forecast.make

    def meanwhile(*values: Any) -> Any:
        assert server.post(path).status_code == 409
        with company_transaction(engine, ready.id) as connection:
            later = clock() + timedelta(days=1)
            registry.change(connection, ready.id, preview_at=later)
        return make(*values)

    monkeypatch.setattr(forecast, "make", meanwhile)
    assert forecast.serve_next(engine, settings, clock)

    def look(*_: object) -> None:
        raise AssertionError("looked while somebody waited")

    monkeypatch.setattr(overlap, "look", look)
    assert server.post(path).status_code == 303
    assert registry.find(engine, str(ready.id)).mode == "live"


def test_every_reason_not_to_go_live_is_a_line_of_its_own(
    server: Client, engine: Engine, new_company: NewCompanies
) -> None:
    """And nothing is changed."""
    made = new_company(mode="preview")
    answer = server.post(f"/setup/{made.setup_token}/go-live")
    assert answer.status_code == 409
    for reason in ("<li>The company file is not", "<li>QuickBooks&#39; employees"):
        assert reason in answer.text
    assert registry.find(engine, str(made.id)).mode == "preview"


def test_a_paused_company_does_not_go_live_by_a_button_of_before(
    server: Client, engine: Engine, clock: Clock, ready: NewCompany
) -> None:
    """Who operates the server paused it; only that one has it go on."""
    company_settings.set_values(
        engine, ready.id, now=clock(), who="test", mode="paused"
    )
    assert server.post(f"/setup/{ready.setup_token}/go-live").status_code == 303
    assert registry.find(engine, str(ready.id)).mode == "paused"


def test_who_is_late_is_told_so_by_what_the_worker_found(
    server: Client, engine: Engine, clock: Clock, ready: NewCompany
) -> None:
    """Time alone says nothing: the silence may have been ours."""
    path = f"/setup/{ready.setup_token}/overview"
    said = "Web Connector has not called for too long."
    with company_transaction(engine, ready.id) as connection:
        long_ago = clock() - timedelta(days=2)
        registry.change(connection, ready.id, last_seen_at=long_ago)
    assert said not in server.get(path).text
    with company_transaction(engine, ready.id) as connection:
        registry.change(connection, ready.id, late_at=clock())
    assert said in server.get(path).text
