"""Exchanges: what was said on both sides, byte for byte, and what a loss means."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import claiming, exchanges, queue
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]

TEXTS = {
    "empty": "",
    "spaces": "  \t leading and trailing \n\r\n ",
    "line ends": "one\r\ntwo\nthree\rfour",
    "quotes": """<Name>O'Brien "&amp;" `x` $1 %s %(a)s :b ?1 \\ \\n</Name>""",
    "not ASCII": "Jörg Œuvre Ωmega 名前 🏗️ e\u0301 \u00a0 \u2028 \ufeff",
    "cut in half": '<?xml version="1.0"?><QBXML><QBXMLMsgsRs><Cust',
    "huge": "<ret>ä</ret>" * 400_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_request_and_answer_are_kept_byte_for_byte(
    engine: Engine, new_company: NewCompanies, clock: Clock, text: str
) -> None:
    """What is read again is what was handed out, and what came."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock())
        exchange_id = jobs.send(connection, [job], clock(), request=text)
    with company_transaction(engine, company.id) as connection:
        assert exchanges.keep_answer(
            connection,
            company.id,
            exchange_id,
            answer=text,
            hresult="",
            message=text[:500],
            now=clock(),
        )
    with company_transaction(engine, company.id) as connection:
        row = exchanges.get(connection, company.id, exchange_id)

    assert text == row.request
    assert text == row.answer
    assert (text[:500] or None) == row.message
    assert ("answered", None, clock()) == (row.state, row.hresult, row.answered_at)


def test_an_exchange_has_one_answer_and_the_first_one_stays(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A second answer, and one to an exchange that was given up, changes nothing."""
    company = new_company()

    def answer(exchange_id: int, text: str) -> bool:
        with company_transaction(engine, company.id) as connection:
            kept = exchanges.keep_answer(
                connection,
                company.id,
                exchange_id,
                answer=text,
                hresult="0x80040400",
                message="",
                now=clock(),
            )
        return kept is not None

    with company_transaction(engine, company.id) as connection:
        first, second = (
            jobs.send(connection, [jobs.add(connection, company.id, clock())], clock())
            for _ in range(2)
        )
        exchanges.lose(connection, company.id, second, by="no answer", now=clock())

    assert answer(first, "one")
    assert not answer(first, "two")
    assert not answer(second, "late")
    assert not answer(999, "of nobody")
    with company_transaction(engine, company.id) as connection:
        kept = exchanges.get(connection, company.id, first)
        lost = exchanges.get(connection, company.id, second)
    assert (kept.answer, kept.hresult) == ("one", "0x80040400")
    assert (lost.answer, lost.state, lost.reason) == (None, "lost", "No answer came.")


def test_an_answer_that_comes_too_late_is_kept_to_be_read(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """It changes nothing any more, and is not thrown away either."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock())
        exchange_id = jobs.send(connection, [job], clock())
        exchanges.lose(connection, company.id, exchange_id, by="test", now=clock())
        for answer in ("the late one", "a second one"):
            exchanges.keep_late(connection, company.id, exchange_id, answer, clock())
        row = exchanges.get(connection, company.id, exchange_id)

    assert (row.state, row.answer) == ("lost", "the late one")
    assert row.reason == "The answer came too late."


def test_what_is_sent_is_marked_and_counted_in_the_same_transaction(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Jobs know their exchange, their moment and their tries; order is kept."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for priority in (70, 20, 50):
            jobs.add(connection, company.id, clock(), priority=priority)
        claimed = claiming.claimable(connection, company.id, clock(), write_batch=25)
        exchange_id = jobs.send(connection, claimed, clock())

        sent = exchanges.jobs_of(connection, company.id, exchange_id)
        row = exchanges.get(connection, company.id, exchange_id)

    assert [job.id for job in claimed] == [job.id for job in sent]
    assert {("sent", exchange_id, 1, clock())} == {
        (job.state, job.exchange_id, job.attempt, job.sent_at) for job in sent
    }
    assert (row.state, row.writes, row.session_id) == ("sent", True, jobs.SESSION)


def test_only_the_first_page_of_a_read_counts_as_a_try(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A list of many pages does not use up its tries by being long."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock(), action="read")
        for pages in range(4):
            jobs.send(connection, [job], clock(), cursor={"pages": pages})
            job = jobs.get(connection, company.id, job.id)
            queue.move(connection, job, "ready", by="answer", now=clock())
            job = jobs.get(connection, company.id, job.id)

    assert job.attempt == 1
    assert job.cursor == {"pages": 3}


def test_a_lost_exchange_frees_its_reads_and_leaves_its_writes_unsure(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """What is already settled stays; an unsure write still names its exchange."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        one, read, write = (
            jobs.add(connection, company.id, clock(), action=action)
            for action in ("add", "read", "add")
        )
        exchange_id = jobs.send(connection, [one, read, write], clock())
        one = jobs.get(connection, company.id, one.id)
        queue.move(connection, one, "done", by="answer", now=clock())

        exchanges.lose(connection, company.id, exchange_id, by="silence", now=clock())

        after = queue.select(connection, company.id)
        events = jobs.history(connection, write)

    assert [job.state for job in after] == ["done", "ready", "unsure"]
    assert [exchange_id, None, exchange_id] == [job.exchange_id for job in after]
    assert (
        events[-1].to_state,
        events[-1].by,
        events[-1].reason,
    ) == ("unsure", "silence", "No answer came.")


def test_no_unsure_write_is_handed_out(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """However much time passes, doubt alone never makes a write ready."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        jobs.into(connection, company.id, clock(), "unsure")
        clock.pass_(days=400)

        assert claiming.claimable(connection, company.id, clock(), write_batch=25) == []


def test_answers_that_came_unasked_are_kept_and_are_nobody_s_to_answer(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """They have no jobs and count as worked with."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        exchanges.keep_unasked(connection, company.id, 7, "<hcp ä/>", clock())
        row = exchanges.latest(connection, company.id, 7, "hcp")
        assert row is not None
        assert ("<hcp ä/>", clock()) == (row.answer, row.applied_at)
        assert exchanges.jobs_of(connection, company.id, row.id) == []
        assert exchanges.latest(connection, company.id, 7, "work") is None
        assert exchanges.latest(connection, company.id, 8, "hcp") is None


def test_exchanges_of_two_companies_never_touch(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Equal numbers in two companies are two exchanges."""
    alice, bob = new_company("Alice"), new_company("Bob")
    ids = []
    for company in (alice, bob):
        with company_transaction(engine, company.id) as connection:
            job = jobs.add(connection, company.id, clock())
            ids.append(jobs.send(connection, [job], clock(), request=company.name))
    assert ids[0] == ids[1]

    with company_transaction(engine, bob.id) as connection:
        exchanges.lose(connection, bob.id, ids[1], by="test", now=clock())

    with company_transaction(engine, alice.id) as connection:
        row = exchanges.get(connection, alice.id, ids[0])
        assert (row.request, row.state) == ("Alice", "sent")
        assert [one.state for one in queue.select(connection, alice.id)] == ["sent"]


def test_every_id_of_a_company_is_its_own_across_all_tables(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """An id that stands in a log line names one row only."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for _ in range(3):
            job = jobs.add(connection, company.id, clock())
            jobs.send(connection, [job], clock())
        ids = list(
            itertools.chain.from_iterable(
                connection.execute(
                    sa.select(table.c.id).where(table.c.company_id == company.id)
                ).scalars()
                for table in (tables.job, tables.job_event, tables.exchange)
            )
        )

    assert 3 + 6 + 3 == len(ids) == len(set(ids))
