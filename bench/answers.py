"""Answers of QuickBooks of any size, ready to be sent: escaped, with a mark to fill.

Each page of a read has other objects: its number is put in where the mark stands.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

_MARK = b"@@@@@@"
_PERSONS, _CUSTOMERS, _ITEMS = 50, 200, 10


def person_id(number: int) -> str:
    """Return the ListID of an employee."""
    return f"8000{number:04X}-1600000000"


def customer_id(number: int) -> str:
    """Return the ListID of a customer."""
    return f"9000{number:04X}-1600000000"


def item_id(number: int) -> str:
    """Return the ListID of a service item."""
    return f"A000{number:04X}-1600000000"


def customers(count: int) -> bytes:
    """Return CustomerRets as text with the mark."""
    return b"".join(
        (
            f"<CustomerRet><ListID>@@@@@@{one:04X}-1600000000</ListID>"
            "<TimeModified>2025-06-02T09:10:11-05:00</TimeModified>"
            f"<EditSequence>17{one:08}</EditSequence>"
            f"<Name>Customer @@@@@@ {one:04}</Name>"
            f"<FullName>Customer @@@@@@ {one:04}</FullName>"
            "<IsActive>true</IsActive><CompanyName></CompanyName>"
            "<JobStatus>InProgress</JobStatus></CustomerRet>"
        ).encode()
        for one in range(count)
    )


def time_entries(count: int) -> bytes:
    """Return TimeTrackingRets as text with the mark."""
    return b"".join(
        (
            f"<TimeTrackingRet><TxnID>@@@@@@{one:04X}-1600000000</TxnID>"
            "<TimeCreated>2025-06-02T09:10:11-05:00</TimeCreated>"
            "<TimeModified>2025-06-02T09:10:11-05:00</TimeModified>"
            f"<EditSequence>17{one:08}</EditSequence><TxnNumber>{one}</TxnNumber>"
            f"<TxnDate>2025-06-{1 + one % 28:02}</TxnDate><EntityRef><ListID>"
            f"{person_id(one % _PERSONS)}</ListID><FullName>Person {one % _PERSONS}"
            "</FullName></EntityRef><CustomerRef><ListID>"
            f"{customer_id(one % _CUSTOMERS)}</ListID><FullName>Customer "
            f"{one % _CUSTOMERS}</FullName></CustomerRef><ItemServiceRef><ListID>"
            f"{item_id(one % _ITEMS)}</ListID><FullName>Item {one % _ITEMS}</FullName>"
            f"</ItemServiceRef><Duration>PT{1 + one % 8}H15M</Duration>"
            f"<Notes>Plans for the entry @@@@@@ {one}</Notes>"
            "<BillableStatus>Billable</BillableStatus></TimeTrackingRet>"
        ).encode()
        for one in range(count)
    )


def page(objects: bytes, number: int) -> bytes:
    """Return objects with the number of their page put in."""
    return objects.replace(_MARK, b"%06X" % number)


def ready(objects: bytes) -> bytes:
    """Return objects as they stand in an envelope."""
    return escape(objects.decode()).encode()
