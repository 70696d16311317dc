"""Whether a company file and a Mosaic agree, looked at without the server.

Both are asked as anybody could ask them, QuickBooks in qbXML, and compared record by
record by rules written down here once more: what the server believes plays no part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qbwc_server.qbxml.request import Request, message_set
from qbwc_server.qbxml.response import Ret, parse
from qbwc_server.sandbox.agreement_time import Links, TimeDifference, compare_time
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile

Item = Mapping[str, Any]
_LEVELS = {"client": ("client", "project", "phase"), "project": ("project", "phase")}
_TITLE = {"client": "client_name", "project": "title", "phase": "name"}


@dataclass
class Agreement:
    """What was compared: counts per kind, and each difference as a sentence.

    `needless` counts time entries that can have no counterpart, by their reason.
    `time` are the differences between time entries, in `differences` too;
    `pairs` are TxnIDs and Mosaic's ids of entries that agree.
    """

    in_quickbooks: dict[str, int] = field(default_factory=dict)
    in_mosaic: dict[str, int] = field(default_factory=dict)
    without_counterpart: dict[str, int] = field(default_factory=dict)
    needless: dict[str, int] = field(default_factory=dict)
    time: list[TimeDifference] = field(default_factory=list)
    pairs: list[tuple[str, int]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def compare(
    company_file: CompanyFile,
    objects: Mapping[str, Sequence[Item]],
    *,
    structure: str = "client",
) -> Agreement:
    """Compare a company file with Mosaic's objects by type, for a structure.

    Employees without an e-mail address, and jobs deeper than phases, need none. Time
    entries are compared if `objects` has them.
    """
    found, links = Agreement(), Links()
    for kind, query, types in (
        ("customers and jobs", "CustomerQueryRq", ("client", "project", "phase")),
        ("employees", "EmployeeQueryRq", ("employee",)),
        ("service items", "ItemServiceQueryRq", ("standard_work_category",)),
    ):
        rets = _all(company_file, query)
        mosaic = {name: [one for one in objects[name] if _real(one)] for name in types}
        found.in_quickbooks[kind] = len(rets)
        found.in_mosaic[kind] = sum(len(items) for items in mosaic.values())
        if kind == "employees":
            needless = _employees(rets, mosaic["employee"], found, links)
        elif kind == "service items":
            needless = _items(rets, mosaic["standard_work_category"], found, links)
        else:
            needless = _customers(rets, mosaic, structure, found, links)
        found.without_counterpart[kind] = needless
    if "time_entry" in objects:
        _time(company_file, objects["time_entry"], links, found)
    return found


def _time(
    company_file: CompanyFile, entries: Sequence[Item], links: Links, found: Agreement
) -> None:
    kind = "time entries"
    time = compare_time(company_file, entries, links)
    found.in_quickbooks[kind] = time.in_quickbooks
    found.in_mosaic[kind] = len(entries)
    found.without_counterpart[kind] = sum(time.needless.values())
    found.needless = time.needless
    found.time = time.differences
    found.pairs = time.pairs
    found.differences += [one.text for one in time.differences]


def _customers(
    rets: Sequence[Ret],
    mosaic: Mapping[str, list[Item]],
    structure: str,
    found: Agreement,
    links: Links,
) -> int:
    levels = _LEVELS[structure]
    by_id = {ret.text("ListID"): ret for ret in rets}
    pools = {name: _pool(name, items) for name, items in mosaic.items()}
    linked: dict[str, Item] = {}
    needless = 0
    for ret in sorted(rets, key=lambda one: len(_line(one, by_id))):
        line = _line(ret, by_id)
        depth = len(line) - 1
        if depth >= len(levels):
            # Its time belongs to the nearest phase.
            above_it = links.jobs.get(line[-2].text("ListID"))
            links.jobs[ret.text("ListID")] = above_it
            needless += 1
            continue
        kind = levels[depth]
        above = linked.get(line[-2].text("ListID")) if depth else None
        if depth and above is None:
            found.differences.append(f"{ret.text('FullName')}: nothing above it")
            continue
        names = [ret.text("Name")]
        if depth == 0 and ret.text("CompanyName"):
            names.insert(0, ret.text("CompanyName"))
        one = _take(pools[kind], names, above)
        if one is None:
            found.differences.append(f"{ret.text('FullName')}: no {kind} in Mosaic")
            continue
        linked[ret.text("ListID")] = one
        links.jobs[ret.text("ListID")] = _place(kind, one)
        active = all(each.text("IsActive") != "false" for each in line)
        if kind != "client" and bool(one["is_archived"]) == active:
            found.differences.append(f"{ret.text('FullName')}: archived is not right")
    for kind, pool in pools.items():
        _left_over(kind, pool, found)
    return needless


def _place(kind: str, one: Item) -> tuple[int, int] | None:
    """Return the project and phase of time on an object; a client takes none."""
    if kind == "project":
        return one["mosaic_id"], one.get("main_phase_id") or 0
    return (one["project_id"], one["mosaic_id"]) if kind == "phase" else None


def _employees(
    rets: Sequence[Ret], members: list[Item], found: Agreement, links: Links
) -> int:
    pool: dict[tuple[str, Any], list[Item]] = defaultdict(list)
    for one in members:
        pool[str(one["email"]).casefold(), None].append(one)
    needless = 0
    for ret in rets:
        links.people[ret.text("ListID")] = None
        if "@" not in ret.text("Email"):
            needless += 1
            continue
        member = _take(pool, [ret.text("Email")], None)
        if member is None:
            found.differences.append(f"{ret.text('Name')}: no member in Mosaic")
            continue
        links.people[ret.text("ListID")] = member["mosaic_id"]
        if (member["first_name"], member["last_name"]) != (
            ret.text("FirstName"),
            ret.text("LastName"),
        ) or bool(member["is_archived"]) == (ret.text("IsActive") != "false"):
            found.differences.append(f"{ret.text('Name')}: the member differs")
    _left_over("member", pool, found)
    return needless


def _items(
    rets: Sequence[Ret], categories: list[Item], found: Agreement, links: Links
) -> int:
    by_id = {ret.text("ListID"): ret for ret in rets}
    pool: dict[tuple[str, Any], list[Item]] = defaultdict(list)
    for one in categories:
        pool[str(one["title"]).casefold(), None].append(one)
    for ret in sorted(rets, key=lambda one: len(_line(one, by_id))):
        category = _take(pool, [ret.text("Name"), ret.text("FullName")], None)
        active = all(each.text("IsActive") != "false" for each in _line(ret, by_id))
        if category is None:
            found.differences.append(f"{ret.text('FullName')}: no work category")
            continue
        links.items[ret.text("ListID")] = category["mosaic_id"]
        if bool(category["is_archived"]) == active:
            found.differences.append(f"{ret.text('FullName')}: archived is not right")
    _left_over("work category", pool, found)
    return 0


def _all(company_file: CompanyFile, query: str) -> list[Ret]:
    session = company_file.begin_session(app_name="Agreement")
    try:
        asked = message_set([Request(query, (("ActiveStatus", "All"),))])
        return parse(session.process(asked)).answers[0].rets
    finally:
        session.end()


def _line(ret: Ret, by_id: Mapping[str, Ret]) -> list[Ret]:
    line = [ret]
    while above := by_id.get(line[0].text("ParentRef", "ListID")):
        line.insert(0, above)
    return line


def _real(one: Item) -> bool:
    return not one.get("is_main")


def _pool(kind: str, items: Iterable[Item]) -> dict[tuple[str, Any], list[Item]]:
    pool: dict[tuple[str, Any], list[Item]] = defaultdict(list)
    parent = {"project": "client_id", "phase": "project_id"}.get(kind)
    for one in items:
        above = one.get(parent) if parent else None
        pool[str(one[_TITLE[kind]]).casefold(), above].append(one)
    return pool


def _take(
    pool: Mapping[tuple[str, Any], list[Item]],
    names: Sequence[str],
    above: Item | None,
) -> Item | None:
    parent = above["mosaic_id"] if above else None
    for name in names:
        if same := pool.get((name.casefold(), parent)):
            return same.pop()
    return None


def _left_over(
    kind: str, pool: Mapping[tuple[str, Any], list[Item]], found: Agreement
) -> None:
    for name in _names_left(pool):
        found.differences.append(f"{name}: a {kind} in Mosaic that nobody asked for")


def _names_left(pool: Mapping[tuple[str, Any], list[Item]]) -> Iterator[str]:
    for (name, _), items in pool.items():
        for _one in items:
            yield name
