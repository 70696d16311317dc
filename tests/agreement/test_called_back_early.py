"""A creation is called back while the one sent in its place is not known yet."""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks
from tests.agreement.test_lost_posts import lose_a_post


def test_a_callback_that_is_too_early_is_kept_and_nobody_looks_at_once(
    house: House,
) -> None:
    """Else a worker would do nothing but that until the other one is known."""
    in_quickbooks(house, "build", day=day(house, 0), minutes=480)
    lose_a_post(house)
    call, back, duty = tables.mosaic_call, tables.mosaic_callback, tables.duty
    (open_,) = house.rows(call, call.c.settled_at.is_(None))
    later = house.clock.pass_(seconds=1).replace(year=2030)
    with company_transaction(house.engine, house.company.id) as connection:
        was = {**open_._mapping, "id": open_.id + 5_000, "ref": "sent-before"}
        was |= {"state": "absent", "settled_at": house.clock(), "check_at": None}
        connection.execute(call.insert(), was)
        connection.execute(
            call.update().where(call.c.id == open_.id).values(check_at=later)
        )
        connection.execute(
            back.insert(),
            {
                "company_id": house.company.id,
                "id": open_.id + 5_001,
                "received_at": house.clock(),
                "ref": "sent-before",
                "data_type": "time_entry",
                "body": {},
            },
        )
        connection.execute(duty.update().values(deliver_at=house.clock()))
    house.work()
    (kept,) = house.rows(back, back.c.ref == "sent-before")
    assert kept.handled_at is None
    with house.engine.begin() as connection:
        due = connection.execute(
            sa.select(duty.c.deliver_at).where(duty.c.company_id == house.company.id)
        ).scalar_one()
    assert due > house.clock()
