"""A Web Connector that drives a sandbox company file as the real one drives QuickBooks.

The order of calls and the words in the log are those of logs of the real Web
Connector; what each answer makes it do is from Intuit's Web Connector programmer's
guide. It never makes a call twice, ends the run at the first call that fails, and
tries only the connection to QuickBooks a second time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.web_connector.company_stamp import (
    APP_LOCK,
    HostFacts,
    StampFailed,
    change_stamp,
    first_answers,
    host_facts,
    read_stamp,
)
from qbwc_server.sandbox.web_connector.interference import Interference, Vanish
from qbwc_server.sandbox.web_connector.protocol import CompanyFile, Session
from qbwc_server.sandbox.web_connector.qwclog import QwcLog
from qbwc_server.sandbox.web_connector.registration import Application
from qbwc_server.sandbox.web_connector.soap_call import SoapEndpoint
from qbwc_server.sandbox.web_connector.web_service import Ended, WebService

_NOOP: Final = "NoOp"
_NOOP_SECONDS: Final = 5.0
# The real one asks for ever when connectionError never answers "done".
_MOST_CONNECTION_ERRORS: Final = 20
# .NET counts ticks of 100 ns from the year 1; Unix time begins at this many seconds.
_TICKS_EPOCH: Final = 62_135_596_800


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
        log = QwcLog(self._log, self.clock)
        endpoint = SoapEndpoint(
            self.application.app_url,
            interference=self._on_call,
            ca_file=self._ca_file,
            expect_continue=self._expect_continue,
        )
        try:
            return _Update(self, WebService(endpoint, log), log).run()
        finally:
            endpoint.close()


class _Update:
    """The state of one update: the ticket and what was done under it."""

    def __init__(self, owner: WebConnector, service: WebService, log: QwcLog) -> None:
        self._owner = owner
        self._application = owner.application
        self._service = service
        self._log = log
        self._ticket = ""
        self._percents: list[int] = []
        self._round_trips = 0

    def run(self) -> Run:
        """Go through the update from lock to unlock."""
        name = self._application.app_name
        self._log.note(
            "WebServiceManager.DoUpdateSelected",
            f"updateWS() for application = '{name}' has STARTED",
        )
        self._log.note("RegistryManager.setUpdateLock", "Update session locked")
        try:
            ended = self._conversation()
        except Ended as early:
            ended = early
        except Vanish:
            return self._run(Ended(""), vanished=True)
        self._log.note("RegistryManager.setUpdateLock", "Update session unlocked")
        if ended.error is not None:
            self._log.note("SOAPWebService.update", f"{ended.error}: {ended.result}")
        self._log.note(
            "WebServiceManager.DoUpdateSelected",
            f"Update for application = '{name}' has COMPLETED",
        )
        return self._run(ended)

    def _conversation(self) -> Ended:
        """Make all calls in order; what goes wrong on the way raises Ended."""
        self._service.check_certificate(self._application.app_url)
        self._service.server_version()
        self._service.client_version(self._owner.version)
        session = self._open_quickbooks(self._log_in())
        try:
            outcome = self._work(session)
        finally:
            session.end()
            self._log.note(
                "SOAPWebService.DisconnectFromQB", "Session ended and connection closed"
            )
        closing = self._service.close(self._ticket)
        return Ended(outcome.result or closing, outcome.error)

    def _log_in(self) -> str:
        """Log in; return the company file to open, '' for the one that is open."""
        username = self._application.username
        login = self._service.authenticate(username, self._owner.password)
        self._ticket = login.ticket
        self._owner.interval_seconds = max(
            self._owner.interval_seconds, login.least_interval_seconds
        )
        word, postponed = login.state.lower(), login.postpone_seconds
        if word in {"none", "nvu"}:
            self._service.close(self._ticket)
        if word == "nvu":
            raise Ended(f"Invalid password for username {username}", "QBWC1040")
        if word == "none":
            raise Ended("No Data Exchange", postponed=postponed)
        if word == "busy":
            raise Ended("Application Busy", postponed=postponed)
        if postponed:
            raise Ended("Update postponed by application.", postponed=postponed)
        return login.state

    def _open_quickbooks(self, path: str) -> Session:
        """Begin a session, twice per path; ask the service what to do on failure."""
        for _ in range(_MOST_CONNECTION_ERRORS):
            try:
                return self._begin_session_twice(path)
            except QuickBooksRefusal as refusal:
                reason = refusal
            self._log.note(
                "SOAPWebService.ConnectToQB",
                f"QBWC1013: Error connecting to QuickBooks. {reason}",
            )
            path = self._service.connection_error(
                self._ticket, reason.hresult, reason.message
            )
            if path.lower() == "done":
                break
        self._service.close(self._ticket)
        raise Ended(reason.message, "QBWC1013")

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

    def _work(self, session: Session) -> Ended:
        """Hold the lock of the company file and exchange messages meanwhile."""
        try:
            holder = self._lock(session)
        except (StampFailed, QuickBooksRefusal) as error:
            return Ended(str(error), "QBWC1026")
        if holder:
            return Ended(
                "Update aborted. The company file is locked by another client"
                f" [{holder}]",
                "QBWC1031",
            )
        try:
            outcome = self._exchange(session)
        except Ended:
            self._unlock(session)
            raise
        self._unlock(session)
        return outcome

    def _lock(self, session: Session) -> str:
        """Write our lock and return ''; or the computer that holds it.

        Raises:
            StampFailed: the application was never added to this company file.
        """
        owner_id, computer = self._application.owner_id, self._owner.computer
        stamp = read_stamp(session, owner_id)
        if APP_LOCK not in stamp:
            raise StampFailed("the company file has no AppLock under our OwnerID")
        state, _, rest = stamp[APP_LOCK].partition(":")
        holder = rest.partition(":")[0]
        if state == "LOCKED" and holder != computer:
            return holder
        ticks = int((self._owner.clock() + _TICKS_EPOCH) * 10_000_000)
        lock = f"LOCKED:{computer}:{ticks}"
        change_stamp(session, owner_id, APP_LOCK, lock)
        self._log.note("CompanyFileLock.getLock", f"Got Lock = {lock}")
        return ""

    def _unlock(self, session: Session) -> None:
        """Take our lock away; that it fails changes nothing for the update."""
        owner_id = self._application.owner_id
        place = "CompanyFileLock.unsetLock"
        try:
            change_stamp(
                session, owner_id, APP_LOCK, f"UNLOCKED:{self._owner.computer}"
            )
        except (StampFailed, QuickBooksRefusal) as error:
            self._log.note(place, str(error))
            return
        self._log.note(
            place, f"Company file has been unlocked for ownerID = <{owner_id}>"
        )

    def _exchange(self, session: Session) -> Ended:
        """Carry requests and answers until the service has no more."""
        try:
            answers = first_answers(session, self._application.owner_id)
            facts = host_facts(answers)
        except (StampFailed, QuickBooksRefusal) as error:
            return Ended(str(error), "QBWC1014")
        while True:
            request = self._ask(answers, facts)
            answers = ""
            if request in {"", _NOOP}:
                wants_text = True
            else:
                percent = self._process(session, request)
                if percent >= 100:
                    return Ended("")
                wants_text = percent < 0
            if wants_text:
                text = self._service.last_error(self._ticket)
                if text != _NOOP:
                    return Ended(text)
                self._owner.sleep(_NOOP_SECONDS)

    def _ask(self, answers: str, facts: HostFacts) -> str:
        """Ask the service for a request."""
        place = "SOAPWebService.do_sendRequestXML"
        self._log.note(
            place, f"Asking application to send request no. {self._round_trips + 1}"
        )
        request = self._service.send_request_xml(
            self._ticket,
            answers,
            self._owner.company_file.file_name,
            (facts.country, facts.major, facts.minor),
        )
        self._log.note(place, "Request xml received.")
        return request

    def _process(self, session: Session, request: str) -> int:
        """Hand a request to QuickBooks and its answer to the service."""
        self._round_trips += 1
        place = "SOAPWebService.ProcessRequestXML"
        self._log.note(
            place, f"REQUEST: received from application: size (bytes) = {len(request)}"
        )
        answer, hresult, message = "", "", ""
        try:
            answer = session.process(request)
            self._log.note(
                place,
                f"Response received from QuickBooks: size (bytes) = {len(answer)}",
            )
        except QuickBooksRefusal as refusal:
            hresult, message = refusal.hresult, refusal.message
            self._log.note(place, str(refusal))
        percent = self._service.receive_response_xml(
            self._ticket, answer, hresult, message
        )
        self._percents.append(percent)
        return percent

    def _run(self, ended: Ended, *, vanished: bool = False) -> Run:
        """Sum up the update."""
        return Run(
            result=ended.result,
            error=ended.error,
            percents=tuple(self._percents),
            round_trips=self._round_trips,
            calls=tuple(self._service.calls),
            log=tuple(self._log.lines),
            postponed_seconds=ended.postponed,
            vanished=vanished,
        )
