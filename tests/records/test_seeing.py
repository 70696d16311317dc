"""What a page of an answer does to records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.kinds.kind import Seen
from qbwc_server.qbxml import response
from qbwc_server.records import store, waiting
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.records.seen import (
    CLASS,
    CUSTOMER,
    change,
    deliver_all,
    deliver_at,
    due,
    rows,
    seen,
)

Open = tuple[Connection, int]


@pytest.fixture
def company(engine: Engine, new_company: Callable[..., NewCompany]) -> Iterator[Open]:
    """Give a connection in a transaction of a company, and the company's id."""
    made = new_company()
    with company_transaction(engine, made.id) as connection:
        yield connection, made.id


def keep(company: Open, clock: Clock, *objects: Seen, **named: Any) -> None:
    """Keep customers as one page showed them."""
    store.keep_seen(*company, CUSTOMER, objects, now=clock(), **named)


def test_a_new_object_is_a_record_that_will_be_delivered(
    company: Open, clock: Clock
) -> None:
    """It is pending and due at once, and the worker is told."""
    keep(
        company, clock, seen("1", "Jörg & Söhne"), seen("2", "Jörg & Söhne:Umbau", "1")
    )

    found = rows(*company)
    one = found["2"]
    assert (one.state, one.name, one.parent_id) == (
        "pending",
        "Jörg & Söhne:Umbau",
        "1",
    )
    assert one.quickbooks == seen("2", "Jörg & Söhne:Umbau", "1").snapshot
    assert (one.due_at, one.created_at, one.quickbooks_gone) == (
        clock(),
        clock(),
        False,
    )
    assert (one.edit_sequence, one.mosaic_id, one.agreed) == ("1", None, None)
    assert found["1"].delivery_rank < one.delivery_rank
    assert deliver_at(*company) == clock()


def test_what_is_read_again_as_it_was_changes_nothing(
    company: Open, clock: Clock
) -> None:
    """An echo causes no delivery, and not even a newer date of change."""
    keep(company, clock, seen("1", "A"), seen("2", "A:B", "1"))
    deliver_all(*company)
    before = rows(*company)
    clock.pass_(hours=1)

    keep(company, clock, seen("1", "A"), seen("2", "A:B", "1"))

    assert before == rows(*company)
    assert deliver_at(*company) is None


def test_what_was_changed_is_due_and_what_was_only_touched_is_not(
    company: Open, clock: Clock
) -> None:
    """A new EditSequence alone is kept, because a write needs it, but flows nowhere."""
    keep(company, clock, seen("1", "A"), seen("2", "B"), seen("3", "C"))
    deliver_all(*company)
    clock.pass_(hours=1)

    keep(
        company,
        clock,
        seen("1", "A", version=2),
        seen("2", "B", version=2, company_name="B GmbH"),
        seen("3", "C"),
    )

    found = rows(*company)
    assert due(*company) == {"2"}
    assert [found[one].edit_sequence for one in "123"] == ["2", "2", "1"]
    assert found["2"].quickbooks["company_name"] == "B GmbH"
    assert (found["2"].state, found["2"].changed_at) == ("pending", clock())


def test_an_object_that_stands_twice_in_a_page_is_one_record(
    company: Open, clock: Clock
) -> None:
    """The later of the two counts, for a new one and for a known one."""
    keep(company, clock, seen("1", "Old"), seen("1", "New", version=2))
    assert [one.name for one in rows(*company).values()] == ["New"]

    keep(company, clock, seen("1", "Newer", version=3), seen("1", "Newest", version=4))
    assert [one.name for one in rows(*company).values()] == ["Newest"]


def test_a_page_of_thousands_is_kept_whole(company: Open, clock: Clock) -> None:
    """More objects than fit into one statement, new and then changed."""
    many = [seen(str(number), f"C{number}") for number in range(1201)]
    keep(company, clock, *many)
    deliver_all(*company)
    keep(
        company,
        clock,
        *(seen(one.quickbooks_id, f"{one.name}!", version=2) for one in many),
    )

    found = rows(*company)
    assert len(found) == len(due(*company)) == 1201
    assert found["1200"].name == "C1200!"


def test_a_kind_without_counterpart_is_kept_and_delivered_to_nobody(
    company: Open, clock: Clock
) -> None:
    """Classes are read for what refers to them."""
    store.keep_seen(*company, CLASS, [seen("1", "East")], now=clock())
    store.keep_seen(*company, CLASS, [seen("1", "West", version=2)], now=clock())

    row = rows(*company)["1"]
    assert (row.state, row.name, row.due_at) == ("in_sync", "West", None)
    assert row.reason is not None
    assert deliver_at(*company) is None


def test_a_name_changed_above_is_changed_below_at_any_depth(
    company: Open, clock: Clock
) -> None:
    """QuickBooks need not touch the children, so they may not be read."""
    names = ["A", "A:B", "A:B:C", "A:B:C:D", "A:B:C:D:E"]
    for kind in (CUSTOMER, CLASS):
        family = [
            seen(
                f"{kind.name}{depth}",
                name,
                f"{kind.name}{depth - 1}" if depth else None,
            )
            for depth, name in enumerate(names)
        ]
        other = seen(f"{kind.name}x", "X")
        store.keep_seen(*company, kind, [*family, other], now=clock())
        deliver_all(*company)

        top = seen(f"{kind.name}0", "Ä", version=2)
        store.keep_seen(*company, kind, [top], now=clock())

        found = rows(*company)
        assert [found[one.quickbooks_id].name for one in family] == [
            name.replace("A", "Ä") for name in names
        ]
        mirrored = {one.quickbooks_id for one in family} if kind.mirror else set()
        assert due(*company) == mirrored


def test_what_is_moved_takes_all_below_it_along(company: Open, clock: Clock) -> None:
    """A job with jobs of its own goes to another customer."""
    keep(
        company,
        clock,
        seen("1", "A"),
        seen("2", "Z"),
        seen("3", "A:J", "1"),
        seen("4", "A:J:S", "3"),
        seen("5", "A:K", "1"),
    )
    deliver_all(*company)

    keep(company, clock, seen("3", "Z:J", "2", version=2))

    found = rows(*company)
    assert [found[one].name for one in "345"] == ["Z:J", "Z:J:S", "A:K"]
    assert due(*company) == {"3", "4"}


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_made_inactive_has_all_below_it_looked_at(
    company: Open, clock: Clock, *, turned: bool
) -> None:
    """A job under an inactive customer says itself that it is active."""
    family = [seen("1", "A", is_active=turned), seen("2", "A:B", "1")]
    keep(company, clock, *family)
    deliver_all(*company)

    keep(company, clock, seen("1", "A", version=2, is_active=not turned))

    assert due(*company) == {"1", "2"}


def test_a_circle_of_parents_ends(company: Open, clock: Clock) -> None:
    """A damaged file, or two pages from before and after a move, may show one."""
    circle = [seen("1", "A", "2"), seen("2", "B", "1"), seen("3", "C", "3")]
    keep(company, clock, *circle)

    keep(company, clock, *(seen(one, "Z", one, version=2) for one in "123"))
    keep(company, clock, seen("1", "Y", "2", version=3), seen("2", "Y", "1", version=3))

    assert due(*company) == {"1", "2", "3"}


@pytest.mark.parametrize("ending", ["change", "rename above", "delete", "come back"])
def test_what_a_person_said_stays_whatever_happens_in_quickbooks(
    company: Open, clock: Clock, ending: str
) -> None:
    """A record that is not to be linked is not made pending by any news of it."""
    keep(company, clock, seen("1", "A"), seen("2", "A:B", "1"))
    change(*company, "2", state="do_not_link", due_at=None)
    if ending == "change":
        keep(company, clock, seen("2", "A:C", "1", version=2))
    elif ending == "rename above":
        keep(company, clock, seen("1", "Z", version=2))
    else:
        store.mark_gone(*company, CUSTOMER, ["2"], now=clock())
    if ending == "come back":
        keep(company, clock, seen("2", "A:B", "1", version=2))

    assert rows(*company)["2"].state == "do_not_link"


def test_what_was_deleted_is_noted_once(company: Open, clock: Clock) -> None:
    """Told a second time, nothing is due again; other kinds and ids are not meant."""
    keep(company, clock, seen("1", "A"), seen("2", "B"))
    deliver_all(*company)

    assert store.mark_gone(*company, CLASS, ["1"], now=clock()) == 0
    assert store.mark_gone(*company, CUSTOMER, [], now=clock()) == 0
    assert deliver_at(*company) is None
    assert store.mark_gone(*company, CUSTOMER, ["1", "1", "9"], now=clock()) == 1
    assert deliver_at(*company) == clock()

    row = rows(*company)["1"]
    assert (row.quickbooks_gone, row.state, row.reason) == (
        True,
        "pending",
        "Deleted in QuickBooks.",
    )
    assert due(*company) == {"1"}
    deliver_all(*company)
    assert store.mark_gone(*company, CUSTOMER, ["1"], now=clock()) == 0
    assert due(*company) == set()


def test_what_comes_back_lives_again(company: Open, clock: Clock) -> None:
    """A restored backup shows what had been deleted, unchanged to the last digit."""
    for kind in (CUSTOMER, CLASS):
        one = seen(kind.name, "A")
        store.keep_seen(*company, kind, [one], now=clock())
        before = rows(*company)[kind.name]
        store.mark_gone(*company, kind, [kind.name], now=clock())
        gone = rows(*company)[kind.name]
        assert gone.state == ("pending" if kind.mirror else "gone")

        store.keep_seen(*company, kind, [one], now=clock())

        after = rows(*company)[kind.name]
        assert (after.quickbooks_gone, after.state, after.reason, after.due_at) == (
            False,
            before.state,
            before.reason,
            before.due_at,
        )


def test_a_full_read_finds_what_it_did_not_meet(company: Open, clock: Clock) -> None:
    """Also what an earlier full read had met; what is gone already does not count."""
    keep(company, clock, *(seen(one, one) for one in "ABCD"), full_read=100)
    assert store.unseen(*company, CUSTOMER, 100) == ([], 4)
    store.mark_gone(*company, CUSTOMER, ["D"], now=clock())
    keep(company, clock, seen("E", "E"))

    keep(company, clock, seen("A", "A"), full_read=200)
    keep(company, clock, seen("B", "B!", version=2), full_read=200)
    keep(company, clock, seen("F", "F"), full_read=200)

    missed, known = store.unseen(*company, CUSTOMER, 200)
    assert (sorted(missed), known) == (["C", "E"], 5)
    assert store.unseen(*company, CLASS, 200) == ([], 0)


def test_who_waits_for_a_record_and_who_stands_below_it_is_woken(
    company: Open, clock: Clock
) -> None:
    """The wait is over; a pause that a record has for another reason stays."""
    later = clock.now.replace(year=2027)
    keep(company, clock, seen("1", "A"), *(seen(one, one, "1") for one in "234"))
    keep(company, clock, seen("5", "5", "2"))
    deliver_all(*company)
    change(*company, "5", waits_for="customer:1", due_at=None)
    change(*company, "3", due_at=later)

    waiting.wake_waiting(*company, "class", "1", clock())
    assert due(*company) == {"3"}
    waiting.wake_waiting(*company, "customer", "1", clock())

    found = rows(*company)
    assert due(*company) == {"2", "3", "4", "5"}
    assert (found["5"].waits_for, found["3"].due_at) == (None, later)


@pytest.mark.parametrize("column", [column.name for column in waiting.WAITS])
def test_who_waits_for_several_things_is_woken_by_each(
    company: Open, clock: Clock, column: str
) -> None:
    """It is planned anew, so it waits for nothing until it says for what."""
    keep(company, clock, seen("1", "A"), seen("2", "B"))
    deliver_all(*company)
    waits: dict[str, Any] = {one.name: "customer:9" for one in waiting.WAITS}
    change(*company, "2", **{**waits, column: "customer:1"})

    waiting.wake_waiting(*company, "customer", "1", clock())

    assert due(*company) == {"2"}
    assert waiting.FREE.items() <= rows(*company)["2"]._asdict().items()


@pytest.mark.parametrize("column", [column.name for column in waiting.WAITS])
def test_who_waited_for_an_object_to_be_read_is_looked_at_when_it_was(
    company: Open, clock: Clock, column: str
) -> None:
    """Also where it has no counterpart and so will never be linked."""
    keep(company, clock, seen("2", "B"))
    deliver_all(*company)
    waits: dict[str, Any] = {column: "customer:1"}
    change(*company, "2", **waits)

    keep(company, clock, seen("1", "A"))

    assert due(*company) == {"1", "2"}


@pytest.mark.parametrize("how", ["appears", "comes back"])
def test_who_waited_for_a_parent_to_be_read_is_looked_at_with_all_below(
    company: Open, clock: Clock, how: str
) -> None:
    """Also where the parent itself has no counterpart and so will never be linked."""
    if how == "comes back":
        keep(company, clock, seen("1", "A"))
        store.mark_gone(*company, CUSTOMER, ["1"], now=clock())
    keep(company, clock, seen("2", "A:B", "1"), seen("3", "A:B:C", "2"))
    deliver_all(*company)
    change(*company, "2", state="unlinked", waits_for="customer:1")
    change(*company, "3", state="unlinked", waits_for="customer:2")

    keep(company, clock, seen("1", "A"))

    assert due(*company) == {"1", "2", "3"}


def test_a_class_is_called_by_its_own_name_below_a_renamed_one(
    company: Open, clock: Clock
) -> None:
    """Not by its full name, which would say the old name of the one above again."""
    shown = response.parse(
        '<?xml version="1.0"?><QBXML><QBXMLMsgsRs><ClassQueryRs statusCode="0">'
        "<ClassRet><ListID>1</ListID><Name>East</Name><FullName>East</FullName>"
        "</ClassRet><ClassRet><ListID>2</ListID><Name>North</Name>"
        "<FullName>East:North</FullName><ParentRef><ListID>1</ListID></ParentRef>"
        "</ClassRet></ClassQueryRs></QBXMLMsgsRs></QBXML>"
    )
    rets = shown.answers[0].rets
    store.keep_seen(*company, CLASS, [CLASS.see(ret) for ret in rets], now=clock())

    store.keep_seen(*company, CLASS, [seen("1", "West", version=2)], now=clock())

    assert rows(*company)["2"].name == "West:North"
