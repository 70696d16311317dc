"""thin"""

from __future__ import annotations

import time
import pytest

from tests.faults.plant import Plant
from tests.faults.verdict import at_rest, come_to_rest


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_thin(database: str) -> None:
    t = time.monotonic()
    plant = Plant(database)
    print("plant", time.monotonic() - t)
    try:
        try:
            print("rest", come_to_rest(plant))
            at_rest(plant)
            for _ in range(3):
                for firm in plant.firms:
                    firm.live(6)
                plant.kill("worker1")
                print("rest", come_to_rest(plant))
                at_rest(plant)
        finally:
            __import__("pathlib").Path(f"/tmp/h/log-{database}.txt").write_text(
                plant.logs()
            )
            print(len(plant.points()))
    finally:
        t = time.monotonic()
        plant.close()
        print("close", time.monotonic() - t)
