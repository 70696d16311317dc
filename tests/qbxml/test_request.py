"""Requests as text: strict, ASCII, and as they were meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.qbxml.check import problems
from qbwc_server.qbxml.request import Request, message_set

_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    max_size=50,
)


@given(_TEXT, _TEXT)
def test_a_request_says_what_it_was_made_of(name: str, request_id: str) -> None:
    """Text and attributes come back from the document, which is pure ASCII."""
    request = Request("CustomerQueryRq", (("FullName", name),), request_id=request_id)
    text = message_set([request])
    assert text.isascii()
    query = etree.fromstring(text.encode()).find(".//CustomerQueryRq")
    assert query is not None
    assert (query.findtext("FullName") or "") == name
    assert query.get("requestID", "") == request_id
    assert problems(text) == []


def test_elements_keep_their_order_and_nest() -> None:
    """The body is written in the order it was given, inside each other."""
    body = (("MaxReturned", "5"), ("NameRangeFilter", (("FromName", "A"),)))
    assert Request("EmployeeQueryRq", body).text() == (
        "<EmployeeQueryRq><MaxReturned>5</MaxReturned><NameRangeFilter>"
        "<FromName>A</FromName></NameRangeFilter></EmployeeQueryRq>"
    )


def test_a_question_for_a_stored_answer_has_no_request() -> None:
    """Error recovery asks with both ids equal and nothing inside."""
    text = message_set((), new_message_set_id="AB", old_message_set_id="AB")
    assert problems(text) == []
    inside = etree.fromstring(text.encode())[0]
    assert len(inside) == 0
    assert inside.get("oldMessageSetID") == inside.get("newMessageSetID") == "AB"
    assert inside.get("onError") == "continueOnError"
