"""What is to be done has a link to where it is done, and no other one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qbwc_server.standing.where_to import leads
from tests.standing.test_progress import BOUND, LIVE, LOOKED, NEW, WRONG_PASSWORD


@pytest.mark.parametrize(
    ("waits", "said"),
    [
        ({}, []),
        ({"questions": 1}, ["Answer what we ask you"]),
        ({"needs": 2}, ["Show what needs you"]),
        ({"conflicts": 1}, ["Say which side is right"]),
        ({"to_see": 1}, ["Have a look"]),
        ({"conflicts": 1, "to_see": 1}, ["Say which side is right"]),
        ({"shared": 3}, ["Say what both share"]),
        (
            {"needs": 1, "questions": 1},
            ["Answer what we ask you", "Show what needs you"],
        ),
    ],
)
def test_what_waits_has_a_link(waits: dict[str, int], said: list[str]) -> None:
    """Where both are under Conflicts, one link leads there."""
    assert list(leads(LIVE, **waits).values()) == said


def test_a_wrong_password_leads_to_where_one_is_shown() -> None:
    """On a page that is live, too, where all steps are folded."""
    assert leads(replace(LIVE, hinders=WRONG_PASSWORD)) == {
        "connect#step-password": "Show a password"
    }


def test_the_next_step_of_the_first_hour_leads_to_its_place() -> None:
    """What is done elsewhere, in QuickBooks, has no link."""
    assert list(leads(NEW)) == ["connect#step-added"]
    assert leads(BOUND) == {}
    assert list(leads(LOOKED)) == ["preview"]
