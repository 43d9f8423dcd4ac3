"""What a peer tries when it wants to know whether a SIP stack is whole, by hand over UDP: what comes twice, what never
comes, what crosses, and what belongs nowhere. The same by way of Kamailio, through whose Record-Route all of it goes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count

import pytest
from kamailio import kamailio

from callwright.sip.address import Address, name_address
from callwright.sip.call import SipCall
from callwright.sip.events import Ended
from callwright.sip.message import Request, Response, parse
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.interop

WAIT_S = 10.0
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
# One process: of two, the one overtakes the other, and an UPDATE the ACK before it.
ROUTES = """
request_route {
    if (has_totag()) {
        if (loose_route() || (is_method("ACK") && t_check_trans())) { t_relay(); }
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    if (is_method("OPTIONS") && uri==myself) { sl_send_reply("200", "Up"); exit; }
    t_check_trans();
    record_route();
    t_relay();
}
"""


class Ours:
    """Who is dialled as `ring` only rings; everybody else answers."""

    def __init__(self, plane: MediaPlane) -> None:
        self._plane = plane
        self.calls: list[SipCall] = []
        self.legs: list[SipLeg] = []
        self.ends: list[Ended] = []

    def invited(self, call: SipCall) -> None:
        self.calls.append(call)
        call.ring()
        if call.dialled == "ring":
            call.on_event = lambda event: self.ends.append(event) if isinstance(event, Ended) else None
        else:
            self.legs.append(SipLeg.incoming(call, self._plane, "127.0.0.1"))


class Probe:
    """A socket, and what it sends of one call."""

    _numbers = count(1)

    def __init__(self, ours: Address, by: Address) -> None:
        """`by`: where it sends all: to us, or to a proxy."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._by = by
        self._at = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._ours = f"{ours[0]}:{ours[1]}"
        self.call_id = f"probe{next(self._numbers)}"
        self.to_tag = ""
        self.route: list[str] = []
        self.target = ""

    def close(self) -> None:
        self._socket.close()

    def makes(
        self, method: str, number: int, *, user: str = "100", body: str = "", branch: str = "", **headers: str
    ) -> Request:
        made = Request(method, self.target or f"sip:{user}@{self._ours}", sequence=number, body=body)
        made.headers.set("via", f"SIP/2.0/UDP {self._at};branch=z9hG4bK{branch or f'b{next(self._numbers)}'};rport")
        made.headers.set("from", f"<sip:200@{self._at}>;tag=probe")
        made.headers.set("to", f"<sip:{user}@{self._ours}>{f';tag={self.to_tag}' if self.to_tag else ''}")
        made.headers.set("call-id", self.call_id)
        made.headers.set("cseq", f"{number} {method}")
        made.headers.set("max-forwards", "70")
        made.headers.set("contact", f"<sip:200@{self._at}>")
        if self.route:
            made.headers.set("route", *self.route)
        if body:
            made.headers.set("content-type", "application/sdp")
        for name, value in headers.items():
            made.headers.set(name.replace("_", "-"), value)
        return made

    def sends(self, request: Request) -> None:
        self._socket.sendto(request.serialize(), self._by)

    async def hears(
        self, status: int, method: str, *, left_out: Callable[[Response], bool] = lambda _: False
    ) -> Response:
        """The next answer of this kind; provisional ones may come before it, and `left_out`, any other is wrong."""
        async with asyncio.timeout(WAIT_S):
            while True:
                got = parse(await asyncio.get_running_loop().sock_recv(self._socket, 8192))
                assert isinstance(got, Response)
                if (got.status, got.method) == (status, method):
                    return got
                assert got.status < 200 or left_out(got), f"{got.status} {got.method}, for {status} {method}"

    async def hears_no_more(self, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_recv(self._socket, 8192)

    async def dials(self) -> Request:
        """The INVITE of a call that was answered; what follows takes its way. It has no ACK yet."""
        asked = self.makes("INVITE", 1, body=OFFER)
        self.sends(asked)
        answer = await self.hears(200, "INVITE")
        self.to_tag = answer.to_tag
        self.target = name_address(answer.headers.get("contact")).uri
        self.route = answer.headers.all("record-route")[::-1]
        return asked

    def acknowledges(self, number: int = 1) -> None:
        self.sends(self.makes("ACK", number))


@pytest.fixture
async def ours() -> AsyncIterator[Ours]:
    plane = MediaPlane("127.0.0.1", 32_400, 32_500, asyncio.get_running_loop())
    plane.start()
    yield Ours(plane)
    plane.stop()


@pytest.fixture(params=["at us", "by Kamailio"])
async def probe(request, ours, tmp_path) -> AsyncIterator[Probe]:
    async with AsyncExitStack() as open_:
        endpoint = await SipEndpoint.open("127.0.0.1", 0, on_invite=ours.invited)
        open_.push_async_callback(endpoint.close)
        by = (
            await open_.enter_async_context(kamailio(tmp_path, ROUTES, children=1))
            if "Kamailio" in request.param
            else None
        )
        made = Probe(endpoint.address, by or endpoint.address)
        open_.callback(made.close)
        yield made


def _again(answer: Response) -> bool:
    """Of an INVITE that was answered: the 200, once more."""
    return (answer.status, answer.method) == (200, "INVITE")


async def test_a_200_comes_again_until_its_ack(ours, probe):
    asked = await probe.dials()
    probe.sends(asked)
    # Nobody acknowledges it: it comes again by itself, after half a second and after a second more.
    tags = {(await probe.hears(200, "INVITE")).to_tag for _ in range(2)}
    assert tags == {probe.to_tag} and len(ours.calls) == 1
    probe.acknowledges()
    probe.sends(probe.makes("BYE", 2))
    await probe.hears(200, "BYE", left_out=_again)


async def test_what_is_asked_within_a_call(ours, probe):
    await probe.dials()
    probe.acknowledges()
    probe.sends(_key(probe))
    await probe.hears(200, "INFO", left_out=_again)
    held = probe.makes("INVITE", 3, body=OFFER + "a=sendonly\r\n")
    probe.sends(held)
    assert "a=recvonly" in (await probe.hears(200, "INVITE")).body
    probe.acknowledges(3)
    probe.sends(probe.makes("UPDATE", 4))
    await probe.hears(200, "UPDATE", left_out=_again)
    bye = probe.makes("BYE", 5)
    for _ in range(2):
        probe.sends(bye)
        await probe.hears(200, "BYE")
    await probe.hears_no_more(0.7)


def _key(probe: Probe) -> Request:
    made = probe.makes("INFO", 2, body="Signal=5\r\nDuration=160\r\n")
    made.headers.set("content-type", "application/dtmf-relay")
    return made


async def test_cancel_and_its_487_until_the_ack(ours, probe):
    asked = probe.makes("INVITE", 1, user="ring", body=OFFER, branch=f"cancel{probe.call_id}")
    probe.sends(asked)
    ringing = await probe.hears(180, "INVITE")
    probe.sends(asked)
    again = await probe.hears(180, "INVITE")
    # One call, one tag, however often it was asked for.
    assert again.to_tag == ringing.to_tag and len(ours.calls) == 1
    probe.sends(probe.makes("CANCEL", 1, user="ring", branch=f"cancel{probe.call_id}"))
    await probe.hears(200, "CANCEL")
    first = await probe.hears(487, "INVITE")
    assert (await probe.hears(487, "INVITE")).to_tag == first.to_tag
    ack = probe.makes("ACK", 1, user="ring", branch=f"cancel{probe.call_id}")
    ack.headers.set("to", first.headers.get("to"))
    probe.sends(ack)
    await probe.hears_no_more(1.2)
    assert ours.ends == [Ended("remote", "CANCEL")]


async def test_what_belongs_to_no_call(ours, probe):
    probe.sends(probe.makes("OPTIONS", 1))
    assert "INVITE" in (await probe.hears(200, "OPTIONS")).headers.get("allow")
    probe.sends(probe.makes("INVITE", 2, body=OFFER, require="foo"))
    refused = await probe.hears(420, "INVITE")
    assert refused.headers.get("unsupported") == "foo" and not ours.calls
    await probe.dials()
    probe.acknowledges()
    probe.to_tag = "nobody"
    probe.sends(probe.makes("BYE", 3))
    await probe.hears(481, "BYE", left_out=_again)
