"""What browsers keep for us: which names it has, and for whom it is.

By https its name begins with `__Host-`: browsers then take it from this very server
alone, by https, so that no other name of the same domain can plant or shadow one. By
http, which only a demo on the same machine speaks, it has its plain name: browsers
would not take the other.
"""

from __future__ import annotations

from typing import Literal

from flask import request
from werkzeug.wrappers import Response

_PREFIX = "__Host-"


def name(plain: str, public_url: str) -> str:
    """Return the name of a cookie at a public URL."""
    return _PREFIX + plain if public_url.startswith("https:") else plain


def kept(plain: str, public_url: str) -> str:
    """Return what the browser that asks keeps under a name, "" if nothing."""
    return request.cookies.get(name(plain, public_url), "")


def give(
    answer: Response,
    plain: str,
    value: str,
    *,
    public_url: str,
    seconds: int,
    path: str,
    samesite: Literal["Strict", "Lax"],
) -> None:
    """Have the browser keep something; nothing more for it after 0 seconds.

    `path` is where it is sent to by http; with the prefix that is everywhere here.
    """
    https = public_url.startswith("https:")
    answer.set_cookie(
        name(plain, public_url),
        value,
        max_age=seconds,
        path="/" if https else path,
        secure=https,
        httponly=True,
        samesite=samesite,
    )
