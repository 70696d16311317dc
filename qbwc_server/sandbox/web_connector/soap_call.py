"""SOAP over HTTP as Web Connector's .NET client does it.

From calls recorded from the real client: SOAP 1.1, document style, one line, the
method's element in Intuit's namespace with unprefixed children, empty arguments as
empty tags, only the less-than, greater-than and ampersand signs escaped. From .NET's
reference source: its User-Agent, no redirects, no compression, no cookies, 100 s.
"""

from __future__ import annotations

import re
import select
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from qbwc_server.sandbox.web_connector.interference import (
    Call,
    ConnectionLost,
    Interference,
    SendAgain,
)

INTUIT: Final = "http://developer.intuit.com/"
_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_USER_AGENT: Final = (
    "Mozilla/4.0 (compatible; MSIE 6.0;"
    " MS Web Services Client Protocol 4.0.30319.42000)"
)
_TIMEOUT: Final = 100.0
# How long .NET waits for "100 Continue" before it sends the body anyway.
_CONTINUE_TIMEOUT: Final = 0.35
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class CallFailed(Exception):
    """A call came back with nothing usable; the text is what Web Connector logs."""


def envelope(call: Call) -> bytes:
    """Write the body of a call."""
    arguments = "".join(
        f"<{name}>{_escaped(value)}</{name}>" if value else f"<{name} />"
        for name, value in call.arguments
    )
    opened = f'<{call.method} xmlns="{INTUIT}"'
    content = f"{opened}>{arguments}</{call.method}>" if arguments else f"{opened} />"
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap:Envelope xmlns:soap="{_ENVELOPE}"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f"<soap:Body>{content}</soap:Body></soap:Envelope>"
    ).encode()


class SoapEndpoint:
    """The web service at one URL, over one connection that is kept alive.

    `ca_file` names further trusted certificates in PEM. With `expect_continue` the
    body waits for the server's "100 Continue", as .NET clients usually do.
    """

    def __init__(
        self,
        url: str,
        *,
        interference: Interference | None = None,
        ca_file: str | None = None,
        expect_continue: bool = False,
    ) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: HTTPConnection = (
            HTTPSConnection(
                host,
                parts.port,
                timeout=_TIMEOUT,
                context=ssl.create_default_context(cafile=ca_file),
            )
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=_TIMEOUT)
        )
        self._interference = interference
        self._expect_continue = expect_continue

    def get(self) -> int:
        """Ask for the page once, to see the certificate; return the HTTP status.

        Raises:
            ssl.SSLError: the certificate is not good.
            OSError: there is no connection.
            HTTPException: what came back is not HTTP.
        """
        self._drop_stale_connection()
        self._connection.request(
            "GET", self._path, headers={"Connection": "Keep-Alive"}
        )
        response = self._connection.getresponse()
        response.read()
        return response.status

    def call(self, call: Call) -> etree._Element:
        """Make a call, once.

        Returns:
            The element `<method>Response` of the answer.

        Raises:
            CallFailed: no answer, an HTTP error, a fault or something unreadable.
            Vanish: the interference ends the run here.
        """
        try:
            return _response(call, self._exchange(call))
        except (OSError, HTTPException) as error:
            self._connection.close()
            text = f"The underlying connection was closed: {error}"
            raise CallFailed(text) from error
        except ConnectionLost as error:
            self._connection.close()
            text = "The underlying connection was closed unexpectedly."
            raise CallFailed(text) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, call: Call) -> bytes:
        """Send a call and return the answer, letting the interference look."""
        if self._interference is None:
            return self._post(call)
        self._interference.before(call)
        answer = self._post(call)
        try:
            self._interference.after(call, answer)
        except SendAgain:
            answer = self._post(call)
        return answer

    def _post(self, call: Call) -> bytes:
        """Send a call over HTTP and return the body of a good answer."""
        self._drop_stale_connection()
        body = envelope(call)
        connection = self._connection
        connection.putrequest("POST", self._path, skip_accept_encoding=True)
        connection.putheader("User-Agent", _USER_AGENT)
        connection.putheader("Content-Type", "text/xml; charset=utf-8")
        connection.putheader("SOAPAction", f'"{INTUIT}{call.method}"')
        connection.putheader("Content-Length", str(len(body)))
        if self._expect_continue:
            connection.putheader("Expect", "100-continue")
        connection.putheader("Connection", "Keep-Alive")
        connection.endheaders()
        if self._expect_continue:
            select.select([connection.sock], [], [], _CONTINUE_TIMEOUT)
        connection.send(body)
        response = connection.getresponse()
        return _good_body(response, response.read())

    def _drop_stale_connection(self) -> None:
        """Reconnect when the server has closed an idle connection.

        A connection at rest that can be read from has ended. Seeing it before sending
        is what makes sending again unnecessary.
        """
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()


def text_result(call: Call, response: etree._Element) -> str | None:
    """Read a string result; None is .NET's null, when the element is missing."""
    found = response.find(f"{{{INTUIT}}}{call.method}Result")
    return None if found is None else (found.text or "")


def needed_text(call: Call, response: etree._Element) -> str:
    """Read a string result that Web Connector uses without looking for null.

    Raises:
        CallFailed: it is null.
    """
    found = text_result(call, response)
    if found is None:
        raise CallFailed("Object reference not set to an instance of an object.")
    return found


def strings_result(call: Call, response: etree._Element) -> list[str]:
    """Read an array of strings: items in Intuit's namespace count, others do not.

    Raises:
        CallFailed: there is no array.
    """
    found = response.find(f"{{{INTUIT}}}{call.method}Result")
    if found is None:
        raise CallFailed("Object reference not set to an instance of an object.")
    return [item.text or "" for item in found.findall(f"{{{INTUIT}}}string")]


def integer_result(call: Call, response: etree._Element) -> int:
    """Read a number; without the element .NET leaves it at 0.

    Raises:
        CallFailed: it is not a number of 32 bits.
    """
    text = text_result(call, response)
    if text is None:
        return 0
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,10}\s*", text):
        raise CallFailed("Input string was not in a correct format.")
    return int(text)


def _escaped(text: str) -> str:
    """Escape as .NET does in element text: three signs, and controls by number."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", plain)


def _good_body(response: HTTPResponse, body: bytes) -> bytes:
    """Return the body of an answer .NET would hand on.

    Raises:
        CallFailed: another status than 200, another type than XML, or no body. A
            fault travels with status 500 and is read as one.
    """
    kind = response.headers.get_content_type()
    if response.status != 200 and not (response.status == 500 and kind == "text/xml"):
        raise CallFailed(
            f"The request failed with HTTP status {response.status}: {response.reason}."
        )
    if kind != "text/xml":
        raise CallFailed(
            f"Client found response content type of '{kind}', but expected 'text/xml'."
        )
    if not body:
        raise CallFailed("The request failed with an empty response.")
    return body


def _response(call: Call, body: bytes) -> etree._Element:
    """Find the answer to a call in an envelope.

    Raises:
        CallFailed: the body is no envelope, holds a fault, or answers something else.
    """
    try:
        root = etree.fromstring(
            body, etree.XMLParser(resolve_entities=False, huge_tree=True)
        )
    except etree.XMLSyntaxError as error:
        raise CallFailed(f"Response is not well-formed XML. {error}") from error
    content = root.find(f"{{{_ENVELOPE}}}Body/*")
    if content is None:
        raise CallFailed("Object reference not set to an instance of an object.")
    if content.tag == f"{{{_ENVELOPE}}}Fault":
        raise CallFailed(
            content.findtext("faultstring") or "Server was unable to answer."
        )
    if content.tag != f"{{{INTUIT}}}{call.method}Response":
        raise CallFailed(f"Unexpected element {content.tag} in the answer.")
    return content
