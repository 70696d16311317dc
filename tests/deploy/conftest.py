"""An installation for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.copies import Installation


@pytest.fixture
def ours(postgres_url: str, tmp_path: Path) -> Iterator[Installation]:
    """A database of two companies, and its operator's folder."""
    made = Installation(postgres_url, tmp_path)
    yield made
    made.remove()
