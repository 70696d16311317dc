"""What the customer decides for all of his time, before going live and after it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words.policies import POLICIES
from tests.conftest import Clock
from tests.customer import Customer

NewCompanies = Callable[..., NewCompany]


def test_every_rule_has_words_and_the_first_is_what_a_company_begins_with(
    engine: Engine, new_company: NewCompanies
) -> None:
    """None that nobody knows, and none left out."""
    assert tuple(one.id for one in POLICIES) == tables.POLICIES
    made = new_company()
    assert registry.find(engine, str(made.id)).policy == POLICIES[0].id


@pytest.mark.parametrize(
    ("mode", "page"), [("preview", "preview"), ("live", "overview")]
)
def test_the_rule_is_shown_and_chosen(
    server: Client, engine: Engine, new_company: NewCompanies, mode: str, page: str
) -> None:
    """With what it does, and kept in the audit; a word that is none changes nothing."""
    made = new_company(mode=mode)
    here = f"/setup/{made.setup_token}"
    for chosen in ("ask", "quickbooks"):
        answer = server.post(f"{here}/rule", data={"rule": chosen})
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith(f"/{page}")
        text = server.get(f"{here}/{page}").text
        for one in POLICIES:
            is_chosen = f'value="{one.id}" checked' in text
            assert is_chosen is (one.id == chosen)
            assert one.does.replace("'", "&#39;") in text
    assert server.post(f"{here}/rule", data={"rule": "mine"}).status_code == 400
    with company_transaction(engine, made.id) as connection:
        audit = tables.audit
        rows = connection.execute(
            sa.select(audit.c.detail).where(audit.c.who == "the setup page")
        ).scalars()
        assert list(rows) == [{"policy": "ask"}, {"policy": "quickbooks"}]


def test_where_customers_may_not_switch_the_rule_is_only_shown(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """And the form of somebody else is refused."""
    strict = settings.model_copy(update={"customer_may_switch": False})
    server = Customer(app.wsgi(app.Parts(strict, engine, keys, clock)))
    here = f"/setup/{new_company().setup_token}"
    assert server.post(f"{here}/rule", data={"rule": "ask"}).status_code == 403
    text = server.get(f"{here}/overview").text
    assert POLICIES[0].title in text
    assert 'name="rule"' not in text


def test_the_first_screen_says_what_this_is_until_a_file_is_known(
    server: Client, engine: Engine, new_company: NewCompanies
) -> None:
    """What it does, what it leaves alone, which way, how long, and where to open it."""
    made = new_company(mode="preview")
    here = f"/setup/{made.setup_token}"
    text = server.get(here).text
    for told in (
        "in agreement",
        "from QuickBooks to Mosaic",
        "both ways",
        "neither read nor changed",
        "ten minutes",
        "on the computer with QuickBooks",
        "mailto:?subject=Connect%20Alice%20%26%20Co%20to%20Mosaic&amp;body=",
        "full access",
        "virtual machine",
        "Sync Manager",
    ):
        assert told in text, told
    with company_transaction(engine, made.id) as connection:
        registry.change(connection, made.id, file_name="Alice")
    assert "neither read nor changed" not in server.get(here).text
