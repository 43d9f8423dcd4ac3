"""A caller, us, and a far end that we dial for it and that has not answered: real SIP and RTP on both sides."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rtp_peer import HOST, Inbox, Peer, free_ports

from callwright.media.rtp import Packet
from callwright.sip import sdp
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Ringing
from callwright.telephony.early_media import Waiting
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.unanswered import UnansweredLeg

NETWORK, RINGBACK = b"\x11" * 160, b"\x22" * 160


def described(peer: Peer, encoding: str = "0", address: str = HOST, direction: str = "sendrecv") -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {peer.port} RTP/AVP {encoding} 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )


def without_events(peer: Peer) -> str:
    return described(peer).replace(" 101\r\n", "\r\n").replace("a=rtpmap:101 telephone-event/8000\r\n", "")


class Trio:
    """A caller, us, and the far end that we dial for it."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.caller, self.far_end = Peer(), Peer(ssrc=88)
        self.told, self.calls, self.rung, self.at_rung = Inbox(), Inbox(), Inbox(), Inbox()
        self.leg: SipLeg
        self.dialled: SipLeg

    async def open(self) -> "Trio":
        self.at_caller = await SipEndpoint.open(HOST, 0, on_invite=lambda _: None)
        self.us = await SipEndpoint.open(HOST, 0, on_invite=self.calls.add)
        self.at_far_end = await SipEndpoint.open(HOST, 0, on_invite=self.rung.add)
        return self

    async def call(self, *, answered: bool, overhears: bool = True, offer: str | None = None) -> SipCall:
        """The caller calls, and we dial for it; the far end's call, that rings nowhere yet."""
        await self.dial(self.at_far_end.address, answered=answered, overhears=overhears, offer=offer)
        rung: SipCall = (await self.rung.until(lambda items: items))[0]
        rung.on_event = self.at_rung.add
        return rung

    async def dial(
        self, to: tuple[str, int], *, answered: bool = True, overhears: bool = True, offer: str | None = None
    ) -> None:
        """The caller calls, and we dial this place for it."""
        self.placed = self.at_caller.invite(
            f"sip:100@{HOST}", call_id="caller", caller="200", sdp=described(self.caller) if offer is None else offer,
            to=self.us.address, on_event=self.told.add,
        )  # fmt: skip
        call = (await self.calls.until(lambda items: items))[0]
        self.leg = (SipLeg.incoming if answered else UnansweredLeg.ringing)(call, self.plane, HOST)
        host, port = to
        self.dialled = SipLeg.outgoing(
            self.us, self.plane, HOST, target=f"sip:300@{host}:{port}", call_id="ours", caller="200", to=(host, port)
        )
        self.dialled.waiting_for_it = Waiting(self.leg, overhears=overhears)
        if answered:
            await self.told.event(Answered)

    async def early(self, *, answered: bool = True, offer: str | None = None, description: str = "") -> SipCall:
        """The caller hears a far end that has not answered."""
        rung = await self.call(answered=answered, offer=offer)
        rung.ring(description or described(self.far_end))
        await self.hears_the_network()
        return rung

    @property
    def to_caller(self) -> int:
        """Where the caller sends its audio: our port."""
        told = next(one for one in self.told.items if isinstance(one, Answered | Ringing) and one.sdp)
        return sdp.parse(told.sdp).media[0].port

    def caller_sends(self, payload_type: int, payload: bytes, *, timestamp: int) -> None:
        self.caller.sequence += 1
        packet = Packet(payload_type, False, self.caller.sequence & 0xFFFF, timestamp, 77, payload)
        self.caller.sock.sendto(packet.pack(), (HOST, self.to_caller))

    def caller_presses(self, key: int) -> None:
        self.caller.timestamp += 3200
        self.caller_sends(101, bytes((key, 0x8A, 5, 0)), timestamp=self.caller.timestamp & 0xFFFFFFFF)

    async def changes(self, description: str) -> str:
        """The caller offers something else within its call: our answer."""
        wishes, answers = [description], Inbox()
        self.placed.reoffer(lambda: wishes.pop() if wishes else "", answers.add)
        answer: str = (await answers.until(lambda items: items))[0]
        async with asyncio.timeout(10):
            await asyncio.to_thread(self.plane_done)
        return answer

    def plane_done(self) -> int:
        """Packets of the far end that were read, once the plane has done what it was told before."""
        read: list[int] = []
        done = threading.Event()

        def look(*_: object) -> None:
            read.append(self.dialled._media._stream.stats().packets_received)
            done.set()

        self.dialled._media._post(look)
        assert done.wait(10)
        return read[0]

    async def goes_on_unheard(self, count: int) -> None:
        """The far end speaks, and the plane has read it."""
        before = self.plane_done()
        for _ in range(count):
            self.speaks()
        async with asyncio.timeout(10):
            while await asyncio.to_thread(self.plane_done) < before + count:
                pass

    def speaks(self) -> None:
        """The far end's next packet."""
        self.far_end.sequence += 1
        self.far_end.timestamp += 160
        data = bytes((0x80, 0)) + (self.far_end.sequence & 0xFFFF).to_bytes(2, "big")
        data += (self.far_end.timestamp & 0xFFFFFFFF).to_bytes(4, "big") + (88).to_bytes(4, "big")
        self.far_end.sock.sendto(data + NETWORK, (HOST, self.dialled._media.port))

    async def hears_the_network(self) -> None:
        async with asyncio.timeout(10):
            while NETWORK not in [packet.payload for packet in self.caller.packets]:
                self.speaks()
                await asyncio.sleep(0.02)  # the pace of the far end

    async def close(self) -> None:
        self.dialled.hang_up()
        self.leg.hang_up()
        for endpoint in (self.at_caller, self.us, self.at_far_end):
            await endpoint.close()
        for leg in (self.leg, self.dialled):
            await leg.closed(5)
        self.caller.close()
        self.far_end.close()


@asynccontextmanager
async def open_trio() -> AsyncIterator[Trio]:
    plane = MediaPlane(HOST, *free_ports(6), asyncio.get_running_loop())
    plane.start()
    trio = await Trio(plane).open()
    try:
        yield trio
    finally:
        await trio.close()
        plane.stop()
