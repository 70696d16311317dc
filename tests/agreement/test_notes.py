"""Notes that QuickBooks keeps in another form, edited on either side."""

from __future__ import annotations

import pytest

from qbwc_server.sandbox.quickbooks.company_file import Session
from tests.agreement.house import House
from tests.agreement.talk import Lost
from tests.agreement.test_findings import (
    day,
    in_mosaic,
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
)
from tests.agreement.test_lost_posts import let_it_settle

FULL = "Met 東京 by phone. " * 400 + "The end."
_EDITS = [
    ("3.5 h", "3-5 h"),
    ("Met the owner about the roof. Also prices.", "Met the owner about the roof."),
]


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


@pytest.mark.parametrize(("typed", "edited"), _EDITS)
def test_what_somebody_edits_before_a_creation_is_known_is_no_spelling(
    house: House, typed: str, edited: str
) -> None:
    """Mosaic took it and told nothing; its day is read after the edit."""
    in_quickbooks(house, typed, day=day(house, 0))
    house.sandbox.answer_mode = "mute"
    house.sandbox.dialect.keeps_log = False
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()
    (made,) = mosaic(house)
    house.clock.pass_(minutes=1)
    house.people.edit_time(made["mosaic_id"], description=edited)
    house.sandbox.dialect.keeps_log = True
    let_it_settle(house)
    house.quiet()
    assert (quickbooks(house)[0]["notes"], mosaic(house)[0]["description"]) == (
        edited,
        edited,
    )


@pytest.mark.parametrize(("typed", "edited"), _EDITS)
def test_what_somebody_edits_before_an_addition_is_known_is_no_spelling(
    house: House, monkeypatch: pytest.MonkeyPatch, typed: str, edited: str
) -> None:
    """The answer was lost, and QuickBooks has no stored one any more."""
    process = Session.process

    def is_lost(self: Session, qbxml: str) -> str:
        answer = process(self, qbxml)
        if "TimeTrackingAddRq" in qbxml:
            raise Lost
        return answer

    in_mosaic(house, typed, ago=0)
    house.clock.pass_(minutes=6)
    house.work()
    monkeypatch.setattr(Session, "process", is_lost)
    house.connect()
    monkeypatch.undo()
    house.file.store.run("DELETE FROM message_set")
    house.hands.edit_time(quickbooks(house)[0]["txn_id"], notes=edited)
    let_it_settle(house)
    house.quiet()
    assert (quickbooks(house)[0]["notes"], mosaic(house)[0]["description"]) == (
        edited,
        edited,
    )
