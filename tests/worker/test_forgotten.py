"""A company that an operator forgets while a worker is at it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.operations import forgetting
from qbwc_server.settings import Settings
from qbwc_server.storage.database import company_transaction
from qbwc_server.worker.loop import Worker
from tests.conftest import Clock


@pytest.mark.parametrize("fails", [False, True])
def test_it_is_no_bug_and_the_next_company_is_served(
    engine: Engine,
    keys: Keys,
    settings: Settings,
    clock: Clock,
    new_company: Callable[..., NewCompany],
    monkeypatch: pytest.MonkeyPatch,
    *,
    fails: bool,
) -> None:
    """Whether the worker finds that in the middle of a pass or at its end."""
    gone, stays = new_company("Alice"), new_company("Bob")
    with company_transaction(engine, gone.id) as connection:
        registry.change(connection, gone.id, deliver_at=clock())
    clock.pass_(minutes=1)
    with company_transaction(engine, stays.id) as connection:
        registry.change(connection, stays.id, deliver_at=clock())
    served: list[int] = []

    def deliver(_worker: Worker, company: registry.Company, *_: str) -> None:
        served.append(company.id)
        if company.id != gone.id:
            return
        forgetting.forget(
            *(engine, company, settings), now=clock(), who="eve", even_if_running=True
        )
        if fails:
            registry.numbered(engine, gone.id)

    monkeypatch.setattr(Worker, "_deliver", deliver)
    with structlog.testing.capture_logs() as lines:
        Worker(engine, keys, settings, clock).run_once()

    assert served == [gone.id, stays.id]
    assert [one["event"] for one in lines if one["log_level"] == "error"] == []
    (row,) = forgetting.forgotten(engine)
    assert (row.number, row.at, row.who) == (gone.id, clock(), "eve")
