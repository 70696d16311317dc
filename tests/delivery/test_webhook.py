"""The webhook over a real socket: whoever may post to it can only make us look."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server

from qbwc_server import app
from qbwc_server.storage import tables
from qbwc_server.web.hooks import callbacks

from .mirror import Mirror, nothing_twice

pytestmark = pytest.mark.in_turn


@pytest.fixture
def server(mirror: Mirror) -> Iterator[Callable[..., int]]:
    """A function that sends a request to the whole server; gives the status."""
    made = app.Parts(mirror.settings, mirror.engine, mirror.keys, mirror.clock)
    running = make_server("127.0.0.1", 0, app.wsgi(made), threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()

    def send(path: str, body: bytes | Any = b"", method: str = "POST") -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        wire = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=10)
        try:
            wire.request(method, path, content, {"Content-Type": "application/json"})
            return wire.getresponse().status
        finally:
            wire.close()

    yield send
    running.shutdown()
    thread.join()
    running.server_close()


def _kept(mirror: Mirror) -> int:
    return len(mirror.rows(tables.mosaic_callback))


def _claim(ref: str | None, **more: Any) -> dict[str, Any]:
    return {
        "dataType": "standard_work_category",
        "actionType": "create",
        "metadata": {"ref": ref},
        "dataPayload": {"mosaicId": 77, "title": "Design", "isArchived": False},
        **more,
    }


def test_an_unknown_address_is_404(mirror: Mirror, server: Callable[..., int]) -> None:
    """Nothing is kept for nobody."""
    assert server("/webhook/who-knows", _claim("x", apiRequestId="1")) == 404
    assert server("/webhook/", b"{}") == 404
    assert _kept(mirror) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"data_payload": {"mosaic_id": 1, "date": {}}, "apiRequestId": "x"}',
        b'{"x": "' + b"y" * 1_200_000 + b'"}',
    ],
    ids=["empty", "text", "bytes", "nan", "deep", "odd", "long"],
)
def test_junk_is_400(mirror: Mirror, server: Callable[..., int], body: bytes) -> None:
    """What cannot be read is refused, and the server goes on."""
    assert server(f"/webhook/{mirror.company.webhook_token}", body) == 400
    assert server(f"/webhook/{mirror.company.webhook_token}", _claim("x")) == 200


def test_a_huge_body_is_not_taken(mirror: Mirror, server: Callable[..., int]) -> None:
    """More than any callback could be is refused before it is read."""
    path = f"/webhook/{mirror.company.webhook_token}"
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        # Or it is refused while it is still being sent.
        assert server(path, b"x" * 5_000_000) == 413
    assert _kept(mirror) == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_answered(
    mirror: Mirror, server: Callable[..., int], method: str
) -> None:
    """Other methods are refused as such."""
    assert server(f"/webhook/{mirror.company.webhook_token}", b"{}", method) == 405


def test_one_company_cannot_answer_for_another(
    mirror: Mirror, make_mirror: Callable[..., Mirror], server: Callable[..., int]
) -> None:
    """A callback with another company's reference is kept and changes nothing."""
    mirror.sandbox.answer_mode = "silent"
    mirror.books.item("S1", "Design")
    mirror.read()
    mirror.worker().run_once()
    call = mirror.calls(settled=False)[-1]
    bob = make_mirror("Bob")
    claim = _claim(call.ref, apiRequestId=call.api_request_id)
    assert server(f"/webhook/{bob.company.webhook_token}", claim) == 200
    bob.worker().run_once()
    assert bob.rows(tables.mosaic_callback)[0].handled_at is not None
    assert mirror.record("S1").mosaic_id is None
    assert {one.state for one in mirror.calls(settled=False)} == {"accepted"}


def test_a_callback_without_the_request_id_makes_us_look(
    mirror: Mirror, server: Callable[..., int]
) -> None:
    """It is no proof, but the object is found without waiting any longer."""
    mirror.sandbox.answer_mode = "silent"
    mirror.books.item("S1", "Design")
    mirror.read()
    mirror.worker().run_once()
    began = mirror.clock()
    for call in mirror.calls(settled=False):
        server(f"/webhook/{mirror.company.webhook_token}", _claim(call.ref))
    mirror.worker().run_once()
    assert mirror.record("S1").state == "in_sync"
    assert mirror.record("S1").mosaic_id != 77
    assert (mirror.clock() - began).total_seconds() < 60
    nothing_twice(mirror)


@pytest.mark.in_turn(False)
def test_a_flood_with_the_right_token_does_not_fill_the_database(
    mirror: Mirror, server: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are kept; the rest is told to come later, and nothing is lost by it."""
    monkeypatch.setattr(callbacks, "MOST_KEPT", 5)
    path = f"/webhook/{mirror.company.webhook_token}"
    told = [server(path, _claim("x", apiRequestId=str(one))) for one in range(8)]
    assert told == [200] * 5 + [503] * 3
    assert _kept(mirror) == 5
    mirror.worker().run_once()
    assert server(path, _claim("x", apiRequestId="9")) == 200


@pytest.mark.in_turn(False)
def test_the_flood_of_one_company_closes_nobody_elses_door(
    mirror: Mirror,
    make_mirror: Callable[..., Mirror],
    server: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits is counted for each company by itself."""
    monkeypatch.setattr(callbacks, "MOST_KEPT", 1)
    bob = make_mirror("Bob")
    for _ in range(2):
        server(f"/webhook/{mirror.company.webhook_token}", _claim("x"))
    assert server(f"/webhook/{bob.company.webhook_token}", _claim("x")) == 200


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_nothing_is_believed_of_a_forged_time_entry(
    mirror: Mirror, server: Callable[..., int], action: str
) -> None:
    """Mosaic is asked for the entry and shows none: no record, no write."""
    mirror.run()
    before = mirror.rows(tables.record)
    forged = {
        "dataType": "time_entry",
        "actionType": action,
        "apiRequestId": "forged",
        "dataPayload": {"mosaicId": 4711, "hours": 24, "date": "2026-03-02"},
    }
    assert server(f"/webhook/{mirror.company.webhook_token}", forged) == 200
    mirror.run()
    assert mirror.rows(tables.mosaic_callback)[-1].handled_at is not None
    assert mirror.rows(tables.record) == before
    assert mirror.calls(settled=False) == []
