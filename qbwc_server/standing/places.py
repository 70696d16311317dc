"""Where each side has an entry of time: whose it is, on which day and job.

Two places are one by our records, as they are linked today; names are for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.records import mosaic_objects
from qbwc_server.records.references import PEOPLE
from qbwc_server.storage import tables

_RECORD = tables.record
_AT_ONCE: Final = 500
_ABOVE: Final = 3
"""A phase of Mosaic holds what is up to so many levels deeper in QuickBooks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a side has an entry.

    `jobs` are the records of the job and of those above it, none where the side names
    no job, and None where it names one that is no record of ours.
    """

    day: str | None
    person: str | None
    job: str | None
    person_id: int | None
    jobs: tuple[int, ...] | None
    is_phase: bool = False

    def holds(self, other: Place) -> bool:
        """Tell whether this place of Mosaic is one of QuickBooks."""
        if self.day != other.day or self.person_id is None:
            return False
        if self.person_id != other.person_id or other.jobs is None or self.jobs is None:
            return False
        within = other.jobs if self.is_phase else other.jobs[:1]
        return self.jobs == within == () or bool(self.jobs and self.jobs[0] in within)


class Places:
    """The places of entries of one company; what they name is looked up at once."""

    def __init__(
        self, connection: Connection, company_id: int, rows: Sequence[Row[Any]]
    ) -> None:
        here = [row.quickbooks for row in rows if row.quickbooks]
        there = [row.mosaic for row in rows if row.mosaic]
        self._people: dict[Any, Row[Any]] = {}
        people = {one.get("person") for one in here}
        for row in records_here(connection, company_id, PEOPLE, people):
            self._people.setdefault(row.quickbooks_id, row)
        self._jobs: dict[Any, Row[Any]] = {}
        wanted = {one.get("job") for one in here}
        for _ in range(_ABOVE + 1):
            unread = wanted - set(self._jobs)
            read = records_here(connection, company_id, ("customer",), unread)
            self._jobs |= {row.quickbooks_id: row for row in read}
            wanted = {row.parent_id for row in read}
        booked = [one.get("job") or (None, None) for one in there]
        named = {
            "employee": {one.get("person") for one in there},
            "project": {project for project, _ in booked},
            "phase": {phase for _, phase in booked},
        }
        self._linked: dict[tuple[str, int | None], Row[Any]] = {
            (row.mosaic_type, row.mosaic_id): row
            for data_type, numbers in named.items()
            for row in records_there(connection, company_id, data_type, numbers)
        }
        self._objects: dict[tuple[str, int | None], dict[str, Any]] = {
            (data_type, number): found
            for data_type, numbers in named.items()
            for part in _parts(numbers)
            for number, found in mosaic_objects.several(
                connection, company_id, data_type, set(part)
            ).items()
        }

    def in_quickbooks(self, row: Row[Any]) -> Place:
        """Return where QuickBooks has an entry, or had it when it was last read."""
        quickbooks = row.quickbooks or {}
        list_id, job_id = quickbooks.get("person"), quickbooks.get("job")
        person, job = self._people.get(list_id), self._jobs.get(job_id)
        line: list[int] = []
        above = job
        while above is not None and len(line) <= _ABOVE:
            line.append(above.id)
            above = self._jobs.get(above.parent_id)
        return Place(
            row.day,
            list_id if person is None else person.name,
            None if job is None else job.name,
            None if person is None else person.id,
            None if job is None and job_id is not None else tuple(line),
        )

    def in_mosaic(self, row: Row[Any], day: str) -> Place:
        """Return where Mosaic has an entry, for a day."""
        mosaic: Mapping[str, Any] = row.mosaic
        project_id, phase_id = mosaic.get("job") or (None, None)
        member = ("employee", mosaic.get("person"))
        person, phase = self._linked.get(member), self._linked.get(("phase", phase_id))
        project = self._linked.get(("project", project_id))
        main = self._is_main(project, phase_id)
        job = phase if phase is not None else project if main else None
        jobs = () if project_id is None else None
        return Place(
            day,
            self._called(*member) if person is None else person.name,
            self._job_called(project_id, phase_id, project, main=main)
            if job is None
            else job.name,
            None if person is None else person.id,
            jobs if job is None else (job.id,),
            is_phase=phase is not None,
        )

    def _job_called(
        self,
        project_id: int | None,
        phase_id: int | None,
        project: Row[Any] | None,
        *,
        main: bool,
    ) -> str | None:
        name = self._called("project", project_id) if project is None else project.name
        phase = None if main else self._objects.get(("phase", phase_id))
        return f"{name} / {phase['name']}" if name and phase else name

    def _is_main(self, project: Row[Any] | None, phase_id: int | None) -> bool:
        of_project = {} if project is None else project.mosaic or {}
        if phase_id is None or phase_id == of_project.get("main_phase_id"):
            return True
        return bool(self._objects.get(("phase", phase_id), {}).get("is_main"))

    def _called(self, data_type: str, number: int | None) -> str | None:
        found = self._objects.get((data_type, number))
        if found is not None:
            return mosaic_objects.called(found)
        return None if number is None else str(number)


def records_here(
    connection: Connection,
    company_id: int,
    kinds: Sequence[str],
    ids: Iterable[str | None],
) -> list[Row[Any]]:
    """Return the records of kinds that have ids in QuickBooks."""
    of = _RECORD.c.kind.in_(kinds)
    return _read(connection, company_id, of, _RECORD.c.quickbooks_id, ids)


def records_there(
    connection: Connection, company_id: int, data_type: str, ids: Iterable[int | None]
) -> list[Row[Any]]:
    """Return the records that are linked to numbers of a type in Mosaic."""
    of = _RECORD.c.mosaic_type == data_type
    return _read(connection, company_id, of, _RECORD.c.mosaic_id, ids)


def _read(
    connection: Connection,
    company_id: int,
    which: sa.ColumnElement[bool],
    key: sa.Column[Any],
    ids: Iterable[Any],
) -> list[Row[Any]]:
    query = sa.select(_RECORD).where(_RECORD.c.company_id == company_id, which)
    return [
        row
        for part in _parts(ids)
        for row in connection.execute(
            query.where(key.in_(part)).order_by(_RECORD.c.kind)
        )
    ]


def _parts(ids: Iterable[Any]) -> Iterator[list[Any]]:
    wanted = sorted(one for one in ids if one is not None)
    return (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE))
