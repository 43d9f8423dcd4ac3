"""A small web server that keeps what it was sent: for result_url posts and web services, in tests and the demo."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

HEAD_BYTES_MAX = 64 << 10
BODY_BYTES_MAX = 1 << 20
KEPT_MAX = 1_000
"Requests kept; later ones are answered and forgotten."

REQUEST_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    "Names in lower case."

    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver does with a request."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    hangs: bool = False
    "Say nothing until the client gives up."

    after: asyncio.Event | None = None
    "Say nothing until this is set."


class Receiver:
    """`async with Receiver() as receiver`: listens on a free port of 127.0.0.1. `answer` decides what each request gets."""

    def __init__(self, answer: Callable[[Received], Answer] = lambda _: Answer()) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self._came = asyncio.Condition()
        self._ending = asyncio.Event()

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_BYTES_MAX)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.close()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def wait_for(self, path: str, *, count: int = 1, timeout_s: float = 10.0) -> list[Received]:
        """The first `count` requests to `path`. Raises `TimeoutError` where they do not come in time."""

        def found() -> list[Received]:
            return [request for request in self.received if request.path.partition("?")[0] == path][:count]

        async with asyncio.timeout(timeout_s), self._came:
            await self._came.wait_for(lambda: len(found()) >= count)
            return found()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                request = await _read(reader)
                if len(self.received) < KEPT_MAX:
                    self.received.append(request)
                async with self._came:
                    self._came.notify_all()
                answer = self.answer(request)
                if answer.after is not None:
                    await answer.after.wait()
                if answer.hangs:
                    await self._ending.wait()
                    return
                lines = [f"HTTP/1.1 {answer.status} OK", f"Content-Length: {len(answer.body)}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in answer.headers]
                writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
                await writer.drain()
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # A client that speaks no HTTP, or has gone.
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = min(int(headers.get("content-length", "0")), BODY_BYTES_MAX)
    return Received(method, path, headers, await reader.readexactly(length))
