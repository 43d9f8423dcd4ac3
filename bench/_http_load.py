"""One HTTP request sent again and again at a constant rate, over connections that are kept.

Leaner than any client library, which would take as much of a small machine as the server does: the request is made
once, whole, and of an answer only the status, the length and the body are read. A connection sends one request at a
time; a request that is due while none is free waits for one, and its time runs from when it was due.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

CONNECTIONS = 64
ANSWER_S_MAX = 60.0
"For what is still without an answer when the last request is due."

TICK_S = 0.002
"Requests that are due within it are sent together."


@dataclass
class Answers:
    """What came back."""

    times_ms: list[float] = field(default_factory=list)
    "From when a request was due to the end of its answer."

    bodies: list[bytes] = field(default_factory=list)
    "Of those with status 200."

    refused: int = 0
    "Answers with another status."

    broken: int = 0
    "Connections that the server closed, or that answered what cannot be read."

    seconds: float = 0.0
    "From the first request to the last answer."

    cpu_s: float = 0.0
    "What asking took, of this process."


async def at_rate(base_url: str, request: bytes, rate: float, seconds: float) -> Answers:
    """Ask so often, and wait for the answers."""
    load = _Load(request)
    where = urlsplit(base_url)
    host, port = where.hostname or "", where.port or 80
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Connection(load), host, port)
    count = round(rate * seconds)
    cpu_s, begun = time.process_time(), time.monotonic()
    sent = 0
    while sent < count:
        due = min(count, int((time.monotonic() - begun) * rate) + 1)
        for number in range(sent, due):
            load.offer(begun + number / rate)
        sent = due
        await asyncio.sleep(TICK_S)
    until = time.monotonic() + ANSWER_S_MAX
    while load.open and time.monotonic() < until:  # noqa: ASYNC110 - as the loop above
        await asyncio.sleep(TICK_S)
    answers = load.answers
    answers.seconds, answers.cpu_s = load.last_at - begun, time.process_time() - cpu_s
    load.close()
    return answers


class _Load:
    """Who is free, what waits, what came."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.answers = Answers()
        self.last_at = 0.0
        self._waiting: deque[float] = deque()
        self._connections: set[_Connection] = set()
        self._idle: list[_Connection] = []

    @property
    def open(self) -> bool:
        """Whether an answer may still come."""
        return len(self._idle) < len(self._connections)

    def offer(self, due: float) -> None:
        if self._idle:
            self._idle.pop().send(due)
        else:
            self._waiting.append(due)

    def joined(self, connection: "_Connection") -> None:
        self._connections.add(connection)
        self.free(connection)

    def free(self, connection: "_Connection") -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def left(self, connection: "_Connection") -> None:
        self.answers.broken += 1
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def came(self, due: float, ok: bool, body: bytes) -> None:
        self.last_at = time.monotonic()
        self.answers.times_ms.append(1000 * (self.last_at - due))
        if ok:
            self.answers.bodies.append(body)
        else:
            self.answers.refused += 1

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._due = 0.0
        self._read = b""
        self._closing = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.joined(self)

    def send(self, due: float) -> None:
        self._due = due
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, blank, body = self._read.partition(b"\r\n\r\n")
        if not blank:
            return
        _, said, length = head.lower().partition(b"content-length:")
        if not said:
            self._transport.abort()
        elif len(body) >= int(length.partition(b"\r\n")[0]):
            self._read = b""
            self._load.came(self._due, head.startswith(b"HTTP/1.1 200"), body)
            self._load.free(self)

    def connection_lost(self, _: Exception | None) -> None:
        if not self._closing:
            self._load.left(self)

    def close(self) -> None:
        self._closing = True
        self._transport.close()
