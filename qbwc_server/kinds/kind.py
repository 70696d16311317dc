"""What a kind of object is: how it is read, and what Mosaic should have for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qbwc_server.kinds.list_plan import Hold, Snapshot, Wanted
from qbwc_server.qbxml.response import Ret


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as QuickBooks has it.

    `snapshot` holds what is compared and mirrored, and nothing else; `rank` orders
    delivery, parents before children.
    """

    quickbooks_id: str
    name: str
    snapshot: dict[str, Any]
    edit_sequence: str
    time_modified: str
    rank: int
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Relative:
    """A record in a lineage from the topmost ancestor down to the object itself."""

    quickbooks_id: str
    quickbooks: Snapshot
    state: str
    mosaic_type: str | None = None
    mosaic_id: int | None = None
    mosaic: Snapshot | None = None
    missing: bool = False


Lineage = Sequence[Relative]
Mirror = Callable[[Lineage, str], Wanted | Hold]
"""(lineage of ancestors ending in the object, the company's structure) -> what Mosaic
should have, or why nothing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of list object.

    `query` is the message without "Rq", `elements` the only ones asked for
    (IncludeRetElement), `deleted_as` its ListDelType. `iterable` kinds are read with
    an iterator, the others by ranges of `range_by`. A kind without `mirror` is read
    and kept for what other kinds refer to. A kind with `by_setting` is read only for
    companies of which that column is true.
    """

    name: str
    plural: str
    query: str
    ret: str
    elements: tuple[str, ...]
    deleted_as: str
    iterable: bool
    see: Callable[[Ret], Seen]
    mirror: Mirror | None = None
    range_by: str = "Name"
    optional: bool = False
    by_setting: str | None = None


def wanted(kind: Kind, lineage: Lineage, structure: str) -> Wanted | Hold | None:
    """Return what Mosaic should have for the last of a lineage, None for what is kept.

    One that QuickBooks has shown nothing of is held until it does.
    """
    if kind.mirror is None:
        return None
    if not lineage[-1].quickbooks.get("name"):
        reason = "QuickBooks has not shown its name yet; it is read again by itself."
        return Hold("pending", reason)
    return kind.mirror(lineage, structure)


def active(ret: Ret) -> bool:
    """Return IsActive; an object that does not say is active."""
    return ret.text("IsActive") not in {"false", "0"}


def lineage_active(lineage: Lineage) -> bool:
    """Tell whether an object and all above it are active.

    A job under an inactive customer is still active itself in QuickBooks.
    """
    return all(one.quickbooks.get("is_active", True) for one in lineage)


def required(ret: Ret, name: str) -> str:
    """Return the text of an element that every such object has.

    Raises:
        ValueError: it is missing or empty.
    """
    text = ret.text(name)
    if not text:
        raise ValueError(f"{ret.type} without {name}")
    return text
