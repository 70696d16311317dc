"""What becomes of one write in the sandbox's Mosaic: log line and callbacks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qbwc_server.sandbox.mosaic.callbacks import Outgoing, Shape, write_callback
from qbwc_server.sandbox.mosaic.faults import Fault
from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.sandbox.mosaic.team import Team

Item = dict[str, Any]

_MEMORY = 10_000
"""Requests whose outcome a team remembers."""

_FORGED_ID = 999_999_999


@dataclass(frozen=True, slots=True)
class Request:
    """A write as it arrived. `op` is create, update or delete."""

    op: str
    data_type: str
    method: str
    body: Mapping[str, Any]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the sender wants to hear again in the callback.

        Raises:
            Refused: It is not an object (422).
        """
        metadata = self.body.get("api_request_metadata") or {}
        if not isinstance(metadata, dict):
            raise Refused(422, "api_request_metadata is invalid")
        return metadata


@dataclass(frozen=True, slots=True)
class Done:
    """How a write ended: the object as answers show it, or the reason it failed."""

    request: Request
    request_id: str
    shown: Item | None
    error: str | None


def carry_out(
    team: Team,
    request: Request,
    request_id: str,
    apply: Callable[[Item], Item | None],
    fault: Fault | None,
) -> Done:
    """Do what a write asks, unless a fault refuses it after it was taken.

    Raises:
        Refused: At once; nothing was changed.
    """
    metadata = request.metadata
    if fault and fault.kind == "refuse_later":
        error = f"{request.data_type} could not be processed"
        return Done(request, request_id, None, error)
    fields = {
        name: value
        for name, value in request.body.items()
        if name != "api_request_metadata"
    }
    item = apply(dict(fields))
    team.store.log_write(
        {
            "at": team.stamp(),
            "op": request.op,
            "data_type": request.data_type,
            "mosaic_id": item["mosaic_id"] if item else None,
            "ref": metadata.get("ref"),
            "fields": fields,
            "team_id": team.team_id,
            "api_request_id": request_id,
        }
    )
    shown = team.render(request.data_type, item) if item else None
    return Done(request, request_id, shown, None)


def remember(logs: dict[str, Item], done: Done, team: Team) -> None:
    """Write the line of the request log, in the shape Mosaic's sample reads."""
    data_type = done.request.data_type
    log_name = "work_category" if data_type == "standard_work_category" else data_type
    stamp = team.stamp()
    logs[done.request_id] = {
        "action": done.request.op,
        "api_request_id": done.request_id,
        "created_at": stamp,
        "data_type": log_name,
        "error": done.error,
        "origin": "api",
        "params": dict(done.request.body),
        "response": {data_type: done.shown} if done.shown else None,
        "team_id": team.team_id,
        "updated_at": stamp,
    }
    if len(logs) > _MEMORY:
        del logs[next(iter(logs))]


def callbacks(
    done: Done, url: str | None, fault: Fault | None, shape: Shape, now: datetime
) -> list[Outgoing]:
    """Give the callbacks of a write: one, unless a fault says otherwise."""
    kind = fault.kind if fault else ""
    if url is None or kind == "callback_never":
        return []
    late = fault.seconds if fault and kind == "callback_late" else 0.0
    told = [(done.shown, done.request_id)]
    if kind == "callback_twice":
        told *= 2
    if kind == "callback_forged":
        # It knows our reference but not the request, and names another object.
        false = {**(done.shown or {}), "mosaic_id": _FORGED_ID}
        told.insert(0, (false, str(uuid.UUID(int=0))))
    return [
        Outgoing(
            now + timedelta(seconds=late),
            url,
            write_callback(
                shape,
                data_type=done.request.data_type,
                action=done.request.op,
                metadata=done.request.metadata,
                request_id=request_id,
                item=item,
                error=done.error,
            ),
        )
        for item, request_id in told
    ]
