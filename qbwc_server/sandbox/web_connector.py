"""A Web Connector that drives a sandbox company file as the real one drives QuickBooks.

The order of calls and the words in the log are those of logs of the real Web
Connector; what each answer makes it do is from Intuit's Web Connector programmer's
guide. It never makes a call twice, ends the run at the first call that fails, and
tries only the connection to QuickBooks a second time.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

from lxml import etree

from qbwc_server.sandbox.company_stamp import (
    APP_LOCK,
    HostFacts,
    StampFailed,
    change_stamp,
    first_answers,
    host_facts,
    read_stamp,
)
from qbwc_server.sandbox.interference import Call, Interference, Vanish
from qbwc_server.sandbox.quickbooks_protocol import CompanyFile, Session
from qbwc_server.sandbox.refusal import QuickBooksRefusal
from qbwc_server.sandbox.registration import Application
from qbwc_server.sandbox.soap_call import (
    CallFailed,
    SoapEndpoint,
    integer_result,
    needed_text,
    strings_result,
    text_result,
)

_NOOP: Final = "NoOp"
_NOOP_SECONDS: Final = 5.0
# The real one asks for ever when connectionError never answers "done".
_MOST_CONNECTION_ERRORS: Final = 20
# .NET counts ticks of 100 ns from the year 1; Unix time begins at this many seconds.
_TICKS_EPOCH: Final = 62_135_596_800
_CALL_ERRORS: Final = {
    "clientVersion": "QBWC1036",
    "authenticate": "QBWC1012",
    "sendRequestXML": "QBWC1041",
    "receiveResponseXML": "QBWC1042",
    "getLastError": "QBWC1043",
    "closeConnection": "QBWC1044",
    "connectionError": "QBWC1045",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One update.

    `result` is what the Status column shows; `error` the code Web Connector itself
    gives, None without one; `percents` every answer of receiveResponseXML in order;
    `round_trips` the requests QuickBooks was handed; `calls` the SOAP methods called.
    `postponed_seconds` is 0 unless the service postponed the run, `vanished` whether
    the computer went away in the middle.
    """

    result: str
    error: str | None
    percents: tuple[int, ...]
    round_trips: int
    calls: tuple[str, ...]
    log: tuple[str, ...]
    postponed_seconds: int = 0
    vanished: bool = False


class WebConnector:
    """One application in one Web Connector on one computer.

    `sleep` waits for the given seconds, `clock` tells Unix time. `interval_seconds`
    is the schedule, which the service may raise.
    """

    def __init__(
        self,
        application: Application,
        password: str,
        company_file: CompanyFile,
        *,
        sleep: Callable[[float], None],
        log: Callable[[str], None],
        version: str = "34.0.10010.76",
        on_call: Interference | None = None,
        clock: Callable[[], float] = time.time,
        computer: str = "SANDBOX-PC",
        ca_file: str | None = None,
        expect_continue: bool = False,
    ) -> None:
        self.application = application
        self.password = password
        self.company_file = company_file
        self.version = version
        self.computer = computer
        self.sleep = sleep
        self.clock = clock
        self.interval_seconds = application.interval_seconds
        self._log = log
        self._on_call = on_call
        self._ca_file = ca_file
        self._expect_continue = expect_continue

    def run(self) -> Run:
        """Do one update, to its end or its failure; never raises for either."""
        endpoint = SoapEndpoint(
            self.application.app_url,
            interference=self._on_call,
            ca_file=self._ca_file,
            expect_continue=self._expect_continue,
        )
        update = _Update(self, endpoint, self._log)
        try:
            return update.run()
        finally:
            endpoint.close()


class _Ended(Exception):  # noqa: N818 - the ordinary way out of an update
    """The update is over; `result` and `error` as in `Run`."""

    def __init__(
        self, result: str, error: str | None = None, postponed: int = 0
    ) -> None:
        super().__init__(result)
        self.result = result
        self.error = error
        self.postponed = postponed


class _Update:
    """The state of one update: what was called, what came back, what is open."""

    def __init__(
        self, owner: WebConnector, endpoint: SoapEndpoint, log: Callable[[str], None]
    ) -> None:
        self._owner = owner
        self._application = owner.application
        self._endpoint = endpoint
        self._write = log
        self._ticket = ""
        self._calls: list[str] = []
        self._log: list[str] = []
        self._percents: list[int] = []
        self._round_trips = 0

    def run(self) -> Run:
        """Go through the update from lock to unlock."""
        name = self._application.app_name
        self._note(
            "WebServiceManager.DoUpdateSelected",
            f"updateWS() for application = '{name}' has STARTED",
        )
        self._note("RegistryManager.setUpdateLock", "Update session locked")
        try:
            self._conversation()
        except _Ended as ended:
            self._note("RegistryManager.setUpdateLock", "Update session unlocked")
            if ended.error is not None:
                self._note("SOAPWebService.update", f"{ended.error}: {ended.result}")
            self._note(
                "WebServiceManager.DoUpdateSelected",
                f"Update for application = '{name}' has COMPLETED",
            )
            return self._result(ended.result, ended.error, postponed=ended.postponed)
        except Vanish:
            return self._result("", None, vanished=True)
        raise AssertionError("an update always ends")  # pragma: no cover

    def _conversation(self) -> None:
        """Make all calls in order; always leaves by an exception."""
        self._check_certificate()
        self._versions()
        path = self._authenticate()
        session = self._open_quickbooks(path)
        try:
            self._lock_company_file(session)
            text, error = self._exchange(session)
            self._unlock_company_file(session)
        finally:
            session.end()
            self._note(
                "SOAPWebService.DisconnectFromQB", "Session ended and connection closed"
            )
        closing = self._close()
        raise _Ended(text or closing, error)

    # --- before QuickBooks ------------------------------------------------------

    def _check_certificate(self) -> None:
        """Get the URL once; a bad certificate or page ends the run."""
        place = "SOAPWebService.instantiateWebService"
        self._note(place, f"AppURL: {self._application.app_url}")
        try:
            status = self._endpoint.get()
        except ssl.SSLError as error:
            raise _Ended(f"Certificate not verified: {error}", "QBWC1048") from error
        except (OSError, HTTPException) as error:
            # The calls that follow meet the same and report it.
            self._note(place, f"The underlying connection was closed: {error}")
            self._endpoint.close()
            return
        if status != 200:
            raise _Ended(f"The web server answered {status}", "QBWC1048")

    def _versions(self) -> None:
        """Exchange versions; the service may refuse this one."""
        place = "SOAPWebService.do_serverVersion"
        self._note(place, "*** Calling serverVersion().")
        try:
            call, response = self._call("serverVersion")
            answer = text_result(call, response)
            self._note(
                place,
                "Received from serverVersion() following parameter:"
                f'<serverVersionRet="{answer or ""}">',
            )
        except CallFailed as error:
            self._note(place, f"Actual error received from web service: <{error}>")
        place = "SOAPWebService.do_clientVersion"
        self._note(
            place,
            "*** Calling clientVersion() with following parameter:"
            f'<productVersion="{self._owner.version}">',
        )
        try:
            call, response = self._call(
                "clientVersion", ("strVersion", self._owner.version)
            )
            answer = text_result(call, response) or ""
        except CallFailed as error:
            # The method is optional, so its absence stops nothing.
            self._note(place, f"QBWC1036: {error}")
            return
        kind, _, rest = answer.partition(":")
        if not answer:
            self._note(
                place,
                "This application agrees with the current version of QBWebConnector."
                " Allowing update operation.",
            )
        elif kind == "W" and rest:
            # A person would be asked; the sandbox has one who goes on.
            self._note(place, f"QBWC1037: {rest}")
        elif kind == "E" and rest:
            raise _Ended(rest, "QBWC1037")
        elif kind == "O" and rest:
            raise _Ended(f"The application expects QBWebConnector {rest}", "QBWC1037")
        else:
            raise _Ended(f"Incorrect syntax: {answer}", "QBWC1046")

    def _authenticate(self) -> str:
        """Log in; return the company file to open, '' for the one that is open."""
        place = "SOAPWebService.do_authenticate"
        username = self._application.username
        self._note(
            place,
            "*** Calling authenticate() with following parameters:"
            f'<userName="{username}"><password=<MaskedForSecurity>',
        )
        call, response = self._must_call(
            "authenticate",
            ("strUserName", username),
            ("strPassword", self._owner.password),
        )
        try:
            items = strings_result(call, response)
        except CallFailed as error:
            raise _Ended(str(error), "QBWC1012") from error
        if len(items) < 2:
            raise _Ended("Index was outside the bounds of the array.", "QBWC1012")
        ticket, state, *numbers = (*items, "", "")
        self._ticket = ticket
        self._note(
            place,
            "Received from authenticate() following parameters:"
            + "".join(f'<authRet[{n}]="{item}">' for n, item in enumerate(items)),
        )
        postpone, least = (int(text) if text.isdigit() else 0 for text in numbers[:2])
        self._owner.interval_seconds = max(self._owner.interval_seconds, least)
        word = state.lower()
        if word == "none":
            self._close()
            raise _Ended("No Data Exchange", postponed=postpone)
        if word == "nvu":
            self._close()
            raise _Ended(f"Invalid password for username {username}", "QBWC1040")
        if word == "busy":
            raise _Ended("Application Busy", postponed=postpone)
        if postpone:
            raise _Ended("Update postponed by application.", postponed=postpone)
        return state

    # --- QuickBooks -------------------------------------------------------------

    def _open_quickbooks(self, path: str) -> Session:
        """Begin a session, twice per path; ask the service what to do on failure."""
        for _ in range(_MOST_CONNECTION_ERRORS):
            try:
                return self._begin_session_twice(path)
            except QuickBooksRefusal as refusal:
                self._note(
                    "SOAPWebService.ConnectToQB",
                    f"QBWC1013: Error connecting to QuickBooks. {refusal}",
                )
                reason = refusal
            call, response = self._must_call(
                "connectionError",
                ("ticket", self._ticket),
                ("hresult", reason.hresult),
                ("message", reason.message),
            )
            path = self._needed(call, response)
            if path.lower() == "done":
                break
        self._close()
        raise _Ended(reason.message, "QBWC1013")

    def _begin_session_twice(self, path: str) -> Session:
        """Begin a session with the file at `path`, '' for the one that is open."""
        try:
            return self._begin_session(path)
        except QuickBooksRefusal:
            return self._begin_session(path)

    def _begin_session(self, path: str) -> Session:
        """Begin a session; QuickBooks holds one file open and opens no other."""
        company_file = self._owner.company_file
        if path and path.lower() != company_file.file_name.lower():
            raise QuickBooksRefusal(
                "0x8004040A",
                "A different QuickBooks company data file is already open.",
            )
        return company_file.begin_session(
            app_name=self._application.app_name, owner_id=self._application.owner_id
        )

    def _lock_company_file(self, session: Session) -> None:
        """Write our lock, unless another computer holds it."""
        owner_id, computer = self._application.owner_id, self._owner.computer
        try:
            held, _, rest = read_stamp(session, owner_id)[APP_LOCK].partition(":")
            holder = rest.partition(":")[0]
            locked_by_other = held == "LOCKED" and holder != computer
            if not locked_by_other:
                ticks = int((self._owner.clock() + _TICKS_EPOCH) * 10_000_000)
                lock = f"LOCKED:{computer}:{ticks}"
                change_stamp(session, owner_id, APP_LOCK, lock)
                self._note("CompanyFileLock.getLock", f"Got Lock = {lock}")
        except KeyError as error:
            self._close()
            raise _Ended("The company file has no AppLock", "QBWC1026") from error
        except (StampFailed, QuickBooksRefusal) as error:
            self._close()
            raise _Ended(str(error), "QBWC1026") from error
        if locked_by_other:
            self._close()
            raise _Ended(
                "Update aborted. The company file is locked by another client"
                f" [{holder}]",
                "QBWC1031",
            )

    def _unlock_company_file(self, session: Session) -> None:
        """Take our lock away; that it fails changes nothing for the update."""
        owner_id = self._application.owner_id
        try:
            change_stamp(
                session, owner_id, APP_LOCK, f"UNLOCKED:{self._owner.computer}"
            )
        except (StampFailed, QuickBooksRefusal) as error:
            self._note("CompanyFileLock.unsetLock", str(error))
            return
        self._note(
            "CompanyFileLock.unsetLock",
            f"Company file has been unlocked for ownerID = <{owner_id}>",
        )

    # --- work -------------------------------------------------------------------

    def _exchange(self, session: Session) -> tuple[str, str | None]:
        """Carry requests and answers; return the text to show, if any, and an error."""
        try:
            answers = first_answers(session, self._application.owner_id)
            facts = host_facts(answers)
        except (StampFailed, QuickBooksRefusal) as error:
            return str(error), "QBWC1014"
        try:
            return self._loop(session, answers, facts), None
        except _Ended:
            self._unlock_company_file(session)
            raise

    def _loop(self, session: Session, answers: str, facts: HostFacts) -> str:
        """Ask for requests until the service has no more; return a text to show."""
        while True:
            request = self._ask(answers, facts)
            answers = ""
            if request in {"", _NOOP}:
                text = self._last_error()
                if text != _NOOP:
                    return text
                self._owner.sleep(_NOOP_SECONDS)
                continue
            percent = self._process(session, request)
            if percent >= 100:
                return ""
            if percent < 0:
                text = self._last_error()
                if text != _NOOP:
                    return text
                self._owner.sleep(_NOOP_SECONDS)

    def _ask(self, answers: str, facts: HostFacts) -> str:
        """Ask the service for a request."""
        place = "SOAPWebService.do_sendRequestXML"
        number = self._round_trips + 1
        self._note(place, f"Asking application to send request no. {number}")
        call, response = self._must_call(
            "sendRequestXML",
            ("ticket", self._ticket),
            ("strHCPResponse", answers),
            ("strCompanyFileName", self._owner.company_file.file_name),
            ("qbXMLCountry", facts.country),
            ("qbXMLMajorVers", str(facts.major)),
            ("qbXMLMinorVers", str(facts.minor)),
        )
        request = self._needed(call, response)
        self._note(place, "Request xml received.")
        return request

    def _process(self, session: Session, request: str) -> int:
        """Hand a request to QuickBooks and its answer to the service."""
        self._round_trips += 1
        place = "SOAPWebService.ProcessRequestXML"
        self._note(
            place,
            f"REQUEST: received from application: size (bytes) = {len(request)}",
        )
        answer, hresult, message = "", "", ""
        try:
            answer = session.process(request)
            self._note(
                place,
                f"Response received from QuickBooks: size (bytes) = {len(answer)}",
            )
        except QuickBooksRefusal as refusal:
            hresult, message = refusal.hresult, refusal.message
            self._note(place, f"{hresult}: {message}")
        call, response = self._must_call(
            "receiveResponseXML",
            ("ticket", self._ticket),
            ("response", answer),
            ("hresult", hresult),
            ("message", message),
        )
        try:
            percent = integer_result(call, response)
        except CallFailed as error:
            raise _Ended(str(error), "QBWC1042") from error
        self._percents.append(percent)
        self._note(
            "SOAPWebService.do_receiveResponseXML",
            f'more="{percent}">  '
            + (
                "Done. No more to process."
                if percent >= 100
                else "There are more requests to process."
            ),
        )
        return percent

    def _last_error(self) -> str:
        """Ask the service for the text to show."""
        call, response = self._must_call("getLastError", ("ticket", self._ticket))
        text = self._needed(call, response)
        self._note("SOAPWebService.do_getLastError", f"Received: {text}")
        return text

    def _close(self) -> str:
        """Say goodbye and return the service's text."""
        place = "SOAPWebService.do_closeConnection"
        self._note(
            place,
            "*** Calling closeConnection() with following parameter:"
            f'<wcTicket="{self._ticket}">',
        )
        call, response = self._must_call("closeConnection", ("ticket", self._ticket))
        text = self._needed(call, response)
        self._note(
            place,
            "Received from closeConnection() following parameter:"
            f'<ccResponse="{text}">',
        )
        return text

    # --- calls and log ----------------------------------------------------------

    def _call(
        self, method: str, *arguments: tuple[str, str]
    ) -> tuple[Call, etree._Element]:
        """Make a call and count it.

        Raises:
            CallFailed: there is no usable answer.
        """
        self._calls.append(method)
        call = Call(len(self._calls), method, arguments)
        return call, self._endpoint.call(call)

    def _must_call(
        self, method: str, *arguments: tuple[str, str]
    ) -> tuple[Call, etree._Element]:
        """Make a call whose failure ends the update."""
        try:
            return self._call(method, *arguments)
        except CallFailed as error:
            raise _Ended(str(error), _CALL_ERRORS[method]) from error

    def _needed(self, call: Call, response: etree._Element) -> str:
        """Read a string result whose absence ends the update."""
        try:
            return needed_text(call, response)
        except CallFailed as error:
            raise _Ended(str(error), _CALL_ERRORS[call.method]) from error

    def _note(self, place: str, text: str) -> None:
        """Write a line as QWCLog.txt has them."""
        at = time.strftime("%Y%m%d.%H:%M:%S", time.gmtime(self._owner.clock()))
        line = f"{at} UTC\t: QBWebConnector.{place}() : {text}"
        self._log.append(line)
        self._write(line)

    def _result(
        self,
        result: str,
        error: str | None,
        *,
        postponed: int = 0,
        vanished: bool = False,
    ) -> Run:
        """Sum up the update."""
        return Run(
            result=result,
            error=error,
            percents=tuple(self._percents),
            round_trips=self._round_trips,
            calls=tuple(self._calls),
            log=tuple(self._log),
            postponed_seconds=postponed,
            vanished=vanished,
        )
