"""One file for each kind of object; this is their list, in the order they are read."""

from __future__ import annotations

from qbwc_server.kinds.kind import Kind
from qbwc_server.kinds.lists import contractor, customer, employee, service_item
from qbwc_server.kinds.lists.kept import CLASS, PAYROLL_ITEM

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        employee.KIND,
        contractor.VENDOR,
        contractor.OTHER_NAME,
        customer.KIND,
        service_item.KIND,
        CLASS,
        PAYROLL_ITEM,
    )
}
