"""docs/time-entries.md shows identity and gate as the program decides them."""

from __future__ import annotations

import pytest

from tests.kinds.tables import DOCUMENT, TABLES, in_document


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_the_table_as_it_is_printed(name: str) -> None:
    """Else: python -m tests.kinds.tables."""
    assert in_document(DOCUMENT.read_text("utf-8"), name) == TABLES[name]()
