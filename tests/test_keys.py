"""Hashes that tell purposes and servers apart, and encryption that can be renewed."""

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken

from qbwc_server.keys import Keys, new_secret

OLD, NEW = "o" * 32, "n" * 32


def test_a_hash_depends_on_key_purpose_and_secret() -> None:
    """A ticket's hash is of no use as a password's, nor on another server."""
    hashes = {
        Keys([key]).hash(purpose, secret)
        for key in (OLD, NEW)
        for purpose in ("password", "ticket")
        for secret in ("a", "b", "", "ä🏗️")
    }

    assert len(hashes) == 16
    assert {len(one) for one in hashes} == {8 + 1 + 64}


def test_a_secret_matches_its_own_hash_only() -> None:
    """Nothing matches where nothing is stored, not even nothing."""
    keys = Keys([NEW])
    stored = keys.hash("password", "right")

    assert keys.matches("password", "right", stored)
    assert not keys.matches("password", "wrong", stored)
    assert not keys.matches("ticket", "right", stored)
    for nothing in (None, ""):
        assert not keys.matches("password", "", nothing)


def test_the_first_key_is_used_and_all_are_understood() -> None:
    """A key is renewed by putting a new one in front; nobody has to do anything."""
    before, after = Keys([OLD]), Keys([NEW, OLD])
    token = before.encrypt("key of Mosaic: ä🏗️")

    assert after.decrypt(token) == "key of Mosaic: ä🏗️"
    assert after.matches("password", "right", before.hash("password", "right"))
    assert after.hash("password", "right") == Keys([NEW]).hash("password", "right")
    assert Keys([NEW]).decrypt(after.encrypt("x")) == "x"
    named = [Keys([key]).hash("ticket", "t") for key in (NEW, OLD)]
    plain = [one.partition(":")[2] for one in named]
    assert after.hashes("ticket", "t") == named + plain


def test_a_hash_of_the_first_release_is_understood() -> None:
    """It has no name of its key in front."""
    keys = Keys([NEW, OLD])
    stored = Keys([OLD]).hash("password", "right").partition(":")[2]

    assert len(stored) == 64
    assert keys.matches("password", "right", stored)
    assert not keys.matches("password", "wrong", stored)


def test_what_is_under_an_older_key_is_known() -> None:
    """So it can be said whether that key is still needed."""
    before, after = Keys([OLD]), Keys([NEW, OLD])
    old, new = before.hash("setup", "s"), after.hash("setup", "s")

    assert (after.hashed_now(old), after.hashed_now(new)) == (False, True)
    assert not after.hashed_now(new.partition(":")[2])
    assert not after.encrypted_now(before.encrypt("x"))
    assert after.encrypted_now(after.encrypt("x"))
    assert len(after) == 2


def test_a_key_that_was_given_up_opens_nothing() -> None:
    """What is encrypted under it is lost, and that is said."""
    token = Keys([OLD]).encrypt("x")

    with pytest.raises(InvalidToken):
        Keys([NEW]).decrypt(token)
    with pytest.raises(InvalidToken):
        Keys([OLD]).decrypt(token[:-8] + "AAAAAAA=")


def test_equal_texts_are_encrypted_differently() -> None:
    """Who reads the database cannot tell whose keys are the same."""
    keys = Keys([NEW])
    assert keys.encrypt("x") != keys.encrypt("x")


def test_keys_do_not_show_themselves() -> None:
    """They stand in no log line and no traceback."""
    assert repr(Keys([NEW, OLD])) == "Keys(2)"


def test_a_new_secret_can_be_typed_and_is_new() -> None:
    """160 bits in 32 characters without capitals, 0, 1, 8 or 9."""
    made = {new_secret() for _ in range(100)}

    assert len(made) == 100
    assert {len(one) for one in made} == {32}
    assert set("".join(made)) <= set("abcdefghijklmnopqrstuvwxyz234567")
