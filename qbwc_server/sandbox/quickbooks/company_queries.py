"""Answers about QuickBooks and the company: Host, Company, Preferences, Activity.

The element order is that of Intuit's qbXML 13.0 schema; the versions are those a
QuickBooks Enterprise 24 lists.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import Field, Reply, only
from qbwc_server.sandbox.quickbooks.data_extensions import COMPANY, extension_fields
from qbwc_server.sandbox.quickbooks.store import Store

_VERSIONS: Final = (
    *("1.0", "1.1", "2.0", "2.1", "3.0", "4.0", "4.1", "5.0", "6.0", "7.0", "8.0"),
    *("9.0", "10.0", "11.0", "12.0", "13.0", "14.0", "15.0", "16.0"),
)
_CAPACITIES: Final = (
    ("Account", 100_000),
    ("BillingRate", 100),
    ("Class", 100_000),
    ("CustomerMsg", 50),
    ("CustomerType", 10_000),
    ("Entity", 1_000_000),
    ("Item", 1_000_000),
    ("JobType", 10_000),
    ("PaymentMethod", 10_000),
    ("PayrollItem", 10_000),
    ("PriceLevel", 750),
    ("SalesRep", 10_000),
    ("SalesTaxCode", 10_000),
    ("ShipMethod", 10_000),
    ("Template", 10_000),
    ("Terms", 10_000),
    ("ToDo", 10_000),
    ("Vehicle", 10_000),
    ("VendorType", 10_000),
)


def host_query(store: Store, request: etree._Element) -> Reply:
    """Answer HostQueryRq."""
    fields: list[Field] = [
        ("ProductName", "QuickBooks Desktop Enterprise Solutions 24.0"),
        ("MajorVersion", "34"),
        ("MinorVersion", "0"),
        ("Country", "US"),
        *(("SupportedQBXMLVersion", version) for version in _VERSIONS),
        ("IsAutomaticLogin", "false"),
        ("QBFileMode", str(store.setting("file_mode"))),
    ]
    if request.findtext("IncludeListMetaData/IncludeMaxCapacity") in ("true", "1"):
        inside: list[Field] = [
            (f"{name}MetaData", [("MaxCapacity", str(most))])
            for name, most in _CAPACITIES
        ]
        fields.append(("ListMetaData", inside))
    return _one("HostRet", fields, request)


def company_query(store: Store, request: etree._Element) -> Reply:
    """Answer CompanyQueryRq; private data comes for the OwnerIDs asked for."""
    name = str(store.setting("company_name"))
    owners = [node.text or "" for node in request.findall("OwnerID")]
    dividing = str(store.setting("dividing_date"))
    copy: list[Field] = [("AccountantCopyExists", "true"), ("DividingDate", dividing)]
    fields: list[Field] = [
        ("IsSampleCompany", "false"),
        ("CompanyName", name[:59]),
        ("LegalCompanyName", name[:59]),
        ("FirstMonthFiscalYear", "January"),
        ("FirstMonthIncomeTaxYear", "January"),
        ("CompanyType", "ArchitecturalServices"),
        ("TaxForm", "Form1120S"),
        *([("AccountantCopy", copy)] if dividing else []),
        *extension_fields(store, COMPANY, "", owners),
    ]
    return _one("CompanyRet", fields, request)


def activity_query(store: Store, request: etree._Element) -> Reply:
    """Answer CompanyActivityQueryRq; a time that never was is the epoch's start."""
    fields: list[Field] = [
        (name, store.printed(store.setting(setting) or 0))
        for name, setting in (
            ("LastRestoreTime", "last_restore"),
            ("LastCondenseTime", "last_condense"),
        )
    ]
    return _one("CompanyActivityRet", fields, request)


def preferences_query(store: Store, request: etree._Element) -> Reply:
    """Answer PreferencesQueryRq; time tracking switched off shows by its absence."""
    closing = str(store.setting("closing_date"))
    accounting: list[Field] = [
        ("IsUsingAccountNumbers", "false"),
        ("IsRequiringAccounts", "true"),
        ("IsUsingClassTracking", _bool(store.setting("class_tracking"))),
        ("IsUsingAuditTrail", "true"),
        ("IsAssigningJournalEntryNumbers", "true"),
    ]
    if closing:
        accounting.append(("ClosingDate", closing))
    fields: list[Field] = [
        ("AccountingPreferences", accounting),
        (
            "FinanceChargePreferences",
            [
                ("GracePeriod", "0"),
                ("IsAssessingForOverdueCharges", "false"),
                ("CalculateChargesFrom", "DueDate"),
                ("IsMarkedToBePrinted", "false"),
            ],
        ),
        (
            "JobsAndEstimatesPreferences",
            [
                ("IsUsingEstimates", "true"),
                ("IsUsingProgressInvoicing", "true"),
                ("IsPrintingItemsWithZeroAmounts", "false"),
            ],
        ),
        ("MultiCurrencyPreferences", [("IsMultiCurrencyOn", "false")]),
        (
            "PurchasesAndVendorsPreferences",
            [
                ("IsUsingInventory", "false"),
                ("DaysBillsAreDue", "10"),
                ("IsAutomaticallyUsingDiscounts", "false"),
            ],
        ),
        (
            "ReportsPreferences",
            [
                ("AgingReportBasis", "AgeFromDueDate"),
                ("SummaryReportBasis", "Accrual"),
            ],
        ),
        (
            "SalesAndCustomersPreferences",
            [
                ("IsTrackingReimbursedExpensesAsIncome", "false"),
                ("IsAutoApplyingPayments", "true"),
            ],
        ),
    ]
    if store.setting("time_tracking"):
        fields.append(("TimeTrackingPreferences", [("FirstDayOfWeek", "Monday")]))
    personal = _bool(store.setting("personal_data"))
    rights: list[Field] = [
        ("IsAutomaticLoginAllowed", "true"),
        ("AutomaticLoginUserName", "Admin"),
        ("IsPersonalDataAccessAllowed", personal),
    ]
    fields.append(("CurrentAppAccessRights", rights))
    return _one("PreferencesRet", fields, request)


def _one(ret: str, fields: list[Field], request: etree._Element) -> Reply:
    names = [node.text or "" for node in request.findall("IncludeRetElement")]
    return Reply(rows=[(ret, only(fields, names))])


def _bool(value: object) -> str:
    return "true" if value else "false"
