"""What a company file remembers of message sets, so that an answer can be asked again.

From Intuit's error recovery samples: a set sent with newMessageSetID is kept with its
answer, per application. The same ID with the same bytes gives the stored answer without
doing anything again, with other bytes status 9001; an empty set with old and new the
same asks for it; an oldMessageSetID alone, or beside another new one, clears it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import document
from qbwc_server.sandbox.quickbooks.store import Store

_CHANGED: Final = "9001"
_NOTHING_TO_CLEAR: Final = "600"


def answer_message_set(
    store: Store,
    app_name: str,
    text: str,
    message_set: etree._Element,
    execute: Callable[[], list[str]],
) -> str:
    """Answer a message set from memory, or execute it and remember the answer.

    Args:
        store: The company file; the caller holds a transaction, so that memory and
            writes are kept or lost together.
        app_name: The application that sent it; memories are not shared.
        text: The whole request as it came.
        message_set: Its QBXMLMsgsRq.
        execute: Does the requests and returns the printed answers.
    """
    new, old = message_set.get("newMessageSetID"), message_set.get("oldMessageSetID")
    checksum = hashlib.sha256(text.encode()).hexdigest()
    is_probe = message_set.find("*") is None
    if is_probe and new and new == old:
        return _recall(store, app_name, new)
    cleared = old is None or old == new or _forget(store, app_name, old)
    if is_probe and not new:
        code = "0" if cleared else _NOTHING_TO_CLEAR
        return document([], [("messageSetStatusCode", code)] if old else [])
    if not new:
        return document(execute())
    row = store.one(
        "SELECT * FROM message_set WHERE app_name = ? AND set_id = ?", app_name, new
    )
    if row is not None and row["checksum"] != checksum:
        return document([], _told(new, _CHANGED))
    if row is not None:
        return str(row["answer"])
    answer = document(execute(), _told(new, "0"))
    sql = "INSERT INTO message_set VALUES (?, ?, ?, ?)"
    store.run(sql, app_name, new, checksum, answer)
    return answer


def clear_all(store: Store, app_name: str) -> None:
    """Forget every message set of an application (ClearAllMessageSets of the SDK)."""
    store.run("DELETE FROM message_set WHERE app_name = ?", app_name)


def _recall(store: Store, app_name: str, set_id: str) -> str:
    row = store.one(
        "SELECT * FROM message_set WHERE app_name = ? AND set_id = ?", app_name, set_id
    )
    if row is None:
        code = str(store.setting("unknown_message_set"))
        return document([], _told(set_id, code))
    return str(row["answer"])


def _forget(store: Store, app_name: str, set_id: str) -> bool:
    sql = "DELETE FROM message_set WHERE app_name = ? AND set_id = ?"
    return store.run(sql, app_name, set_id) > 0


def _told(set_id: str, code: str) -> list[tuple[str, str]]:
    return [("newMessageSetID", set_id), ("messageSetStatusCode", code)]
