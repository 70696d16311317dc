"""Contractors: vendors and other names whose time is kept, as members of Mosaic.

Read only for companies that say so, because most vendors sell things. Tax ids, bank
accounts and addresses are in these lists too: only what is named here is asked for.
A ListID is unique within its list only, so each list is a kind of its own.
"""

from __future__ import annotations

from dataclasses import replace

from qbwc_server.kinds.kind import Kind, Lineage
from qbwc_server.kinds.list_plan import Hold, Wanted
from qbwc_server.kinds.lists import employee

EMPLOYMENT_TYPE = "Contractor (External)"
"""Mosaic's word for people who are not employed (its members' `employment_type`)."""


def mirror(lineage: Lineage, structure: str) -> Wanted | Hold:
    """Return the member of a contractor, found and made by e-mail like an employee's.

    The type is said when the member is made; afterwards it is Mosaic's own affair.
    """
    wanted = employee.mirror(lineage, structure)
    if isinstance(wanted, Hold) or lineage[-1].mosaic is not None:
        return wanted
    return replace(wanted, fields={**wanted.fields, "employment_type": EMPLOYMENT_TYPE})


VENDOR = replace(
    employee.KIND,
    name="vendor",
    plural="vendors",
    query="VendorQuery",
    ret="Vendor",
    deleted_as="Vendor",
    iterable=True,
    mirror=mirror,
    by_setting="contractors",
)

OTHER_NAME: Kind = replace(
    VENDOR,
    name="other_name",
    plural="other names",
    query="OtherNameQuery",
    ret="OtherName",
    deleted_as="OtherName",
    iterable=False,
)
