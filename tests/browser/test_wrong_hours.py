"""What people do twice, at odds, or not at all is settled by the buttons of the page.

Each begins with what people do in QuickBooks, Mosaic or Web Connector, and ends where
both sides have what was said. No command of support is used.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.agreement.hours import typed_in_mosaic
from tests.agreement.test_findings import day, in_quickbooks, mosaic, quickbooks
from tests.browser.firm import SUPPORT, Firm

expect.set_options(timeout=20_000)
_RULE = "Which side is right"


def _choose_rule(firm: Firm, rule: str) -> None:
    """Choose on the overview which side is right where both changed an entry."""
    firm.open()
    firm.page.get_by_role("group", name=_RULE).get_by_label(rule).check()
    firm.press("Keep this rule")
    firm.page.wait_for_load_state()


def _both_change_it(firm: Firm) -> None:
    """Have one entry on both sides, and other hours entered on each of them."""
    house = firm.house
    in_quickbooks(house, "")
    firm.goes_on()
    (here,), (there,) = quickbooks(house), mosaic(house)
    house.hands.edit_time(here["txn_id"], minutes=90)
    house.people.edit_time(there["mosaic_id"], hours=3.25)
    firm.goes_on()


def _type_on_both_sides(firm: Firm) -> None:
    """Have the same hour typed on both sides, while the customer has it rest."""
    firm.open()
    firm.page.get_by_role("link", name="Pause this connection").click()
    firm.page.get_by_label("Why?").fill("Month end.")
    firm.press("Yes, pause it")
    expect(firm.answer("Is it working?")).to_contain_text("It is paused.")
    in_quickbooks(firm.house, "", day=day(firm.house, 0))
    typed_in_mosaic(firm.house, hours=1.0)
    firm.passes()
    assert firm.supports() == (
        "customer",
        "This connection was paused on the setup page.",
    )
    firm.open()
    firm.press("Resume")
    expect(firm.answer("Is it working?")).to_contain_text("Yes")
    firm.goes_on()


@pytest.mark.parametrize(("side", "minutes"), [("QuickBooks", 90), ("Mosaic", 195)])
def test_a_conflict_is_asked_and_the_side_that_is_right_goes_to_the_other(
    firm: Firm, side: str, minutes: int
) -> None:
    """Both values stand side by side, and neither side is changed before."""
    _choose_rule(firm, "Ask me, each time.")
    _both_change_it(firm)

    assert firm.hours() == (90, 195)
    firm.says("Yes.", "1 conflict is to settle.")
    assert "1 needs you" in firm.status
    assert firm.supports()[0] == "customer"
    firm.follow("Say which side is right", "Conflicts")
    for value in ("1:30", "3:15"):
        expect(firm.page.get_by_role("cell", name=value, exact=True)).to_be_visible()
    firm.press(f"{side} is right")
    firm.is_told("Your choice is kept.")
    firm.goes_on()
    firm.all_is_well(minutes)


@pytest.mark.parametrize(
    ("button", "minutes"), [("I have seen it", 195), ("Take what QuickBooks had", 90)]
)
def test_what_a_rule_decided_is_seen_or_the_other_is_taken(
    firm: Firm, button: str, minutes: int
) -> None:
    """It stands with a badge until then."""
    _choose_rule(firm, "Mosaic is right.")
    _both_change_it(firm)

    assert firm.hours() == (195, 195)
    firm.says("Yes.", "1 time entry was changed on both sides; Mosaic's values were")
    expect(firm.page.locator("nav .count")).to_contain_text("1")
    firm.follow("Have a look", "Conflicts")
    firm.looking.at("decided-by-rule")
    firm.press(button)
    firm.is_told("Your choice is kept.")
    firm.goes_on()
    firm.all_is_well(minutes)


@pytest.mark.parametrize(("button", "minutes"), [("seen", 60), ("two", 120)])
def test_what_was_typed_twice_is_one_or_two(
    firm: Firm, button: str, minutes: int
) -> None:
    """Typed during a pause of the customer's, who pauses and resumes it."""
    _type_on_both_sides(firm)

    assert firm.hours() == (60, 60)
    firm.says("Yes.", "1 entry, 1:00 hours, was typed on both sides and is one")
    expect(firm.page.locator("nav .count")).to_contain_text("1")
    firm.follow("Have a look", "Conflicts")
    if button == "seen":
        firm.looking.at("typed-twice")
        firm.press("I have seen it")
    else:
        firm.page.get_by_role("button", name="They are two").click()
    expect(firm.page.get_by_text("There is no conflict.")).to_be_visible()
    firm.goes_on()
    firm.all_is_well(minutes)


def test_who_is_late_is_told_what_to_look_at_and_is_back_by_itself(firm: Firm) -> None:
    """The computer was off: the page says so, and forgets it at the next call."""
    firm.goes_on()
    in_quickbooks(firm.house, "")
    firm.is_silent(minutes=15)

    firm.says("No. Something is to be done first.", "Web Connector has not called for")
    expect(firm.answer("What must I do?")).to_contain_text("Auto-Run is ticked")
    firm.looking.at("late")
    assert firm.supports()[0] == "customer"
    firm.goes_on()
    firm.all_is_well(60)


def test_a_wrong_password_is_said_and_a_new_one_is_shown(firm: Firm) -> None:
    """Someone typed it again and slipped: Web Connector and page say the same."""
    firm.goes_on()
    in_quickbooks(firm.house, "")
    firm.password = "not the password"
    for _ in range(4):
        firm.is_silent(minutes=4)
        assert firm.run().error == "QBWC1040"

    firm.says("No. Something is to be done first.", "a password that is not right")
    assert "Invalid password" in firm.status
    assert firm.supports()[0] == "customer"
    firm.follow("Show a password", "Connect Company 1")
    firm.press("Show a password")
    firm.password = firm.page.locator("#password-text").inner_text()
    firm.goes_on()
    firm.all_is_well(60)


def test_a_link_that_has_ended_says_whom_to_ask(firm: Firm) -> None:
    """And says what it was, and that the connection goes on."""
    firm.open()
    firm.house.clock.pass_(seconds=timedelta(days=400).total_seconds())
    firm.page.goto(f"{firm.url}/overview")
    expect(firm.page.locator("h1")).to_have_text("This link has ended")
    main = firm.page.locator("main")
    expect(main).to_contain_text("The connection itself goes on")
    expect(main).to_contain_text(f"or ask {SUPPORT}, who is named below")
    mail = firm.page.get_by_role("link", name="help@harbor.example")
    expect(mail).to_have_attribute("href", "mailto:help@harbor.example")
    firm.looking.errors.clear()
    firm.looking.at("link-ended")
