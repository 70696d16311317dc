"""A mail server on loopback that takes as many messages as come, and keeps them."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

_LINK = re.compile(r"https?://\S+(/alerts/\S+)")


@dataclass
class PostOffice:
    """What came; while `closed` every recipient is refused for now."""

    port: int = 0
    closed: bool = False
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """How the server reaches it."""
        return f"smtp://127.0.0.1:{self.port}"

    def subjects(self) -> list[str]:
        """Return what the messages are called, in their order."""
        return [str(one["Subject"]) for one in self.messages]

    def link(self, which: int = -1) -> str:
        """Return the path of the link that a message has."""
        found = _LINK.search(self.messages[which].get_content())
        assert found is not None
        return found[1]


@contextmanager
def serving() -> Iterator[PostOffice]:
    """Serve on loopback until the block ends."""
    office = PostOffice()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Speak SMTP, as far as a client of ours does."""
            to: list[str] = []
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline().strip():
                word, answer = line.upper(), b"250 ok"
                if word.startswith(b"RCPT"):
                    to.append(line.decode().partition("<")[2].rstrip(">"))
                    answer = b"450 later" if office.closed else answer
                elif word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    made = message_from_bytes(text, policy=policy.default)
                    assert isinstance(made, EmailMessage)
                    office.messages.append(made)
                    office.recipients.append(to)
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(answer + b"\r\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Conversation) as server:
        office.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield office
        server.shutdown()
        thread.join()
