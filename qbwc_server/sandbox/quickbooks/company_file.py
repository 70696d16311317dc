"""A QuickBooks company file without QuickBooks, as strict as the real one.

Behaves like QuickBooks Desktop Enterprise 24 towards an application that speaks qbXML.
Everything is kept in one SQLite file, so a simulator that was killed goes on where it
was. A message set is taken whole or refused whole (0x80040400), and what it writes is
committed together with the memory of its answer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from lxml import etree

from qbwc_server.qbxml.check import Finding, findings
from qbwc_server.sandbox.quickbooks import (
    company_queries,
    data_extensions,
    message_sets,
)
from qbwc_server.sandbox.quickbooks.answer import Refused, Reply, response
from qbwc_server.sandbox.quickbooks.deletions import deleted_query
from qbwc_server.sandbox.quickbooks.hands import Hands
from qbwc_server.sandbox.quickbooks.list_queries import list_query
from qbwc_server.sandbox.quickbooks.paging import Iterators
from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.quickbooks.store import Store
from qbwc_server.sandbox.quickbooks.time_entries import time_query
from qbwc_server.sandbox.quickbooks.time_writes import (
    add_time,
    delete_time,
    modify_time,
)

_HANDLERS: Final[dict[str, Callable[[Store, etree._Element], Reply]]] = {
    "HostQueryRq": company_queries.host_query,
    "CompanyQueryRq": company_queries.company_query,
    "CompanyActivityQueryRq": company_queries.activity_query,
    "PreferencesQueryRq": company_queries.preferences_query,
    "ListDeletedQueryRq": deleted_query,
    "TxnDeletedQueryRq": deleted_query,
    "TimeTrackingAddRq": add_time,
    "TimeTrackingModRq": modify_time,
    "TxnDelRq": delete_time,
    "DataExtDefAddRq": data_extensions.define,
    "DataExtAddRq": data_extensions.write,
    "DataExtModRq": data_extensions.write,
    "DataExtDelRq": data_extensions.write,
}
_REFUSED_ACCESS: Final[dict[str, tuple[str, str]]] = {
    "not_asked": (
        "0x80040418",
        (
            "This application has not accessed this QuickBooks company file before. "
            "The QuickBooks administrator must grant it permission."
        ),
    ),
    "denied": (
        "0x8004041A",
        (
            "This application does not have permission to access this QuickBooks "
            "company file."
        ),
    ),
    "no_automatic_login": (
        "0x8004041D",
        (
            "This application is not allowed to log into this QuickBooks company file "
            "automatically."
        ),
    ),
}
_NOT_PARSED: Final = (
    "QuickBooks found an error when parsing the provided XML text stream."
)
_FIRST_ERROR: Final = 1000


class CompanyFile:
    """A company file that is opened, or made where there is none.

    Args:
        path: The SQLite file, or ":memory:" for one that lives as long as this object.
        clock: The PC's clock, Unix seconds.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], float]) -> None:
        self.store = Store(path, clock=clock)
        self.hands = Hands(self.store)

    @property
    def company_name(self) -> str:
        """The company's name, as CompanyQuery tells it."""
        return str(self.store.setting("company_name"))

    @property
    def file_name(self) -> str:
        """The path of the file on the PC, as Web Connector is told it."""
        return str(self.store.setting("file_name"))

    @property
    def zone(self) -> str:
        """The IANA zone of the PC's wall clock."""
        return self.store.zone

    def begin_session(
        self, *, app_name: str, owner_id: str = "", mode: str = "doNotCare"
    ) -> Session:
        """Open the file for an application.

        Args:
            app_name: The application's name; message sets are remembered per name.
            owner_id: The application's OwnerID; QuickBooks itself makes nothing of it.
            mode: "singleUser", "multiUser" or "doNotCare".

        Raises:
            QuickBooksRefusal: QuickBooks cannot be started (0x80040408), a dialog is
                open (0x80040414), the file is in another mode (0x80040410), or the
                application is not let in (0x80040418, 0x8004041A, 0x8004041D).
        """
        del owner_id
        if not self.store.setting("quickbooks_running"):
            raise QuickBooksRefusal("0x80040408", "Could not start QuickBooks.")
        if self.store.setting("dialog_open"):
            message = (
                "A modal dialog box is showing in the QuickBooks user interface. "
                "Your application cannot access QuickBooks until it is dismissed."
            )
            raise QuickBooksRefusal("0x80040414", message)
        refusal = _REFUSED_ACCESS.get(self.store.setting("access"))
        if refusal:
            raise QuickBooksRefusal(*refusal)
        if (
            mode != "doNotCare"
            and mode.lower() != self.store.setting("file_mode").lower()
        ):
            message = (
                "The QuickBooks company data file is currently open in a mode other "
                "than the one specified by your application."
            )
            raise QuickBooksRefusal("0x80040410", message)
        return Session(self.store, app_name)

    def clear_all_message_sets(self, app_name: str) -> None:
        """Forget all message sets of an application."""
        with self.store.transaction():
            message_sets.clear_all(self.store, app_name)

    def close(self) -> None:
        """Close the file."""
        self.store.close()


class Session:
    """An application's time with the file, from begin_session to `end`."""

    def __init__(self, store: Store, app_name: str) -> None:
        self._store = store
        self._app_name = app_name
        self._iterators = Iterators()
        self._ended = False

    def process(self, qbxml: str) -> str:
        """Answer a message set.

        Args:
            qbxml: The whole request document.

        Returns:
            The whole answer document, pure ASCII.

        Raises:
            QuickBooksRefusal: 0x8004040D after `end`, 0x80040400 for a document that
                is not exactly qbXML; nothing of it was executed.
        """
        if self._ended:
            message = "The ticket passed to the request processor is not valid."
            raise QuickBooksRefusal("0x8004040D", message)
        found = findings(qbxml)
        if any(not finding.too_long for finding in found):
            raise QuickBooksRefusal("0x80040400", _NOT_PARSED)
        parser = etree.XMLParser(encoding="utf-8", resolve_entities=False)
        message_set = etree.fromstring(qbxml.encode(), parser).find("QBXMLMsgsRq")
        assert message_set is not None  # noqa: S101 - findings() saw it
        too_long = {finding.request: finding for finding in reversed(found)}
        with self._store.transaction():
            return message_sets.answer_message_set(
                self._store,
                self._app_name,
                qbxml,
                message_set,
                lambda: self._execute(message_set, too_long),
            )

    def end(self) -> None:
        """End the session; its iterators die with it."""
        self._ended = True
        self._iterators = Iterators()

    def _execute(
        self, message_set: etree._Element, too_long: dict[int, Finding]
    ) -> list[str]:
        stops = message_set.get("onError") == "stopOnError"
        with_rows = message_set.get("responseData") != "includeNone"
        answers: list[str] = []
        stopped = False
        for number, request in enumerate(message_set.iterchildren(tag="*"), start=1):
            if stopped:
                reply = Reply(3231, "The request has not been processed.")
            elif number in too_long:
                field = too_long[number].path.rpartition("/")[2]
                text = next(iter(request.iter(field))).text
                message = f'The string "{text}" in the field "{field}" is too long.'
                reply = Reply(3070, message)
            else:
                reply = self._reply(request)
            stopped = stopped or (stops and reply.code >= _FIRST_ERROR)
            name = str(request.tag)
            request_id = request.get("requestID")
            answers.append(response(name, request_id, reply, with_rows=with_rows))
        return answers

    def _reply(self, request: etree._Element) -> Reply:
        name = str(request.tag)
        try:
            if name == "TimeTrackingQueryRq":
                return time_query(self._store, request, self._iterators)
            if name in _HANDLERS:
                return _HANDLERS[name](self._store, request)
            return list_query(self._store, request, self._iterators)
        except Refused as refused:
            return refused.reply
