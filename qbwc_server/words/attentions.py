"""What a company's attention, and each error of ours by its id, means.

Three groups: what the customer sees (attentions), what an operator sees on the command
line (errors), and why no .qwc file is made. Ids that begin with `quickbooks-` and carry
a code of QuickBooks are explained from its own tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from qbwc_server.mosaic import errors as mosaic
from qbwc_server.words import quickbooks
from qbwc_server.words.command_errors import ERRORS
from qbwc_server.words.qwc import QwcProblem
from qbwc_server.words.wording import INTEGRATED, Words, of_sentences, tell

_HRESULT: Final = re.compile(r"quickbooks-(0x[0-9a-f]{8})")
_STATUS: Final = re.compile(r"quickbooks-status-(-?\d{1,6})")
_DECIDE = (
    "Please say on the setup page whether that is right; until then nothing is deleted."
)
_TIME = "Edit > Preferences > Time & Expenses > Company Preferences"
_OPERATOR_URL = (
    "Please set QBWC_PUBLIC_URL to this server's public https address, then "
    "make the file again."
)

_ATTENTIONS: tuple[Words, ...] = (
    tell(
        "wrong-company-file",
        "Another company file is open than the one of this connection.",
        "Please open the right one with File > Open or Restore Company, then "
        "press Update Selected.",
        "Nothing was read from the other file. If it is the same file, moved and "
        "renamed, say so on the setup page. If it was replaced on purpose, our support "
        "can take the new one.",
        "File > Open or Restore Company",
    ),
    tell(
        "company-file-not-said",
        "QuickBooks did not say which company file is open.",
        "Please open your company file in QuickBooks and run the update again.",
        "Nothing is read before the file is recognised.",
    ),
    tell(
        "run-ended-early",
        "Web Connector ended its last run before it asked for anything.",
        "Please see that the right company file is open in QuickBooks, then press "
        "Update Selected.",
        "It writes its mark into the open company file first. That fails in a file in "
        "which this connection was never added, and while another computer is at it. "
        "Its Status column and its log say which it was.",
        "File > Open or Restore Company",
    ),
    tell(
        "company-file-moved",
        "The company file was moved or renamed; it is the same file and goes on.",
        "Nothing to do; if QuickBooks asks again, choose 'Yes, always'.",
        "It is known by the mark that Web Connector wrote into it. Some moves "
        "end unattended access: untick it in the list, save, and tick it again.",
        INTEGRATED,
    ),
    tell(
        "two-computers",
        "Two computers use this connection at the same time.",
        "Please keep it on one, and remove it from Web Connector on the other.",
        "The second one is told 'busy'. Nothing is lost or doubled, but each "
        "waits for the other; every connection belongs on one always-on computer.",
    ),
    tell(
        "backup-restored",
        "A backup of the company file was restored, so nothing is written for now.",
        "Nothing to do: everything is compared, then it goes on or asks.",
        "A small difference is put back from Mosaic; for a great one a person says "
        "which side is right.",
    ),
    tell(
        "backup-restored-which-side",
        "The restored backup of the company file lacks more than is put back without "
        "a word.",
        "Please say on the setup page: put back what the restore undid, or the "
        "restored file is right.",
        "Nothing is written until then, and nothing of it counts as deleted.",
    ),
    tell(
        "too-many-gone",
        "More is gone from the company file than is usual at once.",
        _DECIDE,
        "A wrong file or a damaged list looks the same.",
    ),
    tell(
        "mosaic-too-many-gone",
        "More time entries are gone from Mosaic than is usual at once.",
        _DECIDE,
        "Access that was taken from our key looks the same.",
    ),
    tell(
        "time-tracking-off",
        "Time tracking is switched off in QuickBooks; everything else goes on.",
        "To have time, choose Yes for time tracking under Edit > Preferences > "
        "Time & Expenses.",
        "Customers, jobs, people and service items are kept in agreement meanwhile.",
        _TIME,
    ),
    tell(
        "list-not-read",
        "QuickBooks does not give one of its lists; everything else goes on.",
        "Please choose File > Utilities > Verify Data in QuickBooks, and tell our "
        "support if it finds nothing.",
        "Which one it is stands before the sentence. It is tried once at each "
        "schedule, alone and after all else, and ends by itself when it is read.",
        "File > Utilities > Verify Data",
    ),
    tell(
        "write-in-doubt",
        "Whether QuickBooks has an entry could not be found out.",
        "Please look for it in QuickBooks, and say on the setup page that it is not "
        "there, or is to be left.",
        "It was asked about in five sessions or more, over a working day. Nothing more "
        "is sent for this entry until then. Support: `jobs found`, `jobs missing` or "
        "`jobs leave`.",
        "Employees > Enter Time > Use Weekly Timesheet",
    ),
    tell(
        "quickbooks-too-old",
        "This QuickBooks is too old to be connected.",
        "QuickBooks Pro or Premier 2014, Enterprise 14.0, or later is needed.",
        "Before qbXML 6.0 a time entry cannot be changed from outside.",
    ),
    tell(
        "quickbooks-unsupported-version",
        "This QuickBooks is older than what is supported; it goes on as far as it can.",
        "Please update to QuickBooks Pro or Premier 2014, Enterprise 14.0, or later.",
        "What fails because of its age is shown with its reason.",
    ),
    tell(
        "quickbooks-unsupported-country",
        "This QuickBooks is not the United States edition; it goes on as far as "
        "it can.",
        "Please tell our support if something differs from what you expect.",
        "Only US editions are supported: names of lists, taxes and formats "
        "differ in others.",
    ),
    tell(
        "quickbooks-unsupported-edition",
        "This edition of QuickBooks has no time tracking or lacks what is needed.",
        "QuickBooks Pro, Premier or Enterprise is needed.",
        "Simple Start and Basic lack time tracking and most of the interface for "
        "other programs.",
    ),
    tell(
        "web-connector-too-old",
        "This Web Connector is too old to be connected.",
        "Please install the current QuickBooks Web Connector from Intuit, then "
        "run the update again.",
    ),
    tell(
        "mosaic-key-missing",
        "There is no Mosaic API key for this connection yet.",
        "Please enter the API key that Mosaic gave you on the setup page.",
        "QuickBooks is read meanwhile; nothing goes to Mosaic.",
    ),
    tell(
        "mosaic-delivery-failed",
        "Delivery to Mosaic fails because of a fault in this program.",
        "Please tell our support; it is tried again every minute.",
        "What is read from QuickBooks is kept and goes when the fault is mended.",
    ),
    tell(
        "mosaic-portfolio-missing",
        "Mosaic did not make the portfolio in which new clients are kept.",
        "Please ask Mosaic whether the key may make portfolios; it is tried "
        "again by itself.",
    ),
)
_QWC: dict[QwcProblem, tuple[str, str]] = {
    QwcProblem.NOT_HTTPS: (
        "No .qwc file is made because the public address is not https.",
        _OPERATOR_URL,
    ),
    QwcProblem.IP_ADDRESS: (
        "No .qwc file is made because the public address is a number and not a name.",
        _OPERATOR_URL,
    ),
    QwcProblem.OTHER_DOMAIN: (
        "No .qwc file is made because its two addresses are on different domains.",
        _OPERATOR_URL,
    ),
    QwcProblem.NO_GUID: (
        "No .qwc file is made because an identification is not one.",
        "Please make a new one with `qbwc-server company new-owner-id`.",
    ),
    QwcProblem.INTERVAL: (
        "No .qwc file is made because its schedule is below one minute.",
        "Please set --poll-every to 1 or more.",
    ),
    QwcProblem.UNREADABLE: (
        "That is not a .qwc file, or something is missing in it.",
        "Please download it from the setup page again.",
    ),
}


def _of_mosaic(error: type[mosaic.MosaicError]) -> Words:
    if error is mosaic.NotFound:
        return tell(
            error.code,
            error.customer,
            "Nothing to do: it is looked for again, and the record says what came of "
            "it.",
        )
    if error is mosaic.MosaicError:
        return tell(
            error.code,
            error.customer,
            "It is tried again; please tell our support if it stays.",
        )
    if error is mosaic.Invalid:
        return tell(
            error.code,
            "Mosaic refused this record.",
            "Please mend what the details name; it is tried again by itself.",
        )
    return of_sentences(
        error.code,
        "",
        error.customer.replace("; this continues", ". Nothing to do: this continues"),
    )


def _mosaic() -> list[Words]:
    found = [one for one in vars(mosaic).values() if isinstance(one, type)]
    return [_of_mosaic(one) for one in found if issubclass(one, mosaic.MosaicError)]


_TABLE: Final = {
    one.id: one
    for one in (
        *_ATTENTIONS,
        *ERRORS,
        *_mosaic(),
        *(tell(str(problem), *told) for problem, told in _QWC.items()),
    )
}


def attention(error_id: str) -> Words:
    """Explain the id of a company's attention or of an error; never raises.

    An id that is not known gets general words: a page must show something.
    """
    codes: tuple[tuple[re.Pattern[str], Callable[[str], Words]], ...] = (
        (_HRESULT, quickbooks.hresult),
        (_STATUS, lambda code: quickbooks.status(int(code))),
    )
    for pattern, explain in codes:
        if found := pattern.fullmatch(error_id):
            return explain(found[1])
    return _TABLE.get(error_id, _TABLE["error"])


def known(error_id: str) -> bool:
    """Tell whether there are words for an id."""
    return error_id in _TABLE or bool(
        _HRESULT.fullmatch(error_id) or _STATUS.fullmatch(error_id)
    )


def is_of_operators(error_id: str) -> bool:
    """Tell whether an id is one that only who operates the server gets to see."""
    return error_id.startswith("qwc.") or any(one.id == error_id for one in ERRORS)


def every() -> tuple[Words, ...]:
    """Return the words of every id that does not carry a code of QuickBooks."""
    return tuple(_TABLE.values())
