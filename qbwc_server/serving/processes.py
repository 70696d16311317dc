"""A few processes that serve one socket, and one that looks after them.

Rule 1: one that has ended, or has given no sign for long, is replaced; one that cannot
even begin ends the server, because the next one could not either.
Rule 2: where the server ends, nobody new is taken and everybody else is answered.
Rule 3: whoever looks after them may die: they see that, and end.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog
import uvicorn

from qbwc_server.serving.connection import Connection
from qbwc_server.serving.crowd import MOST_OPEN, TO_CLOSE, Crowd
from qbwc_server.serving.gathering import Gathering
from qbwc_server.serving.served import Served
from qbwc_server.serving.sharing import Shared

TO_END = 30
"""Seconds for what is being answered when the server ends."""
_NO_SIGN = 120.0
_KEEP_ALIVE = 75
_COULD_NOT_BEGIN = 3
_BACKLOG = 4096
_TAKEN_AT_ONCE = 1
"""One, so that processes share, and that each is seen before the next is taken."""
_ROUNDS_TO_TAKE = 4
"""Of the loop, from when a connection is taken until it is seen."""
_LEAST_OPEN = 16
"""However few files may be open."""
_OWN_FILES = 64 + _ROUNDS_TO_TAKE * _TAKEN_AT_ONCE
"""Of the database, of logs and counters, and of connections that were not seen yet."""
_LEAST_SECONDS = 1.0
"""Between two beginnings in the place of one that ended."""
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How it is served."""

    host: str
    port: int
    processes: int
    threads: int


@dataclass(slots=True)
class _Process:
    """One of them; `signs` is the end of a pipe on which it writes."""

    pid: int
    signs: int
    heard: float
    replaces: int = 0
    """The number of the one that ends when this one serves, 0 without."""
    ready: bool = False
    ending: bool = False


def serve(plan: Plan, make: Callable[[], Served], *, beside: Callable[[], None]) -> int:
    """Serve until a signal ends it; return the exit code.

    `make` is called in each process. `beside` is called about once a second.

    Raises:
        OSError: somebody else listens there.
    """
    _raise_limit()
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    listener = socket.create_server(
        (plan.host, plan.port), family=family, backlog=_BACKLOG
    )
    _LOG.info("server listens", host=plan.host, port=plan.port)
    return _Master(plan, make, listener, beside).run()


class _Master:
    """Looks after the processes."""

    def __init__(
        self,
        plan: Plan,
        make: Callable[[], Served],
        listener: socket.socket,
        beside: Callable[[], None],
    ) -> None:
        self._plan = plan
        self._make = make
        self._listener = listener
        self._beside = beside
        self._processes: dict[int, _Process] = {}
        self._told: list[int] = []
        self._begun = 0.0
        self._code: int | None = None

    def run(self) -> int:
        """Look after them until there are none left."""
        wakes, woken = socket.socketpair()
        woken.setblocking(False)
        wakes.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        for number in (*_ENDS, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._note)
        while self._code is None or self._processes:
            self._look()
            waiting = [wakes.fileno(), *(one.signs for one in self._alive())]
            ready, _, _ = select.select(waiting, [], [], 1.0)
            with suppress(BlockingIOError):
                wakes.recv(4096)
            for one in self._alive():
                if one.signs in ready and _read(one.signs):
                    self._hear(one)
        return self._code

    def _hear(self, one: _Process) -> None:
        if not one.ending:
            one.heard = time.monotonic()
        one.ready = True
        former, one.replaces = self._processes.get(one.replaces), 0
        if former is not None and not former.ending:
            self._tell(former)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._told.append(number)

    def _alive(self) -> list[_Process]:
        return list(self._processes.values())

    def _look(self) -> None:
        while self._told:
            number = self._told.pop(0)
            if number == signal.SIGHUP:
                self._replace()
            elif number != signal.SIGCHLD:
                self._end(0)
        self._bury()
        for one in self._alive():
            if time.monotonic() - one.heard > (TO_END if one.ending else _NO_SIGN):
                _LOG.error("server process gives no sign", process=one.pid)
                os.kill(one.pid, signal.SIGKILL)
                one.heard = time.monotonic()
        if self._code is None:
            self._beside()
            self._fill()

    def _fill(self) -> None:
        """Begin as many as are missing."""
        staying = [
            one
            for one in self._alive()
            if not one.ending and one.replaces not in self._processes
        ]
        missing = self._plan.processes - len(staying)
        now = time.monotonic()
        if missing <= 0 or (self._begun and now - self._begun < _LEAST_SECONDS):
            return
        self._begun = now
        for _ in range(missing):
            self._start()

    def _replace(self) -> None:
        """Begin others; those that are there end when these serve."""
        # Both listen on the same socket, so nobody is turned away.
        for one in self._alive():
            if not one.ending:
                self._start(replaces=one.pid)

    def _start(self, *, replaces: int = 0) -> None:
        reads, writes = os.pipe()
        for log in (sys.stdout, sys.stderr):
            log.flush()
        # Told to end before it can listen to that, it would never do so.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        pid = os.fork()
        if pid == 0:
            os.close(reads)
            code = _COULD_NOT_BEGIN
            try:
                signal.set_wakeup_fd(-1)
                for other in self._alive():
                    os.close(other.signs)
                _Child(self._plan, self._listener, writes).run(self._make)
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            except BaseException:  # noqa: BLE001 - it is a process's last
                _LOG.exception("server process failed")
            finally:
                for log in (sys.stdout, sys.stderr):
                    log.flush()
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        os.close(writes)
        os.set_blocking(reads, False)
        self._processes[pid] = _Process(pid, reads, time.monotonic(), replaces)

    def _bury(self) -> None:
        for one in self._alive():
            pid, status = os.waitpid(one.pid, os.WNOHANG)
            if pid == 0:
                continue
            code = os.waitstatus_to_exitcode(status)
            ready = one.ready or bool(_read(one.signs))
            os.close(one.signs)
            del self._processes[one.pid]
            if self._code is None and not one.ending:
                _LOG.error("server process ended", process=one.pid, code=code)
                if not ready and code == _COULD_NOT_BEGIN:
                    self._end(_COULD_NOT_BEGIN)

    def _end(self, code: int) -> None:
        """Take nobody new, and have everybody answered."""
        if self._code is None:
            self._code = code
            self._listener.close()
            for one in self._alive():
                self._tell(one)

    @staticmethod
    def _tell(one: _Process) -> None:
        one.ending, one.heard = True, time.monotonic()
        os.kill(one.pid, signal.SIGTERM)


class _Server(uvicorn.Server):
    """uvicorn, which when it ends first takes those who wait to be taken.

    Their systems have told them that they are connected: closed unseen, a call would
    be lost. After this, who comes is refused and can go elsewhere.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; uvicorn calls this."""
        waiting = select.poll()
        for listener in sockets or []:
            waiting.register(listener, select.POLLIN)
        until, quiet = time.monotonic() + TO_CLOSE, 0
        # One that was taken and not seen yet would be lost as well.
        while quiet < _ROUNDS_TO_TAKE and time.monotonic() < until:
            await asyncio.sleep(0)
            quiet = 0 if waiting.poll(0) else quiet + 1
        await super().shutdown(sockets)


class _Child:
    """One process that serves."""

    def __init__(self, plan: Plan, listener: socket.socket, signs: int) -> None:
        self._plan = plan
        self._listener = listener
        self._signs = signs
        self._server: uvicorn.Server | None = None
        self._ended = False
        self._listens = False

    def run(self, make: Callable[[], Served]) -> None:
        """Serve until it is told to end."""
        for one in _ENDS:
            signal.signal(one, self._end)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        _give_memory_back()
        crowd = Crowd(_most_open())
        if self._plan.processes > 1:
            self._listener = Shared(self._listener, crowd)
        application = Gathering(make(), crowd, self._plan.threads)
        # What is there now stays: looked through again and again, it would have calls
        # wait for a tenth of a second.
        gc.collect()
        gc.freeze()
        self._server = _Server(configured(application, self._sign))
        self._server.should_exit = self._ended
        self._server.run([self._listener])

    async def _sign(self) -> None:
        """Say that the loop goes round; end where nobody hears it."""
        if not self._listens:
            self._listens = True
            self._listener.listen(_BACKLOG)
        try:
            os.write(self._signs, b".")
        except BlockingIOError:
            pass
        except OSError:
            self._end()

    def _end(self, *_: object) -> None:
        self._ended = True
        if self._server is not None:
            self._server.should_exit = True


def configured(application: Any, sign: Callable[[], Awaitable[None]]) -> uvicorn.Config:
    """Return how uvicorn serves an application; `sign` is called once a second."""
    return uvicorn.Config(
        application,
        http=Connection,
        ws="none",
        loop="asyncio",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        # What it warns of, a stranger causes as often as he likes.
        log_level="error",
        access_log=False,
        # What proxies say is believed, or not, by `proxies` alone.
        proxy_headers=False,
        server_header=False,
        # That is also how many may wait for it; `_Child` has more wait.
        backlog=_TAKEN_AT_ONCE,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=TO_END - 2,
        callback_notify=sign,
        timeout_notify=1,
    )


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 4096)
    except BlockingIOError:
        return b""


def _raise_limit() -> None:
    """Allow as many open files as may be, so that connections do not use them up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _most_open() -> int:
    """Return how many connections may be open, so that files are never used up."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(MOST_OPEN, soft - _OWN_FILES), _LEAST_OPEN)


def _give_memory_back() -> None:
    """Have large pieces of memory returned to the system when they are free.

    glibc learns to keep them, in every thread: after one answer of 8 MB for each thread
    a server would keep some hundred megabytes for ever.
    """
    with suppress(OSError, AttributeError):
        limit = ctypes.CDLL(None).mallopt
        limit(_M_MMAP_THRESHOLD, 256 * 1024)
        limit(_M_ARENA_MAX, 2)
