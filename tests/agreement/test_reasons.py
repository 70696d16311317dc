"""What a record says of itself is so: its reason names what is the matter now."""

from __future__ import annotations

from tests.agreement.house import House
from tests.agreement.test_findings import day, house, linked

__all__ = ["house"]


def by_somebody_without_address(house: House, **where: str | None) -> str:
    """Enter an hour of a new person whom nobody gave an e-mail; return the ListID."""
    person = house.hands.add("Employee", "Di Moss", FirstName="Di", LastName="Moss")
    house.hands.add_time(person, day(house), 60, notes="work", **where)
    return person


def test_a_waiting_entry_names_only_what_is_still_missing(house: House) -> None:
    """Its job and its item came later in the same pass; its person never does."""
    job = house.hands.add("Customer", "Annex", parent=house.jobs["Acme"])
    item = house.hands.add("ItemService", "Survey")
    person = by_somebody_without_address(house, customer=job, item=item)

    house.quiet()

    row = linked(house)
    assert (row.state, row.waits_for) == ("unlinked", f"employee:{person}")
    assert row.reason.startswith("Di Moss has no member in Mosaic yet.")
    assert "Annex" not in row.reason
    assert "Survey" not in row.reason


def test_an_entry_that_a_person_must_mend_names_only_what_is_to_be_mended(
    house: House,
) -> None:
    """One without a job does not go by itself, and still loses what has arrived."""
    item = house.hands.add("ItemService", "Survey")
    by_somebody_without_address(house, customer=None, item=item)

    house.quiet()

    row = linked(house)
    assert (row.state, row.waits_for) == ("unlinked", None)
    assert "Has no customer or job in QuickBooks" in row.reason
    assert "Survey" not in row.reason
