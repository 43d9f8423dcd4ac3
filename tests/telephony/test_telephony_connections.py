"""Calls whose connection is closed, over real TCP and TLS: they go on by another one. A silent one stays as long as its call."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tls import Authority

from callwright.base.trust import trusting
from callwright.sip.address import Address
from callwright.sip.call import SipCall
from callwright.sip.framing import Framer
from callwright.sip.message import Request, Response, parse
from callwright.telephony import sip_streams
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

WAIT_S = 15.0
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Line:
    """One connection of the far end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._framer = Framer()
        self._whole: list[bytes] = []

    def send(self, message: Request | Response) -> None:
        self.writer.write(message.serialize())

    async def next(self, what: str) -> Request | Response:
        """The next message: `BYE`, or `200 BYE`; others before it are dropped."""
        async with asyncio.timeout(WAIT_S):
            while True:
                while not self._whole:
                    data = await self._reader.read(65536)
                    assert data, f"closed, and no {what} came"
                    self._whole += self._framer.feed(data)
                message = parse(self._whole.pop(0))
                name = message.method if isinstance(message, Request) else f"{message.status} {message.method}"
                if name == what:
                    return message

    async def closed(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while await self._reader.read(65536):
                pass

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


class Far:
    """A far end that listens, and connects from other ports. Its Contact is where it listens, unless it says otherwise."""

    def __init__(self, to: Address, context: ssl.SSLContext | None) -> None:
        self._to, self._context = to, context
        self.lines: asyncio.Queue[Line] = asyncio.Queue()
        self.listens: Address = ("", 0)
        self.transport = "TLS" if context else "TCP"
        self.contact = ""
        self.says = ""
        "Further parameters of its Via."

        self.us = ""
        self._number = 0

    async def connected(self) -> Line:
        return Line(*await asyncio.open_connection(*self._to, ssl=self._context))

    async def came(self) -> Line:
        """The next connection that is opened to it."""
        async with asyncio.timeout(WAIT_S):
            return await self.lines.get()

    def request(self, method: str, number: int = 0, body: str = "") -> Request:
        self._number += 1
        made = Request(method, "sip:100@127.0.0.1", sequence=number or self._number, body=body)
        host, port = self.listens
        for name, value in (
            ("via", f"SIP/2.0/{self.transport} {host}:{port};branch=z9hG4bK{method}{self._number}{self.says}"),
            ("from", "<sip:200@127.0.0.1>;tag=far"),
            ("to", f"<sip:100@127.0.0.1>{self.us}"),
            ("call-id", "a-call"),
            ("cseq", f"{made.sequence} {method}"),
            ("contact", self.contact or f"<sip:200@{host}:{port};transport={self.transport.lower()}>"),
            *((("content-type", "application/sdp"),) if body else ()),
        ):
            made.headers.set(name, value)
        return made

    def answer(self, request: Request, body: str = "") -> Response:
        made = Response(200, "OK", body=body)
        for name in ("via", "from", "to", "call-id", "cseq"):
            made.headers.set(name, *request.headers.all(name))
        made.headers.set("contact", self.request("OPTIONS").headers.get("contact"))
        if body:
            made.headers.set("content-type", "application/sdp")
        return made

    def answered(self, response: Response) -> None:
        self.us = f";tag={response.to_tag}"


class Ours:
    """Our side: the calls that come."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[SipCall] = asyncio.Queue()
        self.events: list[object] = []
        self.kept: set[Address] = set()
        self.endpoint: SipEndpoint

    def take(self, one: SipCall) -> None:
        one.on_event = self.events.append
        self.calls.put_nowait(one)


@asynccontextmanager
async def _both(transport: str, folder: Path) -> AsyncIterator[tuple[Ours, Far]]:
    authority = Authority(folder)
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(*authority.issue("server"))
    trusted = trusting(authority.ca.read_text())
    ours, where = Ours(), {transport: ("127.0.0.1", 0)}
    ours.endpoint = await SipEndpoint.open(
        "127.0.0.1", 0, on_invite=ours.take, certificate=shown, trusted=trusted, keeps=ours.kept.__contains__, **where
    )
    far = Far(ours.endpoint.addresses[transport], trusted if transport == "tls" else None)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far.lines.put_nowait(Line(reader, writer))

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=shown if transport == "tls" else None)
    far.listens = server.sockets[0].getsockname()
    try:
        yield ours, far
    finally:
        await ours.endpoint.close()
        server.close()


async def _talking(ours: Ours, far: Far) -> tuple[SipCall, Line]:
    line = await far.connected()
    line.send(far.request("INVITE", body=SDP))
    call = await asyncio.wait_for(ours.calls.get(), WAIT_S)
    call.answer(SDP)
    far.answered(await line.next("200 INVITE"))
    line.send(far.request("ACK", 1))
    async with asyncio.timeout(WAIT_S):
        while call.state != "confirmed":  # noqa: ASYNC110 - it tells nobody but its owner
            await asyncio.sleep(0.01)
    return call, line


async def _gone(line: Line, ours: Ours) -> None:
    """Close it, and wait until our side knows."""
    host, port = line.writer.get_extra_info("sockname")
    await line.close()
    async with asyncio.timeout(WAIT_S):
        while any(one.connected((host, port)) for one in ours.endpoint._streams.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_an_answer_whose_connection_has_gone(tmp_path: Path, transport: str) -> None:
    """RFC 3261 §18.2.2: to where the Via says that its sender listens; what follows goes where the ACK came from."""
    async with _both(transport, tmp_path) as (ours, far):
        line = await far.connected()
        line.send(far.request("INVITE", body=SDP))
        call = await asyncio.wait_for(ours.calls.get(), WAIT_S)
        await line.next("100 INVITE")
        await _gone(line, ours)
        call.answer(SDP)
        other = await far.came()
        far.answered(await other.next("200 INVITE"))
        third = await far.connected()
        third.send(far.request("ACK", 1))
        async with asyncio.timeout(WAIT_S):
            while call.state != "confirmed":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        call.hang_up()
        await third.next("BYE")


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_what_we_ask_when_the_connection_has_gone(tmp_path: Path, transport: str) -> None:
    """By a new one to the Contact; the peer's newest one is used from then on."""
    async with _both(transport, tmp_path) as (ours, far):
        call, line = await _talking(ours, far)
        await _gone(line, ours)
        wanted = [SDP.replace("4000", "4002")]
        call.reoffer(lambda: wanted.pop() if wanted else "", lambda _: None)
        anew = await far.came()
        again = await anew.next("INVITE")
        assert isinstance(again, Request)
        anew.send(far.answer(again, SDP))
        await anew.next("ACK")
        newest = await far.connected()
        newest.send(far.request("INFO"))
        await newest.next("200 INFO")
        call.hang_up()
        bye = await newest.next("BYE")
        assert isinstance(bye, Request)
        newest.send(far.answer(bye))
        assert not [event for event in ours.events if "far end" in str(event)]


async def test_a_contact_that_asks_for_datagrams(tmp_path: Path) -> None:
    """Where its connection has gone, and only then."""
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            got.put_nowait(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    async with _both("tcp", tmp_path) as (ours, far):
        host, port = transport.get_extra_info("sockname")
        far.contact = f"<sip:200@{host}:{port};transport=udp>"
        call, line = await _talking(ours, far)
        await _gone(line, ours)
        call.hang_up()
        bye = parse(await asyncio.wait_for(got.get(), WAIT_S))
        assert isinstance(bye, Request) and bye.method == "BYE"
        assert bye.headers.get("via").startswith("SIP/2.0/UDP ")
    transport.close()


@pytest.mark.parametrize("alias", ["", ";alias"])
async def test_one_that_dies_under_a_request(tmp_path: Path, alias: str) -> None:
    """Our side believes that it is open, and sends on it: the request goes again by another one. So it does where the peer took
    that connection for the port at which it listens, too (RFC 5923)."""
    async with _both("tcp", tmp_path) as (ours, far):
        far.says = alias
        call, line = await _talking(ours, far)
        line.writer.transport.pause_reading()
        wanted = [SDP.replace("4000", "4002")]
        call.reoffer(lambda: wanted.pop() if wanted else "", lambda _: None)
        await asyncio.sleep(0)
        line.writer.transport.abort()
        anew = await far.came()
        again = await anew.next("INVITE")
        assert isinstance(again, Request)
        anew.send(far.answer(again, SDP))
        await anew.next("ACK")
        assert call.state == "confirmed"


async def test_a_silent_one_stays_as_long_as_its_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_streams, "KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(sip_streams, "IDLE_S_MAX", 0.2)
    async with _both("tcp", tmp_path) as (ours, far):
        call, line = await _talking(ours, far)
        # Another one without a call, later: by the time that it is closed, the first would have been.
        idle = await far.connected()
        await idle.closed()
        call.hang_up()
        bye = await line.next("BYE")
        assert isinstance(bye, Request)
        line.send(far.answer(bye))
        await line.closed()


async def test_a_silent_one_stays_as_long_as_a_telephone_is_registered_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_streams, "KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(sip_streams, "IDLE_S_MAX", 0.2)
    async with _both("tcp", tmp_path) as (ours, far):
        phone = await far.connected()
        ours.kept.add(phone.writer.get_extra_info("sockname"))
        other = await far.connected()
        await other.closed()
        phone.send(far.request("OPTIONS"))
        await phone.next("200 OPTIONS")
        ours.kept.clear()
        await phone.closed()
