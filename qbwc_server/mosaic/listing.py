"""Reads long lists as a stream and notices when one is not complete.

A list that ends early looks exactly like one whose objects were deleted, so every way
of ending early is an error: the array's key is missing, the body is cut off, a page was
shorter than promised. What never ends, or nests without end, is one too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import ijson

from qbwc_server.mosaic.answers import Unreadable
from qbwc_server.mosaic.names import DataType

LARGEST_OBJECT = 1024 * 1024
"""Bytes that one object of a list may have, with what is read ahead of the next."""
MOST_OBJECTS = 2_000_000
"""That one list may have: ten times the largest that is meant to be served."""
_DEEPEST = 32
_LONGEST_NUMBER = b"0" * 4000
"""The parser's C code dies of a number longer than Python turns into an int (4300)."""
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_OPENING = frozenset({"start_map", "start_array"})
_CLOSING = frozenset({"end_map", "end_array"})

_Events: TypeAlias = Iterator[tuple[str, Any]]


def items(chunks: Iterator[bytes], keys: tuple[str, ...]) -> Iterator[Any]:
    """Give the objects of the list in a body, one at a time.

    Args:
        chunks: The body as it arrives. Errors it raises pass through.
        keys: The names the list may have; a bare list is taken too.

    Raises:
        Unreadable: The body is not JSON, holds no such list, is cut off, nests deeper
            than any object, or one object has no end.
    """
    since = 0

    def counted() -> Iterator[bytes]:
        nonlocal since
        digits = b""
        for chunk in chunks:
            since += len(chunk)
            if since > LARGEST_OBJECT + len(chunk):
                raise Unreadable(f"an object of more than {LARGEST_OBJECT} bytes")
            digits = digits[-len(_LONGEST_NUMBER) :] + chunk.translate(_DIGITS_ALIKE)
            if _LONGEST_NUMBER in digits:
                raise Unreadable("a number without end")
            yield chunk

    events = _checked(ijson.basic_parse(ijson.from_iter(counted())))
    if not _find(events, keys):
        raise Unreadable(f"no list called {' or '.join(keys)}")
    for event, value in events:
        if event == "end_array":
            break
        since = 0
        yield _built(events, event, value)
    for _ in events:
        since = 0  # what comes behind it is of no use, but must be whole


def _checked(events: _Events) -> _Events:
    """Pass events on; whatever is wrong with them is Unreadable."""
    depth = 0
    try:
        for event, value in events:
            depth += (event in _OPENING) - (event in _CLOSING)
            if depth > _DEEPEST:
                break
            yield event, value
        else:
            return
    except Unreadable:
        raise
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        raise Unreadable(f"the list is broken: {error}") from None
    raise Unreadable("nested too deeply")


def _find(events: _Events, keys: tuple[str, ...]) -> bool:
    """Go to the first object of the list."""
    first, _ = next(events, ("", None))
    if first != "start_map":
        return first == "start_array"
    for event, name in events:
        if event == "end_map":
            return False
        following, value = next(events)
        if following == "start_array" and name in keys:
            return True
        _built(events, following, value)
    return False


def _built(events: _Events, event: str, value: Any) -> Any:
    """Return the value that an event begins."""
    if event == "start_map":
        made: dict[str, Any] = {}
        for inner, name in events:
            if inner == "end_map":
                break
            made[name] = _built(events, *next(events))
        return made
    if event == "start_array":
        found: list[Any] = []
        for inner, one in events:
            if inner == "end_array":
                break
            found.append(_built(events, inner, one))
        return found
    return value


def new(item: dict[str, Any], seen: set[int]) -> Iterator[dict[str, Any]]:
    """Give an object unless it was seen, and note that it was.

    Raises:
        Unreadable: there is no end of them.
    """
    if item["mosaic_id"] not in seen:
        if len(seen) >= MOST_OBJECTS:
            raise Unreadable(f"more than {MOST_OBJECTS} objects")
        seen.add(item["mosaic_id"])
        yield item


def page(kind: DataType, body: object) -> tuple[list[Any], int | None]:
    """Return the objects of a page, and how many the list promises to have.

    Raises:
        Unreadable: it is no page of that list.
    """
    if isinstance(body, list):
        return body, None
    if not isinstance(body, Mapping):
        raise Unreadable("a page is an object")
    for key in kind.list_keys:
        if isinstance(found := body.get(key), list):
            total = body.get("total_count")
            return found, total if isinstance(total, int) else None
    raise Unreadable(f"no list called {' or '.join(kind.list_keys)}")
