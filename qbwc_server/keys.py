"""Keyed hashes for what we only compare, encryption for what we must read again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_NAME_LENGTH = 8


class Keys:
    """The server's secret keys: the first is used, all are understood.

    Passwords, tickets and tokens are made by us with at least 128 random bits, so a
    keyed SHA-256 is as good as a slow hash and an idle poll stays cheap. Before a hash
    stands a name of its key, from which the key cannot be told: so it can be seen
    whether a key is still needed. Hashes of the first release have none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]
        self._names = [_hash(key, "name", "")[:_NAME_LENGTH] for key in self._keys]
        fernets = [
            Fernet(base64.urlsafe_b64encode(_derive(key, "encryption")))
            for key in self._keys
        ]
        self._first, self._fernet = fernets[0], MultiFernet(fernets)

    def __repr__(self) -> str:
        return f"Keys({len(self._keys)})"

    def __len__(self) -> int:
        return len(self._keys)

    def hash(self, purpose: str, secret: str) -> str:
        """Return the keyed hash of a secret, different for each purpose."""
        return f"{self._names[0]}:{_hash(self._keys[0], purpose, secret)}"

    def hashes(self, purpose: str, secret: str) -> list[str]:
        """Return every way in which a hash may be stored, that of `hash` first."""
        plain = [_hash(key, purpose, secret) for key in self._keys]
        named = zip(self._names, plain, strict=True)
        return [*(f"{name}:{one}" for name, one in named), *plain]

    def matches(self, purpose: str, secret: str, stored: str | None) -> bool:
        """Tell in constant time whether a secret has a stored hash."""
        found, given = False, (stored or "").encode("utf-8", "replace")
        for one in self.hashes(purpose, secret):
            found |= hmac.compare_digest(one.encode(), given)
        return found

    def hashed_now(self, stored: str) -> bool:
        """Tell whether a hash was made under the key in use."""
        return stored.startswith(f"{self._names[0]}:")

    def made(self, stored: str) -> bool:
        """Tell whether a hash names one of the keys as its own."""
        return stored.partition(":")[0] in self._names

    def encrypt(self, text: str) -> str:
        """Return text encrypted under the key in use."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def decrypt(self, token: str) -> str:
        """Return what was encrypted under any of the keys.

        Raises:
            cryptography.fernet.InvalidToken: under none of them.
        """
        return self._fernet.decrypt(token.encode()).decode()

    def encrypted_now(self, token: str) -> bool:
        """Tell whether something was encrypted under the key in use."""
        try:
            self._first.decrypt(token.encode())
        except InvalidToken:
            return False
        return True


def new_secret() -> str:
    """Return 160 random bits as 32 characters that are easy to read and type."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii").lower()


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()


def _hash(key: bytes, purpose: str, secret: str) -> str:
    text = secret.encode("utf-8", "surrogatepass")
    return hmac.new(_derive(key, purpose), text, hashlib.sha256).hexdigest()
