"""Customers and jobs: QuickBooks' one list is Mosaic's clients, projects and phases.

Customer -> client, job -> project, job of a job -> phase; or, by the company's
structure, customer -> project, job -> phase. What lies deeper has no counterpart of its
own: its hours belong to the nearest phase. Both shapes are Mosaic's own (its FAQ on
QuickBooks hierarchies).
"""

from __future__ import annotations

from qbwc_server.kinds.kind import Kind, Lineage, Seen, active, lineage_active, required
from qbwc_server.kinds.list_plan import Hold, Wanted
from qbwc_server.qbxml.response import Ret

_TYPES = {"client": ("client", "project", "phase"), "project": ("project", "phase")}
_NOUN = {"client": "client", "project": "project", "phase": "phase"}


def see(ret: Ret) -> Seen:
    """Return a CustomerRet as a snapshot."""
    full_name = required(ret, "FullName")
    return Seen(
        quickbooks_id=required(ret, "ListID"),
        name=full_name,
        snapshot={
            "name": required(ret, "Name"),
            "company_name": ret.text("CompanyName"),
            "is_active": active(ret),
            "parent_id": ret.text("ParentRef", "ListID") or None,
            "job_status": ret.text("JobStatus") or None,
        },
        edit_sequence=ret.text("EditSequence"),
        time_modified=ret.text("TimeModified"),
        parent_id=ret.text("ParentRef", "ListID") or None,
        rank=20 + full_name.count(":"),
    )


def mirror(lineage: Lineage, structure: str) -> Wanted | Hold:
    """Return the client, project or phase of a customer or job."""
    types = _TYPES[structure]
    me = lineage[-1]
    depth = len(lineage) - 1
    if depth >= len(types):
        nearest = lineage[len(types) - 1].quickbooks.get("name", "")
        return Hold(
            "in_sync",
            f"Deeper than Mosaic's phases: its hours go to the phase {nearest}.",
            without_object=True,
        )
    data_type = types[depth]
    parent: int | None = None
    if depth > 0:
        above = lineage[-2]
        missing = next((one for one in lineage if one.missing), None)
        if missing is not None:
            return Hold(
                "unlinked",
                "Its customer above is not read from QuickBooks yet.",
                waits_for=f"customer:{missing.quickbooks_id}",
            )
        if above.state == "do_not_link":
            return Hold(
                "do_not_link",
                f"{above.quickbooks.get('name', '')} above it is not to be linked; "
                "somebody said so.",
                waits_for=f"customer:{above.quickbooks_id}",
            )
        there = above.mosaic_id is not None and above.mosaic is not None
        if not there or above.mosaic_type != types[depth - 1]:
            return Hold(
                "unlinked",
                f"Waits for its {_NOUN[types[depth - 1]]} "
                f"{above.quickbooks.get('name', '')} in Mosaic.",
                waits_for=f"customer:{above.quickbooks_id}",
            )
        parent = above.mosaic_id
    name = str(me.quickbooks["name"])
    company_name = str(me.quickbooks.get("company_name") or "")
    names = (company_name, name) if depth == 0 and company_name else (name,)
    return Wanted(
        data_type=data_type,
        names=tuple(dict.fromkeys(names)),
        archived=not lineage_active(lineage),
        parent=parent,
    )


KIND = Kind(
    name="customer",
    plural="customers and jobs",
    query="CustomerQuery",
    ret="Customer",
    elements=(
        "ListID",
        "TimeModified",
        "EditSequence",
        "Name",
        "FullName",
        "IsActive",
        "ParentRef",
        "CompanyName",
        "JobStatus",
    ),
    deleted_as="Customer",
    iterable=True,
    see=see,
    mirror=mirror,
)
