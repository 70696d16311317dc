"""What is done about a time entry, for every combination of what both sides did."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from qbwc_server.kinds.time_entry import FIELDS
from qbwc_server.kinds.time_plan import BRANCHES, plan
from qbwc_server.kinds.two_way import (
    IN_MOSAIC,
    IN_QUICKBOOKS,
    Company,
    Do,
    Entry,
    Missing,
    Part,
    agreed_after,
    parts,
)

QUICKBOOKS = {
    "date": "2026-03-02",
    "minutes": 60,
    "person": "P-1",
    "job": "J-1",
    "item": "I-1",
    "class": None,
    "payroll_item": None,
    "notes": "Plans",
    "billable": "Billable",
}
MOSAIC = {
    "date": "2026-03-02",
    "minutes": 60,
    "person": 1,
    "job": [10, 11],
    "item": 21,
    "notes": "Plans",
    "billable": True,
    "updated_at": "2026-03-02T10:00:00+00:00",
}
PAIRS: dict[str, dict[Any, Any]] = {
    "person": {"P-1": 1, "P-2": 2, "P-3": 3},
    "job": {"J-1": [10, 11], "J-2": [12, 13], "J-3": [14, 15]},
    "item": {"I-1": 21, "I-2": 22, "I-3": 23},
    "billable": {"Billable": True, "NotBillable": False, "HasBeenBilled": True},
}
AGREED = {
    "quickbooks": {name: QUICKBOOKS[name] for name in FIELDS},
    "mosaic": {name: MOSAIC[name] for name in FIELDS},
}
OTHER: dict[str, tuple[Any, Any]] = {
    "date": ("2026-03-03", "2026-03-04"),
    "minutes": (90, 120),
    "person": ("P-2", 3),
    "job": ("J-2", [14, 15]),
    "item": ("I-2", 23),
    "notes": ("Plans of the roof", "Plans of the cellar"),
    "billable": ("NotBillable", False),
}
"""For each field another value in QuickBooks, and one in Mosaic."""


def facing(quickbooks: dict[str, Any]) -> dict[str, Any]:
    """Translate QuickBooks' terms."""
    return {
        name: PAIRS[name].get(quickbooks[name], Missing(f"{name} is not linked"))
        if name in PAIRS
        else quickbooks[name]
        for name in FIELDS
    }


def back(mosaic: dict[str, Any]) -> dict[str, Any]:
    """Translate Mosaic's terms."""
    found = {}
    for name in FIELDS:
        value = mosaic[name]
        known = [here for here, there in PAIRS.get(name, {}).items() if there == value]
        missing = Missing(f"{name} is not linked", f"waits:{name}")
        found[name] = value if name not in PAIRS else (known or [missing])[0]
    return found


def entry(
    quickbooks: dict[str, Any] | None = QUICKBOOKS,
    mosaic: dict[str, Any] | None = MOSAIC,
    **more: Any,
) -> Entry:
    """Return an entry that both sides agree on, unless said otherwise."""
    told: dict[str, Any] = {"agreed": AGREED, **more}
    return Entry(
        quickbooks=quickbooks,
        mosaic=mosaic,
        facing={} if quickbooks is None else facing(quickbooks),
        back={} if mosaic is None else back(mosaic),
        **told,
    )


def at(here: Part, there: Part, **more: Any) -> Entry:
    """Return an entry of which both sides did this; both change the notes."""
    quickbooks = {**QUICKBOOKS, "notes": "Q"} if here is Part.CHANGED else QUICKBOOKS
    mosaic = {**MOSAIC, "notes": "M"} if there is Part.CHANGED else MOSAIC
    return entry(
        None if here in {Part.ABSENT, Part.DELETED} else quickbooks,
        None if there in {Part.ABSENT, Part.DELETED} else mosaic,
        quickbooks_gone=here is Part.DELETED,
        mosaic_gone=there is Part.DELETED,
        **more,
    )


A, S, C, D = Part.ABSENT, Part.SAME, Part.CHANGED, Part.DELETED
TABLE: dict[tuple[Part, Part], tuple[Do, str]] = {
    (A, A): (Do.NOTHING, "gone"),
    (A, S): (Do.ADD, "pending"),
    (A, C): (Do.ADD, "pending"),
    (A, D): (Do.NOTHING, "gone"),
    (S, A): (Do.CREATE, "pending"),
    (S, S): (Do.NOTHING, "in_sync"),
    (S, C): (Do.MOD, "pending"),
    (S, D): (Do.DEL, "pending"),
    (C, A): (Do.CREATE, "pending"),
    (C, S): (Do.UPDATE, "pending"),
    (C, C): (Do.NOTHING, "conflict"),  # nobody knows which was later
    (C, D): (Do.CREATE, "pending"),
    (D, A): (Do.NOTHING, "gone"),
    (D, S): (Do.DELETE, "pending"),
    (D, C): (Do.ADD, "pending"),
    (D, D): (Do.NOTHING, "gone"),
}
LOCKED: dict[tuple[Part, Part], tuple[Do, str]] = {
    **TABLE,
    (S, C): (Do.NOTHING, "locked"),
    (S, D): (Do.NOTHING, "locked"),
    (C, C): (Do.UPDATE, "pending"),
}
CLOSED: dict[tuple[Part, Part], tuple[Do, str]] = {
    **LOCKED,
    (A, S): (Do.NOTHING, "locked"),
    (A, C): (Do.NOTHING, "locked"),
    (D, C): (Do.NOTHING, "locked"),
}
ONE_WAY: dict[tuple[Part, Part], tuple[Do, str]] = {
    **TABLE,
    (A, S): (Do.NOTHING, "unlinked"),
    (A, C): (Do.NOTHING, "unlinked"),
    (S, C): (Do.UPDATE, "pending"),
    (S, D): (Do.CREATE, "pending"),
    (C, C): (Do.UPDATE, "pending"),
    (D, C): (Do.DELETE, "pending"),
}
BOTH = list(itertools.product(Part, Part))


def test_every_combination_has_a_branch() -> None:
    """The table is total, and so is what these tests expect of it."""
    assert set(BRANCHES) == set(BOTH) == set(TABLE)


@pytest.mark.parametrize(("here", "there"), BOTH)
def test_what_both_sides_did_is_told_from_the_snapshots(
    here: Part, there: Part
) -> None:
    """Each side is compared with its own past."""
    assert parts(at(here, there)) == (here, there)


@pytest.mark.parametrize(
    ("table", "more", "company"),
    [
        (TABLE, {}, Company()),
        (LOCKED, {"locked": "It is on an invoice in QuickBooks."}, Company()),
        (
            CLOSED,
            {"locked": "The books are closed.", "closed": "The books are closed."},
            Company(),
        ),
        (ONE_WAY, {}, Company(two_way=False)),
        (ONE_WAY, {"locked": "It is on an invoice."}, Company(two_way=False)),
    ],
    ids=["free", "invoiced", "closed", "one way", "one way and invoiced"],
)
@pytest.mark.parametrize(("here", "there"), BOTH)
def test_each_combination_has_its_step(
    here: Part,
    there: Part,
    table: dict[tuple[Part, Part], tuple[Do, str]],
    more: dict[str, Any],
    company: Company,
) -> None:
    """And a sentence, unless both sides simply agree."""
    action = plan(at(here, there, **more), company)

    assert (action.do, action.state) == table[here, there]
    assert action.state == "in_sync" or action.reason


@pytest.mark.parametrize("policy", ["newest", "quickbooks", "mosaic", "ask"])
@pytest.mark.parametrize("later", ["quickbooks", "mosaic", None])
@pytest.mark.parametrize("locked", [None, "It is on an invoice."])
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_both_changed_goes_by_the_policy(
    name: str, policy: str, later: Any, locked: str | None
) -> None:
    """QuickBooks wins what is locked; the losing value is told; unknown is asked."""
    if name == "billable":
        return  # it has two values only, so both sides cannot change it differently
    ours, theirs = OTHER[name]
    both = entry({**QUICKBOOKS, name: ours}, {**MOSAIC, name: theirs})
    known = {} if later is None else {name: later}
    action = plan(replace(both, later=known, locked=locked), Company(policy=policy))

    right = later or "ask" if policy == "newest" else policy
    if locked:
        right = "quickbooks"
    told = {"quickbooks": ours, "mosaic": theirs}
    if right == "ask":
        assert (action.do, action.state) == (Do.NOTHING, "conflict")
        assert action.lost == {name: {**told, "kept": None}}
    else:
        assert action.do is (Do.UPDATE if right == "quickbooks" else Do.MOD)
        assert action.lost == {name: {**told, "kept": right}}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("policy", ["newest", "quickbooks", "mosaic", "ask"])
def test_a_field_that_one_side_changed_goes_to_the_other_whatever_the_policy(
    name: str, policy: str
) -> None:
    """No conflict, nothing lost, and no other field is written."""
    ours, theirs = OTHER[name]
    company = Company(policy=policy)

    to_mosaic = plan(entry({**QUICKBOOKS, name: ours}), company)
    to_quickbooks = plan(entry(mosaic={**MOSAIC, name: theirs}), company)

    assert to_mosaic.do is Do.UPDATE
    assert dict(to_mosaic.fields) == {name: facing({**QUICKBOOKS, name: ours})[name]}
    assert to_quickbooks.do is Do.MOD
    changed = {name: back({**MOSAIC, name: theirs})[name]}
    always = {"person": "P-1", "minutes": 60}
    assert dict(to_quickbooks.fields) == {**always, **changed}
    assert not to_mosaic.lost
    assert not to_quickbooks.lost


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("policy", ["newest", "quickbooks", "mosaic", "ask"])
@pytest.mark.parametrize("said", [None, "quickbooks", "mosaic"])
@pytest.mark.parametrize("here", [False, True])
def test_what_may_be_ours_come_late_is_asked_about_whatever_the_policy(
    name: str, policy: str, said: str | None, *, here: bool
) -> None:
    """Also where QuickBooks was changed since; a word is obeyed, one way QuickBooks."""
    if name == "billable" and here:
        return  # it has two values only
    ours, theirs = OTHER[name]
    quickbooks = {**QUICKBOOKS, name: ours} if here else QUICKBOOKS
    late = replace(
        entry(quickbooks, {**MOSAIC, name: theirs}),
        came_late={name},
        later={name: "mosaic"},
        settled={} if said is None else {name: said},
    )
    action = plan(late, Company(policy=policy))
    done = {None: Do.NOTHING, "quickbooks": Do.UPDATE, "mosaic": Do.MOD}
    assert action.do is done[said]
    assert action.lost[name]["late"] is True
    assert action.lost[name]["kept"] == said
    assert said or "come late" in (action.reason or "")
    assert plan(late, Company(two_way=False)).do is Do.UPDATE


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(FIELDS, 2)))
def test_different_fields_that_both_sides_changed_merge(one: str, other: str) -> None:
    """QuickBooks' change goes to Mosaic first, then Mosaic's to QuickBooks."""
    changed = entry(
        {**QUICKBOOKS, one: OTHER[one][0]}, {**MOSAIC, other: OTHER[other][1]}
    )

    first = plan(changed, Company(policy="ask"))

    assert (first.do, list(first.fields)) == (Do.UPDATE, [one])
    done = agreed_after(
        changed.agreed,
        first.basis,
        {**(changed.mosaic or {}), **first.fields},
        "mosaic",
    )
    second = plan(
        entry(
            dict(changed.quickbooks or {}),
            {**(changed.mosaic or {}), **first.fields},
            agreed=done,
        ),
        Company(policy="ask"),
    )
    assert (second.do, list(second.basis)) == (Do.MOD, [other])


def test_the_same_change_on_both_sides_is_agreed_on_without_a_write() -> None:
    """Two people corrected the same mistake."""
    action = plan(
        entry({**QUICKBOOKS, "minutes": 90}, {**MOSAIC, "minutes": 90}),
        Company(policy="ask"),
    )

    assert (action.do, dict(action.basis)) == (Do.AGREE, {"minutes": [90, 90]})


def test_a_person_who_settled_a_conflict_is_obeyed() -> None:
    """Whatever the policy says."""
    both = entry({**QUICKBOOKS, "notes": "Q"}, {**MOSAIC, "notes": "M"})

    action = plan(replace(both, settled={"notes": "mosaic"}), Company(policy="ask"))

    assert (action.do, action.fields["notes"]) == (Do.MOD, "M")


def test_what_does_not_conflict_goes_before_somebody_is_asked() -> None:
    """A conflict about the notes does not hold back the hours."""
    action = plan(
        entry({**QUICKBOOKS, "notes": "Q", "minutes": 90}, {**MOSAIC, "notes": "M"}),
        Company(policy="ask"),
    )

    assert (action.do, list(action.fields)) == (Do.UPDATE, ["minutes"])


@pytest.mark.parametrize(("here", "there"), BOTH)
@pytest.mark.parametrize("held", ["Preview", "Paused"])
def test_preview_and_pause_write_nothing_and_say_what_would_be_done(
    here: Part, there: Part, held: str
) -> None:
    """On either side."""
    live = plan(at(here, there), Company())
    action = plan(at(here, there), Company(held=held))

    assert action.do not in IN_MOSAIC | IN_QUICKBOOKS
    if live.do in IN_MOSAIC | IN_QUICKBOOKS:
        where = "Mosaic" if live.do in IN_MOSAIC else "QuickBooks"
        assert action.reason is not None
        assert action.reason.startswith(f"{held}: would be")
        assert where in action.reason


@pytest.mark.parametrize("name", ["person", "job", "item"])
def test_what_has_no_counterpart_is_named_and_waited_for(name: str) -> None:
    """In both directions, for new entries and for moved ones."""
    unknown: Any = [99, 98] if name == "job" else 99
    new = plan(at(A, C, agreed=None), Company())
    assert new.do is Do.ADD

    add = entry(None, {**MOSAIC, name: unknown}, agreed=None)
    move = entry(mosaic={**MOSAIC, name: unknown})
    create = entry({**QUICKBOOKS, name: "X"}, None, agreed=None)
    for waiting in (add, move, create):
        action = plan(waiting, Company())
        assert (action.do, action.state) == (Do.NOTHING, "unlinked")
        assert f"{name} is not linked" in (action.reason or "")
    assert plan(add, Company()).waits_for == f"waits:{name}"


@pytest.mark.parametrize("held", [None, "Preview"])
def test_whatever_is_missing_is_waited_for(held: str | None) -> None:
    """The arrival of any of it takes its part out of the reason."""
    nothing = {**MOSAIC, "person": 99, "job": [99, 98], "item": 99}
    action = plan(entry(None, nothing, agreed=None), Company(held=held))

    assert action.waits_for == "waits:person"
    assert action.also == ("waits:job", "waits:item")


def test_what_needs_a_person_first_does_not_wait_for_the_rest_alone() -> None:
    """An entry without a job goes when somebody chooses one, not by itself."""
    new = entry(None, {**MOSAIC, "item": 99}, agreed=None)
    action = plan(
        replace(new, back={**new.back, "job": Missing("Has no job.")}), Company()
    )

    assert (action.reason, action.waits_for) == ("Has no job. item is not linked", None)
    assert action.also == ("waits:item",)


def test_what_can_go_goes_although_something_else_waits() -> None:
    """An entry moved to an unlinked project still gets its hours."""
    action = plan(entry(mosaic={**MOSAIC, "job": [99, 98], "minutes": 90}), Company())

    assert (action.do, list(action.basis)) == (Do.MOD, ["minutes"])


@pytest.mark.parametrize("minutes", [0, -60, 24 * 60 + 1])
def test_a_duration_that_no_timesheet_holds_is_not_sent(minutes: int) -> None:
    """And whoever can correct it is told where."""
    for one in (
        entry({**QUICKBOOKS, "minutes": minutes}, None, agreed=None),
        entry(None, {**MOSAIC, "minutes": minutes}, agreed=None),
        entry({**QUICKBOOKS, "minutes": minutes}),
        entry(mosaic={**MOSAIC, "minutes": minutes}),
    ):
        action = plan(one, Company())
        assert (action.do, action.state) == (Do.NOTHING, "refused")
        side = "QuickBooks" if one.quickbooks != QUICKBOOKS else "Mosaic"
        assert f"In {side}" in (action.reason or "") or one.quickbooks is None


def test_time_put_on_an_invoice_is_no_change_for_mosaic() -> None:
    """It is as billable as before."""
    action = plan(entry({**QUICKBOOKS, "billable": "HasBeenBilled"}), Company())

    assert (action.do, action.state) == (Do.NOTHING, "in_sync")


def test_deleted_in_mosaic_and_invoiced_in_quickbooks_stays() -> None:
    """An invoice is not an edit, but it locks."""
    invoiced = entry(
        {**QUICKBOOKS, "billable": "HasBeenBilled"},
        None,
        mosaic_gone=True,
        locked="It is on an invoice in QuickBooks.",
    )

    action = plan(invoiced, Company())

    assert (action.do, action.state) == (Do.NOTHING, "locked")


def test_billable_time_without_an_item_is_not_sent() -> None:
    """QuickBooks wants a customer and an item for it (Intuit's TimeTrackingAdd)."""
    bare = {**QUICKBOOKS, "item": None, "billable": "NotBillable"}
    agreed = {
        "quickbooks": {**AGREED["quickbooks"], "item": None, "billable": "NotBillable"},
        "mosaic": {**AGREED["mosaic"], "billable": False},
    }

    action = plan(entry(bare, agreed=agreed), Company())

    assert (action.do, action.state) == (Do.NOTHING, "unlinked")
    assert "service item" in (action.reason or "")


def test_an_entry_that_both_have_in_two_spellings_agrees_and_says_so() -> None:
    """QuickBooks cannot keep every character."""
    agreed = {
        "quickbooks": {**AGREED["quickbooks"], "notes": "Plans ?"},
        "mosaic": {**AGREED["mosaic"], "notes": "Plans \N{ROCKET}"},
    }
    action = plan(
        entry(
            {**QUICKBOOKS, "notes": "Plans ?"},
            {**MOSAIC, "notes": "Plans \N{ROCKET}"},
            agreed=agreed,
        ),
        Company(),
    )

    assert (action.do, action.state) == (Do.NOTHING, "in_sync")
    assert "another form" in (action.reason or "")


@pytest.mark.parametrize(
    ("got", "quickbooks", "mosaic"),
    [
        ("New", "New", "New"),  # taken
        ("Plans", "Plans", "Plans"),  # not taken: it stays to be written
        ("N e w", "New", "N e w"),  # taken in another spelling
        ("Else", "New", "New"),  # taken, and changed by somebody since
    ],
)
def test_after_a_write_both_agree_on_what_was_taken(
    got: str, quickbooks: str, mosaic: str
) -> None:
    """What the side that was written to answers decides."""
    agreed = agreed_after(AGREED, {"notes": ["New", "New"]}, {"notes": got}, "mosaic")

    assert agreed["quickbooks"]["notes"] == quickbooks
    assert agreed["mosaic"]["notes"] == mosaic


def test_a_long_text_that_was_cut_off_is_taken_as_it_is() -> None:
    """Or the short one would come back and cut the other."""
    long = "Meeting with the client about the windows of the north front. " * 9
    agreed = agreed_after(
        AGREED, {"notes": [long, long]}, {"notes": long[:200]}, "mosaic"
    )

    assert agreed["quickbooks"]["notes"] == long
    assert agreed["mosaic"]["notes"] == long[:200]


_LONG = "Meeting with the client about the windows of the north front. " * 9


@pytest.mark.parametrize(
    ("asked", "got", "is_taken"),
    [
        ("3.5 h", "3-5 h", False),
        ("Met the owner, and the roofer.", "Met the owner, and the", False),
        ("Two  blanks", "Two blanks", True),
        (_LONG, _LONG[:300], True),
    ],
)
def test_what_somebody_has_edited_since_a_write_may_be_his_own_text(
    asked: str, got: str, *, is_taken: bool
) -> None:
    """Another sign or a shorter text is a change; the cut of a long one is none."""
    agreed = agreed_after(
        AGREED, {"notes": [asked, asked]}, {"notes": got}, "mosaic", edited=True
    )
    assert agreed["mosaic"]["notes"] == (got if is_taken else asked)


def test_after_a_restore_mosaics_values_go_back() -> None:
    """What QuickBooks has now counts as its past; whatever Mosaic has is a change."""
    restored = {**QUICKBOOKS, "notes": "Old"}
    agreed = {"quickbooks": {name: restored[name] for name in FIELDS}, "mosaic": {}}

    action = plan(entry(restored, agreed=agreed), Company())

    assert (action.do, list(action.basis)) == (Do.MOD, ["notes"])
