"""What becomes of QuickBooks' hierarchy in Mosaic, and of what is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from qbwc_server.sandbox.mosaic.fields import Refused
from qbwc_server.storage import tables
from tests.delivery.mirror import Mirror, everything_said, nothing_twice

pytestmark = pytest.mark.in_turn


@pytest.fixture
def quick(mirror: Mirror) -> Mirror:
    """A company whose Mosaic answers in the body."""
    mirror.sandbox.answer_mode = "body"
    return mirror


def _events(mirror: Mirror, key: str) -> list[Any]:
    event = tables.record_event
    return mirror.rows(event, event.c.record_id == mirror.record(key).id)


def test_a_customer_can_be_a_project(make_mirror: Callable[..., Mirror]) -> None:
    """In the other structure customers are projects and their jobs phases."""
    mirror = make_mirror(structure="project")
    mirror.sandbox.answer_mode = "body"
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.customer("P1", "Sketches", "J1")
    mirror.run()
    assert mirror.names("project") == ["Acme"]
    assert mirror.names("phase") == ["House"]
    assert "phase House" in mirror.record("P1").reason


def test_a_client_given_to_such_a_project_in_mosaic_stays(
    make_mirror: Callable[..., Mirror],
) -> None:
    """QuickBooks says nothing of a level above, so it contradicts nobody."""
    mirror = make_mirror(structure="project")
    mirror.sandbox.answer_mode = "body"
    mirror.books.customer("C1", "Acme")
    mirror.run()
    mirror.sandbox.edit(
        "project", mirror.counterpart("C1")["mosaic_id"], client="Holding"
    )
    writes = len(mirror.sandbox.writes)
    mirror.refresh()
    assert len(mirror.sandbox.writes) == writes
    assert mirror.record("C1").state == "in_sync"


def test_such_a_project_is_found_under_whatever_client_it_stands(
    make_mirror: Callable[..., Mirror],
) -> None:
    """One that somebody made below a client is adopted, not made again."""
    mirror = make_mirror(structure="project")
    mirror.sandbox.answer_mode = "body"
    portfolio = mirror.sandbox.create("portfolio", title="alice & co")["mosaic_id"]
    there = mirror.sandbox.create(
        "project", portfolio_id=portfolio, title="ACME", client="Holding"
    )
    mirror.books.customer("C1", "Acme")
    mirror.run()
    assert mirror.record("C1").mosaic_id == there["mosaic_id"]
    assert mirror.names("project") == ["Acme"]


def test_what_mosaic_has_is_adopted(firm: Mirror) -> None:
    """By name below the right parent, or by e-mail, whatever the case."""
    make = firm.sandbox.create
    portfolio = make("portfolio", title="alice & co")["mosaic_id"]
    make("client", client_name="ACME  incorporated")
    make("project", portfolio_id=portfolio, title="house", client="ACME  incorporated")
    make("standard_work_category", title="Design")
    make("employee", email="ANN@example.com", first_name="Ann", last_name="Lee")
    firm.sandbox.answer_mode = "body"
    firm.run()
    made = [one for one in firm.writes() if one[0] == "create"]
    assert sorted(each for _, each in made) == [
        "client",
        "phase",
        "project",
        "standard_work_category",
    ]
    assert len(firm.names("client")) == 2


def test_two_of_one_name_are_for_a_person_to_tell_apart(quick: Mirror) -> None:
    """It is neither guessed nor made a third time."""
    for _ in range(2):
        quick.sandbox.create("client", client_name="Acme")
    quick.books.customer("C1", "Acme")
    quick.run()
    row = quick.record("C1")
    assert row.state == "unlinked"
    assert "Say which one it is" in row.reason
    assert len(quick.names("client")) == 2


def test_two_customers_of_one_company_name_are_two_clients(quick: Mirror) -> None:
    """The second one goes by its own name."""
    quick.books.customer("C1", "Acme North", company_name="Acme")
    quick.books.customer("C2", "Acme South", company_name="Acme")
    quick.run()
    assert quick.names("client") == ["Acme", "Acme South"]
    nothing_twice(quick)


def test_two_employees_of_one_address_are_not_one_member(quick: Mirror) -> None:
    """The second waits and says for what."""
    quick.books.employee("E1", "Ann Lee", "office@example.com")
    quick.books.employee("E2", "Bo Berg", "office@example.com")
    quick.run()
    assert quick.names("employee") == ["office@example.com"]
    assert {quick.record("E1").state, quick.record("E2").state} == {
        "in_sync",
        "unlinked",
    }
    everything_said(quick)


def test_an_archived_client_is_adopted_and_left_archived(quick: Mirror) -> None:
    """Mosaic cannot bring a client back from outside; that must stop nothing."""
    made = quick.sandbox.create("client", client_name="Acme")
    quick.sandbox.team.store.objects["client"][made["mosaic_id"]]["is_archived"] = True
    quick.books.customer("C1", "Acme")
    quick.books.customer("J1", "House", "C1")
    quick.run()
    assert quick.record("C1").state == "in_sync"
    assert quick.record("J1").state == "in_sync"


def test_inactive_is_archived_and_comes_back(firm: Mirror) -> None:
    """With all below it; nothing is destroyed."""
    firm.sandbox.answer_mode = "body"
    firm.run()
    firm.books.edit("J1", active=False)
    firm.books.edit("E1", active=False)
    firm.run()
    for key in ("J1", "P1", "E1"):
        assert firm.counterpart(key)["is_archived"], key
    firm.books.edit("J1", active=True)
    firm.books.edit("E1", active=True)
    firm.run()
    for key in ("J1", "P1", "E1"):
        assert not firm.counterpart(key)["is_archived"], key
        assert firm.record(key).state == "in_sync"
    nothing_twice(firm)


def test_deleted_in_quickbooks_is_archived(firm: Mirror) -> None:
    """The object stays, with all hours spent on it."""
    firm.sandbox.answer_mode = "body"
    firm.run()
    firm.books.delete("J2")
    firm.books.delete("S2")
    firm.run()
    for key in ("J2", "S2"):
        assert firm.counterpart(key)["is_archived"]
        assert firm.record(key).state == "gone"
    everything_said(firm)


def test_deleted_on_both_sides_is_gone(quick: Mirror) -> None:
    """Nobody is asked to link what QuickBooks does not have any more."""
    quick.books.item("S1", "Design")
    quick.run()
    quick.sandbox.team.store.objects["standard_work_category"].clear()
    quick.refresh()
    quick.refresh()
    assert quick.record("S1").state == "unlinked"
    quick.books.delete("S1")
    quick.run()
    assert quick.record("S1").state == "gone"


def test_a_job_moves_to_another_customer(firm: Mirror) -> None:
    """The same project goes to the other client, its phases with it."""
    firm.sandbox.answer_mode = "body"
    firm.run()
    project = firm.record("J1").mosaic_id
    firm.books.edit("J1", parent="C2")
    firm.run()
    assert firm.record("J1").mosaic_id == project
    assert firm.counterpart("J1")["client_id"] == firm.record("C2").mosaic_id
    nothing_twice(firm)


def test_a_sub_job_moves_to_another_job(firm: Mirror) -> None:
    """Mosaic cannot move a phase: the old one is archived, a new one made."""
    firm.sandbox.answer_mode = "body"
    firm.run()
    old = firm.counterpart("P1")["mosaic_id"]
    firm.books.edit("P1", parent="J2")
    firm.run()
    assert firm.counterpart("P1")["project_id"] == firm.record("J2").mosaic_id
    before = next(o for o in firm.sandbox.objects("phase") if o["mosaic_id"] == old)
    assert before["is_archived"]
    firm.books.edit("P1", parent="J1")
    firm.run()
    assert firm.record("P1").mosaic_id == old
    assert not firm.counterpart("P1")["is_archived"]
    nothing_twice(firm)


def test_a_job_becomes_a_sub_job_and_a_job_again(firm: Mirror) -> None:
    """Each time what was there before is archived or brought back."""
    firm.sandbox.answer_mode = "body"
    firm.run()
    project = firm.record("J2").mosaic_id
    firm.books.edit("J2", parent="J1")
    firm.run()
    assert firm.record("J2").mosaic_type == "phase"
    firm.books.edit("J2", parent="C2")
    firm.run()
    row = firm.record("J2")
    assert (row.mosaic_type, row.mosaic_id) == ("project", project)
    assert not firm.counterpart("J2")["is_archived"]
    nothing_twice(firm)


def test_what_was_renamed_in_mosaic_is_put_back_and_kept_to_read(
    quick: Mirror,
) -> None:
    """QuickBooks owns names; the overwritten one is in the record's history."""
    quick.books.item("S1", "Design")
    quick.run()
    quick.sandbox.edit(
        "standard_work_category", quick.counterpart("S1")["mosaic_id"], title="Drawing"
    )
    quick.refresh()
    assert quick.names("standard_work_category") == ["Design"]
    details = [event.detail or {} for event in _events(quick, "S1")]
    kept = [one["before"]["name"] for one in details if "before" in one]
    assert kept == ["Drawing"]


def test_what_a_person_archived_in_mosaic_stays_archived(quick: Mirror) -> None:
    """Nobody is contradicted every night."""
    quick.books.customer("C1", "Acme")
    quick.books.customer("J1", "House", "C1")
    quick.run()
    quick.sandbox.archive("project", quick.counterpart("J1")["mosaic_id"])
    quick.refresh()
    assert quick.counterpart("J1")["is_archived"]
    assert quick.record("J1").state == "in_sync"


def test_what_is_deleted_in_mosaic_is_said_after_two_reads(quick: Mirror) -> None:
    """Once may be chance; twice is said, and not made again behind anybody's back."""
    quick.books.item("S1", "Design")
    quick.run()
    quick.sandbox.team.store.objects["standard_work_category"].clear()
    quick.refresh()
    assert quick.record("S1").state == "in_sync"
    quick.refresh()
    row = quick.record("S1")
    assert row.state == "unlinked"
    assert "no longer in Mosaic" in row.reason
    assert quick.names("standard_work_category") == []


def test_a_list_that_breaks_off_deletes_nothing(quick: Mirror) -> None:
    """However often: only a list read to its end can miss something."""
    quick.books.item("S1", "Design")
    quick.run()
    quick.sandbox.fail_next("bad_json", 9, "GET standard_work_category")
    quick.clock.pass_(hours=13)
    for _ in range(6):
        quick.worker().run_once()
        quick.clock.pass_(minutes=16)
    assert quick.record("S1").state == "in_sync"


def test_no_project_is_made_without_its_client(quick: Mirror) -> None:
    """Below a client that is no longer in Mosaic, jobs wait and say so."""
    quick.books.customer("C1", "Acme")
    quick.run()
    quick.sandbox.team.store.objects["client"].clear()
    quick.refresh()
    quick.refresh()
    quick.books.customer("J1", "House", "C1")
    quick.run()
    assert quick.names("project") == []
    assert quick.record("J1").reason == "Waits for its client Acme in Mosaic."


def test_a_change_that_mosaic_does_not_make_ends(quick: Mirror) -> None:
    """What Mosaic takes and does not do is asked for three times, then said."""
    quick.books.customer("C1", "Acme")
    quick.run()
    update = quick.sandbox.team.update

    def unmoved(data_type: str, mosaic_id: int, body: Any) -> Any:
        return update(data_type, mosaic_id, {"description": body.get("description")})

    quick.sandbox.team.update = unmoved  # type: ignore[method-assign]
    quick.books.customer("C1", "Bolt")
    quick.run()
    row = quick.record("C1")
    assert row.state == "refused"
    assert "has not made it" in row.reason
    assert len(quick.sandbox.requests) < 30


def test_a_sub_job_named_like_its_job_is_counted_up_and_right(quick: Mirror) -> None:
    """The main phase of the project has the name already, so "(1)" is added."""
    quick.books.customer("C1", "Acme")
    quick.books.customer("J1", "House", "C1")
    quick.books.customer("P1", "House", "J1")
    quick.run()
    assert quick.record("P1").state == "in_sync"
    assert quick.names("phase") == ["House (1)"]


def test_a_counted_up_phase_is_found_again_and_not_made_twice(quick: Mirror) -> None:
    """When the answer is lost, the phase is there under another name than we asked."""
    quick.books.customer("C1", "Acme")
    quick.books.customer("J1", "House", "C1")
    quick.books.customer("P1", "House", "J1")
    quick.sandbox.fail_next("down", match="POST phase", when="after")
    quick.sandbox._logs["100"] = _Forgetful()
    quick.run()
    assert quick.names("phase") == ["House (1)"]
    nothing_twice(quick)


class _Forgetful(dict[str, Any]):
    """A request log that remembers nothing."""

    def values(self) -> Any:
        """Return no line."""
        return []


def test_an_object_given_twice_by_mosaic_stops_only_one_record(quick: Mirror) -> None:
    """A number that belongs to another record is no reason to stop the company."""
    quick.books.customer("C1", "Acme")
    quick.books.customer("C2", "Bolt")
    quick.books.item("S1", "Design")
    create = quick.sandbox.team.create

    def upsert(data_type: str, body: Any) -> Any:
        if data_type == "client" and quick.sandbox.objects("client"):
            return quick.sandbox.objects("client")[0]
        return create(data_type, body)

    quick.sandbox.team.create = upsert  # type: ignore[method-assign]
    quick.run()
    states = sorted(quick.record(key).state for key in ("C1", "C2"))
    assert states == ["in_sync", "refused"]
    assert quick.record("S1").state == "in_sync"


def test_a_rename_does_not_take_the_name_of_another(quick: Mirror) -> None:
    """Jobs are put under a client by its name, so no two may have the same."""
    quick.books.customer("C1", "Smith Office", company_name="Smith Limited")
    quick.books.customer("C2", "Smith House", company_name="Smith Limited")
    quick.run()
    assert quick.names("client") == ["Smith House", "Smith Limited"]
    own = next(
        c
        for c in ("C1", "C2")
        if quick.counterpart(c)["client_name"] != "Smith Limited"
    )
    quick.books.edit(own, name="Smith Home")
    quick.run()
    assert quick.names("client") == ["Smith Home", "Smith Limited"]


def test_a_portfolio_that_mosaic_refuses_is_said_and_not_asked_for_at_once(
    quick: Mirror,
) -> None:
    """Projects wait for it, and a person hears why."""
    create = quick.sandbox.team.create
    asked = []

    def refuse(data_type: str, body: Any) -> Any:
        if data_type == "portfolio":
            asked.append(body)
            raise Refused(422, "no portfolio for you")
        return create(data_type, body)

    quick.sandbox.team.create = refuse  # type: ignore[method-assign]
    quick.books.customer("C1", "Acme")
    quick.books.customer("J1", "House", "C1")
    quick.run()
    assert quick.state().attention_id == "mosaic-portfolio-missing"
    assert "no portfolio for you" in (quick.state().attention or "")
    assert quick.record("J1").state == "unlinked"
    quick.run()
    assert len(asked) == 1


@pytest.mark.parametrize("answers", ["callback", "body", "bare"])
def test_a_job_that_is_new_while_its_customer_is_renamed_makes_no_second_client(
    mirror: Mirror, answers: Literal["callback", "body", "bare"]
) -> None:
    """Mosaic makes a client of a name that it does not know: the one just given up."""
    mirror.sandbox.answer_mode = answers
    mirror.books.customer("C1", "Acme")
    mirror.run()
    mirror.clock.pass_(minutes=5)  # for what may be sent at once
    mirror.books.edit("C1", name="Acme Holding")
    mirror.books.customer("J1", "House", "C1")
    mirror.run()

    assert mirror.names("client") == ["Acme Holding"]
    assert mirror.counterpart("J1")["client_id"] == mirror.record("C1").mosaic_id
