"""The codes that leave their reason to the message, and the wordings known.

The wordings are those of answers of QuickBooks Desktop that their receivers published.
The first that fits decides; without one the entry of the status table stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from qbwc_server.qbxml.verdict import Status, Verdict

AMBIGUOUS: Final = frozenset({3140, 3170, 3180, 3210})
_OF_WRITES: Final = AMBIGUOUS | {3160}
"""A deletion that something in the books forbids has one code for all of it."""
_INNER_MESSAGE: Final = re.compile(r"QuickBooks error message\s*:", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class _Wording:
    """What a phrase in the reason makes of some of the ambiguous codes."""

    codes: frozenset[int]
    phrase: re.Pattern[str]
    verdict: Verdict
    name: str
    customer: str
    support: str


_WORDINGS: Final = (
    _Wording(
        AMBIGUOUS,
        re.compile(
            r"modified by another user"
            r"|could not be locked"
            r"|acquire the lock"
            r"|list element is in use",
            re.IGNORECASE,
        ),
        Verdict.RETRY,
        "in use",
        "Somebody is working on this record or its list in QuickBooks. We will try"
        " again at the next run.",
        "The wording is that of a lock; the same content may go again later.",
    ),
    _Wording(
        _OF_WRITES,
        re.compile(r"dividing date|accountant'?s copy", re.IGNORECASE),
        Verdict.CUSTOMER,
        "accountant's copy",
        "An Accountant's Copy is out, and QuickBooks keeps all up to its dividing date."
        " Import the accountant's changes, or cancel the copy (File > Send Company"
        " File).",
        "CompanyRet tells the dividing date. Like a closed period; over when the copy"
        " is.",
    ),
    _Wording(
        AMBIGUOUS - {3140} | {3160},
        re.compile(r"\bpay ?che(?:ck|que)s?\b", re.IGNORECASE),
        Verdict.CUSTOMER,
        "used on a paycheck",
        "This time is on a paycheck, so QuickBooks keeps it as it is. Whoever does the"
        " payroll can delete that paycheck, or take the change back in Mosaic.",
        "Paid time stays as it was paid; what is paid wrongly is payroll's to mend.",
    ),
    _Wording(
        _OF_WRITES,
        re.compile(r"closing date", re.IGNORECASE),
        Verdict.CUSTOMER,
        "closed period",
        "The books are closed for that day. An administrator can move the closing date:"
        " Edit > Preferences > Accounting > Company Preferences.",
        "The wording is that of a closed period, which usually has a code of its own.",
    ),
    _Wording(
        frozenset({3140}),
        re.compile(r"does not exist in the list", re.IGNORECASE),
        Verdict.REFETCH,
        "referenced record is missing",
        "A record this entry refers to is no longer in QuickBooks. We will read the"
        " lists again.",
        "The lists we hold are out of date: read them, link again, then decide.",
    ),
    _Wording(
        frozenset({3140}),
        re.compile(r"requires a customer or job", re.IGNORECASE),
        Verdict.DATA,
        "customer or job missing",
        "QuickBooks wants a customer or job for this entry. Please choose one, or mark"
        " the entry not billable.",
        "A rule of the books: billable time needs a customer or job.",
    ),
    _Wording(
        frozenset({3180}),
        re.compile(r"credit limit", re.IGNORECASE),
        Verdict.CUSTOMER,
        "credit limit",
        "The customer's credit limit would be exceeded. Please change it in the payment"
        " settings of the customer in QuickBooks.",
        "QuickBooks would ask a person here; we cannot answer for one.",
    ),
    _Wording(
        frozenset({3180}),
        re.compile(r"already in use", re.IGNORECASE),
        Verdict.DATA,
        "number or name already used",
        "QuickBooks already uses this number or name for another record. Please change"
        " one of the two.",
        "The text after 'QuickBooks error message' names the value.",
    ),
)


_LOCKS: Final = frozenset({"closed period", "accountant's copy", "used on a paycheck"})
_CLOSED: Final = frozenset({3161, 3171})


def is_lock(status: Status) -> bool:
    """Tell whether QuickBooks keeps a record as it is until something else is over.

    Nothing is wrong with the record or with what was sent: it goes later, unchanged.
    """
    return status.code in _CLOSED or status.name in _LOCKS


def by_wording(known: Status, message: str) -> Status:
    """Sharpen the entry of an ambiguous code by the reason its message gives.

    Args:
        known: the entry of the status table.
        message: the whole statusMessage. Only what follows "QuickBooks error message:"
            counts, outside quotation marks: names of records may say anything.

    Returns:
        An entry with the same code and the verdict and texts of the wording, or
        `known` where no wording fits.
    """
    reason = _QUOTED.sub("", _INNER_MESSAGE.split(message)[-1])
    for wording in _WORDINGS:
        if known.code in wording.codes and wording.phrase.search(reason):
            return Status(
                known.code,
                wording.verdict,
                wording.name,
                wording.customer,
                wording.support,
            )
    return known
