"""A list whose iterator was lost goes on behind the last page that was taken.

QuickBooks forgets an iterator after ten idle seconds, which a busy machine needs for a
page. The next one begins at the last name of the last page, so a large list comes to
its end however often that happens, and what brought a page was no try in vain.

Rule: names are in whatever order QuickBooks keeps them. A list that was taken in parts
is whole only if it had as many objects as QuickBooks told at the start; else it is read
anew, and till then nothing counts as gone and the watermark stays.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qbwc_server.kinds.kind import Kind
from qbwc_server.qbxml.response import Answer
from qbwc_server.standing import pace


def note_page(
    cursor: dict[str, Any], kind: Kind, answer: Answer, now: datetime
) -> None:
    """Note with the cursor of a read how far a page has brought it."""
    met = [ret for ret in answer.rets if ret.type == kind.ret]
    ids = [ret.text("ListID") for ret in met]
    if cursor.get("total") is None:
        cursor["total"] = len(met) + (answer.iterator_remaining or 0)
    # Where it went on, the last one of the page before is the first again.
    again = 1 if cursor.get("last_id") in ids else 0
    cursor["met"] = cursor.get("met", 0) + len(met) - again
    if met:
        name = met[-1].text("FullName") or met[-1].text("Name")
        cursor |= {"last_id": ids[-1], "last_name": name}
    pace.note(cursor, pace.of_list(cursor), now)


def go_on(cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the cursor from which a read goes on whose iterator was lost.

    None if no page was taken since it last began, or none that brought something new:
    then it begins anew, and that is a try.
    """
    if cursor is None or not cursor.get("last_name"):
        return None
    before = cursor.get("resumed_at"), cursor.get("resumed_from")
    if cursor["pages"] == before[0] or cursor["last_id"] == before[1]:
        return None
    return {
        **cursor,
        "iterator": "",
        "remaining": None,
        "asked": None,
        "from_name": cursor["last_name"],
        "resumed_at": cursor["pages"],
        "resumed_from": cursor["last_id"],
    }


def is_whole(cursor: dict[str, Any]) -> bool:
    """Tell whether a read met all that QuickBooks told at its start."""
    return cursor.get("resumed_at") is None or cursor["met"] == cursor["total"]


def ask_what_changed(cursor: dict[str, Any], since: str) -> None:
    """Have the cursor of a whole read ask at its end for what changed meanwhile."""
    for name in ("total", "met", "last_id", "last_name", "resumed_at", "resumed_from"):
        cursor.pop(name, None)
    cursor |= {"swept": True, "since": since, "iterator": "", "from_name": None}
