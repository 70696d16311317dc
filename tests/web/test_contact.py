"""Whom a customer asks stands on every page, with what is said along."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.web import contact
from tests.conftest import Clock
from tests.customer import Customer

NewCompanies = Callable[..., NewCompany]


@pytest.mark.parametrize(
    ("address", "opens"),
    [
        ("help@firm.example", "mailto:help@firm.example"),
        ("+1 (555) 010-2030", "tel:+15550102030"),
        ("https://help.example/qb", "https://help.example/qb"),
        ("javascript:alert(1)", ""),
        ("the room on the left", ""),
    ],
)
def test_an_address_opens_what_it_is(address: str, opens: str) -> None:
    """A mail, a telephone, a page; anything else is only shown."""
    found = contact.of(Settings(contact_address=address))
    assert found is not None
    assert (found.name, found.opens) == ("Our support", opens)


def test_nobody_is_named_where_nobody_is_set() -> None:
    """Hours alone are nobody."""
    assert contact.of(Settings(contact_hours="weekdays")) is None


def test_every_page_names_whom_to_ask_and_has_the_details_to_copy(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """Also the pages of no company; no secret is among the details."""
    named = settings.model_copy(
        update={
            "contact_name": "Mara Quill",
            "contact_address": "mara@firm.example",
            "contact_hours": "weekdays 9 to 5",
            "metrics_token": SecretStr(""),
        }
    )
    server: Client = Customer(app.wsgi(app.Parts(named, engine, keys, clock)))
    made = new_company("Alice")
    here = f"/setup/{made.setup_token}"
    for page in ("", "/overview", "/records", "/questions", "/preview", "/runs"):
        text = server.get(f"{here}{page}").text
        assert "Mara Quill" in text
        assert "mailto:mara@firm.example" in text
        assert f"Company: Alice ({made.id}), user name {made.username}" in text
        assert "To do: " in text
        for secret in (made.password, made.setup_token, made.webhook_token):
            assert secret not in text.partition('id="details"')[2]
    assert "Mara Quill" in server.get("/").text
