"""Whether the time entries of a company file and of a Mosaic agree, entry by entry.

Nothing tells which entry belongs to which: those of equal content are counterparts, so
an entry that is missing, different or there twice is left over on one side.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from qbwc_server.qbxml.request import Request, message_set
from qbwc_server.qbxml.response import Ret, parse
from qbwc_server.qbxml.values import minutes_from_duration, storable
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile

Item = Mapping[str, Any]
_PAGE = 5000
_LONGEST_NOTES = 4095
_LONGEST_DAY = 24 * 60
_ELEMENTS = (
    *("TxnID", "TxnDate", "EntityRef", "CustomerRef", "ItemServiceRef", "Duration"),
    *("Notes", "BillableStatus"),
)


@dataclass
class Links:
    """Which of Mosaic's objects belong to ListIDs, found by comparing the lists.

    `people` holds every employee, None without a member. A job has a project and a
    phase, None where it is a client.
    """

    people: dict[str, int | None] = field(default_factory=dict)
    jobs: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)


class Content(NamedTuple):
    """What both sides have to agree on, in Mosaic's terms."""

    day: str
    member: int
    minutes: int
    place: tuple[int, int]
    category: int | None
    text: str
    billable: bool


@dataclass(frozen=True, slots=True)
class TimeDifference:
    """An entry without an equal counterpart, with the side it is on as its id."""

    text: str
    txn_id: str | None = None
    mosaic_id: int | None = None


@dataclass
class TimeAgreement:
    """What came of comparing time entries; `pairs` are TxnIDs with Mosaic's ids."""

    in_quickbooks: int = 0
    pairs: list[tuple[str, int]] = field(default_factory=list)
    needless: dict[str, int] = field(default_factory=dict)
    differences: list[TimeDifference] = field(default_factory=list)


def compare_time(
    company_file: CompanyFile, entries: Sequence[Item], links: Links
) -> TimeAgreement:
    """Compare the time in a company file with Mosaic's time entries."""
    found = TimeAgreement()
    needless: Counter[str] = Counter()
    pool: dict[Content, list[Item]] = defaultdict(list)
    for one in reversed(entries):
        pool[_in_mosaic(one)].append(one)
    missing: list[tuple[Ret, Content]] = []
    for ret in _all_time(company_file):
        found.in_quickbooks += 1
        content = _in_quickbooks(ret, links)
        if isinstance(content, str):
            needless[content] += 1
        elif pool.get(content):
            same = pool[content].pop()
            found.pairs.append((ret.text("TxnID"), same["mosaic_id"]))
        else:
            missing.append((ret, content))
    found.needless = dict(needless)
    over = [(one, content) for content, left in pool.items() for one in left]
    _tell(missing, over, found)
    return found


def _tell(
    missing: Sequence[tuple[Ret, Content]],
    over: Sequence[tuple[Item, Content]],
    found: TimeAgreement,
) -> None:
    """Say what is left over on each side, and in what two of a day differ."""
    nearest: dict[tuple[str, int], list[Content]] = defaultdict(list)
    for _, content in over:
        nearest[content.day, content.member].append(content)
    for ret, content in missing:
        same_day = nearest[content.day, content.member]
        other = min(same_day, key=lambda one: _distance(one, content), default=None)
        why = "" if other is None else f"; one there differs in {_why(content, other)}"
        who = ret.text("EntityRef", "FullName")
        text = f"{content.day} {who} {content.minutes} min: not in Mosaic{why}"
        found.differences.append(TimeDifference(text, txn_id=ret.text("TxnID")))
    for one, content in over:
        who = one.get("member_name") or f"member {content.member}"
        text = f"{content.day} {who} {content.minutes} min: in Mosaic alone"
        found.differences.append(TimeDifference(text, mosaic_id=one["mosaic_id"]))


def _why(one: Content, other: Content) -> str:
    return ", ".join(
        name for name in Content._fields if getattr(one, name) != getattr(other, name)
    )


def _distance(one: Content, other: Content) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _in_quickbooks(ret: Ret, links: Links) -> Content | str:
    """Return an entry's content, or why it can have no counterpart."""
    person, job = ret.text("EntityRef", "ListID"), ret.text("CustomerRef", "ListID")
    item = ret.text("ItemServiceRef", "ListID")
    minutes = minutes_from_duration(ret.text("Duration"))
    member, place = links.people.get(person), links.jobs.get(job)
    reasons = (
        ("no customer or job", not job),
        ("on a customer that is a client", bool(job) and place is None),
        ("no service item", not item),
        ("a vendor or another name worked", person not in links.people),
        ("the person has no member", member is None),
        ("no time or more than a day", not 0 < minutes <= _LONGEST_DAY),
    )
    for reason, applies in reasons:
        if applies:
            return reason
    return Content(
        ret.text("TxnDate"),
        member or 0,
        minutes,
        place or (0, 0),
        links.items.get(item),
        _text(ret.text("Notes")),
        ret.text("BillableStatus") in {"Billable", "HasBeenBilled"},
    )


def _in_mosaic(one: Item) -> Content:
    minutes = Decimal(str(one["hours"])) * 60
    return Content(
        one["date"],
        one["member_id"],
        int(minutes.to_integral_value(rounding=ROUND_HALF_UP)),
        (one["project_id"], one["phase_id"]),
        one["standard_work_category_id"],
        _text(one["description"] or ""),
        bool(one["is_billable"]),
    )


def _text(text: str) -> str:
    """Return a text as QuickBooks can keep it: its characters, 4,095 of them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = "\n".join(line.rstrip() for line in lines).strip()
    kept = storable(unicodedata.normalize("NFC", plain)).strip()
    if len(kept) <= _LONGEST_NOTES:
        return kept
    return kept[: _LONGEST_NOTES - 3].rstrip() + "..."


def _all_time(company_file: CompanyFile) -> list[Ret]:
    """Read all time, in pages as large as one answer may sensibly be."""
    session = company_file.begin_session(app_name="Agreement")
    elements = tuple(("IncludeRetElement", name) for name in _ELEMENTS)
    size = ("MaxReturned", str(_PAGE))
    body = (size, *elements)
    asked = Request("TimeTrackingQueryRq", body, iterator="Start")
    found: list[Ret] = []
    try:
        while True:
            answer = parse(session.process(message_set([asked]))).answers[0]
            found += answer.rets
            if not answer.iterator_remaining:
                return found
            asked = Request(
                asked.name,
                body,
                iterator="Continue",
                iterator_id=answer.iterator_id,
            )
    finally:
        session.end()
