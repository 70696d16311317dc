"""People at work in the sandbox's Mosaic."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.team import TimeRules
from tests.sandbox.mosaic.test_sandbox import World


class Office:
    """A Mosaic with somebody in it who works."""

    def __init__(self) -> None:
        self.world = World()
        self.links = self.world.links()
        self.hands = MosaicHands(self.world.mosaic, calls_back=True)

    def add(self, **changes: Any) -> int:
        """Enter an hour."""
        entry: dict[str, Any] = {
            "member": self.links["member_id"],
            "day": "2026-03-01",
            "hours": 1,
            "project": self.links["project_id"],
            "category": self.links["standard_work_category_id"],
        }
        return self.hands.add_time(**entry | changes)

    def heard(self) -> list[tuple[str, int]]:
        """Return what was called back: the action and the entry."""
        self.world.mosaic.deliver_callbacks()
        posted = self.world.posted
        return [(one["actionType"], one["dataPayload"]["mosaicId"]) for one in posted]


@pytest.fixture
def office() -> Office:
    """Somebody in Mosaic."""
    return Office()


def test_people_add_edit_move_and_delete_time(office: Office) -> None:
    """Each act is seen in the list, and changes the entry's time."""
    one = office.add(text="Plans")
    portfolio = office.world.mosaic.objects("portfolio")[0]["mosaic_id"]
    other = office.world.mosaic.create("project", portfolio_id=portfolio, title="Shed")
    before = office.hands.time()[0]

    office.hands.edit_time(one, hours=2.5)
    office.hands.move_time(one, other["mosaic_id"])

    (entry,) = office.hands.time()
    assert (entry["hours"], entry["project_title"]) == ("2.5", "Shed")
    assert entry["phase_id"] == other["main_phase_id"]
    assert entry["updated_at"] > before["updated_at"] >= before["created_at"]
    office.hands.delete_time(one)
    assert office.hands.time() == []


def test_mosaic_may_call_back_for_what_people_do(office: Office) -> None:
    """With the switch on each act is told, without any reference of ours."""
    one = office.add()
    office.hands.edit_time(one, hours=2)
    office.hands.delete_time(one)

    assert office.heard() == [("create", one), ("update", one), ("delete", one)]
    assert [told["metadata"] for told in office.world.posted] == [{}, {}, {}]


def test_mosaic_may_be_silent_about_what_people_do(office: Office) -> None:
    """With the switch off nothing is told, and a fault can take a single one away."""
    office.world.mosaic.fail_next("callback_never", match="PEOPLE")
    office.add()
    office.hands.calls_back = False
    office.add()

    assert office.heard() == []


def test_what_people_do_is_no_write_of_ours(office: Office) -> None:
    """The list of accepted writes holds what came over the API alone."""
    office.hands.edit_time(office.add(), hours=2)

    assert office.world.mosaic.writes == []


def test_a_team_may_change_texts_and_refuse_one_entry(office: Office) -> None:
    """Trimmed, cut off, or refused: for the tests of what follows from that."""
    rules = TimeRules(longest_text=5, trims_text=True, poison="bad")
    office.world.mosaic.team.time_rules = rules

    office.add(text="  Plans and more ")

    assert office.hands.time()[0]["description"] == "Plans"
    with pytest.raises(Refused):
        office.add(text="a bad one")


def test_an_archived_project_is_seen_as_such(office: Office) -> None:
    """People archive projects by hand."""
    office.hands.archive("project", office.links["project_id"])

    assert office.world.mosaic.objects("project")[0]["is_archived"] is True
