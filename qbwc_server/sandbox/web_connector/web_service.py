"""The methods of the web service, called and read as Web Connector does.

What each answer means is from Intuit's Web Connector programmer's guide, chapters 2
and 10 and appendix A; the words in the log are those of logs of the real one. A call
that fails ends the update with the code of its method, except the two that only tell
versions.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

from lxml import etree

from qbwc_server.sandbox.web_connector.interference import Call
from qbwc_server.sandbox.web_connector.qwclog import QwcLog
from qbwc_server.sandbox.web_connector.soap_call import (
    CallFailed,
    SoapEndpoint,
    integer_result,
    needed_text,
    strings_result,
    text_result,
)

_CALL_ERRORS: Final = {
    "authenticate": "QBWC1012",
    "sendRequestXML": "QBWC1041",
    "receiveResponseXML": "QBWC1042",
    "getLastError": "QBWC1043",
    "closeConnection": "QBWC1044",
    "connectionError": "QBWC1045",
}


class Ended(Exception):
    """The update is over here and now.

    `result` is the text to show, `error` Web Connector's own code or None, `postponed`
    the seconds until it shall be tried again, 0 for the schedule.
    """

    def __init__(
        self, result: str, error: str | None = None, postponed: int = 0
    ) -> None:
        super().__init__(result)
        self.result = result
        self.error = error
        self.postponed = postponed


@dataclass(frozen=True, slots=True)
class Login:
    """The four parts of the answer to authenticate; 0 for seconds not given."""

    ticket: str
    state: str
    postpone_seconds: int
    least_interval_seconds: int


class WebService:
    """One conversation with the web service; `calls` lists the methods called."""

    def __init__(self, endpoint: SoapEndpoint, log: QwcLog) -> None:
        self.calls: list[str] = []
        self._endpoint = endpoint
        self._log = log

    def check_certificate(self, url: str) -> None:
        """Get the URL once.

        Raises:
            Ended: the certificate is not good or the answer is not 200 (QBWC1048).
        """
        place = "SOAPWebService.instantiateWebService"
        self._log.note(place, f"AppURL: {url}")
        try:
            status = self._endpoint.get()
        except ssl.SSLError as error:
            raise Ended(f"Certificate not verified: {error}", "QBWC1048") from error
        except (OSError, HTTPException) as error:
            # The calls that follow meet the same and report it.
            self._log.note(place, f"The underlying connection was closed: {error}")
            self._endpoint.close()
            return
        if status != 200:
            raise Ended(f"The web server answered {status}", "QBWC1048")

    def server_version(self) -> None:
        """Ask for the version of the service; a failure is only logged."""
        place = "SOAPWebService.do_serverVersion"
        self._log.note(place, "*** Calling serverVersion().")
        try:
            call, response = self._call("serverVersion")
        except CallFailed as error:
            self._log.note(place, f"Actual error received from web service: <{error}>")
            return
        answer = text_result(call, response) or ""
        self._log.note(
            place,
            "Received from serverVersion() following parameter:"
            f'<serverVersionRet="{answer}">',
        )

    def client_version(self, version: str) -> None:
        """Tell our version; a failure is only logged, for the method is optional.

        Raises:
            Ended: the service wants another version (QBWC1037), or its answer is none
                of those that exist (QBWC1046).
        """
        place = "SOAPWebService.do_clientVersion"
        self._log.note(
            place,
            "*** Calling clientVersion() with following parameter:"
            f'<productVersion="{version}">',
        )
        try:
            call, response = self._call("clientVersion", ("strVersion", version))
        except CallFailed as error:
            self._log.note(place, f"QBWC1036: {error}")
            return
        answer = text_result(call, response) or ""
        kind, _, rest = answer.partition(":")
        if not answer:
            self._log.note(
                place,
                "This application agrees with the current version of QBWebConnector."
                " Allowing update operation.",
            )
        elif kind == "W" and rest:
            # A person would be asked; the sandbox has one who goes on.
            self._log.note(place, f"QBWC1037: {rest}")
        elif kind == "E" and rest:
            raise Ended(rest, "QBWC1037")
        elif kind == "O" and rest:
            raise Ended(f"The application expects QBWebConnector {rest}", "QBWC1037")
        else:
            raise Ended(f"Incorrect syntax: {answer}", "QBWC1046")

    def authenticate(self, username: str, password: str) -> Login:
        """Log in.

        Raises:
            Ended: the call failed or returned fewer than two strings (QBWC1012).
        """
        place = "SOAPWebService.do_authenticate"
        self._log.note(
            place,
            "*** Calling authenticate() with following parameters:"
            f'<userName="{username}"><password=<MaskedForSecurity>',
        )
        call, response = self._must_call(
            "authenticate", ("strUserName", username), ("strPassword", password)
        )
        try:
            items = strings_result(call, response)
        except CallFailed as error:
            raise Ended(str(error), "QBWC1012") from error
        if len(items) < 2:
            raise Ended("Index was outside the bounds of the array.", "QBWC1012")
        self._log.note(
            place,
            "Received from authenticate() following parameters:"
            + "".join(f'<authRet[{n}]="{item}">' for n, item in enumerate(items)),
        )
        postpone, least = (
            int(text) if text.isdecimal() else 0 for text in (*items, "", "")[2:4]
        )
        return Login(items[0], items[1], postpone, least)

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """Tell that QuickBooks lets us not in; return "done" or another file.

        Raises:
            Ended: QBWC1045, as for every call below with its own code.
        """
        self._log.note("SOAPWebService.do_connectionError", f"{hresult}: {message}")
        return self._text(
            "connectionError",
            ("ticket", ticket),
            ("hresult", hresult),
            ("message", message),
        )

    def send_request_xml(
        self, ticket: str, answers: str, file_name: str, host: tuple[str, int, int]
    ) -> str:
        """Ask for a request; `host` is country, major and minor qbXML version."""
        country, major, minor = host
        return self._text(
            "sendRequestXML",
            ("ticket", ticket),
            ("strHCPResponse", answers),
            ("strCompanyFileName", file_name),
            ("qbXMLCountry", country),
            ("qbXMLMajorVers", str(major)),
            ("qbXMLMinorVers", str(minor)),
        )

    def receive_response_xml(
        self, ticket: str, response: str, hresult: str, message: str
    ) -> int:
        """Deliver QuickBooks' answer or refusal; return the percentage done."""
        call, answer = self._must_call(
            "receiveResponseXML",
            ("ticket", ticket),
            ("response", response),
            ("hresult", hresult),
            ("message", message),
        )
        try:
            percent = integer_result(call, answer)
        except CallFailed as error:
            raise Ended(str(error), "QBWC1042") from error
        self._log.note(
            "SOAPWebService.do_receiveResponseXML",
            f'more="{percent}">  '
            + (
                "Done. No more to process."
                if percent >= 100
                else "There are more requests to process."
            ),
        )
        return percent

    def last_error(self, ticket: str) -> str:
        """Ask for the text to show."""
        text = self._text("getLastError", ("ticket", ticket))
        self._log.note("SOAPWebService.do_getLastError", f"Received: {text}")
        return text

    def close(self, ticket: str) -> str:
        """Say goodbye and return the service's last words."""
        place = "SOAPWebService.do_closeConnection"
        self._log.note(
            place,
            "*** Calling closeConnection() with following parameter:"
            f'<wcTicket="{ticket}">',
        )
        text = self._text("closeConnection", ("ticket", ticket))
        self._log.note(
            place,
            "Received from closeConnection() following parameter:"
            f'<ccResponse="{text}">',
        )
        return text

    def _call(
        self, method: str, *arguments: tuple[str, str]
    ) -> tuple[Call, etree._Element]:
        """Make a call and count it.

        Raises:
            CallFailed: there is no usable answer.
        """
        self.calls.append(method)
        call = Call(len(self.calls), method, arguments)
        return call, self._endpoint.call(call)

    def _must_call(
        self, method: str, *arguments: tuple[str, str]
    ) -> tuple[Call, etree._Element]:
        """Make a call whose failure ends the update."""
        try:
            return self._call(method, *arguments)
        except CallFailed as error:
            raise Ended(str(error), _CALL_ERRORS[method]) from error

    def _text(self, method: str, *arguments: tuple[str, str]) -> str:
        """Make a call that must return a string."""
        call, response = self._must_call(method, *arguments)
        try:
            return needed_text(call, response)
        except CallFailed as error:
            raise Ended(str(error), _CALL_ERRORS[method]) from error
