"""Every code that Web Connector itself gives, by its number.

Numbers and meanings are those of appendix A of Intuit's QuickBooks Web Connector
Programmer's Guide, those above 1048 of reports from the field; the words are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qbwc_server.words.wording import INTEGRATED, Words, tell

_OPEN = (
    "Please open your company file in QuickBooks, close every window in it, "
    "and press Update Selected."
)
_NEXT = "Nothing to do in QuickBooks: it is tried again at the next run."
_AGAIN = "Please download the .qwc file from the setup page again and add that one."
_TELL = "If the next run does not succeed, please send QWCLog.txt to our support."
_RESTART = "Please exit Web Connector from its icon and start it again."
_OF_FILE = (
    "It is about the .qwc file, which this server makes; an old or edited "
    "copy of it is the usual cause."
)
_OF_NET = (
    "Web Connector could not make a call over the network, or got an answer "
    "that was not ours: a firewall, a proxy or a virus scanner that opens "
    "https, no internet, or our server was being restarted. What QuickBooks "
    "did already is not done twice: the next run asks about it first."
)
_OF_LOG = r"The log is in C:\ProgramData\Intuit\QBWebConnector\log."
_OF_OPENING = (
    "Web Connector tried twice. QuickBooks must run under the same Windows "
    "user and both as administrator or both not; only one QuickBooks may be "
    "open; no message, update or backup window may wait for an answer."
)
_OF_STAMP = (
    "Web Connector writes the connection's identification into the company "
    "file when it is added. For that the file must be open by the Admin in "
    "single-user mode."
)
_TICK = "Please tick the box before ours, then press Update Selected."
_LINES = "Please look at the lines before it in the log; the next run tries again."
_TYPE_AGAIN = "Please type the password again in Web Connector and press Enter."
_ADD = (
    "Please open your company file as Admin in single-user mode, then add the "
    ".qwc file again."
)
_SINGLE = "File > Switch to Single-user Mode"


def _row(number: int, happened: str, do: str, more: str = "", menu: str = "") -> Words:
    return tell(f"QBWC{number}", happened, do, more, menu)


_ROWS: tuple[Words, ...] = (
    _row(
        1000,
        "Web Connector refused the .qwc file because its two addresses differ.",
        _AGAIN,
        _OF_FILE,
    ),
    _row(
        1001,
        "Web Connector refused the .qwc file because its address is a number.",
        _AGAIN,
        _OF_FILE,
    ),
    _row(
        1002,
        "Web Connector refused the .qwc file because its support address is a number.",
        _AGAIN,
        _OF_FILE,
    ),
    _row(
        1003,
        "Our support page did not answer when the .qwc file was added.",
        "Please try again in some minutes; if it stays, check whether this "
        "computer opens the page in a browser.",
        "Web Connector looks at the support page and wants a plain answer. A "
        "proxy that asks for a login gives another.",
    ),
    _row(
        1004,
        "Our support page could not be reached when the .qwc file was added.",
        "Please check the internet connection and the firewall of this computer, "
        "then add the file again.",
        _OF_NET,
    ),
    _row(
        1005,
        "Web Connector cannot make its log file.",
        "Please let the Windows user write to its log folder, or start Web "
        "Connector once as administrator.",
        _OF_LOG,
    ),
    _row(
        1006,
        "Web Connector cannot write to its log file.",
        "Please close programs that have QWCLog.txt open, then restart Web Connector.",
        _OF_LOG,
    ),
    _row(1007, "Web Connector could not connect to QuickBooks.", _OPEN, _OF_OPENING),
    _row(
        1008,
        "Web Connector could not connect to QuickBooks, also the second time.",
        _OPEN,
        _OF_OPENING,
    ),
    _row(
        1009,
        "Somebody pressed Cancel while Web Connector tried to reach QuickBooks.",
        _OPEN,
        _OF_OPENING,
    ),
    _row(
        1010,
        "Web Connector refused the .qwc file because its address is not https.",
        _AGAIN,
        _OF_FILE,
    ),
    _row(
        1011,
        "Web Connector no longer finds this connection in its own list.",
        "Please restart Web Connector; if the connection is missing then, add "
        "the .qwc file again.",
        "The list belongs to one Windows user. Signing in as another shows "
        "another list.",
    ),
    _row(1012, "Web Connector could not log in to our server.", _TELL, _OF_NET),
    _row(
        1013,
        "Web Connector could not open QuickBooks or your company file.",
        _OPEN,
        _OF_OPENING,
    ),
    _row(
        1014,
        "QuickBooks did not tell Web Connector which company file is open.",
        _OPEN,
        "The questions about the program, the company and its preferences "
        "failed. Restart QuickBooks if it repeats.",
    ),
    _row(
        1015,
        "QuickBooks had trouble at the end of a run.",
        "Nothing to do unless it repeats: then restart QuickBooks and Web Connector.",
        "The work of that run is done.",
    ),
    _row(1016, "No connection was ticked in Web Connector.", _TICK),
    _row(
        1017,
        "Web Connector could not bring its list of connections up to date.",
        _RESTART,
    ),
    _row(
        1018,
        "Web Connector could not bring its list of connections up to date after "
        "a change.",
        _RESTART,
    ),
    _row(
        1019,
        "Web Connector could not load any connection.",
        "Please restart Web Connector; if the list stays empty, add the .qwc "
        "file again.",
    ),
    _row(
        1020,
        "Web Connector was asked to close although updates are scheduled.",
        "Please leave it running: nothing is kept in agreement while it is closed.",
        "Closing its window is fine; exiting it from the icon beside the clock "
        "stops every schedule.",
    ),
    _row(
        1021,
        "Web Connector does not find the interface of QuickBooks on this computer.",
        "Please install QuickBooks and then Web Connector again.",
        "The part that is missing is QBXMLRP2, which comes with both.",
    ),
    _row(
        1022,
        "QuickBooks could not be reached when the connection was added.",
        _ADD,
        _OF_STAMP,
        _SINGLE,
    ),
    _row(
        1023,
        "QuickBooks could not be reached a second time when the connection was added.",
        _ADD,
        _OF_STAMP,
        _SINGLE,
    ),
    _row(
        1024,
        "Adding the connection was cancelled while QuickBooks was asked.",
        _ADD,
        _OF_STAMP,
        _SINGLE,
    ),
    _row(
        1025,
        "Web Connector could not look for the connection's mark in the company file.",
        _ADD,
        _OF_STAMP,
        _SINGLE,
    ),
    _row(
        1026,
        "QuickBooks did not take the connection's mark into the company file.",
        "Please switch to single-user mode, close other programs that use "
        "QuickBooks, and add the .qwc file again.",
        _OF_STAMP,
        _SINGLE,
    ),
    _row(
        1027,
        "The connection's mark could not be registered in the company file.",
        "Please switch to single-user mode as Admin and add the .qwc file again.",
        _OF_STAMP,
        _SINGLE,
    ),
    _row(
        1028,
        "Web Connector could not keep the password.",
        _TYPE_AGAIN,
        "It is encrypted for one Windows user on one computer.",
    ),
    _row(
        1029,
        "Web Connector could not read the password it kept.",
        _TYPE_AGAIN,
        "It is encrypted for one Windows user on one computer: another user or a "
        "new computer cannot read it.",
    ),
    _row(
        1030,
        "Web Connector has no password for this connection.",
        "Please type the password in Web Connector and press Enter; clicking "
        "elsewhere does not keep it.",
    ),
    _row(
        1031,
        "A scheduled run ended with a problem.",
        "Please look at the line before it in the Status column; the next run "
        "tries again.",
        "This code says only that something went wrong. The cause stands before "
        "it in QWCLog.txt.",
    ),
    _row(
        1032,
        "Web Connector no longer finds this connection in Windows' registry.",
        "Please restart Web Connector; if the connection is missing then, add "
        "the .qwc file again.",
    ),
    _row(
        1033,
        "Web Connector cannot write its log.",
        "Please let the Windows user write to its log folder, or start Web "
        "Connector once as administrator.",
        _OF_LOG,
    ),
    _row(
        1034,
        "This edition of QuickBooks does not take the connection.",
        "QuickBooks Pro, Premier or Enterprise is needed; with one of them, "
        "install Web Connector again.",
        "Simple Start, Basic, Online and Mac editions do not work with this.",
    ),
    _row(
        1035,
        "The .qwc file names the computer itself instead of our server.",
        _AGAIN,
        "An operator must set QBWC_PUBLIC_URL to the server's public https "
        "address before files are made.",
    ),
    _row(
        1036,
        "Our server could not be asked whether this Web Connector is recent enough.",
        _TELL,
        _OF_NET,
    ),
    _row(
        1037,
        "Our server does not take this version of Web Connector.",
        "Please install the current QuickBooks Web Connector from Intuit, then "
        "run the update again.",
    ),
    _row(
        1038,
        "The dialog for Web Connector's own password was cancelled.",
        _TYPE_AGAIN,
    ),
    _row(
        1039,
        "QuickBooks did not let the connection be added.",
        "As Admin in single-user mode add the .qwc file again and choose 'Yes, "
        "always'; if it stays, ask us for a new .qwc file.",
        "Two causes are usual. Somebody chose No or closed QuickBooks' question: "
        "add the file again. Or QuickBooks remembers an earlier file of ours "
        "under another identification and says 'Unique OwnerID/FileID pair value "
        "required': then our support makes a file with a new one. First remove "
        "the old connection in Web Connector and in QuickBooks, then add the new "
        "file.",
        INTEGRATED,
    ),
    _row(
        1040,
        "Our server did not take the user name and password.",
        "Please type the password again in Web Connector and press Enter; a new "
        "one can be made if it is lost.",
        "The password was shown once when the connection was made. However many "
        "wrong ones came, the right one is taken at once.",
    ),
    _row(
        1041,
        "Web Connector could not ask our server for the next request.",
        _NEXT,
        _OF_NET,
    ),
    _row(
        1042,
        "Web Connector could not hand QuickBooks' answer to our server.",
        _NEXT,
        _OF_NET,
    ),
    _row(
        1043, "Web Connector could not ask our server what went wrong.", _NEXT, _OF_NET
    ),
    _row(
        1044,
        "Web Connector could not tell our server that the run is over.",
        _NEXT,
        _OF_NET,
    ),
    _row(
        1045,
        "Web Connector could not tell our server that QuickBooks was not reached.",
        _OPEN,
        _OF_NET,
    ),
    _row(
        1046,
        "Web Connector did not understand what our server said about its version.",
        "Please tell our support; meanwhile the current Web Connector from "
        "Intuit may work.",
    ),
    _row(
        1047,
        "Web Connector gave a code that Intuit has not explained.",
        _TELL,
        "The text beside it in QWCLog.txt is all that is known.",
    ),
    _row(
        1048,
        "Web Connector could not check the certificate of our server.",
        "Please check the clock of this computer and bring Windows up to date; a "
        "virus scanner may open https, too.",
        "Windows must know the authority that signed our certificate and must "
        "speak TLS 1.2 or later.",
    ),
    _row(
        1065,
        "The .qwc file is for another product than QuickBooks Desktop.",
        _AGAIN,
        _OF_FILE,
    ),
    _row(
        1080,
        "The .qwc file asks for read-only access, with which it cannot be added.",
        _AGAIN,
        _OF_FILE,
    ),
    _row(
        1085,
        "Web Connector had a problem with the last run of this connection.",
        _LINES,
        "Sources disagree about this code; some tie it to a log file that cannot "
        "be written.",
    ),
)

LOCKED = tell(
    "company-file-locked",
    "Another computer is using this connection, or was when it broke off.",
    "Please let only one computer have it: remove it from Web Connector on "
    "the other, then restart this one.",
    "The Status column says 'The company file is locked by another client' "
    "and names the computer. A run that was broken off leaves the lock for "
    "some hours; opening the file in single-user mode once may free it.",
    _SINGLE,
)

QWC_CODES: Mapping[str, Words] = MappingProxyType({row.id: row for row in _ROWS})
