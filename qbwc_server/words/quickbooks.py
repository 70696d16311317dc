"""QuickBooks' own refusals as words: HRESULTs, and statuses of single requests.

The sentences stand in `qbxml`, beside the verdicts that the server acts on. Here is
only what a page has room for besides: the exact menu path, and what else is usual.
"""

from __future__ import annotations

from typing import Final

from qbwc_server.qbxml import status as tables
from qbwc_server.qbxml.hresult_table import HRESULT_TABLE
from qbwc_server.qbxml.status_table import STATUS_TABLE
from qbwc_server.qbxml.verdict import Access, Verdict
from qbwc_server.words.wording import INTEGRATED, Words, of_sentences

_PROPERTIES: Final = f"{INTEGRATED} > Properties"
_OPEN: Final = "File > Open or Restore Company"
_SINGLE: Final = "File > Switch to Single-user Mode"
_VERIFY: Final = "File > Utilities > Verify Data"
_BOOKS: Final = "Edit > Preferences > Accounting > Company Preferences"
_TIME: Final = "Edit > Preferences > Time & Expenses > Company Preferences"
_USERS: Final = "Company > Set Up Users and Passwords > Set Up Users"

_ALWAYS = (
    "In the list select our application, choose Properties, and tick 'Allow "
    "this application to login automatically' with the QuickBooks user that "
    "is there for Mosaic. Access is lost at times when the file is moved or "
    "renamed or QuickBooks is updated: untick, save, and tick again."
)
_ASKED = (
    "Sign in as Admin in single-user mode with only this company file open. "
    "When QuickBooks asks, choose 'Yes, always; allow access even if "
    "QuickBooks is not running' and the QuickBooks user that is there for "
    "Mosaic."
)
_LISTED = (
    "Tick our application in the list, and untick 'Don't allow any "
    "applications to access this company file'."
)
_START = (
    "Four causes are usual: QuickBooks is closed and may not be started by "
    "others; it runs as administrator and Web Connector does not, or the "
    "reverse; a second QuickBooks is open; an update or a login waits for an "
    "answer."
)
_WINDOW = (
    "Such a window can be behind others: a message, an update, a backup "
    "reminder. QuickBooks takes no request before it is closed."
)
_WHICH = (
    "Each company file has a connection and a .qwc file of its own. "
    "QuickBooks holds one file open at a time."
)

_OF_HRESULT: Final[dict[int, tuple[str, str]]] = {
    0x80040403: (_WHICH, _OPEN),
    0x80040406: (_WHICH, _OPEN),
    0x80040408: (_START, ""),
    0x8004040A: (_WHICH, "File > Close Company"),
    0x80040410: ("", _SINGLE),
    0x80040414: (_WINDOW, ""),
    0x80040416: (_WHICH, _OPEN),
    0x80040417: (_WHICH, _OPEN),
    0x80040418: (_ASKED, INTEGRATED),
    0x8004041A: (_LISTED, INTEGRATED),
    0x8004041C: ("", _VERIFY),
    0x8004041D: (_ALWAYS, _PROPERTIES),
    0x8004041E: (_ASKED, INTEGRATED),
    0x80040420: (_ASKED, INTEGRATED),
    0x80040422: ("", _SINGLE),
    0x80040427: ("", "Help > Activate QuickBooks"),
    0x8004042C: (_ASKED, INTEGRATED),
    0x80040430: (_ALWAYS, _PROPERTIES),
    0x80010105: (_WINDOW, _VERIFY),
}
_OF_STATUS: Final[dict[int, tuple[str, str]]] = {
    510: ("", _VERIFY),
    1000: ("", _VERIFY),
    3161: ("", _BOOKS),
    3162: ("", _SINGLE),
    3171: ("", _BOOKS),
    3220: (
        (
            "Give the QuickBooks user that is there for Mosaic the right to time "
            "tracking and to the lists of customers, items and employees."
        ),
        _USERS,
    ),
    3250: ("Time tracking is switched on under Time & Expenses.", _TIME),
    3260: (_ALWAYS, _PROPERTIES),
    3261: (
        (
            "Our connection asks for no personal data such as social security "
            "numbers. Some lists may need the box all the same; everything else goes "
            "on."
        ),
        _PROPERTIES,
    ),
    3262: ("", "Employees > My Payroll Service"),
    3263: (
        (
            "A .qwc file of ours never asks for read-only access: the one that was "
            "added is an old or edited copy."
        ),
        INTEGRATED,
    ),
    3270: ("", "Lists > Item List"),
    3280: ("", "Lists > Item List"),
    3130: ("", "Customers > Customer Center"),
    3140: ("", "Lists > Item List"),
}


OURS: Final = frozenset(
    {
        *(it.hexadecimal for it in HRESULT_TABLE.values() if it.access == Access.OURS),
        "status-501",
        *(f"status-{n}" for n, it in STATUS_TABLE.items() if it.verdict == Verdict.BUG),
    }
)
"""What only a mended program ends; the customer can do nothing."""


def hresult(text: str) -> Words:
    """Explain an HRESULT in any form Web Connector writes; never raises."""
    found = tables.hresult(text)
    more, menu = _OF_HRESULT.get(found.code, ("", ""))
    return of_sentences(found.hexadecimal, found.name, found.customer, more, menu)


def status(code: int, message: str = "") -> Words:
    """Explain a statusCode; `message` decides where the code alone does not."""
    found = tables.status(code, message)
    more, menu = _OF_STATUS.get(code, ("", ""))
    return of_sentences(f"status-{code}", found.name, found.customer, more, menu)


def every_hresult() -> tuple[Words, ...]:
    """Return the words of every HRESULT that has an entry."""
    return tuple(hresult(row.hexadecimal) for row in HRESULT_TABLE.values())


def every_status() -> tuple[Words, ...]:
    """Return the words of every status that has an entry."""
    return tuple(status(code) for code in STATUS_TABLE)
