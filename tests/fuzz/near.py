"""What is near a good body: cut, doubled, reordered, with bytes and words changed."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
_WORDS = (
    *(b"&#0;", b"&#x1;", b"&lt;", b"&amp;", b"&x;", b"]]>", b"<![CDATA[", b"<!--"),
    *(b"<!DOCTYPE x>", b"<?xml version='1.1'?>", b"<a>", b"</a>", b'"', b"'"),
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbf\xbf", "\U0001f3db".encode()),
    *(b"-1", b"0", b"9" * 30, b"1e99999", b"NaN", b"null", b"{}", b"[]", b'""'),
    *(b"true", b"2026-02-30", b"PT99999999H", b"0001-01-01", b"Infinity", b"-0.0"),
    *(b"\\ud800", b"\\u0000", b",", b":", b'{"mosaic_id":1}'),
)


def few(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a test with how many examples it tries in `make test`."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def mutated(body: bytes, seed: random.Random) -> bytes:
    """Return a body that differs from a good one in one to five places."""
    for _ in range(seed.randint(1, 5)):
        body = seed.choice((_cut, _doubled, _swapped, _word, _byte, _other_code))(
            body, seed
        )
    return body


def seeds() -> st.SearchStrategy[random.Random]:
    """Return where changes come from; Hypothesis finds the seed again."""
    return st.integers(0, 2**64).map(random.Random)


def for_long(once: Callable[[random.Random], object]) -> list[float]:
    """Do something for FUZZ_MINUTES; return megabytes at start, middle and end."""
    seed, began = int(time.time()), time.monotonic()
    found: list[float] = []
    for number in range(2**62):
        passed = (time.monotonic() - began) / 60
        # What was imported and cached with the first hundred is no leak.
        if number >= 100 and len(found) <= 2 * passed / MINUTES:
            found.append(_megabytes())
            _tell(f"seed {seed}: {number} done, {found[-1]:.0f} MB")
        if passed >= MINUTES and len(found) >= 3:
            return found
        try:
            once(random.Random(seed + number))
        except BaseException:
            _tell(f"seed of the failure: {seed + number}")
            raise
    raise AssertionError("unreachable")


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _place(body: bytes, seed: random.Random) -> int:
    return seed.randint(0, len(body))


def _cut(body: bytes, seed: random.Random) -> bytes:
    start, end = sorted((_place(body, seed), _place(body, seed)))
    short = seed.random() < 0.7
    return body[:start] + body[min(end, start + 40) if short else end :]


def _doubled(body: bytes, seed: random.Random) -> bytes:
    start = _place(body, seed)
    piece = body[start : start + seed.randint(1, 400)]
    return body[:start] + piece * seed.choice((2, 3, 50)) + body[start:]


def _swapped(body: bytes, seed: random.Random) -> bytes:
    pieces = body.split(b">")
    if len(pieces) > 2:
        one, other = seed.sample(range(len(pieces) - 1), 2)
        pieces[one], pieces[other] = pieces[other], pieces[one]
    return b">".join(pieces)


def _word(body: bytes, seed: random.Random) -> bytes:
    start = _place(body, seed)
    over = seed.choice((0, 0, 1, 4))
    return body[:start] + seed.choice(_WORDS) + body[start + over :]


def _byte(body: bytes, seed: random.Random) -> bytes:
    start = _place(body, seed)
    return body[:start] + seed.randbytes(seed.randint(1, 3)) + body[start + 1 :]


def _other_code(body: bytes, seed: random.Random) -> bytes:
    code = seed.choice(("utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-7"))
    return (
        body
        if seed.random() < 0.8
        else body.decode("utf-8", "replace").encode(code, "replace")
    )
