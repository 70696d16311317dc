"""What the Mosaic tests put between the client and the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from qbwc_server.mosaic.connection import Connection
from qbwc_server.sandbox.mosaic.faults import ConnectionClosed
from qbwc_server.sandbox.mosaic.http import application
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox

KEY = "a-key-nobody-may-see"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Wire(httpx.BaseTransport):
    """Carries requests to a sandbox in this process and breaks like a real wire."""

    def __init__(self, sandbox: MosaicSandbox) -> None:
        self._inner = httpx.WSGITransport(app=application(sandbox))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        try:
            return self._inner.handle_request(request)
        except ConnectionClosed:
            raise httpx.RemoteProtocolError("Server disconnected") from None
        except TimeoutError:
            raise httpx.ReadTimeout("timed out") from None


class Budget:
    """Counts what is spent, and refuses when told to."""

    def __init__(self) -> None:
        self.spent = 0
        self.left = 10_000

    def __call__(self) -> None:
        """Spend one request."""
        if self.spent >= self.left:
            raise RuntimeError("budget")
        self.spent += 1


def connection(**changes: Any) -> Connection:
    """Make a connection, with some parts changed."""
    parts: dict[str, Any] = {
        "base_url": "https://mosaic.invalid",
        "team_id": "100",
        "api_key": KEY,
        "auth_scheme": "raw",
        "origin": "sync.example/hook",
    }
    return Connection(**parts | changes)
