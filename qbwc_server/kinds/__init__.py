"""One file for each kind of object; this is their list, in the order they are read."""

from __future__ import annotations

from qbwc_server.kinds import customer, employee, service_item
from qbwc_server.kinds.kept import CLASS, PAYROLL_ITEM
from qbwc_server.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        employee.KIND,
        customer.KIND,
        service_item.KIND,
        CLASS,
        PAYROLL_ITEM,
    )
}
