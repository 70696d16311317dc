"""What must be true when a history has come to rest: the promises, as assertions."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.companies.attention import STOPPING
from qbwc_server.storage import tables
from tests.agreement.house import House
from tests.agreement.ledger import Ledger
from tests.agreement.terms import FIELDS, Entry

_NAMES = {"day": "date", "text": "notes"}
"""Fields of the ledger that have another name in a record's conflict."""
_SETTLED = frozenset({"in_sync", "gone", "pending"})


def at_rest(house: House, ledger: Ledger) -> None:
    """Bring a history to rest and assert all that has been promised.

    Raises:
        AssertionError: a promise is broken; the text says which.
    """
    house.sandbox.faults._waiting.clear()
    house.sandbox.answer_mode = "callback"
    house.quiet()
    for _ in range(3):
        if house.stored().attention_id not in STOPPING:
            break
        house.accept()
        house.quiet()
    nothing_open(house)
    nothing_twice(house, ledger)
    nothing_lost(house, ledger)
    nothing_different(house)
    nothing_written_again(house)


def nothing_open(house: House) -> None:
    """No job is out or in doubt, no call to Mosaic without its outcome."""
    job, call = tables.job, tables.mosaic_call
    doubtful = house.rows(job, job.c.state.in_(("sent", "unsure")))
    assert not doubtful, f"in doubt: {house.open()}"
    assert not house.rows(call, call.c.settled_at.is_(None)), house.open()


def nothing_twice(house: House, ledger: Ledger) -> None:
    """No entry is twice on a side, nothing was created twice, no invoice touched."""
    for side, held in (
        ("QuickBooks", ledger.in_quickbooks()),
        ("Mosaic", ledger.in_mosaic()),
    ):
        twice = {mark: found for mark, found in held.items() if len(found) > 1}
        assert not twice, f"twice in {side}: {twice}"
    refs = house.sandbox.created_refs
    assert len(refs) == len(set(refs)), "a creation was sent twice"
    assert house.file.store.billed_touched == 0, "time on an invoice was written to"


def nothing_lost(house: House, ledger: Ledger) -> None:
    """What nobody deleted is there, with the last value that anybody gave it."""
    here, there = ledger.in_quickbooks(), ledger.in_mosaic()
    for mark, life in ledger.lives.items():
        sides = [*here.get(mark, []), *there.get(mark, [])]
        if life.deleted:
            continue
        assert sides, f"{mark} is lost"
        for name in FIELDS:
            wanted = life.values[name]
            shown = [values[name] for _, values in sides]
            assert (
                name in life.forgiven
                or wanted in shown
                or _kept(house, here.get(mark, []), there.get(mark, []), name)
            ), f"{mark}: the last {name} was {wanted!r}, both sides have {shown!r}"


def nothing_different(house: House) -> None:
    """Whatever differs has a record that says why, in words."""
    for one in house.agreement().time:
        row = _record(house, one.txn_id, one.mosaic_id)
        assert row is not None, f"{one.text}: nothing is known of it"
        assert row.state not in _SETTLED, f"{one.text}: {row.state}, {row.reason}"
        assert row.reason, f"{one.text}: {row.state} without a reason"
    for row in house.rows(tables.record, tables.record.c.state != "in_sync"):
        assert row.reason or row.state == "gone", f"{row.name}: no reason"


def nothing_written_again(house: House) -> None:
    """Days later, with every look and complete reads, nothing was written anywhere."""
    before, open_before = house.everything(), house.open()
    there, here = len(house.sandbox.writes), len(house.talk.writes)
    house.settle_for(days=8)
    house.settle_for(minutes=house.settings.time_window_minutes + 5)
    assert house.everything() == before, (
        f"a write after everything was quiet: {house.sandbox.writes[there:]} "
        f"{house.talk.writes[here:]}, open was {open_before}"
    )


def _kept(house: House, here: list[Entry], there: list[Entry], name: str) -> bool:
    """Tell whether a record tells of a conflict about a field."""
    for txn_id, mosaic_id in [
        *((one[0], None) for one in here),
        *((None, one[0]) for one in there),
    ]:
        row = _record(house, txn_id, mosaic_id)
        if row is not None and _NAMES.get(name, name) in (row.conflict or {}):
            return True
    return False


def _record(house: House, txn_id: Any, mosaic_id: Any) -> Row[Any] | None:
    record = tables.record
    found = house.rows(
        record,
        record.c.kind == "time_entry",
        record.c.quickbooks_id == txn_id
        if txn_id is not None
        else record.c.mosaic_id == mosaic_id,
    )
    return found[0] if found else None
