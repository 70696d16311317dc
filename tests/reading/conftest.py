"""What the tests of reading share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies import NewCompany
from tests.conftest import Clock
from tests.reading.poller import Poller


@pytest.fixture
def poller(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> Iterator[Poller]:
    """A company with an empty company file, on each of the two databases."""
    one = Poller(engine, new_company().id, clock)
    yield one
    one.file.close()
