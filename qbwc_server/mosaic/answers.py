"""Reads what Mosaic answers: objects, results of writes, refusals, request logs.

Rule 1: text from outside is cleaned once, here: NUL and lone surrogates would be
refused by the database long after anybody could tell where they came from.
Rule 2: what cannot be understood is an error, never an empty value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from qbwc_server.mosaic.names import DAYS, DECIMALS, METADATA

_DEEPEST = 30
_LARGEST_POWER = 12
"""Of ten: 1e999999999 is ten bytes of JSON, and as a whole number a gigabyte."""
_LONGEST_REF = 200
_LONGEST_MESSAGE = 500
_NOT_TEXT = re.compile(r"\x00|[\ud800-\udfff]")
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_US_DAY = re.compile(r"(\d\d)/(\d\d)/(\d{4})")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Unreadable(ValueError):
    """Something Mosaic sent is not what its API promises."""


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """What Mosaic said to a write it accepted.

    All three are None when it said nothing: then only a callback, the request log or
    reading back tells. `record` is in snake_case, with `mosaic_id`.
    """

    mosaic_id: int | None
    record: dict[str, Any] | None
    api_request_id: str | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of Mosaic's request log.

    `ref` is the reference we sent with the write, None for somebody else's. `error` is
    Mosaic's own text, None when the request succeeded or is not finished.
    """

    api_request_id: str
    action: str
    ref: str | None
    mosaic_id: int | None
    error: str | None
    created_at: datetime | None


def load(body: bytes) -> Any:
    """Parse JSON strictly, decimals as `Decimal`.

    Raises:
        Unreadable: Not JSON, too deep, or with numbers JSON does not have.
    """
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from None


def _no_constant(name: str) -> Any:
    raise Unreadable(f"{name} is not JSON")


@lru_cache(maxsize=1024)
def snake(name: str) -> str:
    """Turn `mosaicTeamId` into `mosaic_team_id`; snake_case stays as it is."""
    return _HUMP.sub(r"_\1", _NOT_TEXT.sub("\ufffd", name)).lower()


def plain(value: Any, depth: int = 0) -> Any:
    """Clean a parsed JSON value: keys to snake_case, text without NUL.

    Raises:
        Unreadable: It is nested too deeply to be a Mosaic object.
    """
    if isinstance(value, str):
        return _NOT_TEXT.sub("\ufffd", value)
    if isinstance(value, dict | list) and depth > _DEEPEST:
        raise Unreadable("nested too deeply")
    if isinstance(value, dict):
        return {snake(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each, depth + 1) for each in value]
    return value


def whole(value: object) -> int | None:
    """Read an id: a positive whole number, also when written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < 2**63 else None


def record(value: object) -> dict[str, Any]:
    """Bring one Mosaic object into the form we use.

    Returns:
        The object in snake_case with `mosaic_id` as int (some lists call it `id`),
        amounts and hours as `Decimal` and days as YYYY-MM-DD text.

    Raises:
        Unreadable: It is no object, has no id, or an amount or day cannot be read.
    """
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    result: dict[str, Any] = plain(value)
    mosaic_id = whole(result.get("mosaic_id", result.get("id")))
    if mosaic_id is None:
        raise Unreadable("an object without mosaic_id")
    result["mosaic_id"] = mosaic_id
    for name in DECIMALS & result.keys():
        result[name] = _decimal(name, result[name])
    for name in DAYS & result.keys():
        result[name] = _day(name, result[name])
    return result


def _decimal(name: str, value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise Unreadable(f"{name} is not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(f"{name} is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_POWER:
        raise Unreadable(f"{name} is not a number")
    return number


def _day(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if match := _US_DAY.fullmatch(value):
            return f"{match[3]}-{match[1]}-{match[2]}"
        if match := _DAY.match(value):
            return match[0]
    raise Unreadable(f"{name} is not a day")


def find_record(data_type: str, body: object) -> dict[str, Any] | None:
    """Find the object in a body that may wrap it.

    Mosaic's pages show the object under its data type's name, under `response.body`
    (the example callback) and bare; a client in use reads it bare.

    Raises:
        Unreadable: There is an object but it cannot be read.
    """
    if not isinstance(body, Mapping):
        return None
    for wrapper in (data_type, "response", "body", "data"):
        inner = body.get(wrapper)
        if isinstance(inner, Mapping) and inner:  # empty: what a deletion leaves
            return (
                record(inner) if wrapper == data_type else find_record(data_type, inner)
            )
    has_id = any(whole(body.get(key)) for key in ("mosaic_id", "mosaicId", "id"))
    return record(body) if has_id else None


def write_answer(data_type: str, body: object) -> WriteAnswer:
    """Read the body of an accepted write.

    Raises:
        Unreadable: It is not an object, or says that it failed.
    """
    if not isinstance(body, Mapping):
        raise Unreadable("not an object")
    found = find_record(data_type, body)
    if found is None and (text := message(body)) and "message" not in body:
        raise Unreadable(f"accepted, with an error: {text}")
    return WriteAnswer(
        mosaic_id=found["mosaic_id"] if found else None,
        record=found,
        api_request_id=request_id(body),
    )


def request_id(body: object) -> str | None:
    """Find Mosaic's name of the request in a body."""
    if not isinstance(body, Mapping):
        return None
    return short_text(body.get("api_request_id", body.get("apiRequestId")))


def short_text(value: object) -> str | None:
    """Give a short piece of text cleaned, and None for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_REF:
        return None
    return _NOT_TEXT.sub("\ufffd", value)


def message(body: object) -> str | None:
    """Find Mosaic's reason in an answer: `message`, `error` or `errors`.

    Returns:
        One line of at most 500 characters, or None when no reason is given.
    """
    if not isinstance(body, Mapping):
        return None
    for key in ("message", "error", "errors"):
        if reason := body.get(key):
            text = (
                reason
                if isinstance(reason, str)
                else json.dumps(reason, default=str, ensure_ascii=False)
            )
            return _NOT_TEXT.sub("\ufffd", " ".join(text.split()))[:_LONGEST_MESSAGE]
    return None


def ref_of(holder: object) -> str | None:
    """Find our reference in what Mosaic echoes of a write.

    `holder` is our metadata itself, the request's parameters around it, or either as
    JSON text.
    """
    if isinstance(holder, str):
        try:
            holder = load(plain(holder).encode())
        except Unreadable:
            return None
    if not isinstance(holder, Mapping):
        return None
    inner = holder.get(METADATA, holder.get("apiRequestMetadata"))
    if inner is not None:
        holder = inner if isinstance(inner, Mapping) else {}
    return short_text(holder.get("ref"))


def log_entries(data_type: str, body: object) -> list[LogEntry]:
    """Read a request log: an object of lists, keyed by request id.

    Raises:
        Unreadable: It has another shape.
    """
    if not isinstance(body, Mapping):
        raise Unreadable("a request log is an object")
    entries = []
    for key, lines in body.items():
        if not isinstance(lines, list):
            raise Unreadable("a request log holds lists")
        entries += [_log_entry(data_type, key, line) for line in lines]
    return entries


def _log_entry(data_type: str, key: str, line: object) -> LogEntry:
    if not isinstance(line, Mapping):
        raise Unreadable("a request log line is an object")
    response = line.get("response")
    if isinstance(response, str):
        try:
            response = load(response.encode())
        except Unreadable:
            response = None
    found = find_record(data_type, response)
    reason = line.get("error")
    created = line.get("created_at")
    return LogEntry(
        api_request_id=short_text(line.get("api_request_id")) or key,
        action=short_text(line.get("action")) or "",
        ref=ref_of(line.get("params")),
        mosaic_id=found["mosaic_id"] if found else None,
        error=message({"error": reason}),
        created_at=_moment(created),
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
