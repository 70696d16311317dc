"""What is delivered is tried with the mirror of tests/delivery."""

from __future__ import annotations

from tests.delivery.conftest import _no_waiting, firm, make_mirror, mirror

__all__ = ["_no_waiting", "firm", "make_mirror", "mirror"]
