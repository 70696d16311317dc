"""The qbXML request messages this product sends, and the exact shape of each.

Every shape is a fact of qbXML 13.0 as published in Intuit's schema and onscreen
reference: the order of the elements, which are required, how often they may come, how
long they may be, and which groups exclude each other. QuickBooks refuses a whole
message set (0x80040400) for one element out of place and does not say which, so the
table is kept here, where `check` can say it.

This module is data only. Fields that exist in the schema but not in QuickBooks Desktop
for the United States (`Rate` in a time entry, macros) are left out on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What the text of an element has to look like."""

    TEXT = "text"
    ID = "ID"
    BOOL = "boolean"
    INTEGER = "integer"
    AMOUNT = "amount"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    GUID = "GUID"
    ENUM = "enumeration"


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its name, and either its text or the elements inside it.

    `at_most` is a length in characters after decoding, `at_least` the smallest integer
    allowed; both are None where the schema sets no limit.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    repeats: bool = False
    at_most: int | None = None
    at_least: int | None = None
    values: frozenset[str] = frozenset()
    inside: tuple[Element | Choice, ...] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Either one group of elements or another, never two of them."""

    groups: tuple[tuple[Element | Choice, ...], ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One request: its elements, and the attributes it takes besides `requestID`."""

    body: tuple[Element | Choice, ...]
    attributes: frozenset[str] = frozenset()


def _enum(
    name: str, values: str, *, required: bool = False, repeats: bool = False
) -> Element:
    return Element(name, Kind.ENUM, required, repeats, values=frozenset(values.split()))


def _ref(name: str, longest: int, *, required: bool = False) -> Element:
    inside = (Element("ListID", Kind.ID), Element("FullName", at_most=longest))
    return Element(name, inside=inside, required=required)


_RET_ELEMENT: Final = Element("IncludeRetElement", repeats=True, at_most=50)
_OWNERS: Final = Element("OwnerID", Kind.GUID, repeats=True)
_LIST_IDS: Final = Element("ListID", Kind.ID, required=True, repeats=True)
_FULL_NAMES: Final = Element("FullName", required=True, repeats=True)
_TXN_ID: Final = Element("TxnID", Kind.ID, required=True)
_TXN_IDS: Final = Element("TxnID", Kind.ID, required=True, repeats=True)
_MAX_RETURNED: Final = Element("MaxReturned", Kind.INTEGER, at_least=1)

_NAME_FILTERS: Final = Choice(
    groups=(
        (
            Element(
                "NameFilter",
                required=True,
                inside=(
                    _enum(
                        "MatchCriterion", "StartsWith Contains EndsWith", required=True
                    ),
                    Element("Name", required=True),
                ),
            ),
        ),
        (
            Element(
                "NameRangeFilter",
                required=True,
                inside=(Element("FromName"), Element("ToName")),
            ),
        ),
    )
)
_LIST_FILTER: Final = (
    _MAX_RETURNED,
    _enum("ActiveStatus", "ActiveOnly InactiveOnly All"),
    Element("FromModifiedDate", Kind.DATETIME),
    Element("ToModifiedDate", Kind.DATETIME),
    _NAME_FILTERS,
)
_CLASS_FILTER: Final = Element(
    "ClassFilter",
    inside=(
        Choice(
            required=True,
            groups=(
                (_LIST_IDS,),
                (_FULL_NAMES,),
                (Element("ListIDWithChildren", Kind.ID, required=True),),
                (Element("FullNameWithChildren", required=True),),
            ),
        ),
    ),
)
_PEOPLE_WITH_MONEY: Final = (
    Element(
        "TotalBalanceFilter",
        inside=(
            _enum(
                "Operator",
                "LessThan LessThanEqual Equal GreaterThan GreaterThanEqual",
                required=True,
            ),
            Element("Amount", Kind.AMOUNT, required=True),
        ),
    ),
    Element(
        "CurrencyFilter",
        inside=(
            Choice(
                required=True,
                groups=(
                    (_LIST_IDS,),
                    (Element("FullName", required=True, repeats=True, at_most=64),),
                ),
            ),
        ),
    ),
    _CLASS_FILTER,
)

_TXN_TYPES: Final = (
    "ARRefundCreditCard Bill BillPaymentCheck BillPaymentCreditCard BuildAssembly "
    "Charge Check CreditCardCharge CreditCardCredit CreditMemo Deposit Estimate "
    "InventoryAdjustment Invoice ItemReceipt JournalEntry PurchaseOrder "
    "ReceivePayment SalesOrder SalesReceipt SalesTaxPaymentCheck VendorCredit"
)
_DELETABLE_TXN_TYPES: Final = (
    f"{_TXN_TYPES} TimeTracking TransferInventory VehicleMileage"
)
_LIST_TYPES: Final = (
    "Account BillingRate Class Currency Customer CustomerMsg CustomerType "
    "DateDrivenTerms Employee InventorySite ItemDiscount ItemFixedAsset ItemGroup "
    "ItemInventory ItemInventoryAssembly ItemNonInventory ItemOtherCharge ItemPayment "
    "ItemSalesTax ItemSalesTaxGroup ItemService ItemSubtotal JobType OtherName "
    "PaymentMethod PayrollItemNonWage PayrollItemWage PriceLevel SalesRep "
    "SalesTaxCode ShipMethod StandardTerms ToDo UnitOfMeasureSet Vehicle Vendor "
    "VendorType WorkersCompCode"
)
_DATE_MACROS: Final = (
    "All Today ThisWeek ThisWeekToDate ThisMonth ThisMonthToDate ThisCalendarQuarter "
    "ThisCalendarQuarterToDate ThisFiscalQuarter ThisFiscalQuarterToDate "
    "ThisCalendarYear ThisCalendarYearToDate ThisFiscalYear ThisFiscalYearToDate "
    "Yesterday LastWeek LastWeekToDate LastMonth LastMonthToDate LastCalendarQuarter "
    "LastCalendarQuarterToDate LastFiscalQuarter LastFiscalQuarterToDate "
    "LastCalendarYear LastCalendarYearToDate LastFiscalYear LastFiscalYearToDate "
    "NextWeek NextFourWeeks NextMonth NextCalendarQuarter NextCalendarYear "
    "NextFiscalQuarter NextFiscalYear"
)

_DELETED_DATES: Final = Element(
    "DeletedDateRangeFilter",
    inside=(
        Element("FromDeletedDate", Kind.DATETIME),
        Element("ToDeletedDate", Kind.DATETIME),
    ),
)
_TIME_FILTER: Final = (
    _MAX_RETURNED,
    Choice(
        groups=(
            (
                Element(
                    "ModifiedDateRangeFilter",
                    required=True,
                    inside=(
                        Element("FromModifiedDate", Kind.DATETIME),
                        Element("ToModifiedDate", Kind.DATETIME),
                    ),
                ),
            ),
            (
                Element(
                    "TxnDateRangeFilter",
                    required=True,
                    inside=(
                        Choice(
                            groups=(
                                (
                                    Element("FromTxnDate", Kind.DATE),
                                    Element("ToTxnDate", Kind.DATE),
                                ),
                                (_enum("DateMacro", _DATE_MACROS, required=True),),
                            )
                        ),
                    ),
                ),
            ),
        )
    ),
    Element(
        "TimeTrackingEntityFilter",
        inside=(Choice(required=True, groups=((_LIST_IDS,), (_FULL_NAMES,))),),
    ),
)
_TIME_FIELDS: Final = (
    Element("TxnDate", Kind.DATE),
    _ref("EntityRef", 209, required=True),
    _ref("CustomerRef", 209),
    _ref("ItemServiceRef", 159),
    Element("Duration", Kind.DURATION, required=True),
    _ref("ClassRef", 159),
    _ref("PayrollItemWageRef", 31),
    Element("Notes", at_most=4095),
    _enum("BillableStatus", "Billable NotBillable HasBeenBilled"),
)

_DATA_EXT_OWNER: Final = (
    Element("OwnerID", Kind.GUID, required=True),
    Element("DataExtName", required=True, at_most=31),
)
_DATA_EXT_OBJECT: Final = Choice(
    required=True,
    groups=(
        (
            _enum(
                "ListDataExtType",
                "Account Customer Employee Item OtherName Vendor",
                required=True,
            ),
            _ref("ListObjRef", 159, required=True),
        ),
        (
            _enum("TxnDataExtType", _TXN_TYPES, required=True),
            _TXN_ID,
            Element("TxnLineID", Kind.ID),
        ),
        (_enum("OtherDataExtType", "Company", required=True),),
    ),
)
_DATA_EXT_VALUE: Final = Element("DataExtValue", required=True)


def _list_query(
    *more: Element, iterable: bool = False, owners: bool = False
) -> Message:
    filters: tuple[Element | Choice, ...] = (*_LIST_FILTER, *more)
    tail = (_RET_ELEMENT, _OWNERS) if owners else (_RET_ELEMENT,)
    choice = Choice(((_LIST_IDS,), (_FULL_NAMES,), filters))
    paging = {"iterator", "iteratorID"} if iterable else set[str]()
    return Message((choice, *tail), frozenset({"metaData"} | paging))


def _write(name: str, *inside: Element | Choice, returns: bool = False) -> Message:
    body = Element(name, required=True, inside=inside)
    return Message((body, _RET_ELEMENT) if returns else (body,))


MESSAGES: Final[dict[str, Message]] = {
    "HostQueryRq": Message(
        (
            Element(
                "IncludeListMetaData",
                inside=(Element("IncludeMaxCapacity", Kind.BOOL, required=True),),
            ),
            _RET_ELEMENT,
        )
    ),
    "CompanyQueryRq": Message((_RET_ELEMENT, _OWNERS)),
    "CompanyActivityQueryRq": Message((_RET_ELEMENT,)),
    "PreferencesQueryRq": Message((_RET_ELEMENT,)),
    "EmployeeQueryRq": _list_query(owners=True),
    "OtherNameQueryRq": _list_query(owners=True),
    "VendorQueryRq": _list_query(*_PEOPLE_WITH_MONEY, iterable=True, owners=True),
    "CustomerQueryRq": _list_query(*_PEOPLE_WITH_MONEY, iterable=True, owners=True),
    "ItemServiceQueryRq": _list_query(_CLASS_FILTER, iterable=True, owners=True),
    "ClassQueryRq": _list_query(),
    "PayrollItemWageQueryRq": _list_query(),
    "TimeTrackingQueryRq": Message(
        (Choice(((_TXN_IDS,), _TIME_FILTER)), _RET_ELEMENT),
        frozenset({"metaData", "iterator", "iteratorID"}),
    ),
    "TimeTrackingAddRq": _write(
        "TimeTrackingAdd",
        *_TIME_FIELDS,
        Element("ExternalGUID", Kind.GUID),
        returns=True,
    ),
    "TimeTrackingModRq": _write(
        "TimeTrackingMod",
        _TXN_ID,
        Element("EditSequence", required=True, at_most=16),
        *_TIME_FIELDS,
        returns=True,
    ),
    "TxnDelRq": Message(
        (_enum("TxnDelType", _DELETABLE_TXN_TYPES, required=True), _TXN_ID)
    ),
    "TxnDeletedQueryRq": Message(
        (
            _enum("TxnDelType", _DELETABLE_TXN_TYPES, required=True, repeats=True),
            _DELETED_DATES,
            _RET_ELEMENT,
        ),
        frozenset({"metaData"}),
    ),
    "ListDeletedQueryRq": Message(
        (
            _enum("ListDelType", _LIST_TYPES, required=True, repeats=True),
            _DELETED_DATES,
            _RET_ELEMENT,
        ),
        frozenset({"metaData"}),
    ),
    "DataExtDefAddRq": _write(
        "DataExtDefAdd",
        *_DATA_EXT_OWNER,
        _enum(
            "DataExtType",
            "AMTTYPE DATETIMETYPE INTTYPE PERCENTTYPE PRICETYPE QUANTYPE STR1024TYPE "
            "STR255TYPE",
            required=True,
        ),
        _enum(
            "AssignToObject",
            f"{_TXN_TYPES} Account Company Customer Employee Item OtherName Vendor",
            repeats=True,
        ),
        Element("DataExtListRequire", Kind.BOOL),
        Element("DataExtTxnRequire", Kind.BOOL),
        Element("DataExtFormatString"),
        returns=True,
    ),
    "DataExtAddRq": _write(
        "DataExtAdd", *_DATA_EXT_OWNER, _DATA_EXT_OBJECT, _DATA_EXT_VALUE
    ),
    "DataExtModRq": _write(
        "DataExtMod", *_DATA_EXT_OWNER, _DATA_EXT_OBJECT, _DATA_EXT_VALUE
    ),
    "DataExtDelRq": _write("DataExtDel", *_DATA_EXT_OWNER, _DATA_EXT_OBJECT),
}

ITERABLE: Final[frozenset[str]] = frozenset(
    name for name, message in MESSAGES.items() if "iterator" in message.attributes
)
"""The requests whose answer may be asked for page by page."""
