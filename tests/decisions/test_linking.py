"""What a person chooses for a record holds, can be taken back, and moves what waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.decisions import link_checks, linking
from qbwc_server.decisions.linking import Way, Word
from qbwc_server.decisions.suggestions import NoPlace, Suggestion, suggest
from qbwc_server.errors import QbwcError
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.delivery.mirror import Mirror, everything_said, nothing_twice

pytestmark = pytest.mark.in_turn


@pytest.fixture(params=["preview", "live"])
def team(request: pytest.FixtureRequest, make_mirror: Callable[..., Mirror]) -> Mirror:
    """A company whose Mosaic has similar things already, and was read."""
    mirror = make_mirror(mode=request.param)
    create = mirror.sandbox.create
    portfolio = create("portfolio", title="Alice & Co")["mosaic_id"]
    create("client", client_name="Acme Holding")
    create("client", client_name="Bolt")
    create("project", title="House", portfolio_id=portfolio, client="Bolt")
    create("employee", email="ann.lee@firm.com", first_name="Ann", last_name="Lee")
    create("standard_work_category", title="Designing")
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.employee("E1", "Ann Lee", None)
    mirror.books.item("S1", "Design")
    return mirror


def _id(mirror: Mirror, data_type: str, name: str) -> int:
    return next(
        int(one["mosaic_id"])
        for one in mirror.sandbox.objects(data_type)
        if name in one.values()
    )


def say(
    mirror: Mirror, do: Callable[..., bool], key: str, *more: Any, **kw: Any
) -> bool:
    """Say something of a record, as a person does."""
    word = Word("bookkeeper", mirror.clock(), "It is so.")
    record_id = mirror.record(key).id
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        return do(connection, mirror.company.id, record_id, *more, word, **kw)


def suggested(mirror: Mirror, key: str) -> list[Suggestion]:
    """Return what is suggested for a record."""
    row, company = mirror.record(key), mirror.state()
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        return suggest(connection, company, [row]).get(row.id, [])


def test_a_link_by_hand_holds_and_what_waits_for_it_follows(team: Mirror) -> None:
    """A member without an address, a client of another name, and the job below it."""
    team.read()
    _read_lists(team)

    assert say(team, linking.link, "C1", _id(team, "client", "Acme Holding"))
    assert say(team, linking.link, "E1", _id(team, "employee", "ann.lee@firm.com"))
    assert not say(team, linking.link, "E1", team.record("E1").mosaic_id)
    team.change(mode="live")
    team.run()

    assert {team.record(key).state for key in ("C1", "J1", "E1")} == {"in_sync"}
    assert team.names("client") == ["Acme", "Bolt"]
    assert team.names("employee") == ["ann.lee@firm.com"]
    assert team.counterpart("J1")["client_id"] == team.record("C1").mosaic_id
    nothing_twice(team)
    event = tables.record_event
    told = [one.what for one in team.rows(event) if one.what.startswith("choice")]
    assert told == ["choice: link", "choice: link"]


def _read_lists(mirror: Mirror) -> None:
    """Have Mosaic's lists read and nothing delivered yet."""
    mode = mirror.state().mode
    mirror.change(mode="paused")
    mirror.worker().run_once()
    mirror.change(mode=mode)


def test_a_link_that_cannot_be_is_refused_with_the_reason(team: Mirror) -> None:
    """Each by its own error, in words; and nothing is changed."""
    team.read()
    _read_lists(team)
    bolt, house = _id(team, "client", "Bolt"), _id(team, "project", "House")
    cases: list[tuple[str, int, type[QbwcError], str]] = [
        ("C1", 999, link_checks.ObjectUnknown, "no client 999"),
        ("C1", house, link_checks.WrongType, "is a project"),
        ("J1", house, NoPlace, "Waits for its client Acme"),
    ]
    for key, number, error, words in cases:
        before = team.record(key)
        with pytest.raises(error, match=words):
            say(team, linking.link, key, number)
        assert team.record(key) == before
    say(team, linking.link, "C1", _id(team, "client", "Acme Holding"))
    with pytest.raises(link_checks.WrongParent, match="belongs to client"):
        say(team, linking.link, "J1", house)
    with pytest.raises(link_checks.LinkedAlready, match="Unlink it first"):
        say(team, linking.link, "C1", bolt)
    team.books.customer("C2", "Other")
    team.read()
    with pytest.raises(link_checks.Taken, match="Acme is linked to it"):
        say(team, linking.link, "C2", team.record("C1").mosaic_id)


@pytest.mark.parametrize("way", linking.WAYS)
def test_a_choice_holds_in_live_mode_and_can_be_taken_back(
    team: Mirror, way: Way
) -> None:
    """Mosaic has a client Bolt: by its name alone it would be linked."""
    team.books.customer("C2", "Bolt")
    team.books.customer("J2", "Garage", "C2")
    team.read()
    _read_lists(team)
    assert say(team, linking.choose, "C2", way)
    assert not say(team, linking.choose, "C2", way)
    team.change(mode="live")
    team.run()

    row, below = team.record("C2"), team.record("J2")
    everything_said(team)
    if way == "new":
        assert team.counterpart("C2")["client_name"] == "Bolt (2)"
        assert below.state == "in_sync"
        with pytest.raises(link_checks.Used, match="stays linked"):
            say(team, linking.undo, "C2")
        return
    assert row.mosaic_id is None
    expected = {"none": "do_not_link", "later": "unlinked"}[way]
    assert (row.state, below.mosaic_id) == (expected, None)
    if way == "none":
        assert below.state == "do_not_link"
        assert "not to be linked" in below.reason
    assert say(team, linking.undo, "C2")
    assert not say(team, linking.undo, "C2")
    team.run()
    assert team.counterpart("C2")["client_name"] == "Bolt"
    assert team.record("J2").state == "in_sync"


def test_unlinking_waits_for_another_word_and_undo_brings_the_link_back(
    team: Mirror,
) -> None:
    """By its name alone it would be linked again at once."""
    team.books.customer("C2", "Bolt")
    team.change(mode="live")
    team.run()
    bolt = team.record("C2").mosaic_id
    writes = len(team.sandbox.writes)

    assert say(team, linking.unlink, "C2")
    assert not say(team, linking.unlink, "C2")
    team.run()
    assert (team.record("C2").mosaic_id, team.record("C2").choice) == (None, "later")
    assert say(team, linking.undo, "C2")
    team.run()

    assert (team.record("C2").mosaic_id, team.record("C2").state) == (bolt, "in_sync")
    assert len(team.sandbox.writes) == writes


def test_a_link_that_was_not_used_is_taken_back_and_one_that_was_stays(
    team: Mirror,
) -> None:
    """What was written through it would be left behind."""
    team.read()
    _read_lists(team)
    say(team, linking.link, "C1", _id(team, "client", "Acme Holding"))
    assert say(team, linking.undo, "C1")
    assert (team.record("C1").mosaic_id, team.record("C1").choice) == (None, None)

    say(team, linking.link, "C1", _id(team, "client", "Acme Holding"))
    team.change(mode="live")
    team.run()
    with pytest.raises(link_checks.Used):
        say(team, linking.undo, "C1")
    assert team.record("C1").state == "in_sync"


def test_nothing_is_chosen_while_a_write_is_on_its_way(mirror: Mirror) -> None:
    """Its answer would bind the record to something else."""
    mirror.books.customer("C1", "Acme")
    mirror.sandbox.answer_mode = "callback"
    mirror.read()
    mirror.worker().run_once()
    assert mirror.calls(settled=False)
    for do in (linking.choose, linking.link):
        with pytest.raises(link_checks.WriteUnderWay):
            say(mirror, do, "C1", "none" if do is linking.choose else 1)


def test_exact_matches_are_told_from_similar_ones(team: Mirror) -> None:
    """Similar ones are suggested, never linked by themselves."""
    team.read()
    create = team.sandbox.create
    create("client", client_name="ACME.")
    create("client", client_name="acme ")
    create("employee", email="lee@x.com", first_name="Lee", last_name="Ann")
    _read_lists(team)

    assert [(one.name, one.by, one.exact) for one in suggested(team, "C1")] == [
        ("acme", "name", True),
        ("ACME.", "similar", False),
    ]
    assert [(one.name, one.by) for one in suggested(team, "E1")] == [
        ("Ann Lee <ann.lee@firm.com>", "name"),
        ("Lee Ann <lee@x.com>", "similar"),
    ]
    assert suggested(team, "J1") == []
    say(team, linking.link, "C1", _id(team, "client", "ACME."))
    portfolio = _id(team, "portfolio", "Alice & Co")
    create("project", title="Acme:House", portfolio_id=portfolio, client="ACME.")
    create("project", title="house", portfolio_id=portfolio, client="ACME.")
    team.clock.pass_(days=1)
    _read_lists(team)
    assert [(one.name, one.exact) for one in suggested(team, "J1")] == [
        ("house", True),
        ("Acme:House", False),
    ]
