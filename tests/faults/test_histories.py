"""thin"""
from __future__ import annotations

import sys
import time
import traceback
import pytest

from tests.faults.breakage import kinds
from tests.faults.history import history
from tests.faults.plant import Plant
from tests.faults.verdict import at_rest, come_to_rest


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_each(database: str) -> None:
    t = time.monotonic()
    plant = Plant(database)
    print("plant", time.monotonic() - t)
    bad = []
    try:
        come_to_rest(plant)
        at_rest(plant)
        for name in kinds(database):
            t = time.monotonic()
            try:
                print(name, history(plant, [name]).seconds, time.monotonic() - t, flush=True)
            except Exception as e:
                print("BAD", name, repr(e)[:1500], flush=True)
                bad.append(name)
                import re, sqlalchemy as sa
                from qbwc_server import models
                m = re.search(r"(\d+)#(\d+)", str(e))
                if m:
                    f = plant.firms[int(m[1])-1]
                    print("  QB", f.ledger.in_quickbooks().get(m[0])); print("  MO", f.ledger.in_mosaic().get(m[0])); print("  life", f.ledger.lives[m[0]])
                    with plant.engine.begin() as c:
                        for r in c.execute(sa.select(models.record).where(models.record.c.company_id==f.new.id, models.record.c.kind=="time_entry")):
                            if m[0]+" " in str(r) or m[0]+"'" in str(r): 
                                print("  REC", r)
                                for ev in c.execute(sa.select(models.record_event).where(models.record_event.c.company_id==f.new.id, models.record_event.c.record_id==r.id)): print("    EV", ev)
                                for ev in c.execute(sa.select(models.job).where(models.job.c.company_id==f.new.id, models.job.c.record_id==r.id)): print("    JOB", ev)
                        print("  COMP", c.execute(sa.select(models.company).where(models.company.c.id==f.new.id)).one())
                    print("  now", plant.clock())
                __import__("pathlib").Path(f"/tmp/h/log-{database}-{len(bad)}.txt").write_text(plant.logs())
                if len(bad)>6: break
                plant.close()
                plant = Plant(database)
                come_to_rest(plant)
    finally:
        __import__("pathlib").Path(f"/tmp/h/log-{database}.txt").write_text(plant.logs())
        print(len(plant.points()))
        plant.close()
    assert not bad
