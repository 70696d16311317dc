"""What the tests of the way in share: a poller without HTTP, or a whole desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from tests.conftest import Clock
from tests.quickbooks.poller import Poller
from tests.quickbooks.times import TimePoller
from tests.web_connector.conftest import (
    desk,
    hours,
    new_desk,
    no_look_first,
    sqlite_desk,
    timesheet,
)

__all__ = ["desk", "hours", "new_desk", "no_look_first", "sqlite_desk", "timesheet"]


@pytest.fixture
def poller(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> Iterator[Poller]:
    """A company with an empty company file, on each of the two databases.

    It keeps no time, so that a poll is about its lists alone.
    """
    one = Poller(engine, new_company().id, clock)
    one.hands.set("time_tracking", value=False)
    yield one
    one.file.close()


@pytest.fixture
def timed(poller: Poller) -> TimePoller:
    """A company that keeps time, with one employee and one customer's job."""
    return TimePoller(poller)
