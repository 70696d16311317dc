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
    "figures_of_companies": (
        "How many companies there are, and how they are; for Prometheus.",
        {
            "what": "mode, late, or attention: what a person must look at.",
            "name": "Which mode, or the id of the attention.",
            "number": "How many there are.",
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
