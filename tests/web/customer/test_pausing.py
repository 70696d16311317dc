"""The customer pauses his connection and resumes it, but not what support paused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.standing import reasons
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading
from tests.conftest import Clock
from tests.customer import Customer

NewCompanies = Callable[..., NewCompany]
WHY = "The books are closed until Monday."


def stored(engine: Engine, made: NewCompany) -> Company:
    """Return the company as it is stored."""
    return registry.find(engine, str(made.id))


def audited(engine: Engine, made: NewCompany) -> list[tuple[str, str | None, object]]:
    """Return who changed the company, why, and what."""
    audit = tables.audit
    with company_reading(engine, made.id) as connection:
        rows = connection.execute(
            sa.select(audit.c.who, audit.c.why, audit.c.detail)
            .where(audit.c.company_id == made.id, audit.c.what == "company changed")
            .order_by(audit.c.id)
        ).all()
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("mode", ["preview", "live"])
def test_a_customer_pauses_and_resumes_to_what_it_was(
    server: Client, engine: Engine, new_company: NewCompanies, mode: str
) -> None:
    """Asked back with what it means; a preview does not go live by it."""
    made = new_company(mode=mode)
    here = f"/setup/{made.setup_token}"
    assert f'href="{here}/pause"' in server.get(f"{here}/overview").text
    asked = server.get(f"{here}/pause").text
    assert "Nothing is lost" in asked
    assert "carried over afterwards" in asked
    assert stored(engine, made).mode == mode, "looking pauses nothing"

    answer = server.post(f"{here}/pause", data={"why": f"  {WHY}\r\n "})
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/overview")
    found = stored(engine, made)
    assert (found.mode, found.paused_by, found.paused_why) == (
        *("paused", "customer"),
        WHY,
    )
    text = server.get(f"{here}/overview").text
    for told in ("It is paused.", WHY, "on this page", ">Resume<", "Press Resume"):
        assert told in text, told
    assert ">Pause this connection<" not in text
    with company_reading(engine, made.id) as connection:
        first = reasons.read(connection, made.id)[0]
    assert (first.reason, first.who_must_act) == ("paused_by_customer", "customer")

    assert server.post(f"{here}/resume").status_code == 303
    again = stored(engine, made)
    assert (again.mode, again.paused_by, again.paused_why) == (mode, None, None)
    assert WHY not in server.get(f"{here}/overview").text
    assert audited(engine, made) == [
        ("the setup page", WHY, {"mode": "paused"}),
        ("the setup page", None, {"mode": mode}),
    ]


def test_pressed_twice_it_is_one_pause(
    server: Client, engine: Engine, clock: Clock, new_company: NewCompanies
) -> None:
    """Its beginning, its reason and what it was before stay; resuming twice, too."""
    made = new_company(mode="live")
    here = f"/setup/{made.setup_token}"
    server.post(f"{here}/pause", data={"why": WHY})
    since = stored(engine, made).mode_at
    clock.pass_(minutes=5)
    server.post(f"{here}/pause")
    found = stored(engine, made)
    assert (found.mode_at, found.paused_why) == (since, WHY)
    assert server.get(f"{here}/pause").status_code == 303
    server.post(f"{here}/resume")
    server.post(f"{here}/resume")
    assert stored(engine, made).mode == "live"
    assert len(audited(engine, made)) == 2


def test_what_support_paused_only_support_resumes(
    server: Client, engine: Engine, clock: Clock, new_company: NewCompanies
) -> None:
    """Also where the customer had paused before: then it is support's pause."""
    made = new_company(mode="live")
    here = f"/setup/{made.setup_token}"
    server.post(f"{here}/pause", data={"why": WHY})
    company_settings.pause(
        engine, stored(engine, made), now=clock(), who="eve", why="A wrong file."
    )
    text = server.get(f"{here}/overview").text
    for told in ("It is paused.", "by our support", "A wrong file.", "ask them"):
        assert told in text, told
    assert ">Resume<" not in text
    assert server.post(f"{here}/resume").status_code == 303
    assert server.post(f"{here}/pause", data={"why": "Mine."}).status_code == 303
    found = stored(engine, made)
    assert (found.mode, found.paused_by) == ("paused", "support")
    with company_reading(engine, made.id) as connection:
        first = reasons.read(connection, made.id)[0]
    assert (first.reason, first.who_must_act) == ("paused", "support")
    company_settings.resume(engine, found, now=clock(), who="eve")
    assert stored(engine, made).mode == "live"


def test_where_customers_may_not_switch_they_neither_pause_nor_resume(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """And the form of somebody else is refused."""
    strict = settings.model_copy(update={"customer_may_switch": False})
    server = Customer(app.wsgi(app.Parts(strict, engine, keys, clock)))
    made = new_company(mode="live")
    here = f"/setup/{made.setup_token}"
    assert server.get(f"{here}/pause").status_code == 403
    assert server.post(f"{here}/pause").status_code == 403
    assert f"{here}/pause" not in server.get(f"{here}/overview").text
    found = stored(engine, made)
    assert found.mode == "live"
    company_settings.pause(engine, found, now=clock(), who="x", by="customer")
    assert server.post(f"{here}/resume").status_code == 403
    assert ">Resume<" not in server.get(f"{here}/overview").text
    assert stored(engine, made).mode == "paused"
