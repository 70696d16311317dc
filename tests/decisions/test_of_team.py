"""What is done by one word for all that two company files have: the whole table."""

from __future__ import annotations

import pytest

from qbwc_server.decisions.overlap import Overlap
from qbwc_server.decisions.questions.of_team import (
    NOT_BELOW,
    Said,
    Step,
    in_order,
    steps,
)

BOLT, ACME, HOUSE, PLAN, BARN, ANN = 1, 2, 3, 4, 5, 6
_ALL = (BOLT, ACME, HOUSE, PLAN, BARN)


def _one(number: int, data_type: str, name: str, parent: int | None = None) -> Overlap:
    """Something both have; its record has the number, and Mosaic's a thousand more."""
    needs = data_type != "employee"
    above = None if parent is None else 1000 + parent
    return Overlap(
        data_type, 1000 + number, name, number, name, not needs, needs, "", above
    )


COMMON = [
    _one(PLAN, "phase", "Acme:House:Plan", HOUSE),
    _one(HOUSE, "project", "Acme:House", ACME),
    _one(BARN, "project", "Barn", 99),
    _one(ANN, "employee", "Ann Lee"),
    _one(BOLT, "client", "Bolt"),
    _one(ACME, "client", "acme"),
]


def test_clients_come_with_their_projects_and_phases_by_name() -> None:
    """What stands under something that only this file has is at the top; no people."""
    assert [(row.one.record_id, row.depth) for row in in_order(COMMON)] == [
        (ACME, 0),
        (HOUSE, 1),
        (PLAN, 2),
        (BARN, 0),
        (BOLT, 0),
    ]


@pytest.mark.parametrize(
    ("said", "all_", "done", "refused"),
    [
        ({}, None, [], []),
        (
            {},
            "share",
            [
                (ACME, "share"),
                (HOUSE, "share"),
                (PLAN, "share"),
                (BARN, "share"),
                (BOLT, "share"),
            ],
            [],
        ),
        ({}, "new", [(ACME, "new"), (BARN, "new"), (BOLT, "new")], []),
        (
            {ACME: "new"},
            "share",
            [(ACME, "new"), (BARN, "share"), (BOLT, "share")],
            [],
        ),
        (
            {HOUSE: "later", BOLT: "none"},
            "share",
            [(ACME, "share"), (HOUSE, "later"), (BARN, "share"), (BOLT, "none")],
            [],
        ),
        (
            {ACME: "share"},
            "new",
            [(ACME, "share"), (HOUSE, "new"), (BARN, "new"), (BOLT, "new")],
            [],
        ),
        ({ACME: "share"}, None, [(ACME, "share")], []),
        ({HOUSE: "share"}, None, [], [HOUSE]),
        ({ACME: "new", HOUSE: "share"}, None, [(ACME, "new")], [HOUSE]),
        ({ACME: "new", HOUSE: "none"}, None, [(ACME, "new"), (HOUSE, "none")], []),
        (
            {ACME: "share", HOUSE: "share"},
            None,
            [(ACME, "share"), (HOUSE, "share")],
            [],
        ),
    ],
)
def test_a_row_s_own_word_comes_first_and_what_stands_below_follows(
    said: dict[int, Said],
    all_: Said | None,
    done: list[tuple[int, Said]],
    refused: list[int],
) -> None:
    """Under what is made anew nothing is shared, and nothing needs a word."""
    shown = {(number, 1000 + number): said.get(number) for number in _ALL}
    assert steps(in_order(COMMON), shown, all_) == (
        [Step(number, 1000 + number, word) for number, word in done],
        [(number, NOT_BELOW) for number in refused],
    )


def test_only_what_was_shown_is_done() -> None:
    """Neither what came since, nor a record that would be linked to another by now."""
    shown = {(BOLT, 1000 + BOLT): None, (BARN, 7): None}
    assert steps(in_order(COMMON), shown, "share") == (
        [Step(BOLT, 1000 + BOLT, "share")],
        [],
    )


def test_what_is_shared_already_is_not_done_again() -> None:
    """And what stands under it may be shared."""
    shared = Overlap("client", 1000 + ACME, "Acme", ACME, "Acme", True, False, "")
    common = [shared, *(one for one in COMMON if one.record_id != ACME)]
    shown = {(number, 1000 + number): None for number in (ACME, HOUSE)}
    assert steps(in_order(common), shown, "share") == (
        [Step(HOUSE, 1000 + HOUSE, "share")],
        [],
    )
