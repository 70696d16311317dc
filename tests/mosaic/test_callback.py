"""Reading Mosaic's callbacks, honest and hostile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.mosaic import answers
from qbwc_server.mosaic.callback import LARGEST, Callback, MalformedCallback, parse


def _parse(content: Any) -> Callback:
    callback = parse(json.dumps(content).encode())
    assert callback is not None
    return callback


@pytest.mark.parametrize("payload", ["dataPayload", "payload"])
def test_the_camel_case_shapes_are_read(payload: str) -> None:
    """Mosaic's webhook page and its sample differ in one name only."""
    callback = _parse(
        {
            "dataType": "time_entry",
            "metadata": {"source": "qbwc", "ref": "r1", "op": "create"},
            "actionType": "create",
            payload: {"mosaicId": 10, "isBillable": True, "hours": "1.5"},
            "apiRequestId": "req-1",
        }
    )
    assert (callback.data_type, callback.action) == ("time_entry", "create")
    assert (callback.ref, callback.api_request_id) == ("r1", "req-1")
    assert (callback.status, callback.mosaic_id, callback.error) == (200, 10, None)
    assert callback.record
    assert callback.record["is_billable"] is True


def test_the_response_shape_is_read() -> None:
    """The create page of members wraps the object in response, body and its type."""
    body = {"employee": {"mosaic_id": 7, "first_name": "Bo"}}
    callback = _parse(
        {
            "response": {"body": body, "status": 200},
            "api_request_metadata": {"ref": "r2"},
        }
    )
    assert (callback.data_type, callback.mosaic_id) == ("employee", 7)
    assert callback.ref == "r2"


def test_snake_case_is_read_alike() -> None:
    """Nobody promises the case of the names."""
    callback = _parse(
        {"data_type": "phase", "action_type": "update", "payload": {"mosaic_id": 3}}
    )
    assert (callback.data_type, callback.action, callback.mosaic_id) == (
        "phase",
        "update",
        3,
    )


@pytest.mark.parametrize(
    "content",
    [
        {"apiRequestId": "q", "status": 422, "error": "no date", "dataPayload": {}},
        {"response": {"body": {"message": "no date"}, "status": 422}},
        {"payload": {"message": "no date"}, "status": 422},
    ],
)
def test_a_refusal_keeps_its_reason(content: dict[str, Any]) -> None:
    """A write taken and refused later says why, in whichever place."""
    callback = _parse(content)
    assert (callback.status, callback.error) == (422, "no date")
    assert callback.record is None


def test_the_logs_name_of_work_categories_is_ours_again() -> None:
    """Mosaic's logs say work_category where its paths say standard_work_category."""
    callback = _parse({"dataType": "work_category", "payload": {"mosaicId": 1}})
    assert callback.data_type == "standard_work_category"


def test_an_unknown_type_is_passed_on() -> None:
    """A type we do not know is for the caller to store and ignore."""
    assert _parse({"dataType": "invoice", "payload": {"id": 1}}).data_type == "invoice"


@pytest.mark.parametrize("content", [{}, {"hello": 1}, [], 1, None])
def test_other_json_is_no_callback(content: Any) -> None:
    """Somebody trying the address out is not an error."""
    assert parse(json.dumps(content).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"payload":{"mosaicId":1,"hours":NaN}}',
        b'{"payload":{"mosaicId":1,"hours":"many"}}',
        b'{"payload":{"mosaicId":' + b"9" * 5000 + b"}}",
        b'{"a":' * 50 + b"1" + b"}" * 50,
        b" " * (LARGEST + 1),
    ],
)
def test_a_hostile_body_is_one_kind_of_error(body: bytes) -> None:
    """Floods, depth, wrong encodings and numbers beyond reason all end the same."""
    with pytest.raises(MalformedCallback):
        parse(body)


def test_text_the_database_refuses_is_cleaned() -> None:
    """NUL and lone surrogates are replaced before anybody stores them."""
    body = (
        b'{"payload":{"mosaicId":1,"title":"a\\u0000b\\ud800"},"metadata":{"ref":"r"}}'
    )
    callback = parse(body)
    assert callback
    assert callback.record
    assert callback.record["title"] == "a\ufffdb\ufffd"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("dataType", "actionType", "payload", "dataPayload", "response"),
                    *("body", "status", "metadata", "ref", "mosaicId", "id", "error"),
                    *("api_request_metadata", "apiRequestId", "hours", "date"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(_json | st.dictionaries(st.text(), _json))
def test_nothing_else_is_ever_raised(content: Any) -> None:
    """Whatever JSON arrives, the answer is a callback, None or MalformedCallback."""
    try:
        callback = parse(json.dumps(content).encode())
    except MalformedCallback:
        return
    if callback is not None:
        json.dumps([callback.data_type, callback.ref, callback.error]).encode()


@given(st.binary())
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """The same for what is not JSON."""
    try:
        parse(body)
    except MalformedCallback:
        return


@pytest.mark.parametrize("said", ['{"ref": "r\ud800"}', '{"r\ud800f": 1}', "\ud800"])
def test_metadata_with_what_is_no_text_is_read_without_it(said: str) -> None:
    """Mosaic echoes it as JSON in a text, which may hold any code point."""
    assert answers.ref_of(said) in {"r\ufffd", None}
