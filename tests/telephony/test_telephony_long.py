"""Requests within a call that are too long for a datagram: by TCP where the far end takes it (RFC 3261 §18.1.1), over sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callwright.sip.address import Address
from callwright.sip.call import SipCall
from callwright.sip.framing import Framer
from callwright.sip.message import Request, Response, parse
from callwright.sip.ways import DATAGRAM_BYTES_MAX
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

WAIT_S = 15.0
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
PROXIES = 12


class Far(asyncio.DatagramProtocol):
    """A far end at one port of UDP, and of TCP where it takes connections. It answers what it is asked, where it came from."""

    def __init__(self, us: Address) -> None:
        self._us = us
        self.came: asyncio.Queue[tuple[str, Request | Response]] = asyncio.Queue()
        self.tag = ""
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._heard("udp", data, lambda answer: self._transport.sendto(answer, addr))

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        while data := await reader.read(65536):
            for whole in framer.feed(data):
                self._heard("tcp", whole, writer.write)
        writer.close()

    def _heard(self, by: str, data: bytes, answers) -> None:
        message = parse(data)
        self.came.put_nowait((by, message))
        if isinstance(message, Request) and message.method != "ACK":
            answer = Response(202 if message.method == "REFER" else 200, "OK")
            for name in ("via", "from", "to", "call-id", "cseq"):
                answer.headers.set(name, *message.headers.all(name))
            if message.method == "INVITE":
                answer.headers.set("contact", f"<sip:far@127.0.0.1:{self.port}>")
                answer.headers.set("content-type", "application/sdp")
                answer.body = SDP
            answers(answer.serialize())

    async def until(self, what: str) -> tuple[str, Request | Response]:
        """How the next of these came, and it."""
        async with asyncio.timeout(WAIT_S):
            while True:
                by, message = await self.came.get()
                if what == (message.method if isinstance(message, Request) else f"{message.status} {message.method}"):
                    return by, message

    def asks(self, method: str, *, routes: int = 0, number: int = 0, body: str = "", refer_to: str = "") -> None:
        self._number += 1
        made = Request(method, "sip:100@127.0.0.1", sequence=number or self._number, body=body)
        for name, value in (
            ("via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{method}{self._number}"),
            ("from", "<sip:far@127.0.0.1>;tag=far"),
            ("to", "<sip:100@127.0.0.1>" + (f";tag={self.tag}" if self.tag else "")),
            ("call-id", "long"),
            ("cseq", f"{made.sequence} {method}"),
            ("contact", f"<sip:far@127.0.0.1:{self.port}>"),
            *((("content-type", "application/sdp"),) if body else ()),
            *((("refer-to", refer_to),) if refer_to else ()),
        ):
            made.headers.set(name, value)
        if routes:
            # All of them are this one: it is the path that is long, not the way.
            on_the_way = [f"<sip:127.0.0.1:{self.port};lr;{'x' * 90}={number}>" for number in range(routes)]
            made.headers.set("record-route", *on_the_way)
        self._transport.sendto(made.serialize(), self._us)


@asynccontextmanager
async def _talking(routes: int, *, takes: bool) -> AsyncIterator[tuple[SipCall, Far]]:
    """A call by datagrams that a far end behind so many proxies made."""
    calls: asyncio.Queue[SipCall] = asyncio.Queue()

    def taken(one: SipCall) -> None:
        one.on_refer = lambda _: 202
        calls.put_nowait(one)

    ours = await SipEndpoint.open("127.0.0.1", 0, on_invite=taken)
    loop, far, server = asyncio.get_running_loop(), Far(ours.address), None
    with socket.create_server(("127.0.0.1", 0)) as listens:
        await loop.create_datagram_endpoint(lambda: far, local_addr=listens.getsockname())
        if takes:
            server = await asyncio.start_server(far.connected, sock=listens.dup())
    try:
        far.asks("INVITE", routes=routes, body=SDP)
        call = await asyncio.wait_for(calls.get(), WAIT_S)
        call.answer(SDP)
        _, answer = await far.until("200 INVITE")
        assert isinstance(answer, Response)
        far.tag = answer.to_tag
        far.asks("ACK", number=1)
        async with asyncio.timeout(WAIT_S):
            while call.state != "confirmed":  # noqa: ASYNC110 - only its owner is told
                await asyncio.sleep(0.01)
        yield call, far
    finally:
        await ours.close()
        far._transport.close()
        if server is not None:
            server.close()


async def _reoffered(call: SipCall, description: str) -> None:
    agreed, wanted = asyncio.Event(), [description]
    call.reoffer(lambda: wanted.pop() if wanted else "", lambda _: agreed.set())
    await asyncio.wait_for(agreed.wait(), WAIT_S)


@pytest.mark.parametrize(("takes", "way"), [(True, "tcp"), (False, "udp")])
async def test_along_a_long_way(takes: bool, way: str) -> None:
    """Our re-INVITE, its ACK, the NOTIFY of what came of the far end's REFER, a REFER of ours, and BYE."""
    async with _talking(PROXIES, takes=takes) as (call, far):
        await _reoffered(call, SDP.replace("4000", "4002"))
        by, again = await far.until("INVITE")
        assert by == way and isinstance(again, Request) and len(again.serialize()) > DATAGRAM_BYTES_MAX
        assert again.headers.get("via").startswith(f"SIP/2.0/{way.upper()} ")
        assert "transport" not in again.headers.get("contact"), "the call is by datagrams"
        assert len(again.headers.all("route")) == PROXIES
        assert (await far.until("ACK"))[0] == way
        far.asks("REFER", number=2, refer_to="<sip:third@127.0.0.1>")
        assert (await far.until("NOTIFY"))[0] == way
        call.refer("sip:third@127.0.0.1")
        assert (await far.until("REFER"))[0] == way
        assert call.dialog is not None and call.dialog.datagrams_only is not takes
        call.hang_up()
        assert (await far.until("BYE"))[0] == way


async def test_a_long_description_alone() -> None:
    """What is short goes as a datagram, before and after."""
    async with _talking(0, takes=True) as (call, far):
        await _reoffered(call, SDP.replace("4000", "4002"))
        assert (await far.until("INVITE"))[0] == (await far.until("ACK"))[0] == "udp"
        await _reoffered(call, SDP + "a=x-long:" + "y" * DATAGRAM_BYTES_MAX + "\r\n")
        assert (await far.until("INVITE"))[0] == "tcp"
        assert (await far.until("ACK"))[0] == "udp"
        call.hang_up()
        assert (await far.until("BYE"))[0] == "udp"
