"""What differs between two snapshots of a side, as people say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from qbwc_server.kinds import time_entry

Names: TypeAlias = Mapping[tuple[str, object], str]
"""What is called how, by the field that has it and its id there."""
Told: TypeAlias = "dict[str, dict[str, str]]"
"""By field: its value before and after, for people."""
NAMED: Final = ("person", "job", "item", "class", "payroll_item", "parent", "parent_id")
"""Fields that hold an id of something that has a name."""
_NOT_TOLD: Final = {"updated_at", "main_phase_id", "is_main"}
_LONGEST: Final = 300


def differing(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[str]:
    """Return the fields that both snapshots have and that differ.

    One that only the later of them has is new to our program, not to the other side.
    """
    if not before or not after:
        return []
    return [
        name
        for name in after
        if name in before and before[name] != after[name] and name not in _NOT_TOLD
    ]


def are_sent(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    sent: Mapping[str, Any],
) -> bool:
    """Tell whether all that differs is as a write of ours carries it."""
    return all(
        name in sent and (sent[name] or None) == ((after or {})[name] or None)
        for name in differing(before, after)
    )


def told(before: Mapping[str, Any], after: Mapping[str, Any], names: Names) -> Told:
    """Return what differs, in names and hours; what has no name here keeps its id."""
    return {
        name: {
            "before": _value(name, before[name], names),
            "after": _value(name, after[name], names),
        }
        for name in differing(before, after)
    }


def key(value: object) -> object:
    """Return an id as `Names` has it: that of a phase comes with its project's."""
    return tuple(value) if isinstance(value, list) else value


def _value(field: str, value: Any, names: Names) -> str:
    if value is None or value == "":
        return ""
    if field == "minutes":
        return time_entry.in_hours(int(value))
    if field in NAMED:
        return names.get((field, key(value)), str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)[:_LONGEST]
