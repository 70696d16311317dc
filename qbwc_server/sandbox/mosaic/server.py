"""Serves a sandbox's Mosaic on this machine."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from qbwc_server.sandbox.mosaic.http import application
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class _Handler(WSGIRequestHandler):
    """Leaves the terminal to the program under test, and hangs up when told to."""

    def connection_dropped(
        self, error: BaseException, environ: WSGIEnvironment | None = None
    ) -> None:
        # Without this the connection stays open, waiting for its next request.
        del error, environ
        self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        logging.getLogger(__name__).debug("%s %s", type, message % args)


class RunningMosaic:
    """A sandbox served on this machine, with callbacks delivered as they fall due."""

    def __init__(self, sandbox: MosaicSandbox, server: BaseWSGIServer) -> None:
        self.url = f"http://{server.host}:{server.server_port}"
        self._sandbox = sandbox
        self._server = server
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=server.serve_forever, daemon=True),
            threading.Thread(target=self._deliver, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop serving and delivering."""
        self._stopping.set()
        self._sandbox.outbox.arrived.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self._sandbox.close()

    def _deliver(self) -> None:
        while not self._stopping.is_set():
            self._sandbox.outbox.arrived.wait(0.2)
            self._sandbox.outbox.arrived.clear()
            self._sandbox.deliver_callbacks()


def serve(
    sandbox: MosaicSandbox, port: int, *, host: str = "127.0.0.1"
) -> RunningMosaic:
    """Serve a sandbox on an address of this machine; port 0 takes a free one."""
    server = make_server(
        host, port, application(sandbox), threaded=True, request_handler=_Handler
    )
    return RunningMosaic(sandbox, server)
