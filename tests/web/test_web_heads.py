"""Headers that are too slow or too large, on a real socket."""

import asyncio
import contextlib
import socket

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from callwright.web.heads import HEAD_BYTES_MAX, BoundedHeads

pytestmark = pytest.mark.wire

CLOSED_S_MAX = 10.0
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n"


class _Impatient(BoundedHeads):
    head_s_max = 0.2


@contextlib.asynccontextmanager
async def _serving(protocol: type[BoundedHeads]):
    """A connection to it."""

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("served")(scope, receive, send)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=protocol, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        serving = uvicorn.Server(config)
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        async with asyncio.timeout(CLOSED_S_MAX):
            while not serving.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            serving.should_exit = True
            await task


async def _answer(reader) -> bytes:
    async with asyncio.timeout(CLOSED_S_MAX):
        return await reader.readuntil(b"served")


async def _until_closed(reader) -> bytes:
    async with asyncio.timeout(CLOSED_S_MAX):
        return await reader.read()


@pytest.mark.parametrize("sent", [b"", b"G", REQUEST, REQUEST + b"X-Long: a"])
async def test_headers_that_never_end(sent):
    async with _serving(_Impatient) as (reader, writer):
        writer.write(sent)
        assert await _until_closed(reader) == b""


async def test_a_second_request_that_never_ends():
    """After the first byte of it, uvicorn's own limit for idle connections holds no more."""
    async with _serving(_Impatient) as (reader, writer):
        writer.write(REQUEST + b"\r\n")
        assert (await _answer(reader)).startswith(b"HTTP/1.1 200")
        writer.write(REQUEST + b"X")
        assert await _until_closed(reader) == b""


async def test_a_byte_now_and_then_gains_no_time():
    async with _serving(_Impatient) as (reader, writer):
        closed = asyncio.create_task(_until_closed(reader))
        writer.write(REQUEST)
        with contextlib.suppress(ConnectionError):
            while not closed.done():
                writer.write(b"X-Header: a\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionResetError):  # a byte that crossed the end
            assert await closed == b""


async def test_headers_that_are_too_large():
    async with _serving(BoundedHeads) as (reader, writer):
        # Not more than the server reads, else its answer might be lost with the connection.
        writer.write((REQUEST + b"X-Long: ").ljust(HEAD_BYTES_MAX + 1, b"a"))
        said = await _until_closed(reader)
    assert said.startswith(b"HTTP/1.1 400") and said.endswith(b"The request's headers are too large.")


async def test_a_slow_body_and_a_slow_answer_are_not_its_affair():
    """The head is there, and so the clock has stopped."""
    async with _serving(_Impatient) as (reader, writer):
        for _ in range(2):
            writer.write(REQUEST + b"Content-Length: 70000\r\n\r\n" + b"a" * 69_999)
            await writer.drain()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 2 * _Impatient.head_s_max)
            writer.write(b"a")
            assert (await _answer(reader)).startswith(b"HTTP/1.1 200")
