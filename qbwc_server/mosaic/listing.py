"""Reads long lists as a stream and notices when one is not complete.

A list that ends early looks exactly like one whose objects were deleted, so every way
of ending early is an error: the array's key is missing, the body is cut off, a page was
shorter than promised.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain
from typing import Any

import ijson

from qbwc_server.mosaic.answers import Unreadable

LARGEST_OBJECT = 1024 * 1024
"""Bytes that one object of a list may have, with what is read ahead of the next."""
_HEAD = 64 * 1024


def items(chunks: Iterator[bytes], keys: tuple[str, ...]) -> Iterator[Any]:
    """Give the objects of the list in a body, one at a time.

    Args:
        chunks: The body as it arrives. Errors it raises pass through.
        keys: The names the list may have; a bare list is taken too.

    Raises:
        Unreadable: The body is not JSON, holds no such list, or is cut off.
    """
    head, prefix = b"", None
    while prefix is None:
        chunk = next(chunks, b"")
        head += chunk
        prefix = _find(head, keys)
        if prefix is None and (not chunk or len(head) > _HEAD):
            raise Unreadable(f"no list called {' or '.join(keys)}")
    since = 0

    def counted() -> Iterator[bytes]:
        nonlocal since
        for chunk in chain((head,), chunks):
            since += len(chunk)
            if since > LARGEST_OBJECT + len(chunk):
                raise Unreadable(f"an object of more than {LARGEST_OBJECT} bytes")
            yield chunk

    try:
        for item in ijson.items(ijson.from_iter(counted()), prefix):
            since = 0
            yield item
    except (ijson.JSONError, ValueError, ArithmeticError, RecursionError) as error:
        # Of which the last three are what numbers and nesting without end make.
        raise Unreadable(f"the list is broken: {error}") from None


def _find(head: bytes, keys: tuple[str, ...]) -> str | None:
    try:
        for prefix, event, _ in ijson.parse(io.BytesIO(head)):
            if event == "start_array" and prefix in ("", *keys):
                return f"{prefix}.item".lstrip(".")
    except ijson.JSONError:
        return None
    return None
