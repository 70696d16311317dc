"""Whatever a company and its records are, all that a person reads tells the same.

What is told in more than one place, and what each number counts:

| number | counts | told by |
|---|---|---|
| of a kind that stand so | records of the kind with that need | the overview's table, the pages of /records, "stands" in records.csv, `who_must_act.counts` |
| that need you | records on which the customer acts next | "What must I do?", what is read aloud, the badges of Records and Conflicts, Status ("3 need you"), `support_companies.records_for_customer`, `many` of `records` in support_attentions, the rows "Needs you" of records.csv |
| conflicts | records of which both sides changed the same field | "What must I do?", `support_companies.conflicts`, the badge of Conflicts with what was decided by rule and not seen |
| our faults | refused records that our program or Mosaic fails on | `support_companies.our_faults`, rows of records.csv that wait for support |
| minutes in QuickBooks | those of entries that it has now | hours.csv, support_hours, rows of records.csv as in QuickBooks |
| objects known | records that take part | the step of the first reads, rows of records.csv but for "Left out" |

Status stops at "More than 1,000", views at 1001. Who must act is one of nobody, customer
and support: of a record in support_records, records.csv and `records explain`; of the
company in support_attentions, the first of which is in support_companies, and Status;
and what the customer must do of it, and nothing else, is under "What must I do?".
"""  # noqa: E501 - a table

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app, words
from qbwc_server.companies.registry import NewCompany
from qbwc_server.standing import who_must_act
from qbwc_server.standing.who_must_act import SHOWN
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.words import hours
from qbwc_server.words.questions import for_customer
from qbwc_server.words.urgency import Place
from tests.conftest import Clock
from tests.standing import any_company, told
from tests.standing.told import Page, Views
from tests.support.answers import environment

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
_PARTS = 4
_ROUNDS = 5
_REMARKS = {
    *("company-file-moved", "time-tracking-off", "quickbooks-unsupported-country")
}
_BY_STEPS = {"waiting", "first_reads", "preview", "records"}
"""What a step or a count asks for in its own words."""


@dataclass(frozen=True)
class World:
    """A server with one company, and commands on its database."""

    engine: Engine
    clock: Clock
    server: Client
    token: str


@pytest.fixture
def world(
    engine: Engine,
    clock: Clock,
    server: Client,
    new_company: NewCompanies,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """The places that tell of a company."""
    for name, value in environment(engine).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "utc_now", clock)
    return World(engine, clock, server, str(new_company().setup_token))


def _counts_agree(world: World, page: Page, rows: dict[int, dict[str, str]]) -> None:
    """The table, the lists, the download and the rule count the same records."""
    counted = told.by_kind_and_need(rows)
    with company_reading(world.engine, 1) as connection:
        ruled = who_must_act.counts(connection, 1)
    for one in ruled:
        kind = one.kind.replace("_", " ")
        file = {need: counted[kind, need] for need in words.NEEDS}
        assert one.by_need == file
        shown = page.table.get(one.plural.lower())
        assert shown == {need: file[need] for need in file if need != "left_out"}
    for need in words.NEEDS:
        meant = sorted(number for number, row in rows.items() if row["need"] == need)
        assert sorted(told.listed(world.server, world.token, need)) == meant, need


def _needs_agree(
    world: World, page: Page, rows: dict[int, dict[str, str]], views: Views
) -> None:
    """How many need the customer is told alike by pages, views, file and Status."""
    needs = sum(row["need"] == "needs_you" for row in rows.values())
    conflicts = sum(row["state"] == "conflict" for row in rows.values())
    bounded = min(needs, 1001)
    _, in_status = told.status(world.engine, world.clock)
    records = [one.many for one in views.reasons if one.reason == "records"]
    seen = page.badges.get("Conflicts", 0) - conflicts
    assert seen >= 0
    assert (in_status, sum(records)) == (bounded, bounded)
    assert views.company.records_for_customer == bounded
    assert views.company.conflicts == min(conflicts, 1001)
    assert page.badges.get("Records", 0) == needs - conflicts
    assert page.said == f"{page.working} {needs:,} need you."
    sentences = [
        re.sub(r" (conflicts? (is|are) to settle|records? needs? you: .*)\.$", "", one)
        for one in page.do
        if re.match(r"[\d,]+ (conflicts?|records?) ", one)
    ]
    parts = (conflicts, needs - conflicts)
    assert [told.number(one) for one in sentences] == [one for one in parts if one]
    faults = Counter(
        row["who acts"] for row in rows.values() if row["state"] == "refused"
    )
    assert views.company.our_faults == faults["support"]


def _who_agrees(rows: dict[int, dict[str, str]], views: Views) -> None:
    """Of each record the file and the view say alike who acts, why, and on what."""
    for number, row in rows.items():
        seen = views.records[number]
        assert row["who acts"] == seen.who_must_act, row
        assert row["what to do"] == seen.next_step, row
        assert row["state"] == seen.state
        assert row["reason"] in {"", for_customer(seen.why)}
        held = seen.waits_because is not None
        theirs = row["who acts"] == "customer" and not held
        # What has no place in QuickBooks is asked for once, not with each of its hours.
        asked_once = row["need"] == "waiting" and seen.quickbooks_id is None
        assert (row["need"] == "needs_you") is (theirs and not asked_once), row
    sample = {(row["need"], row["who acts"]): number for number, row in rows.items()}
    for number, said in told.explained([*sample.values()][:3]):
        seen = views.records[number]
        assert said["who_must_act"] == seen.who_must_act
        assert (said["why"], said["next_step"]) == (seen.why, seen.next_step)
        assert said["state"] == rows[number]["state"]


def _hours_agree(world: World, rows: dict[int, dict[str, str]], views: Views) -> None:
    """Each hour has the same minutes, reason, and who acts in the file and the view."""
    file = told.hours(world.server, world.token)
    line = ("QuickBooks minutes", "Mosaic minutes", "reason", "who acts", "what to do")
    seen = Counter(
        (
            *(str(one.record_id), str(one.quickbooks_minutes), str(one.mosaic_minutes)),
            *(hours.hours(one.reason).happened, one.who_must_act),
            hours.for_customer(one.who_must_act, one.next_step),
        )
        for one in views.hours
    )
    assert seen == Counter(
        (one["number"], *(one[name] or "None" for name in line)) for one in file
    )
    here = [row for row in rows.values() if row["as in"] == "QuickBooks"]
    assert sum(int(row["minutes"]) for row in here) == (
        sum(int(one["QuickBooks minutes"] or 0) for one in file)
    )


def _reasons_agree(world: World, page: Page, views: Views) -> None:
    """What hinders the company is told by the page and Status as by the views."""
    first = views.reasons[0] if views.reasons else None
    company = views.company
    assert company.who_must_act == (first.who_must_act if first else "nobody")
    assert company.why == (first.why if first else company.why)
    said, _ = told.status(world.engine, world.clock)
    paused = {"paused": "Paused by our support", "paused_by_customer": "Paused on"}
    if first is not None and first.reason not in {"records", "preview", "first_reads"}:
        begins = paused.get(first.reason, first.why[:60])
        assert said.startswith(begins)
    do = " ".join(page.do)
    for one in views.reasons:
        why = for_customer(one.why)
        if one.reason in _BY_STEPS or one.place == Place.PAUSED:
            continue
        assert (why in do) is (one.who_must_act == "customer"), one
        assert why in f"{do} {page.missing} {page.known}", one
    names = ", ".join(one.reason for one in views.reasons) or "none"
    assert sorted(_told_as("Attention", page).split(", ")) == sorted(names.split(", "))
    assert _told_as("State", page) == f"{page.working} Missing: {page.missing}"
    assert _told_as("To do", page) == " ".join(page.do)


def _told_as(name: str, page: Page) -> str:
    (line,) = (one for one in page.details.splitlines() if one.startswith(f"{name}: "))
    return line.removeprefix(f"{name}: ")


def _page_keeps_its_word(
    page: Page, rows: dict[int, dict[str, str]], views: Views
) -> None:
    """Green is where all agrees or moves; "Nothing." where nothing waits for you."""
    theirs = [one for one in views.reasons if one.who_must_act == "customer"]
    is_asked = any(row["need"] == "needs_you" for row in rows.values()) or any(
        row["who acts"] == "customer" and row["need"] == "waiting"
        for row in rows.values()
    )
    to_see = "have a look" in " ".join(page.do)
    assert (page.do != ("Nothing.",)) is (bool(theirs) or is_asked or to_see)
    stops = [
        one
        for one in views.reasons
        if one.place != Place.REMARK and one.reason != "records"
    ]
    if page.working.startswith("Yes"):
        assert not stops
    if page.tone == "good":
        assert page.working.startswith("Yes")
        assert not is_asked
        assert page.missing == "Nothing."
        assert {row["who acts"] for row in rows.values()} <= {"nobody"}


def _all_agree(world: World, how: dict[str, Any], chance: random.Random) -> Page:
    any_company.make(world.engine, world.clock, chance, how)
    page = Page.of(world.server, world.token)
    rows = told.downloaded(world.server, world.token)
    views = Views.of(world.engine)
    try:
        _counts_agree(world, page, rows)
        _needs_agree(world, page, rows, views)
        _who_agrees(rows, views)
        _hours_agree(world, rows, views)
        _reasons_agree(world, page, views)
        _page_keeps_its_word(page, rows, views)
    except AssertionError as error:
        error.add_note(f"{how}\n{page}\n{[one.reason for one in views.reasons]}")
        raise
    return page


@pytest.mark.parametrize("part", range(_PARTS))
def test_all_tell_the_same_of_what_stands_alone(world: World, part: int) -> None:
    """Each state of a company that works but for this."""
    for how in any_company.ALONE[part::_PARTS]:
        page = _all_agree(world, how, random.Random(str(how)))
        rests = how.get("only") in {"in_sync", "pending", "filling"}
        is_well = rests and not {*how.get("asks", ())} - _REMARKS and "begun" not in how
        assert (page.tone == "good") is is_well, how


@pytest.mark.parametrize("seed", range(4))
def test_all_tell_the_same_of_whatever_there_is(world: World, seed: int) -> None:
    """Several things at once."""
    chance = random.Random(seed)
    for _ in range(_ROUNDS):
        _all_agree(world, any_company.by_chance(chance), chance)


def test_nothing_is_cut_where_there_is_much(world: World) -> None:
    """Past what one look reads, and with separators wherever it is told."""
    any_company.make(world.engine, world.clock, random.Random(1), {"only": "in_sync"})
    with company_transaction(world.engine, 1) as connection:
        row = {"company_id": 1, "kind": "customer", "name": "Elm Garage"}
        row |= {"created_at": world.clock(), "changed_at": world.clock()}
        many = [("in_sync", 10_700), ("unlinked", 1_200), ("conflict", 1_100)]
        states = [state for state, number in many for _ in range(number)]
        connection.execute(tables.record.delete())
        connection.execute(
            tables.record.insert(),
            [{**row, "id": 100 + n, "state": one} for n, one in enumerate(states)],
        )
    page = Page.of(world.server, world.token)
    rows = told.downloaded(world.server, world.token)
    views = Views.of(world.engine)
    _needs_agree(world, page, rows, views)
    _reasons_agree(world, page, views)
    assert page.table[SHOWN["customer"]]["in_sync"] == 10_700
    assert Counter(one["need"] for one in rows.values())["in_sync"] == 10_700
    assert "2,300 need you." in page.said
    assert page.do == (
        "1,100 conflicts are to settle.",
        "1,200 records need you: each says why, and the way out.",
    )
    connect = world.server.get(f"/setup/{world.token}/connect").text
    assert "13,000 objects are known." in connect
