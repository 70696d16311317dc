"""What pages ask for costs the same however large a company is."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.standing import who_must_act
from qbwc_server.storage.database import transaction


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_records_are_counted_by_their_index_and_up_to_a_bound(engine: Engine) -> None:
    """Whoever has a page open counts every few seconds."""
    asked = who_must_act._COUNTS.params(company=1).compile(
        dialect=engine.dialect, compile_kwargs={"literal_binds": True}
    )
    with transaction(engine) as connection:
        plan = [
            row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")
        ]
    of_records = [line for line in plan if " record " in line]
    assert len(of_records) > 40
    assert all("INDEX ix_record_state (company_id=?" in line for line in of_records)
    assert str(asked).count(f"LIMIT {who_must_act.MOST + 1}") == len(of_records)
