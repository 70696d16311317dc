"""What stands is told by pages, too."""

from __future__ import annotations

from tests.web.conftest import server

__all__ = ["server"]
