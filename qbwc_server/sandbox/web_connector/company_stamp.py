"""What Web Connector keeps in a company file: whose it is, and whether it is busy.

Two data extensions of the company under the application's OwnerID: `FileID`, written
once when the application is added, and `AppLock`, "LOCKED:computer:ticks" during an
update and "UNLOCKED:computer" after it. Requests and values as in logs of the real
Web Connector.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

from qbwc_server.sandbox.web_connector.protocol import Session

FILE_ID = "FileID"
APP_LOCK = "AppLock"


class StampFailed(Exception):
    """QuickBooks answered a request about the stamp with an error status."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the first answers tell Web Connector about QuickBooks itself."""

    country: str
    major: int
    minor: int


def read_stamp(session: Session, owner_id: str) -> dict[str, str]:
    """Return the data extensions of the company under one OwnerID, by name."""
    answer = _process(
        session,
        f'<CompanyQueryRq requestID="1"><OwnerID>{escape(owner_id)}</OwnerID>'
        "</CompanyQueryRq>",
    )
    return {
        extension.findtext("DataExtName") or "": extension.findtext("DataExtValue")
        or ""
        for extension in answer.iter("DataExtRet")
        if (extension.findtext("OwnerID") or "").lower() == owner_id.lower()
    }


def create_stamp(session: Session, owner_id: str, name: str, value: str) -> None:
    """Define a data extension of the company and give it a value.

    Raises:
        StampFailed: QuickBooks refuses the value. That the definition is there already
            does not matter.
    """
    definition = (
        '<DataExtDefAddRq requestID="1"><DataExtDefAdd>'
        f"<OwnerID>{escape(owner_id)}</OwnerID><DataExtName>{name}</DataExtName>"
        "<DataExtType>STR255TYPE</DataExtType>"
        "<AssignToObject>Company</AssignToObject></DataExtDefAdd></DataExtDefAddRq>"
    )
    _process(session, definition)
    _check(_process(session, _extension("Add", owner_id, name, value)))


def change_stamp(session: Session, owner_id: str, name: str, value: str) -> None:
    """Give a data extension of the company another value.

    Raises:
        StampFailed: QuickBooks refuses.
    """
    _check(_process(session, _extension("Mod", owner_id, name, value)))


def first_answers(session: Session, owner_id: str) -> str:
    """Ask for host, company and preferences, as one message set.

    Returns:
        QuickBooks' text, which travels as strHCPResponse.
    """
    return session.process(
        _document(
            '<HostQueryRq requestID="0"></HostQueryRq>'
            f'<CompanyQueryRq requestID="1"><OwnerID>{escape(owner_id)}</OwnerID>'
            "</CompanyQueryRq>"
            '<PreferencesQueryRq requestID="2"></PreferencesQueryRq>',
            on_error="continueOnError",
        )
    )


def host_facts(answers: str) -> HostFacts:
    """Read country and highest qbXML version from the first answers.

    Raises:
        StampFailed: they cannot be read or lack the host.
    """
    host = _parse(answers).find(".//HostRet")
    if host is None:
        raise StampFailed("HostQuery has no answer")
    versions = [
        tuple(int(part) for part in (version.text or "").split("."))
        for version in host.iter("SupportedQBXMLVersion")
        # Old country versions look like CA2.0 and are not numbers.
        if (version.text or "").replace(".", "").isdigit()
    ]
    major, minor = max((version[:2] for version in versions), default=(1, 0))
    return HostFacts(host.findtext("Country") or "US", major, minor)


def _extension(action: str, owner_id: str, name: str, value: str) -> str:
    """Write a request that adds or changes a data extension of the company."""
    return (
        f'<DataExt{action}Rq requestID="1"><DataExt{action}>'
        f"<OwnerID>{escape(owner_id)}</OwnerID><DataExtName>{name}</DataExtName>"
        "<OtherDataExtType>Company</OtherDataExtType>"
        f"<DataExtValue>{escape(value)}</DataExtValue>"
        f"</DataExt{action}></DataExt{action}Rq>"
    )


def _document(requests: str, *, on_error: str = "stopOnError") -> str:
    """Put requests into a message set, written on one line as Web Connector does."""
    return (
        '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML>'
        f'<QBXMLMsgsRq onError="{on_error}">{requests}</QBXMLMsgsRq></QBXML>'
    )


def _process(session: Session, request: str) -> etree._Element:
    """Send one request and return the whole answer."""
    return _parse(session.process(_document(request)))


def _parse(answer: str) -> etree._Element:
    """Read an answer of QuickBooks."""
    try:
        return etree.fromstring(answer.encode(), etree.XMLParser(encoding="utf-8"))
    except etree.XMLSyntaxError as error:
        raise StampFailed(f"unreadable answer: {error}") from error


def _check(answer: etree._Element) -> None:
    """Raise StampFailed unless every response has status 0."""
    for response in answer.iterfind("QBXMLMsgsRs/*"):
        if response.get("statusCode") != "0":
            raise StampFailed(
                f"{response.get('statusCode')}: {response.get('statusMessage')}"
            )
