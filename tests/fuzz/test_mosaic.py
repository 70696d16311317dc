"""Answers near those of Mosaic: each is understood, or a named error."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import stamina
from hypothesis import given

from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.mosaic.callback import MalformedCallback, parse
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import MosaicError
from qbwc_server.mosaic.names import DATA_TYPES
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.settings import Settings
from qbwc_server.storage.database import make_engine
from tests.conftest import Clock
from tests.delivery.mirror import Mirror, Wire
from tests.fuzz.near import MINUTES, few, for_long, mutated, seeds
from tests.hostile.inputs import AS_JSON
from tests.mosaic.wire import connection

_TRUE = tuple(
    json.dumps(one).encode()
    for one in (
        {
            "time_entries": [
                {"mosaic_id": 5, "date": "2026-03-02", "hours": 7.25, "member_id": 3}
            ]
        },
        [{"id": 5, "title": "Design", "isArchived": False, "budget": "1200.50"}],
        {"response": {"body": {"mosaicId": 77}}, "apiRequestId": "a1"},
        {"a1": [{"action": "create", "params": '{"ref": 1}', "error": None}]},
        {"message": "no", "status": 422},
        {
            "dataType": "time_entry",
            "actionType": "create",
            "metadata": {"ref": "r"},
            "dataPayload": {"mosaicId": 77, "hours": 1.5},
            "apiRequestId": "1",
        },
    )
)


class Mad(httpx.BaseTransport):
    """Carries requests to a sandbox; its answers come near to how they were."""

    def __init__(self, sandbox: MosaicSandbox, seed: random.Random) -> None:
        self._inner = Wire(sandbox)
        self._seed = seed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        answer = self._inner.handle_request(request)
        body = answer.read()
        if self._seed.random() < 0.5:
            body = mutated(body, self._seed)
        status = self._seed.choice((200, 200, 200, 201, 204, 302, 404, 422, 500))
        if self._seed.random() < 0.8:
            status = answer.status_code
        return httpx.Response(status, content=body)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Let retries of reads happen at once."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def _client(body: bytes, status: int = 200) -> MosaicClient:
    return MosaicClient(
        connection(),
        spend=lambda: None,
        transport=httpx.MockTransport(lambda _: httpx.Response(status, content=body)),
    )


def _everything(body: bytes, status: int = 200) -> None:
    """Give a body as the answer to each kind of request."""
    client = _client(body, status)
    for kind in DATA_TYPES:
        filters: dict[str, Any] = {"portfolio_id": 1} if kind == "project" else {}
        with suppress(MosaicError):
            for one in client.read(kind, **filters):
                assert one["mosaic_id"] > 0
    for call in (
        lambda: client.create("client", {"client_name": "x"}, ref="r"),
        lambda: client.update("time_entry", 5, {"hours": 1}, ref="r"),
        lambda: client.delete_time_entries([5], ref="r"),
        lambda: client.request_log("time_entry"),
        client.check,
    ):
        with suppress(MosaicError):
            call()
    client.close()
    with suppress(MalformedCallback):
        parse(body)


@few(150)
@given(seeds())
def test_whatever_mosaic_answers_is_understood_or_a_named_error(
    seed: random.Random,
) -> None:
    """Reads, writes, logs and callbacks: nothing else escapes."""
    _everything(mutated(seed.choice(_TRUE), seed), seed.choice((200, 201, 400, 500)))


@pytest.mark.parametrize("name", AS_JSON)
def test_a_hostile_answer_is_a_named_error(name: str) -> None:
    """Nesting, numbers and texts without end among them."""
    hostile = AS_JSON[name][:1_500_000]
    for body in (
        hostile,
        b'{"time_entries": [' + hostile + b"]}",
        b'[{"mosaic_id": 1, "hours": ' + hostile + b"}]",
    ):
        client = _client(body)
        with suppress(MosaicError):
            list(client.read("time_entry"))
        with suppress(MosaicError):
            client.create("client", {"client_name": "x"}, ref="r")
        with suppress(MosaicError):
            client.request_log("time_entry")


@pytest.fixture
def mirror(sqlite_url: str, keys: Keys, clock: Clock) -> Iterator[Mirror]:
    """A company with a few people and clients, on SQLite."""
    engine = make_engine(sqlite_url)
    company = registry.add(
        engine,
        keys,
        name="Alice",
        mosaic_url="http://localhost:1",
        mosaic_team="100",
        mosaic_key="sandbox-key",
        now=clock(),
    )
    sandbox = MosaicSandbox(
        clock=clock, wait=lambda _: None, callback_url="", post=lambda *_: 200
    )
    made = Mirror(
        engine, keys, Settings(database_url=sqlite_url), clock, company, sandbox
    )
    for number in range(5):
        made.books.item(f"S{number}", f"Design {number}")
    made.read()
    yield made
    engine.dispose()


def _pass(mirror: Mirror, seed: random.Random) -> None:
    """Let a worker do its passes before a Mosaic that went mad."""
    true, mirror.wire = mirror.wire, Mad(mirror.sandbox, seed)  # type: ignore[assignment]
    mirror.clock.pass_(hours=1)
    try:
        for _ in range(3):
            mirror.worker().run_once()
    finally:
        mirror.wire = true


def test_a_worker_before_a_mad_mosaic_goes_on(mirror: Mirror) -> None:
    """Nothing escapes a pass; when Mosaic is itself again, each is there once."""

    @few(10)
    @given(seeds())
    def check(seed: random.Random) -> None:
        _pass(mirror, seed)

    check()


@pytest.mark.soak
@pytest.mark.skipif(not MINUTES, reason="FUZZ_MINUTES is not set")
def test_memory_stays_flat_however_long_it_goes_on() -> None:
    """Start, middle and end of FUZZ_MINUTES."""

    def once(seed: random.Random) -> None:
        _everything(mutated(seed.choice(_TRUE), seed))

    start, _, end = for_long(once)
    assert end < start + 60
