"""Speaks with one team in Mosaic.

Rule 1: a write is sent once, whatever happens. Mosaic's API has no way to say "this is
the same request again", so a second POST could be a second time entry.
Rule 2: a read is tried again, at most three times, until its first object is out; after
that a failure is an error, so that a list is either whole or known to be broken.
Rule 3: redirects are not followed; the key goes to the configured server only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import httpx
import stamina

from qbwc_server import metrics
from qbwc_server.mosaic import answers, calls, listing
from qbwc_server.mosaic.answers import LogEntry, Unreadable, WriteAnswer
from qbwc_server.mosaic.calls import Call
from qbwc_server.mosaic.connection import AuthScheme, Connection
from qbwc_server.mosaic.errors import (
    Malformed,
    MosaicError,
    Unauthorised,
    Unavailable,
)
from qbwc_server.mosaic.names import (
    DATA_TYPES,
    DEFAULT_LIMIT,
    PAGE_SIZE,
    DataType,
    Paging,
)
from qbwc_server.mosaic.paging import MOST_READINGS, Pages
from qbwc_server.mosaic.receiving import Patience, Sockets, TooSlow, json_said, pieces
from qbwc_server.mosaic.refusal import refusal
from qbwc_server.mosaic.sentences import quoted

Transport = httpx.BaseTransport
"""What carries requests; a test hands in one that stays within the process."""
READ_ATTEMPTS = 3
LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes taken of an answer that is read as a whole: pages, logs, results of writes."""
LARGEST_LIST = 512 * 1024 * 1024
"""Bytes taken of a list that is read as a stream; 200,000 clients have some 100 MB."""
LONGEST_ANSWER_S = 90.0
LONGEST_LIST_S = 600.0
"""Seconds waited for all of an answer, and for all of a list read as a stream."""

# The connection was never made, so nothing was sent.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class MosaicClient:
    """One team's Mosaic.

    Args:
        connection: Where it is and the key.
        spend: Called before every HTTP request; what it raises stops the request and
            passes through. Mosaic allows 300 requests in 5 minutes.
        transport: What carries the requests, for tests.
        timeout: Seconds for each of connecting, sending and waiting for bytes.
        longest: Seconds waited for all of an answer; a streamed list has more.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        spend: Callable[[], None],
        transport: Transport | None = None,
        timeout: float = 30.0,
        longest: float = LONGEST_ANSWER_S,
    ) -> None:
        self._connection = connection
        self._spend = spend
        self._longest = longest
        self._sockets = Sockets()
        self._http = httpx.Client(
            base_url=connection.root,
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def check(self) -> AuthScheme:
        """Find out whether the key works, and how Mosaic wants it written.

        Mosaic's reference shows the bare key, a client in use sends it as a bearer
        token; the configured way is tried first and the other once.

        Returns:
            The way that works.

        Raises:
            MosaicError: Neither does, or Mosaic cannot be asked.
        """
        first = self._connection.auth_scheme
        other: AuthScheme = "bearer" if first == "raw" else "raw"
        call = Call("GET", DATA_TYPES["client"].list_path)
        try:
            self._whole(call, first)
        except Unauthorised:
            self._whole(call, other)
            return other
        return first

    def read(self, data_type: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """List all objects of a type, archived ones too.

        The list is complete only when the iterator ends by itself: a failure in the
        middle raises, and objects given before it are real but not all.

        Args:
            data_type: A name from `names.DATA_TYPES`.
            filters: The API's own, for example `start_date`, `member_ids`,
                `time_entry_ids`; `portfolio_id` for projects is required. Days as
                `date` or YYYY-MM-DD.

        Yields:
            Objects in the form of `answers.record`, each `mosaic_id` once.

        Raises:
            MosaicError: As its kind says.
            ValueError: A filter the API insists on is missing.
        """
        kind = DATA_TYPES[data_type]
        if kind.list_needs and filters.get(kind.list_needs) is None:
            raise ValueError(f"listing {data_type} needs {kind.list_needs}")
        return self._list(kind, {**kind.list_params, **filters})

    def create(
        self, data_type: str, fields: Mapping[str, object], *, ref: str
    ) -> WriteAnswer:
        """Create an object.

        Args:
            data_type: A name from `names.DATA_TYPES`.
            fields: By the names in Mosaic's answers; `Decimal` and `date` welcome.
            ref: Ours, to recognise the write in callbacks and request logs.

        Raises:
            MosaicError: As its kind says; `outcome_unknown` means look before writing
                again.
            ValueError: A field cannot be written.
        """
        return self._write(calls.create(data_type, fields, ref))

    def update(
        self, data_type: str, mosaic_id: int, fields: Mapping[str, object], *, ref: str
    ) -> WriteAnswer:
        """Change the given fields of an object. Raises as `create`."""
        return self._write(calls.update(data_type, mosaic_id, fields, ref))

    def archive(
        self, data_type: str, mosaic_id: int, *, ref: str, project_id: int | None = None
    ) -> WriteAnswer:
        """Archive an object; nothing is destroyed.

        `project_id` is needed for a phase. Raises as `create`; ValueError also for what
        the API cannot archive, see `names.ARCHIVABLE`.
        """
        return self._write(
            calls.archive(data_type, mosaic_id, ref, project_id=project_id)
        )

    def unarchive(
        self, data_type: str, mosaic_id: int, *, ref: str, project_id: int | None = None
    ) -> WriteAnswer:
        """Bring an archived object back. Arguments and errors as `archive`."""
        return self._write(
            calls.unarchive(data_type, mosaic_id, ref, project_id=project_id)
        )

    def delete_time_entries(self, ids: Sequence[int], *, ref: str) -> WriteAnswer:
        """Delete time entries, all in one request. Raises as `create`."""
        return self._write(calls.delete_time_entries(ids, ref))

    def request_log(
        self, data_type: str, *, api_request_id: str | None = None
    ) -> list[LogEntry]:
        """Ask what became of requests.

        Args:
            data_type: A name from `names.DATA_TYPES`.
            api_request_id: One request; without it, whatever Mosaic still remembers
                of the type.

        Raises:
            MosaicError: As its kind says.
        """
        params = {
            "api_request_id": api_request_id,
            "data_type": DATA_TYPES[data_type].log_name,
        }
        body = self._whole(Call("GET", "request_logs", calls.query(params)))
        try:
            return answers.log_entries(data_type, body)
        except Unreadable as error:
            raise self._malformed(Call("GET", "request_logs"), error) from None

    def _list(
        self, kind: DataType, filters: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if kind.paging is Paging.PAGES:
            yield from self._pages(kind, filters, set())
            return
        whole = kind.paging is Paging.ALL
        path = kind.list_path
        if kind.name == "phase" and "project_id" in filters:
            path, whole = "phase", False
        params = calls.query({**filters, "all": True} if whole else filters)
        seen: set[int] = set()
        try:
            yield from self._streamed(kind, Call("GET", path, params), seen)
        except MosaicError as error:
            if not (whole and error.code == "mosaic-invalid" and not seen):
                raise
            # `all` is refused here: the pages it stands for are always there.
            yield from self._pages(kind, filters, seen)
            return
        if whole and len(seen) == DEFAULT_LIMIT:
            # As long as one page when nothing is asked for: perhaps `all` was ignored.
            yield from self._pages(kind, filters, seen)

    def _streamed(
        self, kind: DataType, call: Call, seen: set[int]
    ) -> Iterator[dict[str, Any]]:
        response, patience = self._open(call)
        with closing(response):
            try:
                json_said(response)
                chunks = self._chunks(response, patience)
                for item in listing.items(chunks, kind.list_keys):
                    yield from listing.new(answers.record(item), seen)
            except Unreadable as error:
                raise self._malformed(call, error) from None

    def _pages(
        self, kind: DataType, filters: dict[str, Any], seen: set[int]
    ) -> Iterator[dict[str, Any]]:
        """Read a list page by page, again where it slid while it was read."""
        for _ in range(MOST_READINGS):
            pages = Pages()
            while not (pages.complete or pages.slid):
                page = {**filters, "limit": PAGE_SIZE, "offset": pages.offset}
                call = Call("GET", kind.list_path, calls.query(page))
                body = self._whole(call)
                try:
                    found, total = listing.page(kind, body)
                    records = [answers.record(item) for item in found]
                    pages.take([record["mosaic_id"] for record in records], total)
                    for record in records:
                        yield from listing.new(record, seen)
                except Unreadable as error:
                    raise self._malformed(call, error) from None
            if pages.complete:
                return
        raise Unavailable(
            f"GET {kind.list_path}: it changed each of {MOST_READINGS} times while "
            "it was read, or gives the same page again and again"
        )

    def _write(self, call: Call) -> WriteAnswer:
        patience = Patience(self._longest, self._sockets)
        response = self._send(call, None, patience)
        with closing(response):
            body = self._body(response, call, patience)
        if not body.strip():
            return WriteAnswer(None, None, None)
        try:
            json_said(response)
            answer = answers.write_answer(call.data_type, answers.load(body))
        except Unreadable as error:
            raise self._malformed(call, error) from None
        if call.mosaic_id and answer.mosaic_id not in (None, call.mosaic_id):
            raise self._malformed(call, f"it was answered for {answer.mosaic_id}")
        return answer

    def _whole(self, call: Call, scheme: AuthScheme | None = None) -> Any:
        """Read an answer that fits into memory."""
        for attempt in stamina.retry_context(on=_transient, attempts=READ_ATTEMPTS):
            with attempt:
                patience = Patience(self._longest, self._sockets)
                response = self._send(call, scheme, patience)
                with closing(response):
                    body = self._body(response, call, patience)
        try:
            json_said(response)
            return answers.load(body)
        except Unreadable as error:
            raise self._malformed(call, error) from None

    def _open(self, call: Call) -> tuple[httpx.Response, Patience]:
        """Begin an answer of any length; the caller closes it."""
        longest = max(self._longest, LONGEST_LIST_S)
        for attempt in stamina.retry_context(on=_transient, attempts=READ_ATTEMPTS):
            with attempt:
                patience = Patience(longest, self._sockets)
                return self._send(call, None, patience), patience
        raise AssertionError("unreachable: the last attempt raises")

    def _send(
        self, call: Call, scheme: AuthScheme | None, patience: Patience
    ) -> httpx.Response:
        """Send once, and raise unless the status says success."""
        request = self._http.build_request(
            call.method,
            call.path,
            params=call.params,
            headers=self._connection.headers(scheme or self._connection.auth_scheme),
            content=None
            if call.body is None
            else json.dumps(call.body, allow_nan=False).encode(),
            extensions={"trace": patience.trace},
        )
        self._spend()
        began = time.perf_counter()
        outcome = Unavailable.code
        try:
            with patience.waiting():
                response = self._http.send(request, stream=True)
            outcome = "ok" if response.is_success else f"http-{response.status_code}"
        except (httpx.HTTPError, TooSlow) as error:
            raise self._broken(call, error) from None
        finally:
            took = time.perf_counter() - began
            metrics.mosaic(call.method, call.data_type or call.path, outcome, took)
        if response.is_success:
            return response
        with closing(response):
            try:
                body = self._body(response, call, patience)
            except MosaicError:
                body = b""  # the status is known; its explanation would be a bonus
        raise refusal(
            _what(call),
            response.status_code,
            response.headers,
            body,
            writes=call.writes,
            secret=self._connection.api_key,
        )

    def _body(self, response: httpx.Response, call: Call, patience: Patience) -> bytes:
        try:
            return b"".join(pieces(response, patience, most=LARGEST_ANSWER))
        except (httpx.HTTPError, TooSlow) as error:
            raise self._broken(call, error) from None
        except Unreadable as error:
            raise self._malformed(call, error) from None

    def _chunks(self, response: httpx.Response, patience: Patience) -> Iterator[bytes]:
        try:
            yield from pieces(response, patience, most=LARGEST_LIST)
        except (httpx.HTTPError, TooSlow) as error:
            raise self._broken(Call("GET", response.url.path), error) from None

    def _broken(self, call: Call, error: Exception) -> Unavailable:
        said = self._without_key(str(error))
        told = f": {quoted(said)}" if said.strip() else ""
        return Unavailable(
            f"{_what(call)} failed with {type(error).__name__}{told}",
            outcome_unknown=call.writes and not isinstance(error, _NOT_SENT),
        )

    def _malformed(self, call: Call, why: object) -> Malformed:
        told = quoted(self._without_key(str(why)))
        return Malformed(
            f"The answer to {_what(call)} cannot be used: {told}",
            outcome_unknown=call.writes,
        )

    def _without_key(self, text: str) -> str:
        return text.replace(self._connection.api_key, "[key]")


def _transient(error: Exception) -> bool:
    return isinstance(error, Unavailable)


def _what(call: Call) -> str:
    return f"{call.method} {call.path}"
