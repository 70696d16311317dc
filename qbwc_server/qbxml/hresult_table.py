"""Every COM error of QuickBooks we have an explanation for, by unsigned code.

They come through `connectionError` and `receiveResponseXML` when QuickBooks took no
call at all. Codes and meanings are those of Intuit's QuickBooks SDK, of applications
that handle them and of vendors' answers to their customers; the words are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qbwc_server.qbxml.verdict import Access, HResult


def _row(
    code: int,
    access: Access,
    name: str,
    customer: str,
    support: str,
    *,
    permits_other_file: bool = False,
) -> HResult:
    """Make one entry, the code written as Web Connector writes it."""
    return HResult(
        code, f"0x{code:08X}", access, name, customer, support, permits_other_file
    )


_ROWS: tuple[HResult, ...] = (
    _row(
        0x80040308,
        Access.CUSTOMER,
        "QuickBooks SDK not reachable",
        "Web Connector cannot reach QuickBooks' interface on this computer. Please"
        " install QuickBooks and Web Connector again or update both.",
        "The request processor is missing, older than asked for, or damaged.",
    ),
    _row(
        0x80040400,
        Access.OURS,
        "request could not be parsed",
        "QuickBooks could not read what we sent. Nothing to do in QuickBooks: our"
        " support sees which record it was.",
        "Wrong order of elements, an unknown element, a character QuickBooks cannot"
        " read, or a qbXML version that is too new. The WHOLE message set was refused"
        " and nothing was executed: split it until the guilty request stands alone.",
    ),
    _row(
        0x80040401,
        Access.CUSTOMER,
        "QuickBooks cannot be accessed",
        "Web Connector cannot reach QuickBooks on this computer. Please repair"
        " QuickBooks under Windows Settings > Apps, then start the computer anew.",
        "The installation of QuickBooks or its SDK is damaged.",
    ),
    _row(
        0x80040402,
        Access.RETRY,
        "unexpected error of QuickBooks",
        "QuickBooks had an unexpected error. We will try again at the next run; if it"
        " stays, please send us the file qbsdklog.txt.",
        "The reason is only in qbsdklog.txt, under ProgramData, Intuit, QuickBooks."
        " Look closer after three runs in a row.",
    ),
    _row(
        0x80040403,
        Access.OPEN_FILE,
        "company file could not be opened",
        "QuickBooks could not open your company file. Please open it yourself with"
        " File > Open or Restore Company.",
        "The remembered path is wrong, or the file is damaged or out of reach. Asking"
        " for the file open now may help.",
        permits_other_file=True,
    ),
    _row(
        0x80040406,
        Access.OPEN_FILE,
        "company file not found",
        "Your company file is not where it was. Please open it in QuickBooks and press"
        " Update Selected in Web Connector.",
        "The file was moved or renamed. Ask for the file open now, check the FileID.",
        permits_other_file=True,
    ),
    _row(
        0x80040408,
        Access.RETRY,
        "QuickBooks could not be started",
        "QuickBooks could not be started. Please open your company file, and run"
        " QuickBooks and Web Connector both as administrator or both not.",
        "Causes seen: QuickBooks runs as administrator and Web Connector does not, or"
        " the reverse; a second QuickBooks is open; the user for automatic login is"
        " signed in elsewhere; an update waits for confirmation.",
    ),
    _row(
        0x8004040A,
        Access.OPEN_FILE,
        "another company file is open",
        "Another company file is open in QuickBooks. Please close it with File > Close"
        " Company, or open the one of this connection.",
        "QuickBooks holds one file at a time. Answer connectionError with an empty"
        " text once, then compare the FileID of what opened.",
        permits_other_file=True,
    ),
    _row(
        0x8004040D,
        Access.RETRY,
        "QuickBooks session lost",
        "Web Connector lost its session with QuickBooks. Please restart both if the"
        " next run does not succeed.",
        "The ticket of the request processor is not valid any more, which is not our"
        " own ticket. What was sent last may or may not have been executed.",
    ),
    _row(
        0x80040410,
        Access.OPEN_FILE,
        "company file is open in another mode",
        "Your company file is open in the other mode. Please use File > Switch to"
        " Multi-user Mode or Single-user Mode.",
        "The mode asked for at the start of the session differs from the one in use.",
    ),
    _row(
        0x80040414,
        Access.RETRY,
        "a window waits for an answer",
        "A window in QuickBooks waits for an answer. Please close it; we will try again"
        " at the next run.",
        "A modal dialog blocks every application: a message, an update or a backup"
        " prompt, sometimes behind other windows.",
    ),
    _row(
        0x80040416,
        Access.OPEN_FILE,
        "QuickBooks is not running",
        "QuickBooks is closed. Please open it with your company file and press Update"
        " Selected in Web Connector.",
        "No file name was given and none is open. If a path is remembered and"
        " unattended access was granted, answering with the path can help.",
        permits_other_file=True,
    ),
    _row(
        0x80040417,
        Access.OPEN_FILE,
        "no company file is open",
        "QuickBooks is open without a company file. Please open yours with File > Open"
        " or Restore Company.",
        "No file name was given. As 0x80040416, the remembered path can help.",
        permits_other_file=True,
    ),
    _row(
        0x80040418,
        Access.ADMIN,
        "first access needs the administrator",
        "The QuickBooks administrator must allow us once. Please sign in as Admin in"
        " single-user mode, press Update Selected and choose 'Yes, always'.",
        "The application has never opened this company file. Also seen after a rename"
        " of the file or the application.",
    ),
    _row(
        0x8004041A,
        Access.ADMIN,
        "no permission",
        "QuickBooks does not let us in. As Admin tick our application in Edit >"
        " Preferences > Integrated Applications > Company Preferences.",
        "Also untick the box there that keeps every application out.",
    ),
    _row(
        0x8004041B,
        Access.RETRY,
        "QuickBooks is locked for the moment",
        "QuickBooks could not lock what it needed. We will try again at the next run;"
        " it helps if nobody is in a long task.",
        "Another user or application holds a lock.",
    ),
    _row(
        0x8004041C,
        Access.CUSTOMER,
        "QuickBooks failed to open the file",
        "QuickBooks had an internal error opening your file. Please open it by hand and"
        " run File > Utilities > Verify Data.",
        "If it opens by hand and verifies well, restart the computer.",
    ),
    _row(
        0x8004041D,
        Access.ADMIN,
        "automatic login not allowed",
        "Edit > Preferences > Integrated Applications > Company Preferences >"
        " Properties: please tick 'allow this application to login automatically'.",
        "QuickBooks or the file was closed and the application may not log in by"
        " itself. A user must be chosen beside the tick. File moves, renames and"
        " upgrades can undo it: untick, save, tick again.",
    ),
    _row(
        0x8004041E,
        Access.ADMIN,
        "certificate expired",
        "QuickBooks considers our certificate out of date. Please remove us in Edit >"
        " Preferences > Integrated Applications and allow us anew.",
        "The certificate QuickBooks noted at authorization has expired.",
    ),
    _row(
        0x8004041F,
        Access.CUSTOMER,
        "edition without integration",
        "This QuickBooks edition does not work with other programs. QuickBooks Pro,"
        " Premier or Enterprise is needed.",
        "QuickBooks Basic has no integration at all.",
    ),
    _row(
        0x80040420,
        Access.ADMIN,
        "access was denied by a person",
        "Somebody chose No when QuickBooks asked about us. As Admin allow us in Edit >"
        " Preferences > Integrated Applications.",
        "Then check the automatic login as for 0x8004041D.",
    ),
    _row(
        0x80040421,
        Access.RETRY,
        "QuickBooks passes on a message",
        "QuickBooks stopped with a message of its own, shown beside this one. Please"
        " follow it; we will try again at the next run.",
        "The text arrives in `message` and is the only information there is.",
    ),
    _row(
        0x80040422,
        Access.RETRY,
        "single-user mode is taken",
        "Another program uses your company file in single-user mode. Please close it;"
        " we will try again at the next run.",
        "Two applications that want single-user mode cannot share a file.",
    ),
    _row(
        0x80040423,
        Access.OURS,
        "qbXML version not supported",
        "Your QuickBooks does not understand the version we spoke. Nothing to do: our"
        " support will correct it.",
        "Use the highest SupportedQBXMLVersion the host reports.",
    ),
    _row(
        0x80040424,
        Access.RETRY,
        "QuickBooks is still starting",
        "QuickBooks has not finished starting. We will try again at the next run.",
        "Harmless unless it repeats; then a window probably waits for an answer.",
    ),
    _row(
        0x80040427,
        Access.CUSTOMER,
        "QuickBooks is not registered",
        "This QuickBooks is not registered. Please choose Help > Activate QuickBooks.",
        "An unregistered or expired copy refuses every application.",
    ),
    _row(
        0x8004042A,
        Access.CUSTOMER,
        "remote access not allowed",
        "Web Connector must run on the same computer as QuickBooks. Please install it"
        " there.",
        "QuickBooks takes no calls of the request processor from another machine.",
    ),
    _row(
        0x8004042C,
        Access.ADMIN,
        "certificate revoked",
        "QuickBooks no longer trusts our certificate. Please remove us in Edit >"
        " Preferences > Integrated Applications, then allow us again.",
        "The certificate noted at authorization was revoked.",
    ),
    _row(
        0x80040430,
        Access.ADMIN,
        "automatic login failed",
        "QuickBooks could not log us in. In Edit > Preferences > Integrated"
        " Applications > Properties check automatic login and its user.",
        "As 0x8004041D; also when the chosen QuickBooks user was deleted, lost rights"
        " or is signed in elsewhere.",
    ),
    _row(
        0x80010105,
        Access.RETRY,
        "QuickBooks crashed",
        "QuickBooks broke down during the call. Please update it with Help > Update"
        " QuickBooks and run File > Utilities > Verify Data.",
        "RPC_E_SERVERFAULT. Whether a write happened is unknown. If the same request"
        " does it again, isolate the request.",
    ),
    _row(
        0x80040154,
        Access.CUSTOMER,
        "Web Connector is not installed well",
        "A part of Web Connector or QuickBooks is missing. Please install Web Connector"
        " again, then QuickBooks if needed.",
        "REGDB_E_CLASSNOTREG: the request processor is not registered in Windows.",
    ),
)

HRESULT_TABLE: Mapping[int, HResult] = MappingProxyType(
    {row.code: row for row in _ROWS}
)
