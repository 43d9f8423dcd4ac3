"""Where the platform's mail server delivers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """Keeps every mail. Made by `mailbox`."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.port = 0

    @property
    def options(self) -> tuple[str, str]:
        """What `callwright up` is told."""
        return (f"--smtp-url=smtp://127.0.0.1:{self.port}", "--mail-from=calls@example.com")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content))
        return "250 taken"


@contextmanager
def delivering() -> Iterator[Mailbox]:
    """A mail server that keeps what comes."""
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
