"""What the views for Prometheus mean: numbers of all companies, and nothing else."""

from __future__ import annotations

from typing import Final

from qbwc_server.storage.meanings.tables import Meanings

FIGURES: Final[Meanings] = {
    "figures_of_work": (
        "How much open work there is, over all companies; for Prometheus.",
        {
            "what": "job, session, call, callback or answer (one that waits for a "
            "replay).",
            "state": "Where it stands; empty for callbacks and answers.",
            "number": "How many there are.",
            "oldest": "When the oldest began; of jobs only those of companies that "
            "are neither paused nor late.",
        },
    ),
    "figures_of_records": (
        "How many records there are, over all companies; for Prometheus.",
        {
            "kind": "Kind of object.",
            "state": "Where it stands.",
            "number": "How many there are.",
        },
    ),
}
