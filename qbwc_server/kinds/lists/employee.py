"""Employees: each is a member of Mosaic's team, found and made by e-mail.

EmployeeRet also carries social security numbers, birth dates and bank accounts: only
what is named here is asked for, and only what is named here is kept. Elements can be
chosen at the top level only, so EmployeePayrollInfo, which brings pay and bank accounts
along, is not asked for.
"""

from __future__ import annotations

import re

from qbwc_server.kinds.kind import Kind, Lineage, Seen, active, required
from qbwc_server.kinds.list_plan import Hold, Wanted
from qbwc_server.qbxml.response import Ret

_BETWEEN = re.compile(r"[\s,;:<>()\[\]\"|/\\]+")
_ADDRESS = re.compile(r"[\w.!#$%&'*+=?^`{}~-]+@[\w-]+(?:\.[\w-]+)+")


def see(ret: Ret) -> Seen:
    """Return an EmployeeRet as a snapshot, with its first usable e-mail address."""
    name = required(ret, "Name")
    address = _first_address(ret.text("Email"))
    return Seen(
        quickbooks_id=required(ret, "ListID"),
        name=name,
        snapshot={
            "name": name,
            "first_name": ret.text("FirstName"),
            "last_name": ret.text("LastName"),
            "email": address,
            "is_active": active(ret),
        },
        edit_sequence=ret.text("EditSequence"),
        time_modified=ret.text("TimeModified"),
        rank=40,
    )


def _first_address(text: str) -> str | None:
    """Return the first e-mail address of a field in which people write anything.

    Never a part of one: o'brien@firm.com is not brien@firm.com.
    """
    for part in _BETWEEN.split(text):
        plain = part.strip("'.").lower()
        if _ADDRESS.fullmatch(plain):
            return plain
    return None


def mirror(lineage: Lineage, structure: str) -> Wanted | Hold:  # noqa: ARG001 - as `Mirror`
    """Return the member of an employee."""
    me = lineage[-1].quickbooks
    # An address that was deleted in QuickBooks leaves the member who is linked.
    email = me.get("email") or (lineage[-1].mosaic or {}).get("email")
    if not email:
        return Hold(
            "unlinked",
            "Has no e-mail address in QuickBooks. Enter one in the Employee Center, or "
            "link the employee to a member of Mosaic by hand.",
        )
    first, last = str(me.get("first_name") or ""), str(me.get("last_name") or "")
    if not first and not last:
        first, _, last = str(me["name"]).strip().rpartition(" ")
        if not first:
            first, last = last, ""
    # A part that QuickBooks does not know takes nothing away from Mosaic.
    fields = {"first_name": first, "last_name": last}
    return Wanted(
        data_type="employee",
        names=(str(email),),
        key="email",
        archived=not me.get("is_active", True),
        fields={name: text for name, text in fields.items() if text},
    )


KIND = Kind(
    name="employee",
    plural="employees",
    query="EmployeeQuery",
    ret="Employee",
    elements=(
        "ListID",
        "TimeModified",
        "EditSequence",
        "Name",
        "IsActive",
        "FirstName",
        "LastName",
        "Email",
    ),
    deleted_as="Employee",
    iterable=False,
    see=see,
    mirror=mirror,
)
