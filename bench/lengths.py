"""How long each figure is measured: quickly, in the whole run, or alone.

The whole run ends within 15 minutes on two processors, the quick one within 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.fleet import Fleet
from bench.freshness import Scene


@dataclass(frozen=True, slots=True)
class Length:
    """The sizes of all figures; times are seconds.

    `drain_trips` has by how many companies there are how many pages each reads.
    """

    floor_seconds: float
    idle_connections: tuple[int, ...]
    idle_seconds: float
    drain_trips: dict[int, int]
    drain_sizes: tuple[int, ...]
    growth_records: tuple[int, ...]
    growth_companies: tuple[int, ...]
    growth_sessions: int
    writes: tuple[int, ...]
    writes_by_callback: int
    rate_window: float
    rate_windows: float
    memory_customers: int
    memory_entries: int
    memory_seconds: float
    freshness: Scene
    fleet: Fleet


WHOLE = Length(
    floor_seconds=3.0,
    idle_connections=(1, 8, 32),
    idle_seconds=5.0,
    drain_trips={1: 200, 8: 60},
    drain_sizes=(0, 50, 500),
    growth_records=(10_000, 100_000, 1_000_000),
    growth_companies=(10, 1_000, 10_000),
    growth_sessions=10_000,
    writes=(2_000,),
    writes_by_callback=300,
    # Mosaic's 300 requests in a tenth of its five minutes.
    rate_window=30.0,
    rate_windows=1.5,
    memory_customers=10_000,
    memory_entries=60_000,
    memory_seconds=10.0,
    freshness=Scene(companies=1_000, live=20, every=15.0, seconds=45.0),
    # As many polls a second as 10,000 companies make, by a fifth of them.
    fleet=Fleet(companies=10_000, polling=2_000, every=12.0, seconds=120.0),
)
LONG = replace(
    WHOLE,
    drain_trips={1: 200, 8: 200},
    idle_seconds=10.0,
    writes=(5_000, 50_000),
    writes_by_callback=5_000,
    rate_window=300.0,
    rate_windows=2.0,
    memory_customers=200_000,
    memory_entries=1_000_000,
    memory_seconds=60.0,
    freshness=Scene(companies=1_000, live=20, every=15.0, seconds=300.0),
    fleet=Fleet(companies=10_000, polling=10_000, every=60.0, seconds=600.0),
)
QUICK = Length(
    floor_seconds=0.5,
    idle_connections=(8,),
    idle_seconds=2.0,
    drain_trips={1: 10, 8: 10},
    drain_sizes=(0, 500),
    growth_records=(1_000, 50_000),
    growth_companies=(10, 1_000),
    growth_sessions=500,
    writes=(100,),
    writes_by_callback=20,
    rate_window=10.0,
    rate_windows=0.5,
    memory_customers=1_000,
    memory_entries=5_000,
    memory_seconds=2.0,
    freshness=Scene(companies=100, live=2, every=2.0, seconds=6.0),
    fleet=Fleet(companies=2_000, polling=200, every=6.0, seconds=6.0),
)
