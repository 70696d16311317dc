"""The sandbox's Mosaic calling back when a write is finished."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Shape = Literal["dataPayload", "payload", "response"]
Post = Callable[[str, bytes], int]

_SNAKE = re.compile(r"_([a-z0-9])")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One callback on its way: not before `due`, to `url`."""

    due: datetime
    url: str
    body: bytes


def camel(value: Any) -> Any:
    """Write the keys of an object as Mosaic's webhook does."""
    if isinstance(value, dict):
        return {
            _SNAKE.sub(lambda match: match[1].upper(), key): camel(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [camel(each) for each in value]
    return value


def write_callback(
    shape: Shape,
    *,
    data_type: str,
    action: str,
    metadata: Mapping[str, Any],
    request_id: str,
    item: Mapping[str, Any] | None,
    error: str | None,
) -> bytes:
    """Write a callback in one of the three shapes Mosaic's public material shows."""
    status = 422 if error else 200
    content: dict[str, Any]
    if shape == "response":
        body = {"message": error} if error else {data_type: item or {}}
        content = {
            "response": {"body": body, "status": status},
            "metadata": dict(metadata),
            "api_request_id": request_id,
        }
    else:
        content = {
            "dataType": data_type,
            "metadata": dict(metadata),
            "actionType": action,
            shape: camel(dict(item or {})),
            "apiRequestId": request_id,
        }
        if error:
            content |= {"status": status, "error": error}
    return json.dumps(content).encode()


def post(url: str, body: bytes) -> int:
    """POST a callback; gives the status, 0 when nobody answers."""
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own setting
        url, body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the sandbox's own setting
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


class Outbox:
    """Callbacks not yet delivered. Each is posted once; nobody retries."""

    def __init__(self, clock: Callable[[], datetime], post: Post) -> None:
        self.arrived = threading.Event()
        self._clock = clock
        self._post = post
        self._lock = threading.Lock()
        self._waiting: list[Outgoing] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_due(self) -> datetime | None:
        """When the next one is posted, None if none waits."""
        return min((each.due for each in self._waiting), default=None)

    def add(self, outgoing: Outgoing) -> None:
        """Put a callback in line."""
        with self._lock:
            self._waiting.append(outgoing)
        self.arrived.set()

    def deliver(self) -> list[int]:
        """Post what is due; gives the status of each."""
        with self._lock:
            now = self._clock()
            due = [each for each in self._waiting if each.due <= now]
            self._waiting = [each for each in self._waiting if each.due > now]
        return [self._post(each.url, each.body) for each in due]
