"""Adding an application to the sandbox Web Connector: the .qwc file and the stamp.

The checks and their codes are those of Intuit's Web Connector programmer's guide,
appendix A, and of reports from the field where the guide is silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from urllib.parse import urlsplit

from lxml import etree

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.web_connector.company_stamp import (
    APP_LOCK,
    FILE_ID,
    StampFailed,
    create_stamp,
    read_stamp,
)
from qbwc_server.sandbox.web_connector.protocol import CompanyFile
from qbwc_server.sandbox.web_connector.soap_call import SoapEndpoint

_NEEDED = (
    *("AppName", "AppURL", "AppDescription", "AppSupport", "UserName"),
    *("OwnerID", "FileID", "QBType"),
)


class RegistrationRefused(Exception):
    """Web Connector does not add the application; `code` is like "QBWC1039"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Application:
    """What a .qwc file tells Web Connector. The interval is in seconds, 0 for none."""

    app_name: str
    app_url: str
    app_support: str
    username: str
    owner_id: str
    file_id: str
    qb_type: str
    is_read_only: bool
    interval_seconds: int


def read_application(qwc: bytes) -> Application:
    """Read a .qwc file.

    Raises:
        RegistrationRefused: QBWC1039, it is not XML or lacks an element.
    """
    try:
        root = etree.fromstring(qwc, etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError as error:
        raise RegistrationRefused("QBWC1039", f"unreadable file: {error}") from error
    values = {name: (root.findtext(name) or "").strip() for name in _NEEDED}
    missing = [name for name, value in values.items() if not value]
    if root.find("AppID") is None:
        missing.append("AppID")
    if missing:
        raise RegistrationRefused("QBWC1039", f"missing: {', '.join(missing)}")
    minutes = root.findtext("Scheduler/RunEveryNMinutes")
    seconds = root.findtext("Scheduler/RunEveryNSeconds")
    return Application(
        app_name=values["AppName"],
        app_url=values["AppURL"],
        app_support=values["AppSupport"],
        username=values["UserName"],
        owner_id=values["OwnerID"],
        file_id=values["FileID"],
        qb_type=values["QBType"],
        is_read_only=(root.findtext("IsReadOnly") or "").strip().lower() == "true",
        interval_seconds=int(minutes) * 60 if minutes else int(seconds or 0),
    )


def add(application: Application, company_file: CompanyFile) -> None:
    """Add an application: stamp its FileID and AppLock into the open company file.

    Adding the same application again changes nothing.

    Raises:
        RegistrationRefused: QBWC1000 to 1002 and 1010 for its addresses, 1065 for its
            QBType, 1022 when QuickBooks lets nobody in, 1039 when it is read-only or
            the company file holds another FileID under its OwnerID, 1026 when
            QuickBooks does not take the stamp.
    """
    _check_addresses(application)
    if application.qb_type != "QBFS":
        raise RegistrationRefused("QBWC1065", f"QBType {application.qb_type}")
    if application.is_read_only:
        # The stamp below would be refused with status 3263.
        raise RegistrationRefused("QBWC1039", "the application is read-only (3263)")
    owner_id = application.owner_id
    try:
        session = company_file.begin_session(
            app_name=application.app_name, owner_id=owner_id
        )
    except QuickBooksRefusal as refusal:
        raise RegistrationRefused("QBWC1022", str(refusal)) from refusal
    try:
        stamp = read_stamp(session, owner_id)
        present = stamp.get(FILE_ID)
        if present and present.lower() != application.file_id.lower():
            raise RegistrationRefused(
                "QBWC1039", "Unique OwnerID/FileID pair value required"
            )
        if not present:
            create_stamp(session, owner_id, FILE_ID, application.file_id)
        if APP_LOCK not in stamp:
            create_stamp(session, owner_id, APP_LOCK, "UNLOCKED")
    except (StampFailed, QuickBooksRefusal) as error:
        raise RegistrationRefused("QBWC1026", str(error)) from error
    finally:
        session.end()


def check_support_page(application: Application, *, ca_file: str | None = None) -> None:
    """Ask for the support page, as Web Connector does when an application is added.

    Raises:
        RegistrationRefused: QBWC1003, it answers neither 200 nor 202; QBWC1004, it
            does not answer.
    """
    endpoint = SoapEndpoint(application.app_support, ca_file=ca_file)
    try:
        status = endpoint.get()
    except (OSError, HTTPException) as error:
        raise RegistrationRefused("QBWC1004", str(error)) from error
    finally:
        endpoint.close()
    if status not in {200, 202}:
        raise RegistrationRefused("QBWC1003", f"AppSupport answered {status}")


def _check_addresses(application: Application) -> None:
    """Refuse addresses Web Connector refuses."""
    url, support = urlsplit(application.app_url), urlsplit(application.app_support)
    for parts, code in ((url, "QBWC1001"), (support, "QBWC1002")):
        if _is_ip_address(parts.hostname or ""):
            raise RegistrationRefused(code, f"{parts.geturl()} is an IP address")
    if url.scheme != "https" and url.hostname != "localhost":
        raise RegistrationRefused("QBWC1010", f"{application.app_url} is not https")
    if url.hostname != support.hostname:
        raise RegistrationRefused("QBWC1000", "AppURL and AppSupport domains differ")


def _is_ip_address(host: str) -> bool:
    """Tell an address from a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
