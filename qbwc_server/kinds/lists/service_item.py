"""Service items: each is a standard work category of Mosaic."""

from __future__ import annotations

from qbwc_server.kinds.kind import Kind, Lineage, Seen, active, lineage_active, required
from qbwc_server.kinds.list_plan import Hold, Wanted
from qbwc_server.qbxml.response import Ret


def see(ret: Ret) -> Seen:
    """Return an ItemServiceRet as a snapshot."""
    full_name = required(ret, "FullName")
    return Seen(
        quickbooks_id=required(ret, "ListID"),
        name=full_name,
        snapshot={
            "name": required(ret, "Name"),
            "is_active": active(ret),
            "parent_id": ret.text("ParentRef", "ListID") or None,
        },
        edit_sequence=ret.text("EditSequence"),
        time_modified=ret.text("TimeModified"),
        parent_id=ret.text("ParentRef", "ListID") or None,
        rank=30 + full_name.count(":"),
    )


def mirror(lineage: Lineage, structure: str) -> Wanted | Hold:  # noqa: ARG001 - as `Mirror`
    """Return the work category of a service item.

    Mosaic's categories are one flat list, so an item whose name is taken by another
    item goes by its full name.
    """
    if any(one.missing for one in lineage):
        above = next(one for one in lineage if one.missing)
        return Hold(
            "unlinked",
            "The item above it is not read from QuickBooks yet.",
            waits_for=f"service_item:{above.quickbooks_id}",
        )
    names = [str(one.quickbooks["name"]) for one in lineage]
    return Wanted(
        data_type="standard_work_category",
        names=tuple(dict.fromkeys((names[-1], ":".join(names)))),
        archived=not lineage_active(lineage),
    )


KIND = Kind(
    name="service_item",
    plural="service items",
    query="ItemServiceQuery",
    ret="ItemService",
    elements=(
        "ListID",
        "TimeModified",
        "EditSequence",
        "Name",
        "FullName",
        "IsActive",
        "ParentRef",
    ),
    deleted_as="ItemService",
    iterable=True,
    see=see,
    mirror=mirror,
)
