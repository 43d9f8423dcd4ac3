"""Calls of ours by way of a Kamailio that loses each request the first time: what we send again, and what it sends us again,
bring every call to its end. Whoever is called is a SIPp behind it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kamailio import kamailio
from sipp import SDP, bye_answer, called, recv, reply

from callwright.sip.events import Answered, Rejected, SipEvent
from callwright.sip.ladder import Message
from callwright.telephony.sip_endpoint import SipCall, SipEndpoint
from callwright.telephony.sip_trace import SipTrace

pytestmark = pytest.mark.interop

WAIT_S = 20.0
SILENT_S = 2.5
"Kamailio repeats a 486 after 0.5, 1 and 2 s, as long as no ACK comes."

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"
)
ROUTES = """
modparam("htable", "htable", "came=>size=8;autoexpire=60;")
request_route {
    if (is_method("OPTIONS") && !has_totag()) { sl_send_reply("200", "Up"); exit; }
    if ($sht(came=>$ci::$rm::$cs) == $null) { $sht(came=>$ci::$rm::$cs) = 1; exit; }
    if (has_totag()) {
        if (loose_route() || (is_method("ACK") && t_check_trans())) { t_relay(); }
        exit;
    }
    t_check_trans();
    record_route();
    t_relay();
}
"""


class Caller:
    def __init__(self) -> None:
        self.told: asyncio.Queue[SipEvent] = asyncio.Queue()
        self.trace = SipTrace()

    async def open(self) -> "Caller":
        self.endpoint = await SipEndpoint.open("127.0.0.1", 0, on_invite=lambda _: None, trace=self.trace)
        return self

    def dials(self, peer: tuple[str, int], by: tuple[str, int]) -> SipCall:
        self.trace.keep("lossy")
        return self.endpoint.invite(
            f"sip:100@{peer[0]}:{peer[1]}",
            call_id="lossy",
            caller="200",
            sdp=OFFER,
            to=by,
            on_event=self.told.put_nowait,
        )

    async def hears(self, kind: type[SipEvent]) -> SipEvent:
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await self.told.get(), kind):
                pass
        return event

    def passed(self) -> list[str]:
        """Each message of the call, by its first word or its status, in order."""
        return [_name(message) for message in self.trace.take("lossy")]


def _name(message: Message) -> str:
    words = message.data.decode().split(" ")
    return words[1] if words[0] == "SIP/2.0" else words[0]


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    opened = await Caller().open()
    yield opened
    await opened.endpoint.close()


async def test_every_request_of_a_call_comes_again(caller: Caller, tmp_path: Path) -> None:
    """INVITE and BYE by our own timers, the ACK for each 200 that comes again (RFC 3261 §13.2.2.4); they take the routes."""
    by_the_proxy = "Record-Route: .*;lr"
    routed = "[last_Record-Route:]"
    steps = [
        recv("INVITE", has=by_the_proxy),
        reply("180 Ringing", routed),
        reply("200 OK", routed, body=SDP, again=True),
        recv("ACK"),
        recv("BYE"),
        bye_answer(),
    ]
    async with kamailio(tmp_path, ROUTES, "htable", children=1) as proxy, called(tmp_path, steps) as peer:
        call = caller.dials(peer.address, proxy)
        await caller.hears(Answered)
        async with asyncio.timeout(WAIT_S):
            # SIPp takes a BYE before the ACK amiss, as it should.
            while caller.trace.sent < 4:  # noqa: ASYNC110 - two INVITEs, two ACKs: nobody is told of these
                await asyncio.sleep(0.02)
        call.hang_up()
        assert await peer.verdict() == ""
        async with asyncio.timeout(WAIT_S):
            messages: list[str] = []
            # Two BYEs, and the answer to the second.
            while messages.count("BYE") < 2 or messages[-1] != "200":
                await asyncio.sleep(0.02)
                messages += caller.passed()
    passed = [name for name in messages if name not in ("100", "180")]
    assert passed == ["INVITE", "INVITE", "200", "ACK", "200", "ACK", "BYE", "BYE", "200"]


async def test_a_refusal_comes_again_until_its_ack(caller: Caller, tmp_path: Path) -> None:
    """The ACK of the first 486 is lost: the proxy sends it again, hears the next ACK, and is silent."""
    steps = [recv("INVITE"), reply("486 Busy Here", again=True), recv("ACK")]
    async with kamailio(tmp_path, ROUTES, "htable", children=1) as proxy, called(tmp_path, steps) as peer:
        caller.dials(peer.address, proxy)
        refused = await caller.hears(Rejected)
        assert isinstance(refused, Rejected) and refused.status == 486
        assert await peer.verdict() == "", "the proxy's own ACK"
        async with asyncio.timeout(WAIT_S):
            while caller.trace.sent < 4:  # noqa: ASYNC110 - two INVITEs, two ACKs
                await asyncio.sleep(0.02)
        await asyncio.sleep(SILENT_S)
    passed = [name for name in caller.passed() if name != "100"]
    assert passed == ["INVITE", "INVITE", "486", "ACK", "486", "ACK"] and caller.told.empty()
