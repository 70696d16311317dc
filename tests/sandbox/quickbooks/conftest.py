"""What the tests of the company file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.quickbooks.office import Office


@pytest.fixture
def office() -> Iterator[Office]:
    """Give an office with an empty company file."""
    one = Office()
    yield one
    one.file.close()
