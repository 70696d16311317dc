"""Objects that one side refuses, each alone among good ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from qbwc_server.sandbox.mosaic import fields
from qbwc_server.sandbox.mosaic.team import Team
from qbwc_server.sandbox.quickbooks import company_file
from qbwc_server.sandbox.quickbooks.answer import Refused, Reply
from qbwc_server.sandbox.quickbooks.store import Store
from qbwc_server.storage import tables
from tests.faults.conftest import MakePlant, on
from tests.faults.firm import Firm
from tests.faults.plant import Plant
from tests.faults.verdict import at_rest, come_to_rest

Handler = Callable[[Store, etree._Element], Reply]
_POISON = "Poison"


def _mosaic_refuses(patch: pytest.MonkeyPatch) -> None:
    for name in ("create", "update"):
        method = getattr(Team, name)

        def refusing(self: Team, *given: Any, method: Any = method) -> Any:
            if _POISON in str(given[-1]):
                raise fields.Refused(422, "it is not to my taste")
            return method(self, *given)

        patch.setattr(Team, name, refusing)


def _quickbooks_refuses(patch: pytest.MonkeyPatch) -> None:
    for name in ("TimeTrackingAddRq", "TimeTrackingModRq"):
        handler = company_file._HANDLERS[name]

        def refusing(
            store: Store, request: etree._Element, handler: Handler = handler
        ) -> Reply:
            if _POISON.encode() in etree.tostring(request):
                raise Refused(3140, "it is not to my taste")
            return handler(store, request)

        patch.setitem(company_file._HANDLERS, name, refusing)


@pytest.mark.parametrize("database", on("postgresql"))
def test_any_one_object_that_a_side_refuses_stops_itself_and_nothing_else(
    make_plant: MakePlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each kind: the lists, and time that is new or edited on either side."""
    plant = make_plant()
    firm, other = plant.firms
    edited_here, edited_there = firm.add_in_quickbooks(), firm.add_in_quickbooks()
    come_to_rest(plant)
    _mosaic_refuses(monkeypatch)
    _quickbooks_refuses(monkeypatch)
    hands = firm.hands
    hands.add("Customer", "Poison Inc")
    hands.add("Customer", "Poison House", parent=firm.jobs["Acme"])
    hands.add("ItemService", "Poison item")
    hands.add(
        "Employee",
        "Poison Ivy",
        FirstName="Poison",
        LastName="Ivy",
        Email="ivy@example.com",
    )
    bad = {firm.add_in_quickbooks(): "quickbooks", firm.add_in_mosaic(): "mosaic"}
    bad |= {edited_here: "quickbooks", edited_there: "mosaic"}
    for mark, side in bad.items():
        _poison(firm, mark, side)
    good = {firm.add_in_quickbooks(), firm.add_in_mosaic()}
    other.live(4)

    come_to_rest(plant)

    here, there = firm.ledger.in_quickbooks(), firm.ledger.in_mosaic()
    assert good <= here.keys() & there.keys()
    assert len(firm.agreement().time) == 2 + 2 * 2
    refused = _refused(plant, firm)
    assert len(refused) == 4 + len(bad)
    assert all("it is not to my taste" in reason for reason in refused)
    plant.firms.remove(firm)
    at_rest(plant)


def _poison(firm: Firm, mark: str, side: str) -> None:
    text = f"{mark} {_POISON}"
    if side == "quickbooks":
        txn_id = firm.ledger.in_quickbooks()[mark][0][0]
        firm.hands.edit_time(txn_id, notes=text)
    else:
        mosaic_id = firm.ledger.in_mosaic()[mark][0][0]
        firm.team.store.objects["time_entry"][mosaic_id]["description"] = text


def _refused(plant: Plant, firm: Firm) -> list[str]:
    record = tables.record
    with plant.engine.begin() as connection:
        rows = connection.execute(
            sa.select(record.c.reason).where(
                record.c.company_id == firm.new.id, record.c.state == "refused"
            )
        )
        return [str(row.reason) for row in rows]
