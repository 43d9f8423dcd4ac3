"""A telephone behind a NAT, over UDP: SIPp that names itself by an address which nobody reaches from here."""

import asyncio

import pytest
from sipp import SDP, bye_answer, call, called, dial, recv, reply

from callwright.sip import sdp
from callwright.sip.call import SipCall
from callwright.telephony.joint import leave

pytestmark = pytest.mark.interop

INSIDE = "192.168.77.5:5060"
"Where it believes to be."


def _inside(step: str) -> str:
    """The same message, with what it believes in Contact and in its own Via."""
    here = "[local_ip]:[local_port]"
    return step.replace(f"{here};branch", f"{INSIDE};rport;branch").replace(f"{here}>\n", f"{INSIDE}>\n")


async def test_it_calls_is_held_and_is_hung_up_on(side, tmp_path):
    """Our re-INVITE, its ACK and our BYE come to where it called from."""

    def take(one: SipCall) -> None:
        side.take(one)
        loop = asyncio.get_running_loop()
        loop.call_later(0.2, leave, side.legs[-1], "sendonly")
        loop.call_later(1.0, side.legs[-1].hang_up)

    side.incoming = take
    held = SDP.rstrip() + "\na=recvonly\n"
    steps = [
        *[call("INVITE", body=SDP), recv(100, optional=True), recv(180, optional=True), recv(200)],
        call("ACK", to="[peer_tag_param]"),
        *[recv("INVITE"), bye_answer("200 OK", f"Contact: <sip:200@{INSIDE}>", body=held, again=True), recv("ACK")],
        *[recv("BYE"), bye_answer()],
    ]
    assert await dial(tmp_path, [_inside(step) for step in steps], side.endpoint.address) == ""
    await side.idle()


async def test_it_is_called_held_and_hung_up_on(side, tmp_path):
    """Dialled as it registered, at the place where that came from; the ACK of its 200 comes there first."""
    held = SDP.rstrip() + "\na=recvonly\n"
    steps = [
        *[recv("INVITE"), reply("180 Ringing"), reply("200 OK", body=SDP, again=True), recv("ACK")],
        *[recv("INVITE"), bye_answer("200 OK", f"Contact: <sip:100@{INSIDE}>", body=held, again=True), recv("ACK")],
        *[recv("BYE"), bye_answer()],
    ]
    async with called(tmp_path, [_inside(step) for step in steps]) as peer:
        leg = side.dial(peer.address, target=f"sip:100@{INSIDE}")
        assert await leg.answered(10) is None
        agreed = asyncio.Event()

        def told(answer: str) -> None:
            leg.connect(leg.described.answers(sdp.parse(answer), changed=True))
            agreed.set()

        assert leg.described.leave("sendonly")
        leg.reoffer(told)
        async with asyncio.timeout(10):
            await agreed.wait()
        leg.hang_up()
        assert await peer.verdict() == ""
    await side.idle()
