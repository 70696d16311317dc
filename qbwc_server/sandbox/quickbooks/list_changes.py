"""Changing a list as QuickBooks' screens do: names, places, times, deletions."""

from __future__ import annotations

import sqlite3

from qbwc_server.sandbox.quickbooks.answer import kept
from qbwc_server.sandbox.quickbooks.deletions import remember_deletion
from qbwc_server.sandbox.quickbooks.lists import KINDS, record, record_named
from qbwc_server.sandbox.quickbooks.store import Store


class NotPossible(Exception):
    """QuickBooks' screens would not let the person do that."""


def existing(store: Store, kind: str, list_id: str) -> sqlite3.Row:
    """Return a record.

    Raises:
        NotPossible: There is none.
    """
    row = record(store, kind, list_id)
    if row is None:
        raise NotPossible(f"there is no {kind} {list_id}")
    return row


def children(store: Store, kind: str, list_id: str) -> list[sqlite3.Row]:
    """Return the records right below one."""
    sql = "SELECT * FROM record WHERE kind = ? AND parent_id = ?"
    return store.all(sql, kind, list_id)


def place(store: Store, kind: str, name: str, parent: str | None) -> tuple[str, int]:
    """Return the full name and the level of a new name below a parent.

    Raises:
        NotPossible: The name is taken, too long or holds a colon, or the kind has no
            parents.
    """
    about, name = KINDS[kind], kept(name)
    if not name or ":" in name or len(name) > about.longest_name:
        raise NotPossible(f"{name!r} is no name")
    full_name, sublevel = name, 0
    if parent is not None:
        above = existing(store, kind, parent)
        full_name = f"{above['full_name']}:{name}"
        sublevel = above["sublevel"] + 1
        if not about.longest_full_name or len(full_name) > about.longest_full_name:
            raise NotPossible(f"{full_name!r} does not fit")
    for other in KINDS.values():
        shares = other.name_space == about.name_space
        if shares and record_named(store, other.name, full_name):
            raise NotPossible(f"{full_name!r} is already in use")
    return full_name, sublevel


def put(store: Store, row: sqlite3.Row, name: str, parent: str | None) -> None:
    """Give a record a name and a parent, and what is below it its new full names.

    Raises:
        NotPossible: See `place`; or the parent is the record itself or below it.
    """
    kind, list_id, old = row["kind"], row["list_id"], row["full_name"]
    if parent is not None:
        above = existing(store, kind, parent)["full_name"].casefold() + ":"
        if above.startswith(old.casefold() + ":"):
            raise NotPossible(f"{old!r} cannot be below itself")
    if parent == row["parent_id"] and name.casefold() == row["name"].casefold():
        new, sublevel = old[: len(old) - len(row["name"])] + kept(name), row["sublevel"]
    else:
        new, sublevel = place(store, kind, name, parent)
    columns = "name = ?, full_name = ?, sort_name = ?, parent_id = ?, sublevel = ?"
    values = (kept(name), new, new.casefold(), parent, sublevel)
    change_record(store, kind, list_id, columns, *values)
    _carry(store, kind, list_id, new, sublevel)


def change_record(
    store: Store, kind: str, list_id: str, columns: str, *values: object
) -> None:
    """Write columns of a record as an edit, with new times and EditSequence."""
    now = store.now()
    time = store.printed(now)
    store.run(
        f"UPDATE record SET {columns}, modified = ?, modified_wall = ?, "  # noqa: S608 - our own columns
        "edit_sequence = ? WHERE kind = ? AND list_id = ?",
        *values,
        time,
        time[:19],
        str(now),
        kind,
        list_id,
    )


def remove(store: Store, row: sqlite3.Row) -> None:
    """Take a record out of its list and remember that."""
    kind, list_id = row["kind"], row["list_id"]
    store.run("DELETE FROM record WHERE kind = ? AND list_id = ?", kind, list_id)
    created, name = row["created"], row["full_name"]
    remember_deletion(store, "list", kind, list_id, created=created, name=name)


def _carry(
    store: Store, kind: str, list_id: str, full_name: str, sublevel: int
) -> None:
    # Their times stay: whether real QuickBooks moves them is not known, and a reader
    # that relies on it would be the one to fail.
    for child in children(store, kind, list_id):
        name = f"{full_name}:{child['name']}"
        store.run(
            "UPDATE record SET full_name = ?, sort_name = ?, sublevel = ? "
            "WHERE kind = ? AND list_id = ?",
            name,
            name.casefold(),
            sublevel + 1,
            kind,
            child["list_id"],
        )
        _carry(store, kind, child["list_id"], name, sublevel + 1)
