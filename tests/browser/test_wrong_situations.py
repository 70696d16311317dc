"""Every stop is walked to its end with the buttons of the page alone.

Each begins with what people do in QuickBooks, Mosaic or Web Connector, and ends where
both sides have what was said. No command of support is used.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.agreement.test_findings import day, in_quickbooks, mosaic, quickbooks
from tests.browser.firm import Firm

expect.set_options(timeout=20_000)
_ASKED = "Answer what we ask you"
_ASKS = "What we ask you"


def _work(firm: Firm, entries: int) -> None:
    """Have Ann enter so many hours in QuickBooks, and all of it come to rest."""
    for number in range(entries):
        in_quickbooks(firm.house, "", day=day(firm.house, number % 3))
    firm.goes_on()


def _answer(firm: Firm, said: str, does: str, look: str = "") -> None:
    """Say something of the whole firm: asked back with what it does, then kept."""
    if look:
        firm.looking.at(f"ask-{look}")
    firm.press(said)
    bare = said.removeprefix("Yes, ").removeprefix("No, ")
    bare = f"{bare[0].upper()}{bare[1:]}"
    expect(firm.page.locator("h1")).to_have_text(f"{bare}?")
    expect(firm.page.locator("main")).to_contain_text(does)
    if look:
        firm.looking.at(f"sure-{look}")
    firm.press(f"Yes: {bare[0].lower()}{bare[1:]}")
    firm.is_told("Your answer is kept.")


@pytest.mark.parametrize(
    ("said", "does", "left"),
    [
        ("Put back what the restore undid", "is added again", 15),
        ("The restored file is right", "is removed from Mosaic, too", 3),
    ],
)
def test_a_restored_backup_is_put_back_or_right(
    firm: Firm, said: str, does: str, left: int
) -> None:
    """What the restore took is told in names and hours before anybody says a word."""
    _work(firm, 3)
    backup = firm.house.folder / "backup.qbb"
    firm.house.hands.back_up(backup)
    firm.house.clock.pass_(minutes=16)
    _work(firm, 12)
    firm.house.hands.restore(backup)
    firm.goes_on()

    assert firm.hours() == (3 * 60, 15 * 60)
    firm.says("No. Something is to be done first.", "12 time entries are missing")
    expect(firm.answer("What must I do?")).to_contain_text("Ann Lee 12:00")
    assert "say which side is right" in firm.status
    assert firm.supports()[0] == "customer"
    firm.follow(_ASKED, _ASKS)
    _answer(firm, said, does, look="restored" if left > 3 else "")
    firm.goes_on()
    firm.all_is_well(left * 60)


@pytest.mark.parametrize("side", ["QuickBooks", "Mosaic"])
def test_many_that_were_deleted_are_deleted_on_the_other_side(
    firm: Firm, side: str
) -> None:
    """Nothing is deleted before somebody has said that they were."""
    house, people = firm.house, firm.house.people
    _work(firm, 12)
    other = {"QuickBooks": "Mosaic", "Mosaic": "QuickBooks"}[side]
    if side == "QuickBooks":
        for entry in quickbooks(house):
            house.hands.delete_time(entry["txn_id"])
    else:
        people.calls_back = False
        for entry in mosaic(house):
            people.delete_time(entry["mosaic_id"])
    firm.goes_on()
    firm.passes(1)

    where = {"QuickBooks": "the company file", "Mosaic": "Mosaic"}[side]
    told = f"12 of 12 time entries are no longer in {where}"
    firm.says("No. Something is to be done first.", told)
    expect(firm.answer("What must I do?")).to_contain_text(
        f"Nothing was removed from {other}"
    )
    assert told in firm.status
    assert firm.supports()[0] == "customer"
    firm.follow(_ASKED, _ASKS)
    _answer(firm, "Yes, they were deleted", "counts as deleted", look=f"gone-{side}")
    firm.goes_on()
    firm.all_is_well(0)


@pytest.mark.parametrize("side", ["QuickBooks", "Mosaic"])
def test_what_was_gone_by_mistake_and_is_back_is_looked_at_again(
    firm: Firm, side: str
) -> None:
    """Of QuickBooks the backup from before is restored; of Mosaic access is back."""
    house, backup = firm.house, firm.house.folder / "before.qbb"
    _work(firm, 12)
    house.hands.back_up(backup)
    house.clock.pass_(minutes=16)
    there = house.sandbox.team.store.objects["time_entry"]
    hidden = dict(there) if side == "Mosaic" else {}
    if side == "Mosaic":
        there.clear()
    else:
        for entry in quickbooks(house):
            house.hands.delete_time(entry["txn_id"])
    firm.goes_on()
    firm.says("No. Something is to be done first.", "entries are no longer in")
    there.update(hidden)
    if side == "QuickBooks":
        house.hands.restore(backup)
    house.clock.pass_(minutes=5)
    firm.follow(_ASKED, _ASKS)
    _answer(firm, "No, look again", "nothing is taken away by that")
    firm.goes_on()
    firm.all_is_well(12 * 60)


def test_a_key_that_mosaic_takes_no_more_is_given_anew(firm: Firm) -> None:
    """A wrong one is refused in words; the right one is tried, and all goes on."""
    house = firm.house
    house.sandbox.team.api_key = "the-new-one"
    in_quickbooks(house, "")
    firm.passes()
    firm.run()

    firm.says("Not quite.", "enter the key that Mosaic gave you")
    assert "Mosaic did not accept the API key" in firm.status
    assert firm.supports()[0] == "customer"
    firm.follow(_ASKED, _ASKS)
    firm.looking.at("ask-key")
    field = firm.page.get_by_role("textbox", name="API key")
    field.fill("a-slip-of-the-clipboard")
    firm.press("Try it and keep it")
    firm.is_told("does not accept this key for team 100")
    firm.looking.errors.clear()
    field.fill("the-new-one")
    firm.press("Try it and keep it")
    firm.is_told("Mosaic accepts the key.")
    firm.goes_on()
    firm.all_is_well(60)


def test_a_file_in_which_it_was_never_added_is_told_though_nothing_is_asked(
    firm: Firm,
) -> None:
    """Web Connector ends such a run by itself, and says no more than that it did."""
    in_quickbooks(firm.house, "")
    right = firm.open_another_file(added=False)
    firm.passes()

    firm.says("Not quite.", "Another company file is open in QuickBooks.")
    expect(firm.answer("What must I do?")).to_contain_text(
        "open the one of this connection"
    )
    assert firm.supports()[0] == "customer"
    firm.house.file = right
    firm.goes_on()
    firm.all_is_well(60)


def test_the_wrong_file_is_named_and_the_right_one_goes_on(firm: Firm) -> None:
    """Nothing is read from the other one; nobody presses anything on the page."""
    in_quickbooks(firm.house, "")
    right = firm.open_another_file(added=True)
    firm.passes()

    firm.says("Not quite.", "The open company is Dry Dock Joinery")
    do = firm.answer("What must I do?")
    expect(do).to_contain_text("this connection is for Company 1")
    expect(do).to_contain_text("Open that company file in QuickBooks")
    expect(firm.answer("What is to be known?")).to_contain_text(
        "Nothing was read from the other file."
    )
    firm.looking.at("wrong-file")
    assert "The open company is Dry Dock Joinery" in firm.status
    assert firm.supports()[0] == "customer"
    assert firm.hours() == (0, 0)
    firm.house.file = right
    firm.goes_on()
    firm.all_is_well(60)


def test_a_file_that_was_moved_and_renamed_is_said_to_be_the_same(firm: Firm) -> None:
    """It might be a copy, so it is asked; nothing is read before."""
    in_quickbooks(firm.house, "")
    hands = firm.house.hands
    hands.set("company_name", "Harbor & Vale 2026")
    hands.set("file_name", "D:\\Books\\Harbor and Vale 2026.qbw")
    firm.passes()

    firm.says("Not quite.", "The open company is Harbor & Vale 2026")
    assert "The open company is Harbor & Vale 2026" in firm.status
    assert firm.supports()[0] == "customer"
    assert firm.hours() == (60, 0)
    firm.follow(_ASKED, _ASKS)
    _answer(firm, "It is the same file", "where it is now", look="moved")
    firm.goes_on()
    firm.all_is_well(60)
    expect(firm.page.locator("main")).to_contain_text("belongs to Harbor & Vale 2026")
