"""A question about an hour is asked, and our own database is put back from a copy."""

from __future__ import annotations

import pytest

from qbwc_server.operations import database_restored
from tests.agreement.copies import copy_of
from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks
from tests.agreement.test_lost_posts import let_it_settle
from tests.agreement.test_typed_meanwhile import (
    held,
    typed_while_adding,
    typed_while_posting,
)


@pytest.mark.parametrize("side", ["mosaic", "quickbooks"])
def test_a_copy_that_does_not_know_a_question_answers_nothing(
    house: House, side: str
) -> None:
    """What was held until a person's word is delivered by no restored backup."""
    in_quickbooks(house, "other", day=day(house, 3))
    let_it_settle(house)
    put_back = copy_of(house.engine)
    type_meanwhile = typed_while_posting if side == "mosaic" else typed_while_adding
    type_meanwhile(house)
    held(house)
    put_back()
    database_restored.declare(house.engine, now=house.clock(), who="operator")
    let_it_settle(house)
    house.quiet()
    assert {len(hours_in_mosaic(house)), len(hours_in_quickbooks(house))} == {2, 3}
