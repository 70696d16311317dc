"""Envelopes recorded from real Web Connectors reach the conversation as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from lxml import etree

from qbwc_server.web_connector import soap
from qbwc_server.web_connector.conversation import Conversation
from tests.conftest import reference_data
from tests.web_connector.desk import PARAMETERS, post, result, serving


class Recorder:
    """Stands in for the conversation and its admission; notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.admission = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def answer(*arguments: str, peer: str = "") -> Any:
            del peer
            self.calls.append((name, arguments))
            if name == "authenticate":
                return ["t", "none", "", "60"]
            return 7 if name == "receive_response" else "said"

        return answer


@pytest.fixture
def recorder() -> Recorder:
    """What stands in for the conversation."""
    return Recorder()


@pytest.fixture
def url(recorder: Recorder) -> Iterator[str]:
    """Where it is served."""
    talk = cast("Conversation", recorder)
    with serving(
        lambda url: soap.application(talk, address=url, max_body_bytes=10**8)
    ) as address:
        yield address


def send(url: str, name: str) -> tuple[bytes, bytes]:
    """Send a recorded body; return it and the answer."""
    body = (reference_data() / "captures" / name).read_bytes()
    if not body.startswith(b"<?xml"):
        found = re.search(rb"<\?xml.*?</soap:Envelope>", body, re.DOTALL)
        assert found is not None
        body = found[0]
    method = re.search(rb"Body>\s*<(\w+)", body)
    assert method is not None
    status, answer = post(url, body, method[1].decode())
    assert status == 200
    return body, answer


def argument(body: bytes, name: str) -> str:
    """Return an argument as the recorded envelope has it."""
    found = etree.fromstring(body).find(f".//{{http://developer.intuit.com/}}{name}")
    assert found is not None
    return found.text or ""


@pytest.mark.parametrize(
    ("method", "called", "answer"),
    [
        ("serverVersion", "server_version", "said"),
        ("clientVersion", "client_version", "said"),
        ("authenticate", "authenticate", ["t", "none", "", "60"]),
        ("sendRequestXML", "send_request", "said"),
        ("closeConnection", "close", "said"),
    ],
)
def test_a_recorded_call_reaches_the_conversation_with_its_arguments(
    recorder: Recorder, url: str, method: str, called: str, answer: str | list[str]
) -> None:
    """Web Connector 2.1 of 2013, word for word."""
    body, got = send(url, f"2013_qbwc2.1.0.30_{method}.xml")
    expected = [argument(body, name) for name in PARAMETERS[method]]
    if method == "authenticate":
        expected.append("127.0.0.1")
    if method == "sendRequestXML":
        expected[-2:] = [".".join(expected[-2:])]
    assert recorder.calls == [(called, tuple(expected))]
    assert result(method, got) == answer


@pytest.mark.parametrize(
    "name",
    [
        "2013_qbwc2.1.0.30_receiveResponseXML.xml",
        "201411_soap_receiveResponseXML__flowlink_invoice_add_rs.xml",
        "201411_soap_receiveResponseXML__flowlink_receive_payment_add_rs.xml",
    ],
)
def test_a_recorded_answer_of_quickbooks_arrives_byte_for_byte(
    recorder: Recorder, url: str, name: str
) -> None:
    """Line feeds and quotes too; empty elements are empty texts."""
    body, answer = send(url, name)
    ticket, response = argument(body, "ticket"), argument(body, "response")
    assert (len(ticket), "<QBXMLMsgsRs>" in response) == (36, True)
    assert recorder.calls == [("receive_response", (ticket, response, "", ""))]
    assert result("receiveResponseXML", answer) == "7"


def test_the_one_line_envelope_of_version_2_2_is_read(
    recorder: Recorder, url: str
) -> None:
    """Web Connector 2.2 of 2017."""
    send(
        url, "20170103_qbwc2.2.0.71_soap_serverVersion_clientVersion__qbws_issue10.txt"
    )
    assert recorder.calls == [("server_version", ())]


def test_an_rpc_style_envelope_is_read_too(recorder: Recorder, url: str) -> None:
    """A .qwc file with Style RPC makes such ones; ours never has it."""
    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body soap:encodingStyle='
        '"http://schemas.xmlsoap.org/soap/encoding/"><q1:clientVersion'
        ' xmlns:q1="http://developer.intuit.com/"><q1:strVersion xsi:type="xsd:string">'
        "2.3.0.215</q1:strVersion></q1:clientVersion></soap:Body></soap:Envelope>"
    )
    status, answer = post(url, body.encode(), "clientVersion")
    assert (status, result("clientVersion", answer)) == (200, "said")
    assert recorder.calls == [("client_version", ("2.3.0.215",))]
