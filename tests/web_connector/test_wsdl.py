"""The WSDL says what Web Connector was built from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from qbwc_server.web_connector.wsdl import wsdl

INTUIT = "{http://developer.intuit.com/}"
BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"
ARGUMENTS = {
    "serverVersion": [],
    "clientVersion": ["strVersion"],
    "authenticate": ["strUserName", "strPassword"],
    "sendRequestXML": [
        *("ticket", "strHCPResponse", "strCompanyFileName"),
        *("qbXMLCountry", "qbXMLMajorVers", "qbXMLMinorVers"),
    ],
    "receiveResponseXML": ["ticket", "response", "hresult", "message"],
    "connectionError": ["ticket", "hresult", "message"],
    "getLastError": ["ticket"],
    "closeConnection": ["ticket"],
    "getInteractiveURL": ["wcTicket", "sessionID"],
    "interactiveDone": ["wcTicket"],
    "interactiveRejected": ["wcTicket", "reason"],
}


def reference_data() -> Path:
    """Find the reference data beside the repository or skip the test."""
    path = Path(__file__).parents[2] / "../shared/data"
    if not path.is_dir():
        pytest.skip("the reference data is not beside the repository")
    return path


def load(document: bytes) -> Any:
    """Let zeep read a WSDL."""
    client = zeep.Client(io.BytesIO(document))  # type: ignore[no-untyped-call]
    return client.wsdl


def contract(document: bytes) -> dict[str, tuple[Any, ...]]:
    """List per operation its SOAPAction, arguments and result with their types."""
    loaded = load(document)
    binding = next(
        binding
        for name, binding in loaded.bindings.items()
        if not name.endswith("Soap12")
    )
    return {
        name: (
            operation.soapaction,
            operation.style,
            *(
                [
                    (part, element.type.name, element.min_occurs, element.max_occurs)
                    for part, element in message.body.type.elements
                ]
                for message in (operation.input, operation.output)
            ),
        )
        for name, operation in binding._operations.items()
    }


def test_all_eleven_methods_have_intuits_names_and_arguments() -> None:
    """A client built from our WSDL calls what Web Connector calls."""
    found = contract(wsdl("https://qb.example.com/qbwc"))

    assert {
        name: [part for part, *_ in arguments]
        for name, (_, _, arguments, _) in found.items()
    } == ARGUMENTS


def test_actions_styles_and_results_are_those_of_the_contract() -> None:
    """SOAPAction, style and the result element follow from the method's name."""
    for name, (action, style, _, result) in contract(wsdl("https://a/")).items():
        assert action == f"http://developer.intuit.com/{name}"
        assert style == "document"
        assert [part for part, *_ in result] == [f"{name}Result"]


def test_only_the_numbers_are_numbers_and_mandatory() -> None:
    """The versions and the percentage are integers; authenticate returns an array."""
    every = [
        part
        for _, _, arguments, result in contract(wsdl("https://a/")).values()
        for part in (*arguments, *result)
    ]

    assert {(part, least) for part, kind, least, _ in every if kind == "int"} == {
        ("qbXMLMajorVers", 1),
        ("qbXMLMinorVers", 1),
        ("receiveResponseXMLResult", 1),
    }
    assert {part for part, kind, *_ in every if kind not in {"int", "string"}} == {
        "authenticateResult"
    }
    assert {least for _, kind, least, _ in every if kind != "int"} == {0}


def test_the_array_holds_qualified_strings() -> None:
    """Items of authenticateResult are `string` in Intuit's namespace, any number."""
    array = load(wsdl("https://a/")).types.get_type(f"{INTUIT}ArrayOfString")
    [(name, item)] = array.elements

    assert (name, item.qname.text) == ("string", f"{INTUIT}string")
    assert item.nillable
    assert item.accepts_multiple


def test_the_address_is_filled_in_and_escaped() -> None:
    """A query in the address does not break the document."""
    root = etree.fromstring(wsdl('https://qb.example.com/qbwc?a=1&b="<'))
    address = root.find(".//{http://schemas.xmlsoap.org/wsdl/soap/}address")

    assert address is not None
    assert address.get("location") == 'https://qb.example.com/qbwc?a=1&b="<'


def test_the_contract_agrees_with_intuits_own() -> None:
    """The eight methods Intuit publishes are the same in ours to the last type."""
    [path] = (reference_data() / "wsdl").glob("*.wsdl")
    theirs = contract(path.read_bytes())
    ours = contract(wsdl("https://a/"))

    assert len(theirs) == 8
    assert {name: ours[name] for name in theirs} == theirs


def test_recorded_envelopes_carry_the_arguments_of_the_contract() -> None:
    """Each call Web Connector really made reads by our WSDL, argument for argument."""
    captures = reference_data() / "captures"
    envelopes = [
        *captures.glob("2013_*.xml"),
        *captures.glob("201411_*.xml"),
    ]
    types = load(wsdl("https://a/")).types

    assert len(envelopes) >= 8
    for path in envelopes:
        body = etree.fromstring(path.read_bytes()).find(BODY)
        assert body is not None
        [call] = body
        name = etree.QName(call).localname
        parsed = types.get_element(str(call.tag)).parse(call, types)

        assert [etree.QName(argument).localname for argument in call] == ARGUMENTS[name]
        for argument in call:
            value = getattr(parsed, etree.QName(argument).localname)
            assert ("" if value is None else str(value)) == (argument.text or "")
