"""What was made and moved by somebody before its lost answer was looked for."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.agreement.house import MakeHouse
from tests.agreement.test_controls import a_creation_is_lost, history

Field = Literal["person", "day", "job", "item", "minutes", "text"]


@pytest.mark.parametrize(
    ("field", "calls_back"),
    [
        ("person", True),
        ("person", False),
        ("day", False),
        ("job", True),
        ("item", False),
        ("minutes", True),
        ("text", False),
    ],
)
def test_a_creation_that_somebody_edited_before_it_was_found_is_not_made_again(
    make_house: MakeHouse, field: Field, calls_back: bool
) -> None:
    """Mosaic has no key for it, but it was made just then and is mostly the same."""
    with history(make_house) as machine:
        a_creation_is_lost(machine, edit=field, calls_back=calls_back)
    assert len(machine.ledger.lives) == 1
