"""Pages: iterators that die, and people read by ranges of names."""

from __future__ import annotations

import re

import pytest

from qbwc_server.companies import attention
from qbwc_server.storage import tables
from tests.quickbooks.poller import Poller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def small(poller: Poller) -> Poller:
    """A company whose lists are read ten at a time."""
    poller.rules = type(poller.rules)(10, poller.rules.full_compare)
    return poller


def _drop(text: str, name: str) -> str:
    """Take the answer to a message out of a message set."""
    return re.sub(rf"<{name}Rs[^>]*?(/>|>.*?</{name}Rs>)", "", text, flags=re.DOTALL)


def test_an_iterator_brings_every_page(small: Poller) -> None:
    """Twenty-five customers come on three pages, and all of them arrive."""
    for number in range(25):
        small.hands.add("Customer", f"C{number}")
    sent = small.poll()
    assert len(sent) == 3
    assert len(small.records("customer")) == 25


def test_a_lost_iterator_starts_again_from_the_committed_watermark(
    small: Poller,
) -> None:
    """An iterator that idled too long is begun anew, and nothing is missing."""
    for number in range(25):
        small.hands.add("Customer", f"C{number}")

    def idle(number: int) -> None:
        if number == 2:
            small.clock.pass_(seconds=30)

    sent = small.poll(between=idle)
    assert sum('iterator="Start"' in text for text in sent) >= 2
    assert len(small.records("customer")) == 25
    assert small.job("customer").state == "done"


def test_an_iterator_that_is_lost_again_and_again_brings_the_list_to_its_end(
    small: Poller,
) -> None:
    """Pages that were taken stay taken, so no loss is a try, and nothing is told."""
    for number in range(240):
        small.hands.add("Customer", f"C{number:03}")
    states = []

    def idle(number: int) -> None:
        job = small.job("customer")
        states.append((job.state, job.attempt))
        if number in {3, 6, 9, 12, 15, 18, 21}:
            small.clock.pass_(seconds=11)

    sent = small.poll(between=idle)
    assert {attempt for _, attempt in states} == {1}
    assert "failed" not in {state for state, _ in states}
    assert small.job("customer").state == "done"
    assert len(small.records("customer")) == 240
    assert len(sent) < 40
    assert small.company().attention_id == attention.TIME_OFF, "and nothing else"


def test_iterators_that_always_die_are_as_good_as_ranges_of_names(
    small: Poller,
) -> None:
    """QuickBooks that loses every iterator gives a page for each that is begun."""
    for number in range(35):
        small.hands.add("Customer", f"C{number:02}")
    small.poll(seconds=30)
    assert small.job("customer").state == "done"
    assert len(small.records("customer")) == 35


def test_iterators_that_die_at_once_end_in_a_failed_job(small: Poller) -> None:
    """Where no page brings anything new, QuickBooks is not asked for ever."""
    small.hands.add("Customer", "C")

    def lost(answer: str) -> str:
        return re.sub(
            r"<CustomerQueryRs.*?</CustomerQueryRs>|<CustomerQueryRs[^>]*/>",
            f'<CustomerQueryRs requestID="{small.job("customer").id}" '
            'statusCode="3391" statusSeverity="Error" statusMessage="not valid"/>',
            answer,
            flags=re.DOTALL,
        )

    small.poll(lost)
    job = small.job("customer")
    assert job.state == "failed"
    assert "3391" in (job.reason or "")


def test_nothing_is_gone_by_a_list_that_was_taken_in_parts_and_lacks_some(
    small: Poller,
) -> None:
    """A QuickBooks that begins elsewhere than at the name is read anew, whole."""
    for number in range(45):
        small.hands.add("Customer", f"C{number:02}")
    small.poll()
    assert len(small.records("customer")) == 45
    small.clock.pass_(days=8)
    skips = 0

    def idle(number: int) -> None:
        if number == 2:
            small.clock.pass_(seconds=11)

    original = small.file.begin_session

    def begin(**named: str) -> object:
        session = original(**named)
        process = session.process

        def other_order(text: str) -> str:
            nonlocal skips
            if "<FromName>C19" in text or "<FromName>C29" in text:
                skips += 1
                text = re.sub("<FromName>C.9", "<FromName>C39", text)
            return process(text)

        patch.setattr(session, "process", other_order)
        return session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small.file, "begin_session", begin)
        small.poll(between=idle)
        assert skips
        assert small.records("customer", gone=True) == {}
        assert "as many objects" in (small.job("customer").reason or "")
        small.clock.pass_(minutes=30)
        small.poll()
    assert small.job("customer").state == "done"
    assert small.records("customer", gone=True) == {}
    assert len(small.records("customer")) == 45


def test_an_old_page_in_place_of_the_next_one_is_not_taken(small: Poller) -> None:
    """With each page fewer are left; an answer that says otherwise is another one."""
    for number in range(25):
        small.hands.add("Customer", f"C{number:02}")
    answers: list[str] = []

    def second_is_the_first(answer: str) -> str:
        answers.append(answer)
        return answers[0] if len(answers) == 2 else answer

    small.poll(second_is_the_first)
    assert "not the next page" in (small.job("customer").reason or "")
    small.clock.pass_(minutes=10)
    small.poll()
    assert len(small.records("customer")) == 25
    assert small.job("customer").state == "done"


def test_a_page_without_an_answer_is_not_skipped(small: Poller) -> None:
    """When a page's answer is missing, the same session reads from the start again."""
    for number in range(25):
        small.hands.add("Customer", f"C{number:02}")
    rounds = 0

    def without_second(answer: str) -> str:
        nonlocal rounds
        rounds += 1
        return _drop(answer, "CustomerQuery") if rounds == 2 else answer

    def at_once(number: int) -> None:
        if number == 2:
            job = tables.job
            with small.engine.begin() as connection:
                connection.execute(job.update().values(run_at=small.clock()))

    small.poll(without_second, between=at_once)
    assert len(small.records("customer")) == 25


def test_a_lost_answer_leaves_the_watermark_where_it_was(small: Poller) -> None:
    """A read that broke off moves no watermark, and the next session reads it all."""
    for number in range(25):
        small.hands.add("Customer", f"C{number}")
    rounds = 0

    def lose(answer: str) -> str | None:
        nonlocal rounds
        rounds += 1
        return None if rounds == 2 else answer

    def stop(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.poll(lose, between=stop)
    rows = small.rows(tables.reading)
    assert "customer" not in {row.kind for row in rows if row.watermark}
    small.poll()
    assert len(small.records("customer")) == 25


@pytest.mark.parametrize(
    "names",
    [
        [f"Anna {number:02}" for number in range(34)],
        [f"{'Anna' if number % 2 else 'ANNA'} {number:02}" for number in range(34)],
        [f"{'ÄäÖöüß'[number % 6]}{number:02} Æsir" for number in range(34)],
        [f"O'Brien-{number}" for number in range(10)],
    ],
    ids=["same-letters", "case", "non-ascii", "exactly-one-page"],
)
def test_people_are_read_by_ranges_of_names(small: Poller, names: list[str]) -> None:
    """More employees than a page holds all arrive, whatever their names."""
    for name in names:
        small.hands.add("Employee", name)
    small.poll()
    assert small.names("employee") == sorted(names)
    assert small.job("employee").state == "done"


def test_names_out_of_order_are_asked_for_all_at_once(small: Poller) -> None:
    """A list that QuickBooks sorts in its own way is not cut into ranges."""
    for number in range(30):
        small.hands.add("Employee", f"E{number:02}")
    # As a list that was sorted by hand: what stands last is named first.
    small.file.store.run("UPDATE record SET sort_name = 'e05a' WHERE full_name = 'E29'")
    sent = small.poll()
    assert len(small.records("employee")) == 30
    assert "<MaxReturned>" not in sent[1].split("EmployeeQueryRq")[1]


def test_a_range_that_begins_elsewhere_is_not_believed(small: Poller) -> None:
    """When the next range lacks the name it starts at, everybody is asked for."""
    for number in range(30):
        small.hands.add("Employee", f"E{number:02}")

    def rename(number: int) -> None:
        if number == 1:
            small.hands.rename("Employee", small.ids("Employee")["E09"], "A09")

    small.poll(between=rename)
    assert small.names("employee")[0] == "A09"
    assert len(small.records("employee")) == 30


def test_a_rename_between_pages_is_no_deletion(small: Poller) -> None:
    """A customer that moves from behind the page to before it is not gone."""
    for number in range(25):
        small.hands.add("Customer", f"C{number:02}")
    small.poll()
    small.clock.pass_(days=8)

    def rename(number: int) -> None:
        if number == 1:
            small.hands.rename("Customer", small.ids("Customer")["C24"], "A24")

    small.poll(between=rename)
    assert small.records("customer", gone=True) == {}
    assert "A24" in small.names("customer")
