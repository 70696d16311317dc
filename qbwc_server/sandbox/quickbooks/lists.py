"""The lists of a company file: what kinds there are and how a record is printed.

The order of the elements is that of Intuit's qbXML 13.0 schema. Customers, vendors,
employees and other names share one space of names at the top level and, like items
and classes each, one counter of ListIDs: an ID is unique within its list only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qbwc_server.sandbox.quickbooks.answer import Field
from qbwc_server.sandbox.quickbooks.store import Store

_CONTACT: Final = "Salutation FirstName MiddleName LastName JobTitle"
_TAIL: Final = "ExternalGUID CurrencyRef DataExtRet"


@dataclass(frozen=True, slots=True)
class ListKind:
    """One kind of list record.

    `name` is its name in requests ("Customer"), `id_counter` and `name_space` what it
    shares with other kinds, `longest_name` and `longest_full_name` limits in
    characters, `order` the elements after Name, FullName and IsActive as printed.
    """

    name: str
    id_counter: str
    longest_name: int
    order: tuple[str, ...]
    longest_full_name: int | None = None
    name_space: str = ""
    takes_owner: bool = True

    @property
    def is_tree(self) -> bool:
        """Whether records have parents, and so a FullName."""
        return self.longest_full_name is not None

    @property
    def ret(self) -> str:
        """The element a record of this kind is answered in."""
        return f"{self.name}Ret"


CUSTOMER: Final = ListKind(
    "Customer",
    "entity",
    41,
    tuple(
        f"ClassRef ParentRef Sublevel CompanyName {_CONTACT} BillAddress "
        "BillAddressBlock ShipAddress ShipAddressBlock ShipToAddress Phone AltPhone "
        "Fax Email Cc Contact AltContact AdditionalContactRef ContactsRet "
        "CustomerTypeRef TermsRef SalesRepRef Balance TotalBalance SalesTaxCodeRef "
        "ItemSalesTaxRef ResaleNumber AccountNumber CreditLimit "
        "PreferredPaymentMethodRef CreditCardInfo JobStatus JobStartDate "
        "JobProjectedEndDate JobEndDate JobDesc JobTypeRef Notes AdditionalNotesRet "
        f"PreferredDeliveryMethod PriceLevelRef {_TAIL}".split()
    ),
    longest_full_name=209,
    name_space="people",
)
EMPLOYEE: Final = ListKind(
    "Employee",
    "entity",
    41,
    tuple(
        f"{_CONTACT} SupervisorRef Department Description TargetBonus EmployeeAddress "
        "PrintAs Phone Mobile Pager PagerPIN AltPhone Fax SSN Email "
        "AdditionalContactRef EmergencyContacts EmployeeType PartOrFullTime Exempt "
        "KeyEmployee Gender HiredDate OriginalHireDate AdjustedServiceDate "
        "ReleasedDate BirthDate USCitizen Ethnicity Disabled DisabilityDesc OnFile "
        "WorkAuthExpireDate USVeteran MilitaryStatus AccountNumber Notes "
        f"AdditionalNotesRet BillingRateRef EmployeePayrollInfo {_TAIL}".split()
    ),
    name_space="people",
)
VENDOR: Final = ListKind(
    "Vendor",
    "entity",
    41,
    tuple(
        f"ClassRef CompanyName {_CONTACT} VendorAddress VendorAddressBlock ShipAddress "
        "Phone AltPhone Fax Email Cc Contact AltContact AdditionalContactRef "
        "ContactsRet NameOnCheck AccountNumber Notes AdditionalNotesRet VendorTypeRef "
        "TermsRef CreditLimit VendorTaxIdent IsVendorEligibleFor1099 Balance "
        f"BillingRateRef {_TAIL}".split()
    ),
    name_space="people",
)
OTHER_NAME: Final = ListKind(
    "OtherName",
    "entity",
    41,
    tuple(
        f"CompanyName {_CONTACT} OtherNameAddress OtherNameAddressBlock Phone AltPhone "
        f"Fax Email Contact AltContact AccountNumber Notes {_TAIL}".split()
    ),
    name_space="people",
)
ITEM_SERVICE: Final = ListKind(
    "ItemService",
    "item",
    31,
    tuple(
        "ClassRef ParentRef Sublevel UnitOfMeasureSetRef SalesTaxCodeRef "
        f"SalesOrPurchase SalesAndPurchase {_TAIL}".split()
    ),
    longest_full_name=159,
    name_space="items",
)
CLASS: Final = ListKind(
    "Class",
    "class",
    31,
    ("ParentRef", "Sublevel"),
    longest_full_name=159,
    name_space="classes",
    takes_owner=False,
)
PAYROLL_ITEM_WAGE: Final = ListKind(
    "PayrollItemWage",
    "payroll item",
    31,
    ("WageType", "ExpenseAccountRef"),
    name_space="payroll items",
    takes_owner=False,
)

KINDS: Final[dict[str, ListKind]] = {
    kind.name: kind
    for kind in (
        CUSTOMER,
        EMPLOYEE,
        VENDOR,
        OTHER_NAME,
        ITEM_SERVICE,
        CLASS,
        PAYROLL_ITEM_WAGE,
    )
}
PEOPLE_WITH_TIME: Final = ("Employee", "Vendor", "OtherName")
"""The kinds time can be of; a customer cannot work."""


def record(store: Store, kind: str, list_id: str | None) -> sqlite3.Row | None:
    """Return one record of a list, or None."""
    sql = "SELECT * FROM record WHERE kind = ? AND list_id = ?"
    return store.one(sql, kind, list_id)


def record_named(store: Store, kind: str, full_name: str) -> sqlite3.Row | None:
    """Return the record of a list by its full name, upper and lower case alike."""
    sql = "SELECT * FROM record WHERE kind = ? AND sort_name = ?"
    return store.one(sql, kind, full_name.casefold())


def stored_fields(row: sqlite3.Row) -> list[Field]:
    """Return the further elements kept with a record."""
    return [_field(pair) for pair in json.loads(row["fields"])]


def ref(name: str, row: sqlite3.Row) -> Field:
    """Return a reference to a record, as QuickBooks prints them: both ways."""
    return (name, [("ListID", row["list_id"]), ("FullName", row["full_name"])])


def printed_record(
    kind: ListKind, row: sqlite3.Row, extensions: Sequence[Field] = ()
) -> list[Field]:
    """Return all elements of a record in the order of the schema."""
    fields: list[Field] = [
        ("ListID", row["list_id"]),
        ("TimeCreated", row["created"]),
        ("TimeModified", row["modified"]),
        ("EditSequence", row["edit_sequence"]),
        ("Name", row["name"]),
    ]
    if kind.is_tree:
        fields.append(("FullName", row["full_name"]))
    fields.append(("IsActive", "true" if row["is_active"] else "false"))
    rest = [*stored_fields(row), *extensions]
    if row["parent_id"]:
        parent = row["full_name"].rpartition(":")[0]
        inside: list[Field] = [("ListID", row["parent_id"]), ("FullName", parent)]
        rest.append(("ParentRef", inside))
    if kind.is_tree:
        rest.append(("Sublevel", str(row["sublevel"])))
    return fields + in_order(kind, rest)


def in_order(kind: ListKind, fields: Sequence[Field]) -> list[Field]:
    """Sort elements into the order of the schema, leaving out unknown ones."""
    places = {name: place for place, name in enumerate(kind.order)}
    known = [field for field in fields if field[0] in places]
    return sorted(known, key=lambda field: places[field[0]])


def _field(pair: Sequence[object]) -> Field:
    name, content = pair
    if isinstance(content, list):
        return (str(name), [_field(inner) for inner in content])
    return (str(name), str(content))
