"""What another integration made in Mosaic is adopted, and nothing is made twice."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.decisions import linking
from qbwc_server.decisions.linking import Word
from qbwc_server.decisions.suggestions import suggest
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.delivery.mirror import Mirror

TYPES = ("client", "project", "phase", "employee", "standard_work_category")


def _make(sandbox: MosaicSandbox, data_type: str, **fields: Any) -> int:
    return int(sandbox.create(data_type, **fields)["mosaic_id"])


def _everything(mirror: Mirror, portfolio: str) -> None:
    """Make all of the firm in Mosaic, as somebody else would have written it."""
    sandbox = mirror.sandbox
    number = _make(sandbox, "portfolio", title=portfolio)
    for name in ("ACME  incorporated", "bolt "):
        _make(sandbox, "client", client_name=name)
    house = _make(
        sandbox,
        "project",
        title="house",
        portfolio_id=number,
        client="ACME  incorporated",
    )
    _make(sandbox, "phase", name=" Sketches", project_id=house)
    garage = _make(
        sandbox, "project", title="GARAGE", portfolio_id=number, client="bolt "
    )
    sandbox.archive("project", garage)
    _make(
        sandbox, "employee", email="Ann@Example.com", first_name="Ann", last_name="Lee"
    )
    _make(sandbox, "employee", email="bo@x.com", first_name="bo", last_name="BERG")
    for title in ("design", "Detail "):
        _make(sandbox, "standard_work_category", title=title)


@pytest.mark.parametrize("portfolio", ["Alice & Co", "Sync Manager"])
def test_a_mosaic_that_has_everything_gets_nothing_twice(
    firm: Mirror, portfolio: str
) -> None:
    """In other spellings, archived, and in a portfolio of somebody else's."""
    _everything(firm, portfolio)
    before = {name: len(firm.sandbox.objects(name)) for name in TYPES}
    firm.run()

    assert {name: len(firm.sandbox.objects(name)) for name in TYPES} == before
    created = [one for one in firm.writes() if one[0] == "create"]
    assert [kind for _, kind in created if kind != "portfolio"] == []
    waiting = [
        row.name
        for row in firm.rows(tables.record)
        if row.state != "in_sync" and row.kind != "time_entry"
    ]
    assert waiting == ["Bo Berg"]  # no address: found by name, and asked for
    row, company = firm.record("E2"), firm.state()
    with company_transaction(firm.engine, company.id) as connection:
        told = suggest(connection, company, [row])[row.id]
    assert [(one.name, one.by) for one in told] == [("bo BERG <bo@x.com>", "name")]


def test_a_project_with_its_customer_s_name_in_front_is_similar(firm: Mirror) -> None:
    """Where the older integration folded names, a person confirms before going live."""
    firm.change(mode="preview")
    number = _make(firm.sandbox, "portfolio", title="Alice & Co")
    client = _make(firm.sandbox, "client", client_name="Acme Incorporated")
    folded = _make(
        firm.sandbox,
        "project",
        title="Acme:House",
        portfolio_id=number,
        client="Acme Incorporated",
    )
    firm.run()
    word = Word("bookkeeper", firm.clock())
    customer, company = firm.record("C1"), firm.state()
    with company_transaction(firm.engine, company.id) as connection:
        linking.link(connection, company.id, customer.id, client, word)
    row = firm.record("J1")
    with company_transaction(firm.engine, company.id) as connection:
        told = suggest(connection, company, [row])[row.id]
        assert [(one.mosaic_id, one.by) for one in told] == [(folded, "similar")]
        linking.link(connection, company.id, row.id, folded, word)
    firm.change(mode="live")
    firm.run()

    assert firm.names("project") == ["Garage", "House"]
