"""Holds one Mosaic team's objects: by id, by index, and in a file when asked.

Every change is one `put` or `drop`, so indices and the file can never disagree with the
objects. Nothing here walks all objects to write one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]
Key = tuple[Any, ...]


def _keys(data_type: str, item: Object) -> Iterator[Key]:
    """Say under which keys an object is found without a search."""
    match data_type:
        case "client":
            yield ("client named", item["client_name"])
        case "employee":
            yield ("employee with", item["email"].casefold())
        case "project":
            yield ("projects in", item["portfolio_id"])
        case "phase":
            yield ("phases of", item["project_id"])
            yield phase_key(item)
        case "activity_phase":
            work = item["standard_work_category_id"]
            yield ("activity", item["phase_id"], work)
        case "time_entry":
            yield ("time on project", item["project_id"])
            yield ("time on phase", item["phase_id"])
            yield ("time of day", item["date"])


def phase_key(item: Object) -> Key:
    """Name what must be unique: name and number below one parent."""
    parent = (item["project_id"], item["parent_id"])
    return ("phase named", *parent, item["name"], item["phase_number"])


class Store:
    """One team's objects.

    `journal` is a file that every change is appended to and that is read back on
    start. Objects are never changed in place: `put` replaces, so that a list being sent
    stays as it was when it began.
    """

    def __init__(self, data_types: Iterable[str], journal: Path | None = None) -> None:
        self.objects: dict[str, dict[int, Object]] = {name: {} for name in data_types}
        self.writes: list[dict[str, Any]] = []
        self.last_id = 1000
        self._index: dict[Key, dict[int, None]] = {}
        self._journal = None
        if journal is not None:
            if journal.exists():
                self._replay(journal)
            self._journal = journal.open("a", encoding="utf-8", buffering=1)

    def close(self) -> None:
        """Close the file."""
        if self._journal is not None:
            self._journal.close()

    def new_id(self) -> int:
        """Give an id no object has had."""
        self.last_id += 1
        return self.last_id

    def found(self, *key: Any) -> list[int]:
        """Give the ids of the objects under a key, oldest first."""
        return list(self._index.get(key, ()))

    def put(self, data_type: str, item: Object) -> None:
        """Add or replace an object."""
        self._put(data_type, item)
        self._write_down({"put": data_type, "object": item})

    def drop(self, data_type: str, mosaic_id: int) -> None:
        """Remove an object for good."""
        self._drop(data_type, mosaic_id)
        self._write_down({"drop": data_type, "id": mosaic_id})

    def log_write(self, entry: dict[str, Any]) -> None:
        """Note that a write was accepted."""
        self.writes.append(entry)
        self._write_down({"write": entry})

    def _put(self, data_type: str, item: Object) -> None:
        mosaic_id = item["mosaic_id"]
        if old := self.objects[data_type].get(mosaic_id):
            for key in _keys(data_type, old):
                self._index[key].pop(mosaic_id, None)
        self.objects[data_type][mosaic_id] = item
        self.last_id = max(self.last_id, mosaic_id)
        for key in _keys(data_type, item):
            self._index.setdefault(key, {})[mosaic_id] = None

    def _drop(self, data_type: str, mosaic_id: int) -> None:
        old = self.objects[data_type].pop(mosaic_id)
        for key in _keys(data_type, old):
            self._index[key].pop(mosaic_id, None)

    def _write_down(self, change: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps(change) + "\n")

    def _replay(self, journal: Path) -> None:
        whole = 0
        with journal.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # the program died while it wrote this
                whole += len(line)
                change = json.loads(line)
                if "put" in change:
                    self._put(change["put"], change["object"])
                elif "drop" in change:
                    self._drop(change["drop"], change["id"])
                else:
                    self.writes.append(change["write"])
        os.truncate(journal, whole)
