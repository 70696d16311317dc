"""Notes that QuickBooks keeps in another form, edited on either side."""

from __future__ import annotations

from tests.agreement.house import House
from tests.agreement.test_findings import (
    in_mosaic,
    linked,
    mosaic,
    quickbooks,
)

FULL = "Met 東京 by phone. " * 400 + "The end."


def test_an_edit_in_quickbooks_keeps_what_was_never_seen_there(house: House) -> None:
    """The cut end and the letters that a company file cannot hold stay in Mosaic."""
    in_mosaic(house, FULL)
    house.quiet()
    (there,) = quickbooks(house)
    assert there["notes"].startswith("Met ??")
    assert there["notes"].endswith("...")

    house.clock.pass_(hours=1)
    edited = there["notes"].replace("phone", "mail", 1)
    house.hands.edit_time(there["txn_id"], notes=edited)
    house.quiet()

    assert mosaic(house)[0]["description"] == FULL.replace("phone", "mail", 1)
    assert quickbooks(house)[0]["notes"] == edited
    assert linked(house).state == "in_sync"


def test_an_edit_in_mosaic_of_what_quickbooks_does_not_show_goes_nowhere(
    house: House,
) -> None:
    """And one of what it shows changes that, with nothing lost in Mosaic."""
    number = in_mosaic(house, FULL)
    house.quiet()
    before = quickbooks(house)[0]
    house.clock.pass_(hours=1)
    house.people.edit_time(number, description=FULL.replace("end", "very end"))
    house.quiet()
    assert quickbooks(house)[0]["edit_sequence"] == before["edit_sequence"]
    again = FULL.replace("phone", "mail", 1)
    house.clock.pass_(hours=1)
    house.people.edit_time(number, description=again)
    house.quiet()
    assert "mail" in quickbooks(house)[0]["notes"]
    assert mosaic(house)[0]["description"] == again
