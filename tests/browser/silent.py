"""How a server in a test answers: without a line for each request."""

from __future__ import annotations

from werkzeug.serving import WSGIRequestHandler


class Silent(WSGIRequestHandler):
    """Writes no line for each request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
