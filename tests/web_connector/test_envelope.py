"""A call in Web Connector's own form is read without the SOAP library, to the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.qbxml.response import clean
from qbwc_server.web_connector import envelope
from qbwc_server.web_connector.admission import Admission
from qbwc_server.web_connector.conversation import Conversation
from qbwc_server.web_connector.methods import Call, calls
from qbwc_server.web_connector.request_body import Unreadable, readable
from tests.conftest import reference_data
from tests.web_connector.desk import PARAMETERS, body_of

METHODS = st.sampled_from(sorted(PARAMETERS))
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["", " ", "a\r\nb", "a\nb\t", "&", "&amp;", "]]>", "<x/>", "\ufeff", "Élan “x” €"]
)
PIECES = st.sampled_from(
    [b"&#65;", b"&foo;", b"<!-- -->", b"<x/>", b"\r", b"\x00", b"\xff", b"]]>", b" "]
)


def by_the_library(body: bytes) -> list[str] | None:
    """Return the arguments as an XML parser reads them, None if it is no call."""
    try:
        found = etree.fromstring(readable(body), etree.XMLParser(huge_tree=True))
    except (Unreadable, etree.XMLSyntaxError):
        return None
    return [one.text or "" for one in found[0][0]]


@given(METHODS, st.lists(TEXTS, min_size=6, max_size=6))
def test_what_web_connector_writes_is_read_as_the_library_reads_it(
    method: str, texts: list[str]
) -> None:
    """Any text at all, as the real client escapes it."""
    names = PARAMETERS[method]
    body = body_of(method, *texts[: len(names)])

    found = envelope.read(body, method, names)

    assert found is None or found == by_the_library(body)


@given(METHODS, st.lists(TEXTS, min_size=6, max_size=6), PIECES, st.floats(0, 1))
def test_a_piece_put_in_anywhere_changes_nothing_of_that(
    method: str, texts: list[str], piece: bytes, place: float
) -> None:
    """What is not read directly goes to the library."""
    names = PARAMETERS[method]
    body = body_of(method, *texts[: len(names)])
    cut = round(place * len(body))
    changed = body[:cut] + piece + body[cut:]

    found = envelope.read(changed, method, names)

    assert found is None or found == by_the_library(changed)


@pytest.mark.parametrize("method", sorted(PARAMETERS))
def test_a_plain_call_needs_no_library(method: str) -> None:
    """Every method, with what must be escaped."""
    names = PARAMETERS[method]
    values = [f"<{name}> & more" for name in names]

    assert envelope.read(body_of(method, *values), method, names) == values


@pytest.mark.parametrize(
    "name", ["authenticate", "clientVersion", "receiveResponseXML", "serverVersion"]
)
def test_a_recorded_call_needs_no_library(name: str) -> None:
    """Web Connector 2.1 of 2013."""
    capture = f"captures/2013_qbwc2.1.0.30_{name}.xml"
    body = (reference_data() / capture).read_bytes()

    found = envelope.read(body, name, PARAMETERS[name])

    assert found is not None
    assert found == by_the_library(body)


def test_the_arguments_are_those_of_the_contract() -> None:
    """The table's names are the WSDL's."""
    talk = Conversation.__new__(Conversation)
    talk.admission = Admission.__new__(Admission)
    found = calls(talk)

    assert {one.name: one.names for one in found.values()} == PARAMETERS


@given(
    st.tuples(st.just("authenticate"), st.lists(TEXTS, min_size=4, max_size=4))
    | st.tuples(st.just("receiveResponseXML"), st.integers(-1, 100))
    | st.tuples(st.sampled_from(["sendRequestXML", "getLastError"]), TEXTS)
)
def test_what_is_written_is_read_back(said: tuple[str, Any]) -> None:
    """Whatever a method says, it is well-formed XML."""
    method, result = said
    call = Call(method, (), lambda _peer: result)

    found = etree.fromstring(envelope.written(method, call.answer("")))

    if isinstance(result, list):
        assert [one.text or "" for one in found.iter("{*}string")] == _read(result)
    else:
        (one,) = found.iter(f"{{*}}{method}Result")
        assert [one.text or ""] == _read([str(result)])


def _read(texts: list[str]) -> list[str]:
    """Return texts as XML hands them on: what it cannot hold is gone."""
    return [clean(one).replace("\r\n", "\n").replace("\r", "\n") for one in texts]


@pytest.mark.parametrize("method", ["authenticate", "sendRequestXML"])
def test_what_xml_cannot_hold_is_left_out_of_an_answer(method: str) -> None:
    """Whatever it came from: an answer that is no XML ends the run."""
    bad = "a\x00\x0b\x1f\ufffe\ud800b&#1;"
    written = envelope.written(method, [bad, ""] if method == "authenticate" else bad)
    found = etree.fromstring(written)
    assert [one for one in found.itertext() if one] == ["ab"]
