"""What an event of a record's history tells beside its name, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_CHOICES: Final = {
    "link": "linked by hand",
    "new": "made anew",
    "none": "not linked",
    "later": "later",
}
_FIELDS: Final = {
    "minutes": "hours",
    "parent": "under",
    "parent_id": "under",
    "is_active": "active",
    "job": "customer or job",
}
_ONE_OF_OURS: Final = {
    "record": "record",
    "joined": "record",
    "job": "job",
    "exchange": "exchange",
    "call": "call",
}
"""Keys that hold a number of ours, told as commands take it: exchange 3-17."""
_OUTSIDE: Final = {
    "txn_id": "TxnID",
    "number": "TxnNumber",
    "mosaic_id": "number in Mosaic",
    "before": "before",
    "called": "there called",
}
_SAID: Final = ("answer", "why")


def told(detail: object, company_id: int) -> str:
    """Return what an event tells, in a line; what is only for machines is left out.

    Ids are named as what they are; whole snapshots, which some events keep so that
    nothing is overwritten unseen, are in the event's `detail`.
    """
    if not isinstance(detail, Mapping):
        return "" if detail is None else str(detail)
    return "; ".join(_parts(detail, company_id))


def said(
    before: str | None,
    after: str | None,
    *,
    link: tuple[str | None, str | None],
) -> dict[str, dict[str, str | None]]:
    """Return what a person's choice changed, for the detail of an event, in words.

    `before` and `after` are choices, `link` what it was linked to before and is now;
    what stays as it was is left out.
    """
    choice = (_CHOICES.get(before or ""), _CHOICES.get(after or ""))
    return {
        field: {"before": was, "after": now}
        for field, (was, now) in (("choice", choice), ("link", link))
        if was != now
    }


def _parts(detail: Mapping[str, Any], company_id: int) -> Iterator[str]:
    if isinstance(entry := detail.get("entry"), str):
        yield entry
    yield from _changed(detail.get("changed"))
    for field, one in detail.items():
        if isinstance(one, Mapping) and {"quickbooks", "mosaic"} <= one.keys():
            yield _both(field, one)
    for names, prefix in ((_OUTSIDE, ""), (_ONE_OF_OURS, f"{company_id}-")):
        for key, name in names.items():
            if isinstance(value := detail.get(key), str | int):
                yield f"{name} {prefix}{value}"
    for key in _SAID:
        if isinstance(value := detail.get(key), str):
            yield value


def _changed(changed: object) -> Iterator[str]:
    for field, one in changed.items() if isinstance(changed, Mapping) else ():
        before, after = one["before"] or "nothing", one["after"] or "nothing"
        name = _FIELDS.get(field, field.replace("_", " "))
        yield f"{name} from {before} to {after}"


def _both(field: str, one: Mapping[str, Any]) -> str:
    """Return what both sides had of a field in conflict; ids stay in the detail."""
    name = _FIELDS.get(field, field)
    sides = one["quickbooks"], one["mosaic"]
    if field == "minutes" and all(isinstance(side, int) for side in sides):
        here, there = (f"{side // 60}:{side % 60:02}" for side in sides)
    elif field in {"date", "notes", "name", "email"}:
        here, there = (str(side or "nothing") for side in sides)
    else:
        return f"both sides had another {name}"
    return f"{name}: QuickBooks had {here}, Mosaic {there}"
