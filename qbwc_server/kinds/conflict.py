"""Conflicts of a record: what is asked of a person, what was said, what was decided.

A record keeps them by field: `{"quickbooks": value, "mosaic": value, "kept": side}`,
with both values as they were shown. `kept` is None while a person is asked, and the
side whose value goes to the other one else. `settled` is a person's word; `late` says
that Mosaic's value may be a change of ours that came late; `instead` that a person
wants the other value in place of the one that was kept, on both sides; `seen` that
somebody has seen what was kept, while it is still on its way.

Rule: a word is for the values that were shown. It is used while both stand, and used up
(`used`) when both sides no longer differ there: another conflict is another question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from qbwc_server.kinds.list_plan import Snapshot
from qbwc_server.kinds.time_entry import FIELDS, LONGEST_NOTES, is_billable
from qbwc_server.kinds.two_way import (
    Entry,
    came_late,
    changed_in,
    equal,
    linked_otherwise,
)

Conflicts: TypeAlias = "Mapping[str, Mapping[str, Any]]"
OVER = "a conflict is over"
"""What a record's history says of a word that was used up, or a question that went."""
_SIDES = ("quickbooks", "mosaic")
_SAME_IN_BOTH = frozenset({"date", "minutes", "notes", "billable"})
"""Fields whose values mean the same on both sides; others go by what is linked."""


def words(
    conflicts: Conflicts | None, quickbooks: Snapshot | None, mosaic: Snapshot | None
) -> dict[str, str]:
    """Return what a person said that is still to be obeyed: {field: right side}.

    `quickbooks` and `mosaic` are what the sides have now.
    """
    now = {"quickbooks": quickbooks or {}, "mosaic": mosaic or {}}
    return {
        name: one["settled"]
        for name, one in (conflicts or {}).items()
        if one.get("settled")
        and not one.get("used")
        and all(one.get(side) == now[side].get(name) for side in _SIDES)
    }


def with_told(before: Conflicts | None, told: Conflicts) -> dict[str, Any]:
    """Return conflicts with what a plan tells of some fields.

    The others stay until a person has seen them. A word about other values than those
    told now is not one about these.
    """
    kept: dict[str, Any] = dict(before or {})
    for name, one in told.items():
        old = kept.get(name, {})
        same = not old.get("used") and all(old.get(it) == one[it] for it in _SIDES)
        kept[name] = {**old, **one} if same else dict(one)
        if old.get("kept") != one["kept"]:
            kept[name].pop("seen", None)
    return kept


def with_used_up(
    conflicts: Conflicts | None, entry: Entry
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return conflicts as they are after the sides were compared, and what went.

    Where both sides no longer have changed the same field to different values, nothing
    is left to ask: a word that was carried out is used up, and a question, answered or
    not, that no longer stands is taken away. So is what somebody has seen already.
    """
    left: dict[str, Any] = {}
    over: dict[str, Any] = {}
    taken = instead(conflicts, entry.quickbooks, entry.mosaic)
    for name, one in (conflicts or {}).items():
        if name in FIELDS and _differ(entry, name):
            left[name] = dict(one)
        elif one.get("instead"):
            # Where the kept value does not stand any more, the other one is on its way.
            still = name in taken and equal(entry, name)
            (left if still else over)[name] = dict(one)
        elif one.get("seen"):
            continue
        elif one.get("kept") is None:
            over[name] = dict(one)
        elif one.get("settled") and not one.get("used"):
            over[name] = dict(one)
            left[name] = {**one, "used": True}
        else:
            left[name] = dict(one)
    return left, over


def asked(conflicts: Conflicts | None) -> dict[str, Mapping[str, Any]]:
    """Return what a person is asked and has not answered yet."""
    return {
        name: one
        for name, one in (conflicts or {}).items()
        if one.get("kept") is None and not one.get("settled")
    }


def is_of_links(asked: Conflicts) -> bool:
    """Tell whether all that is asked is what a changed link left behind."""
    return bool(asked) and all(one.get("link") for one in asked.values())


def of_billable_alone(
    conflicts: Conflicts | None, agreed: Mapping[str, Snapshot] | None
) -> bool:
    """Tell whether all that is asked is whether joined hours are billable.

    They were on both sides, and both sides never agreed on that.
    """
    names = set(asked(conflicts))
    return names == {"billable"} and "billable" not in (agreed or {}).get("mosaic", {})


def by_rule(conflicts: Conflicts | None) -> set[str]:
    """Return the sides whose values were kept without a person's word."""
    return {
        one["kept"]
        for one in (conflicts or {}).values()
        if one.get("kept") is not None and not one.get("settled")
        if not one.get("seen")
    }


def seen(conflicts: Conflicts) -> dict[str, Any]:
    """Return conflicts of which somebody has seen what was decided.

    They stay until both sides have what was kept: else the plan would tell it again.
    """
    return {
        name: dict(one) if one.get("kept") is None else {**one, "seen": True}
        for name, one in conflicts.items()
    }


def is_seen(conflicts: Conflicts | None) -> bool:
    """Tell whether somebody has seen all of it."""
    return bool(conflicts) and all(it.get("seen") for it in (conflicts or {}).values())


def takes_other(conflicts: Conflicts | None, side: str) -> set[str]:
    """Return the fields of which a side's value was not kept and can be taken."""
    return {
        name
        for name, one in (conflicts or {}).items()
        if one.get("kept") not in {None, side}
        and not one.get("seen")
        and (side == "mosaic" or _is_whole(name, one["quickbooks"]))
    }


def instead(
    conflicts: Conflicts | None, quickbooks: Snapshot | None, mosaic: Snapshot | None
) -> dict[str, Any]:
    """Return what a person wants in place of what was kept: {field: Mosaic's terms}.

    Only while what was kept stands on its side: what anybody changed since is newer
    than that word. Where it was said before what was kept had left, the plan has kept
    the other one by the word itself: nothing is to be taken in its place.
    """
    now = {"quickbooks": quickbooks or {}, "mosaic": mosaic or {}}
    return {
        name: _in_mosaic(name, one)
        for name, one in (conflicts or {}).items()
        if one.get("instead")
        and one.get("kept") not in {None, one.get("settled")}
        and now[one["kept"]].get(name) == one[one["kept"]]
    }


def _is_whole(name: str, value: Any) -> bool:
    """Tell whether QuickBooks' value is all that Mosaic would have of it."""
    if name == "notes" and len(value or "") >= LONGEST_NOTES:
        return False
    return name in _SAME_IN_BOTH


def _in_mosaic(name: str, one: Mapping[str, Any]) -> Any:
    """Return the value that was not kept, in Mosaic's terms."""
    if one["kept"] == "quickbooks":
        return one["mosaic"]
    value = one["quickbooks"]
    return is_billable(value) if name == "billable" else value


def mark(conflicts: Conflicts | None) -> str:
    """Return a mark of the values a person is shown: others, another mark.

    They are those that he is asked about, or, where nothing is asked, all, with what
    was decided or said of them: somebody else may have said something meanwhile.
    """
    values = {
        name: [one.get(it) for it in (*_SIDES, "kept", "settled", "seen")]
        for name, one in (asked(conflicts) or conflicts or {}).items()
    }
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _differ(entry: Entry, name: str) -> bool:
    both = changed_in(entry, "quickbooks", name) and changed_in(entry, "mosaic", name)
    asked = both or came_late(entry, name)
    return linked_otherwise(entry, name) or (asked and not equal(entry, name))
