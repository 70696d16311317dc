"""The one SQLite file a sandbox company file is kept in.

Everything is in it, preferences and dialogs included, and nothing is kept in memory
between calls: a simulator that was killed goes on where it was, and the person at the
PC may be another process. Times modified are kept as QuickBooks prints them; their
first 19 characters, the wall clock, are what filters compare.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from qbwc_server.sandbox.quickbooks.wall_time import printed, wall

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL, list_id TEXT NOT NULL,
    name TEXT NOT NULL, full_name TEXT NOT NULL, sort_name TEXT NOT NULL,
    parent_id TEXT, sublevel INTEGER NOT NULL, is_active INTEGER NOT NULL,
    created TEXT NOT NULL, modified TEXT NOT NULL, modified_wall TEXT NOT NULL,
    edit_sequence TEXT NOT NULL, fields TEXT NOT NULL,
    UNIQUE (kind, list_id)
);
CREATE INDEX IF NOT EXISTS record_by_name
    ON record (kind, sort_name, list_id, is_active, modified_wall);
CREATE INDEX IF NOT EXISTS record_by_time ON record (kind, modified_wall);
CREATE INDEX IF NOT EXISTS record_by_parent ON record (kind, parent_id);
CREATE TABLE IF NOT EXISTS time_entry (
    number INTEGER PRIMARY KEY, txn_id TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL, modified TEXT NOT NULL, modified_wall TEXT NOT NULL,
    edit_sequence TEXT NOT NULL, txn_date TEXT NOT NULL,
    entity_kind TEXT NOT NULL, entity_id TEXT NOT NULL,
    customer_id TEXT, item_id TEXT, class_id TEXT, payroll_id TEXT,
    minutes INTEGER NOT NULL, notes TEXT, billable TEXT, external_guid TEXT
);
CREATE INDEX IF NOT EXISTS time_by_date
    ON time_entry (txn_date, number, modified_wall, entity_id);
CREATE INDEX IF NOT EXISTS time_by_modified ON time_entry (modified_wall);
CREATE INDEX IF NOT EXISTS time_by_entity ON time_entry (entity_id, txn_date);
CREATE INDEX IF NOT EXISTS time_by_customer ON time_entry (customer_id);
CREATE TABLE IF NOT EXISTS deleted (
    what TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, created TEXT NOT NULL,
    deleted TEXT NOT NULL, deleted_wall TEXT NOT NULL, deleted_at INTEGER NOT NULL,
    full_name TEXT
);
CREATE INDEX IF NOT EXISTS deleted_by_time ON deleted (what, kind, deleted_wall);
CREATE TABLE IF NOT EXISTS in_use (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS extension (
    owner_id TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    objects TEXT NOT NULL, PRIMARY KEY (owner_id, name)
);
CREATE TABLE IF NOT EXISTS extension_value (
    owner_id TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL,
    object_id TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (owner_id, name, object, object_id)
);
CREATE TABLE IF NOT EXISTS message_set (
    app_name TEXT NOT NULL, set_id TEXT NOT NULL, checksum TEXT NOT NULL,
    answer TEXT NOT NULL, PRIMARY KEY (app_name, set_id)
);
"""

_DEFAULTS: Final[dict[str, Any]] = {
    "company_name": "Untitled Company",
    "file_name": "C:\\QuickBooks\\Untitled Company.QBW",
    "zone": "America/New_York",
    "class_tracking": True,
    "time_tracking": True,
    "payroll": True,
    "payroll_subscription": True,
    "personal_data": True,
    "may_write_time": True,
    "read_only_access": False,
    "closing_date": "",
    "dividing_date": "",
    "dialog_open": False,
    "access": "allowed",
    "file_mode": "SingleUser",
    "quickbooks_running": True,
    "unknown_message_set": 9002,
    "last_restore": None,
    "last_condense": None,
}


class Store:
    """The connection to a company file's SQLite file, and its clock.

    `clock` returns Unix seconds; QuickBooks only ever sees whole ones.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        # A file that nobody holds any more is closed; Python 3.13 complains otherwise.
        weakref.finalize(self, self.connection.close)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(_SCHEMA)
        self._depth = 0

    def now(self) -> int:
        """Return the current Unix second of the PC."""
        return int(self.clock())

    def today(self) -> str:
        """Return the PC's date."""
        return wall(self.now(), self.zone)[:10]

    def printed(self, seconds: float) -> str:
        """Return a Unix second as this file prints it."""
        return printed(seconds, self.zone)

    @property
    def zone(self) -> str:
        """The IANA zone of the PC's wall clock."""
        return str(self.setting("zone"))

    def setting(self, name: str) -> Any:
        """Return a setting, its default if it was never set."""
        row = self.one("SELECT value FROM setting WHERE name = ?", name)
        return json.loads(row["value"]) if row else _DEFAULTS[name]

    def set(self, name: str, value: object) -> None:
        """Set a setting; the name has to be a known one."""
        if name not in _DEFAULTS:
            raise KeyError(name)
        self._put(name, value)

    @property
    def billed_touched(self) -> int:
        """How many writes over qbXML touched time on an invoice, or put it on one."""
        row = self.one(
            "SELECT value FROM setting WHERE name = 'counter:billed_touched'"
        )
        return int(row["value"]) if row else 0

    def next_number(self, counter: str, how_many: int = 1) -> int:
        """Reserve numbers of a counter and return the first of them, 1 at first."""
        name = f"counter:{counter}"
        row = self.one("SELECT value FROM setting WHERE name = ?", name)
        first = int(row["value"]) + 1 if row else 1
        self._put(name, first + how_many - 1)
        return first

    def _put(self, name: str, value: object) -> None:
        self.run(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)", name, json.dumps(value)
        )

    def one(self, sql: str, *values: object) -> sqlite3.Row | None:
        """Return the first row, or None."""
        row: sqlite3.Row | None = self.connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows."""
        return self.connection.execute(sql, values).fetchall()

    def run(self, sql: str, *values: object) -> int:
        """Execute a statement and return how many rows it changed."""
        return self.connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Execute a statement once per row."""
        self.connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the file to ourselves; all or nothing of what happens inside is kept.

        One inside another belongs to the outer one.
        """
        with self.lock:
            if self._depth == 0:
                self.connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self.connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; nothing is lost, everything was written already."""
        with self.lock:
            self.connection.close()
