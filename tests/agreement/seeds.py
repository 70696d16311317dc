"""Has all that is drawn at random come from a seed."""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Have all that is drawn at random come from a seed."""
    chance = random.Random(seed)

    def token_bytes(size: int = 32) -> bytes:
        return chance.randbytes(size)

    def token_hex(size: int = 32) -> str:
        return token_bytes(size).hex()

    def uuid4() -> uuid.UUID:
        return uuid.UUID(int=chance.getrandbits(128), version=4)

    with (
        mock.patch.object(uuid, "uuid4", uuid4),
        mock.patch.object(secrets, "token_bytes", token_bytes),
        mock.patch.object(secrets, "token_hex", token_hex),
    ):
        yield
