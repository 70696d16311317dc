"""Pages that need both sides are tried with the mirror of tests/delivery."""

from __future__ import annotations

from tests.delivery.conftest import make_mirror, mirror

__all__ = ["make_mirror", "mirror"]
