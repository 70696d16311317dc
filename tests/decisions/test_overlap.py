"""Two company files of one Mosaic team: what both have is found, and not harmed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

import pytest
import sqlalchemy as sa

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import bulk, link_checks, linking, overlap
from qbwc_server.decisions.linking import Word
from qbwc_server.delivery import reservations
from qbwc_server.delivery.reservations import Elsewhere
from qbwc_server.kinds.list_plan import match_key
from qbwc_server.onboarding import going_live
from qbwc_server.onboarding.going_live import NotReady
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.delivery.mirror import Mirror

pytestmark = pytest.mark.in_turn

NewCompanies = Callable[..., NewCompany]


@pytest.fixture
def pair(mirror: Mirror, new_company: NewCompanies) -> tuple[Mirror, Mirror]:
    """Alice's company, live, and Bob's of the same team, which is not live yet."""
    company = new_company("Bob", mode="preview", mosaic_url=mirror.state().mosaic_url)
    other = Mirror(
        mirror.engine,
        mirror.keys,
        mirror.settings,
        mirror.clock,
        company,
        mirror.sandbox,
    )
    for one in (mirror, other):
        one.sandbox.answer_mode = "body"
        one.books.customer("C1", "Acme")
        one.books.employee("E1", "Ann Lee", "ann@example.com")
        one.books.item("S1", "Design")
    return mirror, other


def _look(mirror: Mirror) -> list[tuple[str, bool]]:
    return sorted(
        (one.data_type, one.needs_word)
        for one in overlap.look(mirror.engine, mirror.state(), mirror.clock)
    )


def _make_ready(mirror: Mirror) -> None:
    """Let it seem that the company file was recognised and read."""
    mirror.change(file_name="Bob.qbw")
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        for kind in ("employee", "customer", "service_item"):
            connection.execute(
                tables.reading.insert(),
                {
                    "company_id": mirror.company.id,
                    "kind": kind,
                    "last_full_at": mirror.clock(),
                },
            )


def test_what_another_file_has_is_found_and_holds_up_going_live(
    pair: tuple[Mirror, Mirror],
) -> None:
    """A client needs a word; people and categories are shared without one."""
    alice, bob = pair
    alice.run()
    bob.run()
    _make_ready(bob)

    expected = [
        ("client", True),
        ("employee", False),
        ("standard_work_category", False),
    ]
    assert _look(bob) == expected
    told = overlap.look(bob.engine, bob.state(), bob.clock)
    assert "Alice" not in str(told)
    with pytest.raises(NotReady, match="Acme too") as refused:
        going_live.go_live(
            bob.engine, bob.state(), bob.clock, who="bookkeeper", previewed=True
        )
    assert len(refused.value.reasons) == 1
    assert bob.state().mode == "preview"

    bob.change(mode="live")  # whoever forces it does no harm either
    bob.run()
    assert bob.record("C1").state == "unlinked"
    assert "Another company file" in bob.record("C1").reason
    assert bob.record("E1").mosaic_id == alice.record("E1").mosaic_id
    assert bob.record("S1").mosaic_id == alice.record("S1").mosaic_id
    assert bob.names("client") == ["Acme"]


def test_a_paused_company_does_not_go_live_from_its_pause(
    pair: tuple[Mirror, Mirror],
) -> None:
    """It is resumed first: to what it was."""
    alice, bob = pair
    alice.run()
    bob.run()
    _make_ready(bob)
    bob.change(mode="paused")
    with pytest.raises(NotReady, match="paused: have it go on first"):
        going_live.go_live(bob.engine, bob.state(), bob.clock, who="x", previewed=True)
    assert bob.state().mode == "paused"


@pytest.mark.parametrize("share", [True, False])
def test_with_a_person_s_word_both_share_or_go_apart(
    pair: tuple[Mirror, Mirror], share: bool
) -> None:
    """Linking says whether it is shared; without that it is refused."""
    alice, bob = pair
    alice.run()
    bob.run()
    _make_ready(bob)
    answer = bulk.say(
        bob.engine,
        bob.state(),
        "match" if share else "new",
        [bob.record("C1").id],
        by="bookkeeper",
        clock=bob.clock,
        share=share,
    )
    assert (answer.changed, answer.refused) == (1, [])

    why = "They agreed."
    assert going_live.go_live(
        bob.engine, bob.state(), bob.clock, who="bookkeeper", previewed=True, why=why
    )
    kept = [row for row in bob.rows(tables.audit) if row.what == "went live"]
    assert [(row.who, row.why) for row in kept] == [("bookkeeper", why)]
    assert not going_live.go_live(
        bob.engine, bob.state(), bob.clock, who="x", previewed=True
    )
    bob.run()
    same = bob.record("C1").mosaic_id == alice.record("C1").mosaic_id
    assert same is share
    assert bob.names("client") == (["Acme"] if share else ["Acme", "Acme (2)"])
    assert all(not needs for _, needs in _look(bob))


def test_a_link_to_what_another_file_has_is_refused_without_the_word(
    pair: tuple[Mirror, Mirror],
) -> None:
    """By number as well as by name."""
    alice, bob = pair
    alice.run()
    bob.run()
    record_id, there = bob.record("C1").id, alice.record("C1").mosaic_id
    word = Word("bookkeeper", bob.clock())
    with (
        company_transaction(bob.engine, bob.company.id) as connection,
        pytest.raises(link_checks.TakenElsewhere),
    ):
        linking.link(connection, bob.company.id, record_id, there, word)


def test_what_is_shared_is_changed_by_the_first_alone_and_archived_by_nobody(
    pair: tuple[Mirror, Mirror],
) -> None:
    """Or the two would rename the person for ever, and hours of one would stop."""
    alice, bob = pair
    alice.run()
    bob.change(mode="live")
    bob.run()
    before = len(alice.sandbox.writes)
    bob.books.edit("E1", name="Ann Leigh")
    bob.run()
    assert bob.counterpart("E1")["last_name"] == "Lee"
    assert "Left as it is" in bob.record("E1").reason
    alice.books.edit("E1", active=False)
    alice.run()
    assert not alice.counterpart("E1")["is_archived"]
    assert len(alice.sandbox.writes) == before
    alice.books.edit("E1", name="Ann Lind")
    alice.run()
    assert alice.counterpart("E1")["last_name"] == "Lind"


def test_both_that_are_not_live_yet_see_each_other(
    pair: tuple[Mirror, Mirror],
) -> None:
    """The first to look says what it means to link; so the second finds it."""
    alice, bob = pair
    alice.change(mode="preview")
    alice.sandbox.create("client", client_name="Acme")
    alice.run()
    bob.run()
    assert _look(alice) == []
    assert _look(bob) == [("client", True)]
    assert _look(alice) == [("client", True)]


def test_a_claim_is_written_and_taken_back_by_its_own_company_alone(
    pair: tuple[Mirror, Mirror],
) -> None:
    """PostgreSQL sees to it; all of the team may read it."""
    alice, bob = pair
    alice.run()
    claim = tables.mosaic_claim
    with company_transaction(bob.engine, bob.company.id) as connection:
        seen = set(connection.execute(sa.select(claim.c.holder)).scalars())
        assert seen == {alice.company.id}
        if connection.dialect.name == "postgresql":
            gone = connection.execute(claim.delete())
            assert gone.rowcount == 0
            changed = connection.execute(claim.update().values(meant=True))
            assert changed.rowcount == 0
    row = alice.record("C1")
    with company_transaction(alice.engine, alice.company.id) as connection:
        word = Word("bookkeeper", alice.clock())
        linking.unlink(connection, alice.company.id, row.id, word)
    with company_transaction(bob.engine, bob.company.id) as connection:
        types = set(connection.execute(sa.select(claim.c.data_type)).scalars())
    linked = {one for one in types if not one.startswith("made ")}
    assert linked == {"employee", "standard_work_category"}


def test_a_company_that_is_not_ready_is_told_everything_that_is_missing(
    pair: tuple[Mirror, Mirror],
) -> None:
    """At once, not one after the other."""
    _, bob = pair
    bob.change(mosaic_key=None)
    with pytest.raises(NotReady) as refused:
        going_live.go_live(bob.engine, bob.state(), bob.clock, who="x", previewed=True)
    told = " ".join(refused.value.reasons)
    for words in ("not recognised", "employees and customers", "API key"):
        assert words in told


def _live_pair(pair: tuple[Mirror, Mirror]) -> tuple[Mirror, Mirror]:
    alice, bob = pair
    bob.change(mode="live")
    for one in pair:
        one.run()
    return alice, bob


@pytest.mark.in_turn(False)
def test_two_live_files_do_not_both_make_the_same_new_client(
    pair: tuple[Mirror, Mirror],
) -> None:
    """Between two reads of Mosaic's lists: the second looks again first."""
    alice, bob = _live_pair(pair)
    for one in (alice, bob):
        one.books.customer("C9", "Newcomer & Co")
        one.books.item("S9", "Surveying")
    alice.run()
    assert alice.names("client").count("Newcomer & Co") == 1
    bob.run()
    assert bob.names("client").count("Newcomer & Co") == 1
    assert bob.record("C9").state == "unlinked"
    assert "Another company file" in bob.record("C9").reason
    assert bob.names("standard_work_category").count("Surveying") == 1
    assert bob.record("S9").mosaic_id == alice.record("S9").mosaic_id


def _next_served(mirror: Mirror, at: datetime | None) -> None:
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        registry.change(connection, mirror.company.id, deliver_at=at)


def test_what_another_file_is_still_making_is_waited_for(
    pair: tuple[Mirror, Mirror],
) -> None:
    """Mosaic answers later: nobody knows yet whether it will be there."""
    alice, bob = _live_pair(pair)
    for one in (alice, bob):
        one.books.customer("C9", "Newcomer & Co")
    alice.sandbox.answer_mode = "callback"
    alice.clock.pass_(minutes=6)  # Mosaic's rate limit is of both
    alice.read()
    _next_served(bob, None)
    alice.worker().run_once()
    _next_served(alice, None)
    bob.clock.pass_(minutes=6)
    bob.read()
    bob.worker().run_once()
    assert bob.record("C9").state == "pending"
    assert "just made it in Mosaic, or is making it" in bob.record("C9").reason
    alice.sandbox.deliver_callbacks()
    alice.sandbox.answer_mode = "body"
    _next_served(alice, alice.clock())
    alice.run()
    bob.run()
    assert bob.names("client").count("Newcomer & Co") == 1
    assert alice.record("C9").state == "in_sync"
    assert bob.record("C9").state == "unlinked"


def test_what_another_file_could_not_make_is_made(pair: tuple[Mirror, Mirror]) -> None:
    """A claim that came to nothing holds up nobody."""
    alice, bob = _live_pair(pair)
    now = bob.clock()
    company = alice.state()
    name = ("client", match_key("Newcomer & Co"))
    with company_transaction(alice.engine, company.id) as connection:
        assert not reservations.begin(
            connection, company.team, company.id, {name}, read_at=None, now=now
        )
    bob.books.customer("C9", "Newcomer & Co")
    bob.read()
    bob.worker().run_once()
    assert bob.record("C9").mosaic_id is None
    with company_transaction(alice.engine, company.id) as connection:
        reservations.end(
            connection, company.team, company.id, *name, made=False, now=now
        )
    bob.run()
    assert bob.record("C9").state == "in_sync"


@pytest.mark.in_turn(False)
def test_two_files_that_make_the_same_at_the_same_moment_take_turns(
    pair: tuple[Mirror, Mirror],
) -> None:
    """Looking and claiming is one step: the second sees what the first is about to."""
    alice, bob = pair
    name = ("client", match_key("Newcomer & Co"))

    def take(mirror: Mirror, meanwhile: Callable[[], object]) -> list[Elsewhere]:
        company, now = mirror.state(), mirror.clock()
        with company_transaction(mirror.engine, company.id) as connection:
            taken = reservations.begin(
                connection, company.team, company.id, {name}, read_at=now, now=now
            )
            meanwhile()
        return list(taken.values())

    with ThreadPoolExecutor(1) as pool:
        second: list[Future[list[Elsewhere]]] = []

        def meanwhile() -> None:
            second.append(pool.submit(take, bob, lambda: None))
            wait(second, timeout=0.5)

        assert take(alice, meanwhile) == []
        assert second[0].result() == [Elsewhere.MAKING]
