r"""What every table, view and column means, in plain words; PostgreSQL keeps them.

They stand beside the data as comments (`\d+` in psql), and
`database upgrade` brings them up to date.
"""

from __future__ import annotations

from typing import Final

from qbwc_server.storage.meanings.figures import FIGURES
from qbwc_server.storage.meanings.mosaic_tables import MOSAIC_TABLES
from qbwc_server.storage.meanings.tables import TABLES
from qbwc_server.storage.meanings.views import VIEWS

__all__ = ["EVERY", "FIGURES", "VIEWS"]

EVERY: Final = {**TABLES, **MOSAIC_TABLES, **VIEWS, **FIGURES}
"""For each table and view: what it is, and what each of its columns means."""
