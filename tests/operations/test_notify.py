"""Sending: a webhook, and an e-mail through a mail server that a test plays."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from qbwc_server.operations import notify
from qbwc_server.operations.notices import Ways
from qbwc_server.operations.notify import NotSent
from qbwc_server.settings import Settings

SECRET = "https://h.example.com/token-of-the-hook"
SECRET_KEY = "k" * 40


def hook(status: int) -> httpx.MockTransport:
    """Return a receiver that answers with a status."""
    return httpx.MockTransport(lambda request: httpx.Response(status, request=request))


def test_a_webhook_is_posted_as_json() -> None:
    """Any 2xx is success."""
    got: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        got.append((request.method, json.loads(request.content)))
        return httpx.Response(204)

    notify.webhook(SECRET, {"id": "1"}, transport=httpx.MockTransport(answer))
    assert got == [("POST", {"id": "1"})]


@pytest.mark.parametrize("status", [302, 400, 500])
def test_what_is_not_taken_is_not_sent_and_the_address_is_not_told(status: int) -> None:
    """The address of a webhook is a secret."""
    with pytest.raises(NotSent, match=str(status)) as error:
        notify.webhook(SECRET, {}, transport=hook(status))
    assert "token" not in str(error.value)


def test_a_webhook_that_cannot_be_reached_is_not_sent() -> None:
    """Nor one whose address is none."""
    for url in ("http://127.0.0.1:1/token", "nonsense token"):
        with pytest.raises(NotSent) as error:
            notify.webhook(url, {})
        assert "token" not in str(error.value)


@pytest.fixture
def mail_server() -> Iterator[tuple[str, list[str]]]:
    """The address of a mail server for one message, and what it was told."""
    lines: list[str] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 test\r\n")
            while line := stream.readline().decode().rstrip("\r\n"):
                lines.append(line)
                if line.upper() == "DATA":
                    stream.write(b"354 go on\r\n")
                    while (line := stream.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(line)
                if line.upper() == "QUIT":
                    stream.write(b"221 bye\r\n")
                    return
                stream.write(b"250 ok\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}", lines
    listening.close()


def test_an_email_has_its_id_and_its_sender(
    mail_server: tuple[str, list[str]],
) -> None:
    """So that a mail program shows the same notice once."""
    address, lines = mail_server
    notify.email(
        f"smtp://{address}?from=server@example.com",
        "a@example.com, b@example.com",
        subject="Alice is late",
        text="Please look.",
        message_id="1-late",
    )
    text = "\n".join(lines)
    assert "From: server@example.com" in text
    assert "rcpt TO:<b@example.com>" in text
    assert "Message-ID: <1-late@127.0.0.1>" in text
    assert "Please look." in text


def test_a_password_never_goes_over_an_open_line(
    mail_server: tuple[str, list[str]],
) -> None:
    """Where the server has no STARTTLS, nothing is sent."""
    address, lines = mail_server
    with pytest.raises(NotSent) as error:
        notify.email(
            f"smtp://me:hunter2@{address}",
            "a@example.com",
            subject="x",
            text="x",
            message_id="x",
        )
    assert "hunter2" not in str(error.value) + "".join(lines)


def test_only_the_ways_that_are_set_are_used() -> None:
    """E-mail needs both an address and a server."""
    assert Ways.of(Settings()).names() == []
    assert Ways.of(Settings(notify_webhook=SecretStr(SECRET))).names() == ["webhook"]
    assert Ways.of(Settings(notify_email="a@example.com")).names() == []
    both = Settings(
        notify_email="a@example.com",
        smtp_url=SecretStr("smtp://m"),
        secret_key=SecretStr(SECRET_KEY),
    )
    assert Ways.of(both).names() == ["email"]
