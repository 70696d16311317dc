"""The last preview is kept, and made anew when something was chosen."""

from __future__ import annotations

from collections.abc import Callable

from qbwc_server.decisions import bulk
from qbwc_server.decisions.bulk import Filter
from qbwc_server.onboarding import forecast
from qbwc_server.onboarding.forecast import Kept
from qbwc_server.onboarding.preview import preview
from qbwc_server.storage.database import company_reading, company_transaction
from tests.delivery.mirror import Mirror


def _last(mirror: Mirror) -> Kept | None:
    with company_reading(mirror.engine, mirror.company.id) as connection:
        return forecast.last(connection, mirror.company.id)


def _firm(make_mirror: Callable[..., Mirror]) -> Mirror:
    mirror = make_mirror(mode="preview")
    mirror.sandbox.create("client", client_name="acme")
    portfolio = mirror.sandbox.create("portfolio", title="Alice & Co")["mosaic_id"]
    mirror.sandbox.create(
        "project", title="HOUSE", portfolio_id=portfolio, client="acme"
    )
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.customer("C2", "Bolt")
    mirror.books.item("S1", "Design")
    mirror.run()
    return mirror


def test_a_worker_keeps_the_preview_and_makes_it_anew_after_a_choice(
    make_mirror: Callable[..., Mirror],
) -> None:
    """What is kept is what the preview says; a page view plans nothing."""
    mirror = _firm(make_mirror)
    assert _last(mirror) is None
    mirror.clock.pass_(minutes=11)
    mirror.worker().run_once()
    first = _last(mirror)
    assert first is not None
    told = preview(mirror.engine, mirror.state(), mirror.settings, mirror.clock)
    assert first.told["counts"] == {
        kind: dict(counts) for kind, counts in told.counts.items()
    }
    assert first.told["counts"]["customer"] == {"link_change": 2, "create": 1}

    bulk.say(
        mirror.engine,
        mirror.state(),
        "none",
        [mirror.record("C2").id],
        by="bookkeeper",
        clock=mirror.clock,
    )
    mirror.worker().run_once()
    again = _last(mirror)
    assert again is not None
    assert again.told["counts"]["customer"] == {"link_change": 2, "do_not_link": 1}

    mirror.clock.pass_(minutes=5)
    mirror.worker().run_once()
    assert _last(mirror) == again
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        forecast.ask(connection, mirror.company.id, mirror.clock())
    mirror.worker().run_once()
    newest = _last(mirror)
    assert newest is not None
    assert newest.made_at == mirror.clock()


def test_a_paused_company_is_looked_at_once_a_day_and_when_it_goes_on(
    make_mirror: Callable[..., Mirror],
) -> None:
    """Thousands may be left like that: each would be planned every ten minutes."""
    mirror = _firm(make_mirror)
    mirror.clock.pass_(minutes=11)
    mirror.worker().run_once()
    mirror.change(mode="paused")
    made = set()
    for _ in range(12):
        mirror.clock.pass_(hours=1)
        mirror.worker().run_once()
        kept = _last(mirror)
        assert kept is not None
        made.add(kept.made_at)
    assert len(made) == 1
    mirror.change(mode="preview")
    mirror.worker().run_once()
    kept = _last(mirror)
    assert kept is not None
    assert kept.made_at == mirror.clock()


def test_all_exact_matches_are_linked_by_one_word_jobs_after_their_customers(
    make_mirror: Callable[..., Mirror],
) -> None:
    """What has none is left alone by the filter, and refused when it is named."""
    mirror = _firm(make_mirror)

    def match(records: Filter | list[int]) -> bulk.Answer:
        return bulk.say(
            mirror.engine,
            mirror.state(),
            "match",
            records,
            by="bookkeeper",
            clock=mirror.clock,
        )

    answer = match(Filter("jobs", exact=True))
    assert (answer.changed, answer.refused) == (2, [])
    assert mirror.record("J1").choice == "link"
    assert match(Filter("jobs", exact=True)).changed == 0

    bolt = mirror.record("C2").id
    answer = match([mirror.record("C1").id, bolt, 999])
    assert (answer.changed, answer.unchanged) == (0, 1)
    assert [record_id for record_id, _ in answer.refused] == [bolt, 999]

    mirror.change(mode="live")
    mirror.run()
    assert mirror.names("project") == ["House"]
    assert mirror.names("client") == ["Acme", "Bolt"]


def test_two_that_want_the_same_name_are_not_both_promised_it(
    make_mirror: Callable[..., Mirror],
) -> None:
    """Many are planned at once, but each as if it were after the one before it."""
    mirror = make_mirror(mode="preview")
    books = mirror.books
    books.employee("E1", "Ann Lee", "office@example.com")
    books.employee("E2", "Bo Berg", "office@example.com")
    books.customer("C1", "Acme", company_name="Holding")
    books.customer("C2", "Bolt", company_name="Holding")
    books.customer("J1", "House", "C1")
    books.customer("P1", "Roof", "J1")
    mirror.run()
    told = preview(mirror.engine, mirror.state(), mirror.settings, mirror.clock)
    assert told.counts["employee"] == {"create": 1, "unlinked": 1}
    assert told.counts["customer"] == {"create": 4}

    mirror.change(mode="live")
    mirror.run()
    names = mirror.names("client")
    assert (len(names), names.count("Holding")) == (2, 1)
    states = sorted(mirror.record(key).state for key in ("E1", "E2"))
    assert states == ["in_sync", "unlinked"]
