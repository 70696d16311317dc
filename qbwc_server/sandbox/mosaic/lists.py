"""The lists the sandbox's Mosaic gives: filters, paging, and long answers in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.sandbox.mosaic.store import Object
from qbwc_server.sandbox.mosaic.team import Team

DEFAULT_LIMIT = 30
_BATCH = 500

_PAGING = {"all", "limit", "offset"}
_TIME_LISTS = {
    "member_ids[]": "member_id",
    "project_ids[]": "project_id",
    "standard_work_category_ids[]": "standard_work_category_id",
}
_PARAMETERS = {
    "client": set(),
    "portfolio": {"portfolio_id"},
    "project": {
        *("portfolio_id", "budget_status", "is_archived", "is_main", "project_ids[]"),
        *("limit", "offset"),
    },
    "phase": {"project_id", "is_budget", *_PAGING},
    "standard_work_category": set(),
    "activity_phase": _PAGING,
    "employee": {"include_discarded", "member_id"},
    "time_entry": {
        *("start_date", "end_date", "time_entry_ids[]", "billable"),
        *_TIME_LISTS,
        *_PAGING,
    },
}

Query = MultiDict[str, str]


def select(team: Team, data_type: str, query: Query) -> list[Object]:
    """Give the objects a request's filters leave, oldest first.

    Raises:
        Refused: A parameter is unknown (422), or a needed one missing (404).
    """
    for name in query:
        if name not in _PARAMETERS[data_type]:
            raise Refused(422, f"{name} is not a parameter of {data_type}")
    match data_type:
        case "project":
            return _projects(team, query)
        case "phase" if "project_id" in query:
            project_id = _whole(query, "project_id")
            team.get("project", project_id)
            return _by_id(team, "phase", team.store.found("phases of", project_id))
        case "time_entry":
            return _time_entries(team, query)
    items = list(team.store.objects[data_type].values())
    if data_type == "employee" and not _flag(query, "include_discarded"):
        items = [item for item in items if not item["is_archived"]]
    return items


def refuse_missing(team: Team, query: Query, status: int) -> None:
    """Refuse a question for numbers of which one is not there.

    Raises:
        Refused: With that status.
    """
    missing = _ids(query, "time_entry_ids[]") - set(team.store.objects["time_entry"])
    if missing:
        raise Refused(status, "Unable to find TimeEntry")


def page(items: list[Object], query: Query, largest: int) -> list[Object]:
    """Cut the page asked for: all of it, or `limit` (30) from `offset` (0)."""
    if _flag(query, "all"):
        return items
    limit = _whole(query, "limit") if "limit" in query else DEFAULT_LIMIT
    offset = _whole(query, "offset") if "offset" in query else 0
    return items[offset : offset + min(limit, largest)]


def stream(
    key: str,
    items: Iterable[Object],
    render: Callable[[Object], Object],
    **more: Any,
) -> Iterator[bytes]:
    """Write a list as JSON in pieces, so that a long one is never in memory twice."""
    yield b'{"' + key.encode() + b'":['
    pieces: list[str] = []
    first = True
    for item in items:
        pieces.append(("" if first else ",") + json.dumps(render(item)))
        first = False
        if len(pieces) >= _BATCH:
            yield "".join(pieces).encode()
            pieces.clear()
    pieces.append("]")
    pieces += [f",{json.dumps(name)}:{json.dumps(each)}" for name, each in more.items()]
    yield ("".join(pieces) + "}").encode()


def _projects(team: Team, query: Query) -> list[Object]:
    try:
        portfolio_id = int(query["portfolio_id"])
        team.get("portfolio", portfolio_id)
    except (KeyError, ValueError, Refused):
        raise Refused(404, "Unable to find Portfolio") from None
    items = _by_id(team, "project", team.store.found("projects in", portfolio_id))
    for name in ("is_archived", "is_main"):
        if name in query:
            items = [item for item in items if item[name] is _flag(query, name)]
    if "budget_status" in query:
        status = query["budget_status"]
        items = [item for item in items if item["budget_status"] == status]
    if wanted := _ids(query, "project_ids[]"):
        items = [item for item in items if item["mosaic_id"] in wanted]
    return items


def _time_entries(team: Team, query: Query) -> list[Object]:
    first, last = _day(query, "start_date"), _day(query, "end_date")
    if wanted := _ids(query, "time_entry_ids[]"):
        items = _by_id(team, "time_entry", sorted(wanted))
    elif first and last:
        items = _by_id(team, "time_entry", sorted(_between(team, first, last)))
    else:
        items = list(team.store.objects["time_entry"].values())
    if first or last:
        until = last or "9999-12-31"
        items = [item for item in items if first <= item["date"] <= until]
    for parameter, name in _TIME_LISTS.items():
        if allowed := _ids(query, parameter):
            items = [item for item in items if item[name] in allowed]
    if "billable" in query:
        billable = _flag(query, "billable")
        items = [item for item in items if item["is_billable"] is billable]
    return items


def _between(team: Team, first: str, last: str) -> Iterator[int]:
    """Give the ids of the entries of some days without walking all entries."""
    day, until = date.fromisoformat(first), date.fromisoformat(last)
    for number in range((until - day).days + 1):
        one = day + timedelta(days=number)
        yield from team.store.found("time of day", one.isoformat())


def _by_id(team: Team, data_type: str, ids: Iterable[int]) -> list[Object]:
    objects = team.store.objects[data_type]
    return [objects[mosaic_id] for mosaic_id in ids if mosaic_id in objects]


def _flag(query: Query, name: str) -> bool:
    return query.get(name) == "true"


def _whole(query: Query, name: str) -> int:
    try:
        return int(query[name])
    except ValueError:
        raise Refused(422, f"{name} is invalid") from None


def _ids(query: Query, name: str) -> set[int]:
    try:
        return {int(value) for value in query.getlist(name)}
    except ValueError:
        raise Refused(422, f"{name} is invalid") from None


def _day(query: Query, name: str) -> str:
    try:
        return date.fromisoformat(query[name]).isoformat() if name in query else ""
    except ValueError:
        raise Refused(422, f"{name} is invalid") from None
