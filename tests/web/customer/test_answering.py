"""Wherever the page asks for a word there is the button for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import queue
from qbwc_server.jobs.doubt import Doubt
from qbwc_server.keys import Keys
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import RunningMosaic, serve
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words import questions
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
Asks = Callable[[str], NewCompany]


@pytest.fixture
def asks(engine: Engine, clock: Clock, new_company: NewCompanies) -> Asks:
    """A function that gives a company which something is asked about."""

    def one(error_id: str) -> NewCompany:
        made = new_company()
        with company_transaction(engine, made.id) as connection:
            attention.attend(
                connection, made.id, error_id=error_id, text="80 of 90.", now=clock()
            )
        return made

    return one


@pytest.fixture
def mosaic() -> Iterator[RunningMosaic]:
    """A Mosaic that takes one key."""
    running = serve(
        MosaicSandbox(api_key="the-new-one", clock=lambda: datetime.now(UTC)), 0
    )
    yield running
    running.stop()


def _audited(engine: Engine, company: NewCompany) -> list[tuple[str, str]]:
    with company_transaction(engine, company.id) as connection:
        rows = connection.execute(
            sa.select(tables.audit.c.who, tables.audit.c.what).where(
                tables.audit.c.company_id == company.id
            )
        ).all()
    return [(row.who, row.what) for row in rows if row.who == "the setup page"]


@pytest.mark.parametrize(
    ("error_id", "said", "what"),
    [
        ("backup-restored-which-side", "mosaic", "after restore: mosaic"),
        ("backup-restored-which-side", "quickbooks", "after restore: quickbooks"),
        ("too-many-gone", "deleted", "deletions accepted"),
        ("too-many-gone", "look", "company read again"),
        ("mosaic-too-many-gone", "deleted", "deletions accepted"),
        ("mosaic-too-many-gone", "look", "company read again"),
    ],
)
def test_a_stop_that_asks_has_its_buttons_and_asks_back(
    server: Client, engine: Engine, asks: Asks, error_id: str, said: str, what: str
) -> None:
    """Each page leads there; the first press only says what happens then."""
    company = asks(error_id)
    here = f"/setup/{company.setup_token}"
    assert f'{here}/questions">Answer' in server.get(f"{here}/overview").text
    shown = server.get(f"{here}/questions").text
    assert "80 of 90." in shown
    assert f'name="do" value="{said}"' in shown
    action = f"{here}/questions/{error_id}"
    way = questions.way(error_id, said)
    assert way is not None
    asked_back = server.post(action, data={"do": said}).text
    assert way.then.split(".")[0] in asked_back.replace("&#39;", "'")
    assert 'name="sure" value="yes"' in asked_back
    assert _audited(engine, company) == []
    done = server.post(action, data={"do": said, "sure": "yes"})
    assert done.status_code == 303
    assert _audited(engine, company) == [("the setup page", what)]


def test_what_is_not_asked_any_more_is_refused_in_words(
    server: Client, engine: Engine, asks: Asks, clock: Clock
) -> None:
    """So is an answer of another question, and one that there is not."""
    company = asks("too-many-gone")
    here = f"/setup/{company.setup_token}/questions"
    sure = {"sure": "yes"}
    wrong = server.post(f"{here}/too-many-gone", data={"do": "mosaic", **sure})
    assert wrong.status_code == 400
    assert server.post(f"{here}/nothing", data={"do": "same"}).status_code == 400
    with company_transaction(engine, company.id) as connection:
        attention.over(connection, company.id, "too-many-gone", now=clock())
    late = server.post(f"{here}/too-many-gone", data={"do": "deleted", **sure})
    assert late.status_code == 409
    assert "This is not asked any more" in late.text
    assert _audited(engine, company) == []


def test_nothing_is_asked_of_a_company_that_works(
    server: Client, new_company: NewCompanies
) -> None:
    """Then there is no tab for it either."""
    here = f"/setup/{new_company().setup_token}"
    assert "/questions" not in server.get(f"{here}/overview").text
    assert "Nothing is asked of you" in server.get(f"{here}/questions").text


def test_a_new_key_is_tried_before_it_is_kept(
    server: Client,
    engine: Engine,
    keys: Keys,
    mosaic: RunningMosaic,
    asks: Asks,
) -> None:
    """One that Mosaic refuses changes nothing; none is ever shown."""
    company = asks("mosaic-unauthorised")
    with company_transaction(engine, company.id) as connection:
        registry.change(connection, company.id, mosaic_url=mosaic.url)
    here = f"/setup/{company.setup_token}"
    assert "The API key of Mosaic" in server.get(f"{here}/questions").text

    def kept() -> str:
        row = registry.find(engine, str(company.id))
        return keys.decrypt(row.mosaic_key) if row.mosaic_key else ""

    for wrong in ("", "ab\ncd", "ab cd", "schlüssel", "x" * 501, "another-key"):
        answer = server.post(f"{here}/mosaic-key", data={"key": wrong})
        assert (answer.status_code, kept()) == (409, "sandbox-key")
        assert not wrong or wrong not in answer.text
    assert "does not accept this key for team 100" in answer.text
    answer = server.post(f"{here}/mosaic-key", data={"key": " the-new-one "})
    assert (answer.status_code, kept()) == (200, "the-new-one")
    assert "the-new-one" not in answer.text
    assert "Mosaic accepts the key" in answer.text
    with company_transaction(engine, company.id) as connection:
        assert attention.standing(connection, company.id) == []
        audit = connection.execute(sa.select(tables.audit.c.detail)).scalars().all()
    assert {"mosaic_key": "[hidden]", "mosaic_auth_scheme": "raw"} in audit


def test_keys_are_not_guessed_through_us(
    server: Client, engine: Engine, mosaic: RunningMosaic, asks: Asks
) -> None:
    """After five wrong ones of a company none is tried for a while, right or not."""
    company = asks("mosaic-unauthorised")
    with company_transaction(engine, company.id) as connection:
        registry.change(connection, company.id, mosaic_url=mosaic.url)
    path = f"/setup/{company.setup_token}/mosaic-key"
    told = [server.post(path, data={"key": f"guess-{n}"}).text for n in range(6)]
    assert ["Too many keys" in one for one in told] == [False] * 5 + [True]
    assert "Too many keys" in server.post(path, data={"key": "the-new-one"}).text


def test_mosaic_that_cannot_be_asked_takes_no_key(
    server: Client, engine: Engine, keys: Keys, asks: Asks
) -> None:
    """The key before it stays; it is said that it was not the key."""
    company = asks("mosaic-key-missing")
    path = f"/setup/{company.setup_token}/mosaic-key"
    answer = server.post(path, data={"key": "the-new-one"})
    assert answer.status_code == 409
    assert "cannot be asked just now" in answer.text
    row = registry.find(engine, str(company.id))
    assert row.mosaic_key is not None
    assert keys.decrypt(row.mosaic_key) == "sandbox-key"


def test_the_commands_of_support_are_not_for_customers(
    server: Client, asks: Asks
) -> None:
    """What is known of a question is told, without what only support can do."""
    here = f"/setup/{asks('write-in-doubt').setup_token}"
    page = server.get(here).text
    assert "Nothing more is sent for this entry until then." in page
    assert "Support:" not in page
    assert "jobs found" not in page


@pytest.mark.parametrize(
    ("said", "what"), [("missing", "job said not to be done"), ("leave", "job left")]
)
def test_a_write_in_doubt_is_answered_on_the_page(
    server: Client,
    engine: Engine,
    clock: Clock,
    asks: Asks,
    put: Callable[..., int],
    said: str,
    what: str,
) -> None:
    """It is not there: it is entered once more; or it is to be left."""
    company = asks("write-in-doubt")
    record = put(company.id, "Ann 8:00", kind="time_entry", state="pending")
    with company_transaction(engine, company.id) as connection:
        number = queue.enqueue(
            connection,
            company.id,
            kind="time_entry",
            action="add",
            summary="Add Ann 8:00",
            now=clock(),
            by="us",
            record_id=record,
        )
        doubt = Doubt(given_up=True).kept()
        connection.execute(
            tables.job.update()
            .where(tables.job.c.id == number)
            .values(state="failed", cursor=doubt)
        )
    here = f"/setup/{company.setup_token}"
    assert "Add Ann 8:00" in server.get(f"{here}/questions").text
    path = f"{here}/doubtful/{number}"
    assert server.post(path, data={"do": "found"}).status_code == 400
    assert server.post(path, data={"do": said}).status_code == 303
    assert _audited(engine, company) == [("the setup page", what)]
    assert "Add Ann 8:00" not in server.get(f"{here}/questions").text
    assert server.post(path, data={"do": "missing"}).status_code in {303, 409}


def test_hours_of_before_going_live_are_answered_once_for_all(
    server: Client,
    engine: Engine,
    new_company: NewCompanies,
    put: Callable[..., int],
) -> None:
    """With how many they are and how long; Leave is refused while some may come."""
    company = new_company(before_live="ask")
    waits = {"waits_for": "company:before-live", "state": "unlinked"}
    put(
        company.id,
        "Ann 1:30",
        kind="time_entry",
        quickbooks_id=None,
        mosaic_id=7,
        mosaic={"minutes": 90},
        **waits,
    )
    here = f"/setup/{company.setup_token}"
    assert "1 entry, 1:30 hours" in server.get(f"{here}/questions").text
    path = f"{here}/questions/hours-before-live"
    assert server.post(path, data={"do": "leave", "sure": "yes"}).status_code == 409
    assert 'value="yes"' in server.post(path, data={"do": "add"}).text
    assert server.post(path, data={"do": "add", "sure": "yes"}).status_code == 303
    assert registry.find(engine, str(company.id)).before_live == "add"


def _refused(**values: Any) -> dict[str, Any]:
    return {"kind": "time_entry", "state": "refused", "reason": "Why.", **values}


@pytest.mark.parametrize(
    ("values", "ways"),
    [
        (_refused(restored="missing"), ["restored:back", "restored:leave"]),
        (_refused(restored="older"), ["restored:back", "restored:leave"]),
        (_refused(restored="copy"), ["restored:meant"]),
        (
            _refused(
                mosaic_id=7,
                mosaic_gone=True,
                gone={
                    "mosaic": {
                        "who": "not shown",
                        "at": "2026-03-01T00:00:00+00:00",
                        "known": True,
                    }
                },
            ),
            ["gone:deleted", "gone:stays"],
        ),
        (_refused(), []),
        ({"kind": "time_entry", "state": "in_sync"}, []),
        ({"kind": "customer", "state": "refused", "reason": "Why."}, []),
    ],
    ids=["missing", "older", "copy", "gone", "refused", "in sync", "a list"],
)
def test_an_entry_that_asks_has_the_answers_that_fit_it(
    server: Client,
    new_company: NewCompanies,
    put: Callable[..., int],
    values: dict[str, Any],
    ways: list[str],
) -> None:
    """And no others: what does not fit is refused, whoever sends it."""
    company = new_company()
    number = put(company.id, "Ann 8:00", **values)
    here = f"/setup/{company.setup_token}"
    shown = server.get(f"{here}/records?need=needs_you").text
    known = [*questions.OF_ENTRY, "one:9"]
    assert [one for one in known if f'name="do" value="{one}"' in shown] == sorted(
        ways, key=known.index
    )
    for said in known:
        answer = server.post(f"{here}/records/{number}", data={"do": said})
        assert (answer.status_code == 303) == (said in ways[:1])
        if answer.status_code == 303:
            break


def test_nobody_answers_for_another_company(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """Neither about its entries nor about its writes."""
    alice, bob = new_company("Alice"), new_company("Bob")
    number = put(alice.id, "Hers", **_refused(restored="missing"))
    here = f"/setup/{bob.setup_token}"
    answer = server.post(f"{here}/records/{number}", data={"do": "restored:back"})
    assert answer.status_code == 409
    assert (
        server.post(f"{here}/doubtful/{number}", data={"do": "missing"}).status_code
        == 404
    )
