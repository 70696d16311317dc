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
from qbwc_server.words.qwc import QwcProblem
from qbwc_server.words.wording import INTEGRATED, Words, of_sentences, tell

_HRESULT: Final = re.compile(r"quickbooks-(0x[0-9a-f]{8})")
_STATUS: Final = re.compile(r"quickbooks-status-(-?\d{1,6})")
_LOOK = "Please look at it with the command that is named beside the error."
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
        "Nothing was read from the other file. If the file was restored under "
        "another name and place, or replaced on purpose, our support can take "
        "the new one.",
        "File > Open or Restore Company",
    ),
    tell(
        "company-file-not-said",
        "QuickBooks did not say which company file is open.",
        "Please open your company file in QuickBooks and run the update again.",
        "Nothing is read before the file is recognised.",
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
        "Nothing to do unless the setup page asks which side is right.",
        "Everything is compared first. A small difference is put back from "
        "Mosaic; for a great one a person says which side is right.",
    ),
    tell(
        "too-many-gone",
        "More is gone from the company file than is usual at once.",
        _DECIDE,
        "A wrong file or a damaged list looks the same. Nothing was removed from "
        "Mosaic.",
    ),
    tell(
        "mosaic-too-many-gone",
        "More time entries are gone from Mosaic than is usual at once.",
        _DECIDE,
        "Nothing was removed from QuickBooks.",
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
        "Please look for it in QuickBooks and tell our support: it is there, it is "
        "not, or it is to be left.",
        "It was asked about in five sessions or more, over a working day. Nothing more "
        "is sent for this entry until `jobs found`, `jobs missing` or `jobs leave`.",
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
        "Please give our support the API key and Team ID that Mosaic gave you.",
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
_ERRORS: tuple[Words, ...] = (
    tell(
        "error",
        "Something went wrong on our side.",
        "We have been told; it is tried again.",
    ),
    tell(
        "company-unknown",
        "No company has that name or number.",
        "`qbwc-server company list` shows them.",
    ),
    tell(
        "company-not-ready",
        "The company cannot go live yet.",
        "The reasons are listed; each goes away by what it says.",
    ),
    tell(
        "link-record-unknown",
        "There is no such record, or nothing can be chosen for it.",
        "Choose people, customers, jobs or service items from the list.",
    ),
    tell(
        "link-object-unknown",
        "Mosaic has no such object, as far as was read.",
        "Make it in Mosaic, wait until the lists are read again, then choose it.",
    ),
    tell(
        "link-wrong-type",
        "What was chosen in Mosaic is something else.",
        "Choose a client for a customer, a project for a job, a member for a person.",
    ),
    tell(
        "link-wrong-parent",
        "What was chosen in Mosaic stands under something else.",
        "Choose one that stands under the same client or project.",
    ),
    tell(
        "link-no-place",
        "There is no place for it in Mosaic yet.",
        "Choose first for what stands above it.",
    ),
    tell(
        "link-linked-already",
        "The record is linked to something else in Mosaic.",
        "Unlink it first.",
    ),
    tell(
        "link-taken",
        "Another record is linked to what was chosen in Mosaic.",
        "Unlink that one first, or choose another.",
    ),
    tell(
        "link-taken-elsewhere",
        "Another company file of your team is linked to what was chosen.",
        "Confirm that both share it, or choose another.",
    ),
    tell(
        "hours-said-elsewhere",
        "For another company file it was said already whose these hours are.",
        "Change it where it was said, or leave it.",
    ),
    tell(
        "hours-not-shared",
        "It is not one other company file that could have these hours.",
        "Say in the file whose hours they are that they are its own.",
    ),
    tell(
        "link-write-under-way",
        "Something is on its way to Mosaic for this record.",
        "Choose again in a few minutes.",
    ),
    tell(
        "link-no-exact-match",
        "Nothing in Mosaic has exactly its name.",
        "Choose from what is similar, or have it made as new.",
    ),
    tell(
        "link-used",
        "The link has been used already and is not taken back.",
        "Unlink it if it is wrong.",
    ),
    tell(
        "company-busy",
        "A Web Connector or a worker is working with the company now.",
        "Wait until it is done, or pause the company first.",
    ),
    tell(
        "sees-one-company",
        "This database login sees one company at a time.",
        "Name the company, or use the login that owns the tables.",
    ),
    tell(
        "no-support",
        "This database login may not look at all companies.",
        "Grant it the role qbwc_support, or use the login that owns the tables.",
    ),
    tell(
        "support-token-exists",
        "Somebody has a token of that name for the support console already.",
        "Choose another name, or remove that token first.",
    ),
    tell(
        "support-token-unknown",
        "Nobody has a token of that name for the support console.",
        "`qbwc-server support token list` shows them.",
    ),
    tell(
        "company-exists",
        "Another company has that name already.",
        "Please choose another name.",
    ),
    tell(
        "company-linked",
        "The company is linked to objects of its Mosaic team.",
        "Please add a new company for another team.",
    ),
    tell(
        "record-nothing-to-settle",
        "That record has no conflict to settle.",
        "`qbwc-server records explain` tells where it stands.",
    ),
    tell(
        "no-restore",
        "That company waits for no word about a restored backup.",
        "Nothing to do.",
    ),
    tell(
        "job-illegal-transition",
        "A piece of work is not in a state from which that can be done.",
        _LOOK,
        "`qbwc-server jobs show` tells its state and history.",
    ),
    tell(
        "job-not-decidable",
        "That piece of work has not failed and has left already.",
        "`qbwc-server jobs show` tells where it stands.",
    ),
    tell(
        "setting-missing",
        "A setting that has no safe default is not set, or not safely.",
        "Please set what the message names; docs/settings.md lists all.",
    ),
    tell(
        "schema-differs",
        "The database is at another revision than this program.",
        "Please run `qbwc-server database upgrade`.",
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
        *_ERRORS,
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
    return error_id.startswith("qwc.") or any(one.id == error_id for one in _ERRORS)


def every() -> tuple[Words, ...]:
    """Return the words of every id that does not carry a code of QuickBooks."""
    return tuple(_TABLE.values())
