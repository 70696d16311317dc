"""A request as WSGI has it."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.serving.wsgi import answered, environ_of


def scope(*headers: tuple[bytes, bytes], path: bytes = b"/qbwc") -> dict[str, Any]:
    """Return a request as the server has it."""
    return {
        "method": "POST",
        "raw_path": path,
        "query_string": b"wsdl",
        "http_version": "1.1",
        "scheme": "http",
        "client": ("203.0.113.7", 4711),
        "server": ("127.0.0.1", 8000),
        "headers": list(headers),
    }


def test_a_header_with_an_underscore_is_none() -> None:
    """In WSGI it could not be told from the one that a proxy has written."""
    made = environ_of(
        scope(
            (b"x-forwarded-for", b"203.0.113.9"),
            (b"x_forwarded_for", b"6.6.6.6"),
            (b"X_FORWARDED-FOR", b"6.6.6.6"),
        )
    )
    assert made["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    assert "6.6.6.6" not in made.values()


def test_headers_of_one_name_are_joined() -> None:
    """A caller's own X-Forwarded-For stands before that of the proxy."""
    made = environ_of(
        scope(
            *((b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9")),
            *((b"cookie", b"a=1"), (b"cookie", b"b=2")),
        )
    )
    assert made["HTTP_X_FORWARDED_FOR"] == "6.6.6.6,203.0.113.9"
    assert made["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (b"/qbwc", "/qbwc"),
        (b"/a%2Fb%20c", "/a/b c"),
        (b"/%C3%A9", "/\u00c3\u00a9"),
        (b"/%ff%00", "/\u00ff\x00"),
    ],
)
def test_an_address_is_what_its_bytes_say(path: bytes, told: str) -> None:
    """One byte a character, as WSGI wants it."""
    assert environ_of(scope(path=path))["PATH_INFO"] == told


def test_how_long_a_body_is_says_nobody_but_the_server() -> None:
    """It was gathered: what its sender announced is over."""
    said = ((b"content-length", b"99"), (b"transfer-encoding", b"chunked"))
    environ = environ_of(scope(*said, (b"content-type", b"text/xml")))
    closed = []

    class Pieces(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: dict[str, Any], start: Any) -> Pieces:
        start("201 Created", [("X-Length", environ["CONTENT_LENGTH"])])
        return Pieces([environ["wsgi.input"].read(), b"!"])

    answer = answered(application, environ, b"abc")

    assert (answer.status, answer.body) == (201, b"abc!")
    assert answer.headers == [(b"X-Length", b"3"), (b"content-length", b"4")]
    assert environ["CONTENT_TYPE"] == "text/xml"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert closed == [True]
