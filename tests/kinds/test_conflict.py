"""A person's word is for the values that were shown, and is used once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qbwc_server.kinds import conflict
from qbwc_server.kinds.time_plan import plan
from qbwc_server.kinds.two_way import Company, Do
from tests.kinds.test_time_plan import AGREED, MOSAIC, QUICKBOOKS, entry

ASKED = {"quickbooks": 120, "mosaic": 180, "kept": None}
SAID = {**ASKED, "settled": "mosaic"}
DONE = {**SAID, "kept": "mosaic"}
USED = {**DONE, "used": True}


def sides(here: int, there: int, agreed: int = 60) -> Any:
    """Return an entry with these minutes on each side, and what both last had."""
    both = {
        "quickbooks": {**AGREED["quickbooks"], "minutes": agreed},
        "mosaic": {**AGREED["mosaic"], "minutes": agreed},
    }
    return entry(
        {**QUICKBOOKS, "minutes": here}, {**MOSAIC, "minutes": there}, agreed=both
    )


@pytest.mark.parametrize(
    ("kept", "here", "there", "word"),
    [
        (ASKED, 120, 180, {}),
        (SAID, 120, 180, {"minutes": "mosaic"}),
        (SAID, 121, 180, {}),
        (SAID, 120, 181, {}),
        (SAID, 180, 120, {}),
        (DONE, 120, 180, {"minutes": "mosaic"}),
        (USED, 120, 180, {}),
    ],
)
def test_a_word_is_used_while_both_values_stand(
    kept: dict[str, Any], here: int, there: int, word: dict[str, str]
) -> None:
    """Also while what it said is on its way; not for other values, and not twice."""
    now = sides(here, there)
    assert conflict.words({"minutes": kept}, now.quickbooks, now.mosaic) == word
    assert conflict.words(None, None, None) == {}


@pytest.mark.parametrize(
    ("before", "told", "after"),
    [
        (None, ASKED, ASKED),
        (SAID, {**ASKED, "kept": "mosaic"}, DONE),
        (SAID, {**ASKED, "mosaic": 300}, {**ASKED, "mosaic": 300}),
        (DONE, {**ASKED, "quickbooks": 10}, {**ASKED, "quickbooks": 10}),
        (USED, ASKED, ASKED),
    ],
)
def test_another_conflict_is_another_question(
    before: Any, told: dict[str, Any], after: dict[str, Any]
) -> None:
    """A word stays only with the values it was said of; other fields stay as told."""
    notes = {"quickbooks": "a", "mosaic": "b", "kept": "quickbooks"}
    kept = {"notes": notes} | ({} if before is None else {"minutes": before})
    found = conflict.with_told(kept, {"minutes": told})
    assert found == {"notes": notes, "minutes": after}


RULED = {**ASKED, "kept": "quickbooks"}


@pytest.mark.parametrize(
    ("kept", "now", "left", "over"),
    [
        (ASKED, (120, 180, 60), ASKED, None),
        (SAID, (120, 180, 60), SAID, None),
        (DONE, (120, 180, 60), DONE, None),
        (DONE, (180, 180, 180), USED, DONE),
        (DONE, (240, 180, 180), USED, DONE),
        (USED, (180, 180, 180), USED, None),
        (SAID, (180, 180, 60), None, SAID),
        (SAID, (60, 180, 60), None, SAID),
        (ASKED, (120, 60, 60), None, ASKED),
        (RULED, (120, 120, 120), RULED, None),
    ],
)
def test_what_was_carried_out_or_no_longer_stands_is_over(
    kept: dict[str, Any], now: tuple[int, int, int], left: Any, over: Any
) -> None:
    """What a policy decided stays until a person has seen it."""
    found = conflict.with_used_up({"minutes": kept}, sides(*now))
    assert found == tuple({} if it is None else {"minutes": it} for it in (left, over))


def test_the_plan_asks_again_about_other_values() -> None:
    """The hours of a later edit are not overwritten by an older word."""
    now = sides(10, 480, agreed=180)
    word = conflict.words({"minutes": USED}, now.quickbooks, now.mosaic)
    assert word == {}
    action = plan(now, Company(policy="ask"))
    assert (action.do, action.state) == (Do.NOTHING, "conflict")


def test_the_mark_tells_whether_the_same_values_were_shown() -> None:
    """Values that are not asked about any more do not matter."""
    one = conflict.mark({"minutes": ASKED})
    assert one == conflict.mark({"minutes": dict(ASKED), "notes": USED})
    assert one != conflict.mark({"minutes": {**ASKED, "mosaic": 181}})
    assert one != conflict.mark({"minutes": {**ASKED, "settled": "mosaic"}})
    assert conflict.asked({"minutes": SAID, "notes": USED, "item": ASKED}) == {
        "item": ASKED
    }


def test_what_a_rule_decided_is_what_no_person_said() -> None:
    """A question is not decided, and a word that was carried out is a person's."""
    kept = {"quickbooks": 1, "mosaic": 2, "kept": "mosaic"}
    assert conflict.by_rule({"minutes": kept}) == {"mosaic"}
    assert conflict.by_rule({"minutes": {**kept, "settled": "mosaic"}}) == set()
    assert conflict.by_rule({"minutes": {**kept, "kept": None}}) == set()
    assert conflict.by_rule(None) == set()


def test_what_is_seen_is_told_again_only_where_the_other_side_is_kept() -> None:
    """By another policy, before what was kept had left; or for other values."""
    (one,) = conflict.seen({"minutes": RULED}).values()
    before = {"minutes": one}
    assert conflict.with_told(before, {"minutes": RULED}) == before
    other = {**RULED, "kept": "mosaic"}
    assert conflict.with_told(before, {"minutes": other}) == {"minutes": other}
    changed = {**RULED, "mosaic": 1}
    assert conflict.with_told(before, {"minutes": changed}) == {"minutes": changed}
    assert conflict.with_used_up(before, sides(120, 120, 120)) == ({}, {})


TAKEN = {"quickbooks": 120, "mosaic": 180, "kept": "mosaic", "instead": True}
"""What a person wants in place of what a rule kept: QuickBooks' two hours."""


@pytest.mark.parametrize(
    ("kept", "now", "wanted", "left"),
    [
        # Both sides have what was kept: it is to be done.
        (TAKEN, (180, 180, 180), 120, TAKEN),
        (TAKEN, (180, 180, 120), 120, TAKEN),
        # Mosaic has the other one, or both: it is done, or on its way.
        (TAKEN, (180, 120, 180), None, None),
        (TAKEN, (120, 120, 120), None, None),
        # Somebody has typed something else since.
        (TAKEN, (45, 180, 180), 120, None),
        (TAKEN, (180, 45, 180), None, None),
        (RULED, (120, 120, 120), None, RULED),
    ],
)
def test_what_is_wanted_instead_stands_while_both_sides_have_what_was_kept(
    kept: dict[str, Any], now: tuple[int, int, int], wanted: int | None, left: Any
) -> None:
    """QuickBooks, Mosaic, and what they agreed on last."""
    both = sides(*now)
    found = conflict.instead({"minutes": kept}, both.quickbooks, both.mosaic)
    assert found == ({} if wanted is None else {"minutes": wanted})
    stands, _ = conflict.with_used_up({"minutes": kept}, both)
    assert stands == ({} if left is None else {"minutes": left})
    action = plan(replace(both, instead=found), Company(policy="mosaic"))
    taken = (action.do, dict(action.fields), dict(action.basis))
    if left is TAKEN and now[1] == now[2]:
        assert taken == (Do.UPDATE, {"minutes": 120}, {})
    else:
        assert taken != (Do.UPDATE, {"minutes": 120}, {})


@pytest.mark.parametrize(
    ("field", "values", "kept", "wanted"),
    [
        ("minutes", (90, 195), "mosaic", 90),
        ("minutes", (90, 195), "quickbooks", 195),
        ("billable", ("HasBeenBilled", False), "mosaic", True),
        ("billable", ("NotBillable", True), "mosaic", False),
        ("notes", ("short", "a text"), "mosaic", "short"),
        ("notes", ("x" * 4_095, "a text"), "mosaic", None),
        ("person", ("80000001-1", 7), "mosaic", None),
        ("person", ("80000001-1", 7), "quickbooks", 7),
    ],
)
def test_the_other_value_is_taken_in_mosaic_s_terms_or_not_at_all(
    field: str, values: tuple[Any, Any], kept: str, wanted: Any
) -> None:
    """What QuickBooks names by its own numbers, or has cut, is typed there again."""
    one = {"quickbooks": values[0], "mosaic": values[1], "kept": kept}
    other = "quickbooks" if kept == "mosaic" else "mosaic"
    assert conflict.takes_other({field: one}, kept) == set()
    takes = conflict.takes_other({field: one}, other)
    assert takes == (set() if wanted is None else {field})
    if wanted is not None:
        has = {kept: {field: one[kept]}, other: {}}
        said = {field: {**one, "instead": True}}
        found = conflict.instead(said, has["quickbooks"], has["mosaic"])
        assert found == {field: wanted}
