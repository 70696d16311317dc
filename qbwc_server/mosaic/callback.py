"""Reads what Mosaic posts to our webhook when an asynchronous write is finished.

Three shapes are public: `dataPayload` (Mosaic's webhook page), `payload` (its sample
receiver) and `response.body` (the create page of members), the first two in camelCase.
Which one is current is not known, so all are read.

Nothing signs a callback. Its content is a hint: whoever acts on it asks Mosaic first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.mosaic import answers
from qbwc_server.mosaic.names import DATA_TYPES

LARGEST = 1024 * 1024
"""Bytes a callback may have; a record is a few kilobytes."""

_LOG_NAMES = {kind.log_name: kind.name for kind in DATA_TYPES.values()}
_OK = range(200, 300)


class MalformedCallback(ValueError):
    """What arrived cannot be read as a callback."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What a callback claims.

    `data_type` is one of `names.DATA_TYPES`, or Mosaic's word when we do not know it;
    empty when none was given. `action` is create, update or delete, or empty. `ref` is
    what we sent with the write. `status` is the outcome as an HTTP status, 200 when the
    callback gives none and no error. `record` is in the form of `answers.record`.
    """

    data_type: str
    action: str
    ref: str | None
    api_request_id: str | None
    status: int
    mosaic_id: int | None
    record: dict[str, Any] | None
    error: str | None


def parse(body: bytes) -> Callback | None:
    """Read the body of a request to the webhook.

    Returns:
        What it claims; None when it is JSON but no callback of Mosaic's.

    Raises:
        MalformedCallback: It is not JSON, too large, or contradicts every shape.
    """
    if len(body) > LARGEST:
        raise MalformedCallback(f"more than {LARGEST} bytes")
    try:
        content = answers.load(body)
        return _read(answers.plain(content)) if isinstance(content, dict) else None
    except answers.Unreadable as error:
        raise MalformedCallback(str(error)) from None


def _read(content: dict[str, Any]) -> Callback | None:
    response = content.get("response")
    enclosed = response.get("body") if isinstance(response, Mapping) else None
    payload = content.get("data_payload", content.get("payload", enclosed))
    request_id = answers.request_id(content)
    if not isinstance(payload, Mapping) and request_id is None:
        return None
    data_type = _data_type(content, payload)
    status = _status(content, response)
    error = answers.message(content) or answers.message(response)
    found = None
    if status in _OK and not error:
        found = answers.find_record(data_type, payload)
    elif error is None:
        error = answers.message(payload) or f"status {status}"
    return Callback(
        data_type=data_type,
        action=answers.short_text(content.get("action_type")) or "",
        ref=answers.ref_of(content.get("metadata")) or answers.ref_of(content),
        api_request_id=request_id,
        status=status,
        mosaic_id=found["mosaic_id"] if found else None,
        record=found,
        error=error,
    )


def _data_type(content: dict[str, Any], payload: object) -> str:
    if name := answers.short_text(content.get("data_type")):
        return _LOG_NAMES.get(name, name)
    if isinstance(payload, Mapping):
        return next((name for name in DATA_TYPES if name in payload), "")
    return ""


def _status(content: dict[str, Any], response: object) -> int:
    status = content.get("status")
    if status is None and isinstance(response, Mapping):
        status = response.get("status")
    if isinstance(status, int) and 100 <= status <= 599:
        return status
    return 200 if status is None else 500
