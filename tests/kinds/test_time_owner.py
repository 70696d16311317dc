"""Whose an hour is among the company files of one Mosaic team: the whole table."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.kinds.time_owner import (
    Claim,
    Origin,
    Whose,
    able_to_take,
    origin,
    whose,
)

ME, OTHER, THIRD = 1, 2, 3


@pytest.mark.parametrize(
    ("claim", "more", "expected"),
    [
        (Claim(ME), {}, Whose.MINE),
        (Claim(ME), {"said": OTHER, "able": {OTHER}}, Whose.MINE),
        (Claim(OTHER), {}, Whose.OTHERS),
        (Claim(OTHER), {"said": ME, "able": {ME}}, Whose.OTHERS),
        (Claim(None), {"said": ME, "able": {ME}}, Whose.FORGOTTEN),
        (None, {"said": ME, "able": {ME, OTHER}}, Whose.MINE),
        (
            None,
            {"said": ME, "able": {ME, OTHER}, "others_making": True},
            Whose.WAIT,
        ),
        (None, {"said": OTHER, "able": {ME, OTHER}}, Whose.OTHERS),
        (None, {"able": {ME}}, Whose.MINE),
        (None, {"able": {ME}, "on_project": {ME, OTHER}}, Whose.MINE),
        (None, {"able": {ME}, "others_making": True}, Whose.WAIT),
        (Claim(ME), {"others_making": True}, Whose.MINE),
        (None, {"able": {OTHER}, "others_making": True}, Whose.OTHERS),
        (None, {"able": {OTHER}}, Whose.OTHERS),
        (None, {"able": {OTHER}, "may_be_mine": True}, Whose.MAYBE),
        (None, {"said": OTHER, "able": {ME}, "may_be_mine": True}, Whose.MAYBE),
        (None, {"on_project": {OTHER}, "may_be_mine": True}, Whose.MAYBE),
        (Claim(OTHER), {"able": {OTHER}, "may_be_mine": True}, Whose.OTHERS),
        (None, {"able": {ME}, "may_be_mine": True}, Whose.MINE),
        (None, {"able": {ME, OTHER}, "may_be_mine": True}, Whose.ASK),
        (None, {"able": {OTHER, THIRD}}, Whose.OTHERS),
        (None, {"able": {ME, OTHER}}, Whose.ASK),
        (None, {"able": {ME, OTHER}, "others_making": True}, Whose.ASK),
        (None, {"said_of_all": ME, "able": {ME, OTHER}}, Whose.MINE),
        (None, {"said_of_all": OTHER, "able": {ME, OTHER}}, Whose.OTHERS),
        (None, {"said_of_all": ME, "said": OTHER, "able": {ME, OTHER}}, Whose.OTHERS),
        (None, {"said_of_all": THIRD, "able": {ME, OTHER}}, Whose.ASK),
        (None, {"said_of_all": OTHER, "able": {ME}}, Whose.MINE),
        (None, {"said_of_all": ME, "able": {OTHER}}, Whose.OTHERS),
        (None, {"said_of_all": ME, "on_project": {ME}}, Whose.NOBODYS),
        (
            None,
            {"said_of_all": ME, "able": {ME, OTHER}, "others_making": True},
            Whose.WAIT,
        ),
        (
            None,
            {"said_of_all": OTHER, "able": {ME, OTHER}, "may_be_mine": True},
            Whose.MAYBE,
        ),
        (Claim(OTHER), {"said_of_all": ME, "able": {ME, OTHER}}, Whose.OTHERS),
        (None, {}, Whose.NOBODYS),
        (None, {"on_project": {ME}}, Whose.NOBODYS),
        (None, {"on_project": {ME, OTHER}}, Whose.NOBODYS),
        (None, {"on_project": {OTHER}}, Whose.OTHERS),
    ],
)
def test_an_hour_is_of_whoever_holds_it_then_of_whom_was_said_then_of_whoever_can(
    claim: Claim | None, more: dict[str, Any], expected: Whose
) -> None:
    """The first that tells anything decides; where several can, a person does."""
    assert whose(ME, claim, **more) is expected


@pytest.mark.parametrize(
    ("person", "project", "phase", "item", "expected"),
    [
        ({1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}),
        ({1, 2}, {1, 2}, set(), set(), {1, 2}),
        ({1}, {1, 2}, {1, 2}, {1, 2}, {1}),
        ({1, 2}, {2}, set(), {1, 2}, {2}),
        ({1}, {2}, set(), set(), set()),
        ({1, 2}, {1, 2}, {1}, {1, 2}, {1}),
        ({1, 2}, {1, 2}, {1, 2}, {2}, {2}),
        ({1}, {1}, {2}, {1}, {1}),
    ],
)
def test_a_file_can_take_what_it_has_linked(
    person: set[int],
    project: set[int],
    phase: set[int],
    item: set[int],
    expected: set[int],
) -> None:
    """Person and project in any case; phase and category where any file has them."""
    assert able_to_take(person, project, phase, item) == expected


@pytest.mark.parametrize(
    ("created", "added", "expected"),
    [
        (True, False, Origin.CREATED),
        (True, True, Origin.CREATED),
        (False, False, Origin.OWN),
        (False, True, Origin.ADDED),
    ],
)
def test_an_entry_that_two_files_have_begins_where_we_created_it_in_mosaic_from(
    created: bool, added: bool, expected: Origin
) -> None:
    """Then where it was before, and last where we added it."""
    assert origin(created=created, added=added) is expected
    assert sorted(Origin) == [Origin.CREATED, Origin.OWN, Origin.ADDED]
