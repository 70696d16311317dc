"""Classes and payroll items: read and kept, because time entries refer to them.

Mosaic has no counterpart of either (its QuickBooks mapping tables name none).
"""

from __future__ import annotations

from qbwc_server.kinds.kind import Kind, Seen, active, required
from qbwc_server.qbxml.response import Ret


def see_class(ret: Ret) -> Seen:
    """Return a ClassRet as a snapshot."""
    return Seen(
        quickbooks_id=required(ret, "ListID"),
        name=required(ret, "FullName"),
        snapshot={
            "name": required(ret, "Name"),
            "is_active": active(ret),
            "parent_id": ret.text("ParentRef", "ListID") or None,
        },
        edit_sequence=ret.text("EditSequence"),
        time_modified=ret.text("TimeModified"),
        parent_id=ret.text("ParentRef", "ListID") or None,
        rank=90,
    )


def see_payroll_item(ret: Ret) -> Seen:
    """Return a PayrollItemWageRet as a snapshot."""
    name = required(ret, "Name")
    return Seen(
        quickbooks_id=required(ret, "ListID"),
        name=name,
        snapshot={
            "name": name,
            "is_active": active(ret),
            "wage_type": ret.text("WageType"),
        },
        edit_sequence=ret.text("EditSequence"),
        time_modified=ret.text("TimeModified"),
        rank=90,
    )


_STAMPS = ("ListID", "TimeModified", "EditSequence", "Name")

CLASS = Kind(
    name="class",
    plural="classes",
    query="ClassQuery",
    ret="Class",
    elements=(*_STAMPS, "FullName", "IsActive", "ParentRef"),
    deleted_as="Class",
    iterable=False,
    see=see_class,
    range_by="FullName",
    optional=True,
)

PAYROLL_ITEM = Kind(
    name="payroll_item",
    plural="payroll items",
    query="PayrollItemWageQuery",
    ret="PayrollItemWage",
    elements=(*_STAMPS, "IsActive", "WageType"),
    deleted_as="PayrollItemWage",
    iterable=False,
    see=see_payroll_item,
    optional=True,
)
