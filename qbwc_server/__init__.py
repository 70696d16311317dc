"""Keeps QuickBooks Desktop company files and Mosaic in agreement.

QuickBooks Web Connector calls `soap`, which feeds `conversation`, which works through
the job `queue`; `worker` mirrors what was read into Mosaic. `docs/architecture.md`
has the map.
"""

__version__ = "0.1.0"
