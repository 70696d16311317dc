"""A gathered request as WSGI has it, and what the application answers.

Rule: of two headers that WSGI cannot tell apart, the one with an underscore is dropped.
Else anybody could send X_Forwarded_For past a proxy that writes X-Forwarded-For.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from qbwc_server.serving.served import WSGI, Answer, Environ


def environ_of(scope: Any) -> Environ:
    """Return the environment of a request whose body is not there yet."""
    client, server = scope["client"] or ("", 0), scope["server"] or ("", None)
    made: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw, value in scope["headers"]:
        if b"_" in raw:
            continue
        name = raw.decode("latin-1").upper().replace("-", "_")
        if name == "CONTENT_TYPE":
            made[name] = value.decode("latin-1")
        elif name not in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}:
            key, text = "HTTP_" + name, value.decode("latin-1")
            between = "; " if name == "COOKIE" else ","
            made[key] = made[key] + between + text if key in made else text
    return made


def answered(application: WSGI, environ: Environ, body: bytes) -> Answer:
    """Have an application answer a request with its body."""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    answer = Answer()

    def start(
        status: str, headers: list[tuple[str, str]], *_: object
    ) -> Callable[[bytes], object]:
        answer.status = int(status[:3])
        answer.headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]
        return lambda _data: None

    pieces = application(environ, start)
    try:
        answer.body = b"".join(pieces)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    if all(name.lower() != b"content-length" for name, _ in answer.headers):
        answer.headers.append((b"content-length", str(len(answer.body)).encode()))
    return answer
