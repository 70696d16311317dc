"""What a record might be in Mosaic: exact matches, and similar ones to be confirmed.

Exact is the same name in the same place, or for people the same address or name. What
is only similar is never linked without a person's word. Many records are looked up at
once: the number of queries does not grow with each record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import team_claims
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import KINDS
from qbwc_server.kinds import kind as kind_of
from qbwc_server.kinds.kind import Lineage, Relative
from qbwc_server.kinds.list_plan import Hold, Wanted, match_key, name_key, near_key
from qbwc_server.records import mosaic_objects
from qbwc_server.records.ancestors import lineages
from qbwc_server.records.references import PEOPLE
from qbwc_server.storage import tables

_OBJECT, _RECORD = tables.mosaic_object, tables.record
_CHUNK = 500
_MOST_SIMILAR = 5
_MOST_FOUND = 20


class NoPlace(QbwcError):
    """A record can have no counterpart in Mosaic, or not yet."""

    id: ClassVar[str] = "link-no-place"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An object of Mosaic that a record might be.

    `by` says what is the same: e-mail, name, or that it is only similar. `elsewhere`
    says that another company file of the team is linked to it, or means to be.
    """

    mosaic_id: int
    data_type: str
    name: str
    exact: bool
    by: str
    archived: bool
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is looked for, for one record."""

    data_type: str
    parent: int | None
    anywhere: bool
    keys: frozenset[str]
    names: frozenset[str]
    near: frozenset[str]
    of_person: bool


@dataclass(slots=True)
class _Found:
    """Objects of one type by the keys that they were found under."""

    by_key: dict[str, list[Row[Any]]] = field(default_factory=dict)
    by_name: dict[str, list[Row[Any]]] = field(default_factory=dict)
    by_near: dict[str, list[Row[Any]]] = field(default_factory=dict)


def place_of(kind: str, wanted: Wanted | Hold) -> tuple[str, int | None]:
    """Return the type of a record's counterpart, and what it must stand under.

    Raises:
        NoPlace: it has none now; says why.
    """
    if isinstance(wanted, Wanted):
        return wanted.data_type, wanted.parent
    if kind in PEOPLE:  # without an address they are linked by hand
        return "employee", None
    raise NoPlace(wanted.reason)


Supposed: TypeAlias = Mapping[tuple[str, str], tuple[str, int]]
"""What records would be linked to: kind and QuickBooks' id, type and number."""


def suggest(
    connection: Connection,
    company: Company,
    rows: Sequence[Row[Any]],
    *,
    supposed: Supposed | None = None,
) -> dict[int, list[Suggestion]]:
    """Return for each record without a counterpart what it might be, exact ones first.

    Objects that another record of the company is linked to are not suggested. What is
    `supposed` of the records above them counts as if it were so.
    """
    above = lineages(connection, company.id, rows)
    if supposed:
        above = {
            row.id: [_supposing(row.kind, one, supposed) for one in above[row.id]]
            for row in rows
        }
    asked: dict[int, _Asked] = {}
    for row in rows:
        if row.mosaic_id is not None or row.quickbooks_gone:
            continue
        lineage = above[row.id]
        wanted = _wanted(company, row, lineage)
        if wanted is None:
            continue
        try:
            asked[row.id] = _ask(row.kind, lineage, wanted)
        except NoPlace:
            continue
    found = {
        data_type: _find(
            connection,
            company,
            data_type,
            [one for one in asked.values() if one.data_type == data_type],
        )
        for data_type in {one.data_type for one in asked.values()}
    }
    elsewhere = {
        data_type: team_claims.held_elsewhere(
            connection,
            company.team,
            company.id,
            data_type,
            sorted(_ids(each)),
            also_meant=True,
        )
        for data_type, each in found.items()
    }
    return {
        record_id: _fitting(one, found[one.data_type], elsewhere[one.data_type])
        for record_id, one in asked.items()
    }


def the_exact_one(suggested: Sequence[Suggestion]) -> Suggestion | None:
    """Return the exact match if there is one and no doubt about it."""
    exact = [one for one in suggested if one.exact]
    by_address = [one for one in exact if one.by == "e-mail"]
    in_use = [one for one in exact if not one.archived]
    for few in (by_address, exact, in_use):
        if len(few) == 1:
            return few[0]
    return None


def search(
    connection: Connection, company: Company, row: Row[Any], text: str
) -> list[Suggestion]:
    """Return objects that have all words of a text in their name, and are free.

    They are of the right type and in the right place for the record, and not more than
    a person looks through. None of them is an exact match for that.

    Raises:
        NoPlace: the record can have no counterpart, or not yet; says why.
    """
    lineage = lineages(connection, company.id, [row])[row.id]
    wanted = _wanted(company, row, lineage)
    if wanted is None:
        raise NoPlace("Nothing is wanted of it in Mosaic.")
    asked = _ask(row.kind, lineage, wanted)
    words = near_key(text).split()
    if not words:
        return []
    query = _free(company.id, asked.data_type).where(
        *(_OBJECT.c.near_key.contains(word, autoescape=True) for word in words)
    )
    if asked.parent is not None:
        places = [f"{asked.parent}/", *(["/"] if asked.data_type == "project" else [])]
        query = query.where(
            sa.or_(*(_OBJECT.c.match_key.startswith(place) for place in places))
        )
    query = query.order_by(_OBJECT.c.mosaic_id).limit(_MOST_FOUND)
    found = [
        one
        for one in connection.execute(query)
        if _stands_right(one, asked) and not one.snapshot.get("is_main")
    ]
    elsewhere = team_claims.held_elsewhere(
        connection,
        company.team,
        company.id,
        asked.data_type,
        [one.mosaic_id for one in found],
        also_meant=True,
    )
    return [_suggestion(one, elsewhere, by="similar") for one in found]


def _wanted(company: Company, row: Row[Any], lineage: Lineage) -> Wanted | Hold | None:
    if row.kind not in KINDS:
        return None
    return kind_of.wanted(KINDS[row.kind], lineage, company.structure)


def _supposing(kind: str, one: Relative, supposed: Supposed) -> Relative:
    there = supposed.get((kind, one.quickbooks_id))
    if there is None or one.mosaic_id is not None:
        return one
    data_type, mosaic_id = there
    return replace(one, mosaic_type=data_type, mosaic_id=mosaic_id, mosaic={})


def _ask(kind: str, lineage: Lineage, wanted: Wanted | Hold) -> _Asked:
    data_type, parent = place_of(kind, wanted)
    names = wanted.names if isinstance(wanted, Wanted) else ()
    me = lineage[-1].quickbooks
    called = [str(me.get("name", ""))]
    if kind in PEOPLE:
        both = f"{me.get('first_name') or ''} {me.get('last_name') or ''}"
        called = [one for one in (both, *called) if one.strip()]
        near = called
    else:
        called = list(names)
        # Others fold the levels above into the name: "Customer:Job".
        whole = [str(one.quickbooks.get("name", "")) for one in lineage]
        near = [*called, " ".join(whole)]
    anywhere = data_type == "project" and parent is None
    return _Asked(
        data_type,
        parent,
        anywhere,
        keys=frozenset(match_key(name, parent) for name in names),
        names=frozenset(map(name_key, called)),
        near=frozenset(near_key(name) for name in near) - {""},
        of_person=kind in PEOPLE,
    )


def _find(
    connection: Connection, company: Company, data_type: str, asked: Sequence[_Asked]
) -> _Found:
    found = _Found()
    for column, wanted, into in (
        (
            _OBJECT.c.match_key,
            {key for one in asked if not one.anywhere for key in one.keys},
            found.by_key,
        ),
        (
            _OBJECT.c.name_key,
            {name for one in asked if one.anywhere for name in one.names},
            found.by_name,
        ),
        (_OBJECT.c.near_key, {key for one in asked for key in one.near}, found.by_near),
    ):
        for row in _objects(connection, company.id, data_type, column, wanted):
            into.setdefault(getattr(row, column.name), []).append(row)
    return found


def _objects(
    connection: Connection,
    company_id: int,
    data_type: str,
    column: sa.Column[str],
    wanted: Collection[str],
) -> Iterator[Row[Any]]:
    listed = sorted(wanted)
    for start in range(0, len(listed), _CHUNK):
        rows = connection.execute(
            _free(company_id, data_type)
            .where(column.in_(listed[start : start + _CHUNK]))
            .order_by(_OBJECT.c.mosaic_id)
        )
        yield from (row for row in rows if not row.snapshot.get("is_main"))


def _free(company_id: int, data_type: str) -> sa.Select[Any]:
    """Ask for the objects that no record of the company is linked to."""
    claimed = sa.and_(
        _RECORD.c.company_id == _OBJECT.c.company_id,
        _RECORD.c.mosaic_type == _OBJECT.c.data_type,
        _RECORD.c.mosaic_id == _OBJECT.c.mosaic_id,
    )
    return (
        sa.select(_OBJECT)
        .select_from(_OBJECT.outerjoin(_RECORD, claimed))
        .where(
            _OBJECT.c.company_id == company_id,
            _OBJECT.c.data_type == data_type,
            _RECORD.c.id.is_(None),
        )
    )


def _ids(found: _Found) -> set[int]:
    return {
        row.mosaic_id
        for each in (found.by_key, found.by_name, found.by_near)
        for rows in each.values()
        for row in rows
    }


def _fitting(asked: _Asked, found: _Found, elsewhere: set[int]) -> list[Suggestion]:
    exact = [row for key in asked.keys for row in found.by_key.get(key, ())]
    if asked.anywhere:
        exact = [row for key in asked.names for row in found.by_name.get(key, ())]
    suggested = {
        row.mosaic_id: _suggestion(
            row, elsewhere, by="e-mail" if asked.of_person else "name"
        )
        for row in exact
    }
    near = [row for key in sorted(asked.near) for row in found.by_near.get(key, ())]
    for row in near:
        if row.mosaic_id in suggested or not _stands_right(row, asked):
            continue
        same = asked.of_person and (
            name_key(mosaic_objects.called(row.snapshot)) in asked.names
        )
        by = "name" if same else "similar"
        suggested[row.mosaic_id] = _suggestion(row, elsewhere, by=by)
    ordered = sorted(
        suggested.values(), key=lambda one: (not one.exact, one.archived, one.mosaic_id)
    )
    certain = sum(one.exact for one in ordered)
    return ordered[: certain + _MOST_SIMILAR]


def _stands_right(row: Row[Any], asked: _Asked) -> bool:
    if asked.parent is None:
        return True
    parent = row.snapshot.get("parent")
    return parent == asked.parent or (parent is None and asked.data_type == "project")


def _suggestion(row: Row[Any], elsewhere: set[int], *, by: str) -> Suggestion:
    name = " ".join(mosaic_objects.called(row.snapshot).split())
    if "email" in row.snapshot:
        name = f"{name} <{row.snapshot['email']}>".strip()
    return Suggestion(
        row.mosaic_id,
        row.data_type,
        name,
        by != "similar",
        by,
        row.is_archived,
        row.mosaic_id in elsewhere,
    )
