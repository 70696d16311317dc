"""The pure decision of what to do about one time entry. Knows no database, no network.

`plan` is total: each combination of what both sides did since they last agreed has one
branch in `BRANCHES`, with its reason beside it. It says one step; when the step is done
the entry is planned anew, until there is nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from qbwc_server.kinds import notes, restored
from qbwc_server.kinds.edited import SideName
from qbwc_server.kinds.list_plan import Snapshot
from qbwc_server.kinds.time_entry import (
    FIELDS,
    MOST_MINUTES,
    in_hours,
)
from qbwc_server.kinds.two_way import (
    Action,
    Company,
    Do,
    Entry,
    Missing,
    Part,
    came_late,
    changed_in,
    equal,
    linked_otherwise,
    parts,
)

Table: TypeAlias = "dict[tuple[Part, Part], Callable[[Entry, Company], Action]]"
_NEEDED = ("person", "job", "item")
"""What neither side takes an entry without: Mosaic wants all three, and billable time
in QuickBooks wants a customer and an item."""
LEFT = "left"
"""A person's word that hours sent under another link stay where they are."""
_WORDS = {
    "date": "the date",
    "minutes": "the duration",
    "person": "the person",
    "job": "the job",
    "item": "the service item",
    "notes": "the notes",
    "billable": "whether it is billable",
}
_WOULD = {
    Do.CREATE: "would be created in Mosaic",
    Do.UPDATE: "would be changed in Mosaic",
    Do.DELETE: "would be deleted in Mosaic",
    Do.ADD: "would be added to QuickBooks",
    Do.MOD: "would be changed in QuickBooks",
    Do.DEL: "would be deleted in QuickBooks",
}
_BOTH = "Both sides changed {}. Say which side is right."
_UNKNOWN = (
    "Both sides changed {} and nobody knows which was later. Say which side is right."
)
_OTHERWISE = (
    "It was sent when {} was linked otherwise, and is on the other side still where "
    "that led to. Say whether it is moved there, or left."
)
_CAME_LATE = (
    "Mosaic has in {} what was sent there before and was not seen then: it may be "
    "that, come late, or somebody has changed it back. Say which side is right."
)
_LEFT = "A restored backup took it from QuickBooks, and it was left so."
_ONLY_MOSAIC = (
    "It is only in Mosaic: for this company time goes from QuickBooks to Mosaic only."
)


def plan(entry: Entry, company: Company) -> Action:
    """Return the next step for a time entry."""
    action = restored.step(entry, company)
    if action is None:
        action = BRANCHES[parts(entry)](entry, company)
    if company.held is not None and action.do in _WOULD:
        reason = f"{company.held}: {_WOULD[action.do]}. {action.reason or ''}".strip()
        return Action(Do.NOTHING, reason, "pending")
    return action


def _nowhere(_entry: Entry, _company: Company) -> Action:
    return Action(Do.NOTHING, "It is on neither side.", "gone")


def _gone(entry: Entry, _company: Company) -> Action:
    if _was_taken(entry):
        return Action(Do.NOTHING, f"{_LEFT} It is not in Mosaic either.", "gone")
    return Action(Do.NOTHING, "Deleted on both sides.", "gone")


def _never_arrived(_entry: Entry, _company: Company) -> Action:
    reason = "Deleted in Mosaic before it was in QuickBooks."
    return Action(Do.NOTHING, reason, "gone")


def _never_left(entry: Entry, _company: Company) -> Action:
    if _was_taken(entry):
        return Action(Do.NOTHING, f"{_LEFT} It never was in Mosaic.", "gone")
    reason = "Deleted in QuickBooks before it was in Mosaic."
    return Action(Do.NOTHING, reason, "gone")


def _create(entry: Entry, _company: Company) -> Action:
    return _created(entry, "Not in Mosaic yet.")


def _create_again(entry: Entry, _company: Company) -> Action:
    reason = "Changed in QuickBooks after it was deleted in Mosaic: it is made again."
    return _created(entry, reason)


def _created(entry: Entry, reason: str) -> Action:
    quickbooks = entry.quickbooks or {}
    if stop := _stop(entry.facing, _NEEDED) or _too_long(quickbooks, "QuickBooks"):
        return stop
    basis = {name: [quickbooks[name], entry.facing[name]] for name in FIELDS}
    return Action(Do.CREATE, reason, fields=dict(entry.facing), basis=basis)


def _add(entry: Entry, company: Company) -> Action:
    return _added(entry, company, "Not in QuickBooks yet.")


def _add_again(entry: Entry, company: Company) -> Action:
    if not company.two_way:
        reason = "Deleted in QuickBooks, which is right."
        return Action(Do.DELETE, _LEFT if _was_taken(entry) else reason)
    reason = "Changed in Mosaic after it was deleted in QuickBooks: it is added again."
    if _was_taken(entry):
        reason = f"{_LEFT} Changed in Mosaic since: it is added again."
    elif entry.agreed is None:
        reason = (
            "Mosaic did not show it, so it was deleted in QuickBooks; it is in Mosaic "
            "again, and is added again."
        )
    return _added(entry, company, reason)


def _added(entry: Entry, company: Company, reason: str) -> Action:
    mosaic = entry.mosaic or {}
    if not company.two_way:
        return Action(Do.NOTHING, _ONLY_MOSAIC, "unlinked")
    if stop := _stop(entry.back, _NEEDED) or _too_long(mosaic, "Mosaic"):
        return stop
    if entry.closed is not None:
        return Action(Do.NOTHING, f"{entry.closed} It waits in Mosaic.", "locked")
    basis = {name: [entry.back[name], mosaic[name]] for name in FIELDS}
    return Action(Do.ADD, reason, fields=dict(entry.back), basis=basis)


def _delete(entry: Entry, _company: Company) -> Action:
    reason = _LEFT if _was_taken(entry) else "Deleted in QuickBooks."
    return Action(Do.DELETE, reason)


def _was_taken(entry: Entry) -> bool:
    """Tell whether nobody deleted it in QuickBooks: a restored backup took it."""
    return entry.restored == restored.Mark.LEFT


def _del(entry: Entry, company: Company) -> Action:
    if not company.two_way:
        return _created(entry, "Deleted in Mosaic, but QuickBooks is right.")
    if entry.locked is not None:
        reason = f"{entry.locked} It was deleted in Mosaic and stays in QuickBooks."
        return Action(Do.NOTHING, reason, "locked")
    return Action(Do.DEL, "Deleted in Mosaic.")


def _merge(entry: Entry, company: Company) -> Action:
    """Bring both sides together field by field, Mosaic's side first."""
    if entry.quickbooks is None or entry.mosaic is None:
        raise AssertionError("merged is what both sides have")
    agree: list[str] = []
    to_mosaic: list[str] = []
    to_quickbooks: list[str] = []
    undecided: list[str] = []
    relinked: list[str] = []
    late: list[str] = []
    lost: dict[str, dict[str, Any]] = {}
    for name in FIELDS:
        here = changed_in(entry, "quickbooks", name)
        there = changed_in(entry, "mosaic", name)
        if linked_otherwise(entry, name):
            right = _by_word(entry, company, name)
            if right == LEFT:
                continue
            {None: relinked, "quickbooks": to_mosaic, "mosaic": to_quickbooks}[
                right
            ].append(name)
            lost[name] = _both(entry, name, right) | {"link": True}
            continue
        if not here and not there:
            continue
        if equal(entry, name):
            agree.append(name)
            continue
        right = _right(entry, company, name, here=here, there=there)
        asked = late if came_late(entry, name) else undecided
        {None: asked, "quickbooks": to_mosaic, "mosaic": to_quickbooks}[right].append(
            name
        )
        if (here and there) or (there and right != "mosaic") or asked is late:
            lost[name] = _both(entry, name, right)
    newest = company.policy == "newest"
    if agree:
        basis = {name: [entry.quickbooks[name], entry.mosaic[name]] for name in agree}
        return Action(Do.AGREE, "Both sides have the same.", basis=basis)
    return (
        _update(entry, to_mosaic, lost)
        or _mod(entry, to_quickbooks, lost)
        or _unsent(entry, to_mosaic, to_quickbooks)
        or _asked(_UNKNOWN if newest else _BOTH, undecided, lost)
        or _asked(_OTHERWISE, relinked, lost)
        or _asked(_CAME_LATE, late, lost)
        or _taken_instead(entry, company)
        or Action(Do.NOTHING, notes.remark(entry.quickbooks, entry.mosaic), "in_sync")
    )


def _both(entry: Entry, name: str, right: str | None) -> dict[str, Any]:
    quickbooks, mosaic = entry.quickbooks or {}, entry.mosaic or {}
    return {
        "quickbooks": quickbooks.get(name),
        "mosaic": mosaic.get(name),
        "kept": right,
        **({"late": True} if came_late(entry, name) else {}),
    }


def _by_word(entry: Entry, company: Company, name: str) -> str | None:
    """Return what a person said of hours that were sent under another link.

    Nothing moves them by itself, and one way nothing moves them in QuickBooks.
    """
    said = entry.settled.get(name)
    return LEFT if said == "mosaic" and not company.two_way else said


def _right(
    entry: Entry, company: Company, name: str, *, here: bool, there: bool
) -> SideName | None:
    """Return the side whose value is right, None if a person must say."""
    if here and not there:
        return "quickbooks"
    if not company.two_way:
        return "quickbooks"
    late = came_late(entry, name)
    if there and not here and not late:
        return "mosaic"
    if entry.locked is not None and not late:
        return "quickbooks"
    said = entry.settled.get(name, "ask" if late else company.policy)
    if said == "newest":
        return entry.later.get(name)
    return None if said == "ask" else ("mosaic" if said == "mosaic" else "quickbooks")


def _update(
    entry: Entry, names: list[str], lost: Mapping[str, Mapping[str, Any]]
) -> Action | None:
    quickbooks = entry.quickbooks or {}
    going = [name for name in names if not isinstance(entry.facing[name], Missing)]
    if not going:
        return None
    if "minutes" in going and (stop := _too_long(quickbooks, "QuickBooks")):
        return stop
    return Action(
        Do.UPDATE,
        f"Changed in QuickBooks: {_listed(going)}.",
        fields={name: entry.facing[name] for name in going},
        basis={name: [quickbooks[name], entry.facing[name]] for name in going},
        lost={name: lost[name] for name in going if name in lost},
    )


def _mod(
    entry: Entry, names: list[str], lost: Mapping[str, Mapping[str, Any]]
) -> Action | None:
    quickbooks, mosaic = entry.quickbooks or {}, entry.mosaic or {}
    going = [name for name in names if not isinstance(entry.back[name], Missing)]
    if not going:
        return None
    lock = entry.locked or (entry.closed if "date" in going else None)
    if lock is not None:
        reason = f"{lock} Changed in Mosaic and waiting: {_listed(going)}."
        return Action(Do.NOTHING, reason, "locked")
    if "minutes" in going and (stop := _too_long(mosaic, "Mosaic")):
        return stop
    fields = {name: entry.back[name] for name in going}
    after = {**quickbooks, **fields}
    if after["billable"] == "Billable" and not (after["job"] and after["item"]):
        reason = (
            "Billable time needs a customer or job and a service item in QuickBooks."
        )
        return Action(Do.NOTHING, reason, "unlinked")
    # QuickBooks wants the person and the duration in every change (its schema).
    always = {name: quickbooks[name] for name in ("person", "minutes")}
    return Action(
        Do.MOD,
        f"Changed in Mosaic: {_listed(going)}.",
        fields={**always, **fields},
        basis={name: [fields[name], mosaic[name]] for name in going},
        lost={name: lost[name] for name in going if name in lost},
    )


def _unsent(
    entry: Entry, to_mosaic: list[str], to_quickbooks: list[str]
) -> Action | None:
    """Name what keeps a change from going to the other side; it waits."""
    return _stop(entry.facing, to_mosaic) or _stop(entry.back, to_quickbooks)


def _taken_instead(entry: Entry, company: Company) -> Action | None:
    """Have what a person wants in place of what a rule kept, once both sides agree.

    It is written to Mosaic as if he had typed it there, and both sides agree on nothing
    new by it: so it goes on to QuickBooks as any change in Mosaic does.
    """
    going = [name for name in entry.instead if equal(entry, name)]
    if not going or not company.two_way:
        return None
    lock = entry.locked or (entry.closed if "date" in going else None)
    if lock is not None:
        reason = f"{lock} What was chosen instead is waiting: {_listed(going)}."
        return Action(Do.NOTHING, reason, "locked")
    reason = f"Chosen in place of what was kept: {_listed(going)}."
    return Action(
        Do.UPDATE, reason, fields={name: entry.instead[name] for name in going}
    )


def _asked(
    why: str, names: list[str], lost: Mapping[str, Mapping[str, Any]]
) -> Action | None:
    """Ask which side is right in some fields; `why` names them."""
    if not names:
        return None
    chosen = {name: lost[name] for name in names}
    return Action(Do.NOTHING, why.format(_listed(names)), "conflict", lost=chosen)


def _stop(values: Mapping[str, Any], names: Iterable[str]) -> Action | None:
    missing = [one for name in names if isinstance(one := values.get(name), Missing)]
    if not missing:
        return None
    reasons = " ".join(dict.fromkeys(one.reason for one in missing))
    awaited = [one.waits_for for one in missing]
    # Where a person must mend one of them, it does not go by itself.
    first = None if None in awaited else awaited[0]
    also = tuple(one for one in awaited if one not in {None, first})
    return Action(Do.NOTHING, reasons, missing[0].state, waits_for=first, also=also)


def _too_long(snapshot: Snapshot, where: str) -> Action | None:
    """Stop durations that the other side's timesheet cannot hold."""
    minutes = snapshot.get("minutes", 0)
    if 0 < minutes <= MOST_MINUTES:
        return None
    reason = (
        f"In {where} it has {in_hours(minutes)} hours; the other side keeps no entry "
        f"of nothing and none over 24 hours. Correct it in {where}, or delete it there."
    )
    return Action(Do.NOTHING, reason, "refused")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_WORDS[name] for name in names)


BRANCHES: Table = {
    (Part.ABSENT, Part.ABSENT): _nowhere,
    (Part.ABSENT, Part.SAME): _add,
    (Part.ABSENT, Part.CHANGED): _add,
    (Part.ABSENT, Part.DELETED): _never_arrived,
    (Part.SAME, Part.ABSENT): _create,
    (Part.SAME, Part.SAME): _merge,
    (Part.SAME, Part.CHANGED): _merge,
    (Part.SAME, Part.DELETED): _del,
    (Part.CHANGED, Part.ABSENT): _create,
    (Part.CHANGED, Part.SAME): _merge,
    (Part.CHANGED, Part.CHANGED): _merge,
    (Part.CHANGED, Part.DELETED): _create_again,
    (Part.DELETED, Part.ABSENT): _never_left,
    (Part.DELETED, Part.SAME): _delete,
    (Part.DELETED, Part.CHANGED): _add_again,
    (Part.DELETED, Part.DELETED): _gone,
}
"""What QuickBooks did, what Mosaic did -> what is done about it."""
