"""What SIPp is told of requests that cannot be served, and what becomes of calls in which something never comes."""

import asyncio
import re
from contextlib import AsyncExitStack

import pytest
from kamailio import kamailio
from sipp import (
    SDP,
    bye_answer,
    call,
    called,
    dial,
    pause,
    recv,
    recv_as,
    reply,
)

from callwright.sip.call import SipCall
from callwright.sip.events import Ended
from callwright.telephony.dialled import NotAnswered

pytestmark = pytest.mark.interop

BEGIN = [call("INVITE", body=SDP), recv(100, optional=True), recv(180, optional=True), recv(200)]
WITHIN = "[peer_tag_param]"
ACK = call("ACK", to=WITHIN)
PATIENT = ("-timeout", "80s", "-trace_msg")
"For what RFC 3261 lets wait for 32 s."

AGAIN = (10, 11)
"""How often something is sent in all that is repeated for 32 s, with pauses that double from half a second up to 4 s.
The last one may be late on a busy machine."""

DOUBLING = (6, 7)
"The same without an end of the doubling."

FORKING = """
request_route {
    if (has_totag()) {
        if (loose_route() || (is_method("ACK") && t_check_trans())) { t_relay(); }
        exit;
    }
    if (is_method("OPTIONS")) { sl_send_reply("200", "Up"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    record_route();
    $ru = "sip:100@127.0.0.1:%d";
    append_branch("sip:100@127.0.0.1:%d");
    t_relay();
}
"""


def refused(request: str, status: int, has: str = "") -> list[str]:
    """A request outside of a call, and the refusal that is acknowledged if it was an INVITE."""
    acknowledged = [call("ACK", branch="[branch-2]", to=WITHIN)] if "INVITE " in request else []
    return [request, recv(100, optional=True), recv(status, has=has), *acknowledged]


INVITE = call("INVITE", body=SDP)
OUTSIDE = {
    "400 two Call-IDs": refused(INVITE.replace("CSeq:", "Call-ID: other\nCSeq:"), 400),
    "403 REFER": refused(call("REFER", 1, "Refer-To: <sip:1@127.0.0.1>"), 403),
    "405 PUBLISH": refused(call("PUBLISH"), 405, "Allow:INVITE"),
    "415 a body that is no description": refused(call("INVITE", body="\nhello", kind="text/plain"), 415, "Accept:sdp"),
    "416 another scheme": refused(
        INVITE.replace("INVITE sip:[service]@[remote_ip]", "INVITE mailto:ann@[remote_ip]"), 416
    ),
    "420 an extension": refused(call("INVITE", 1, "Require: gruu", body=SDP), 420, "Unsupported:gruu"),
    "422 too short a session": refused(
        call("INVITE", 1, "Session-Expires: 60", "Supported: timer", body=SDP), 422, "Min-SE:90"
    ),
    "481 BYE": refused(call("BYE", to=";tag=gone"), 481),
    "481 UPDATE": refused(call("UPDATE", to=";tag=gone"), 481),
    "483 no hops left": refused(INVITE.replace("Max-Forwards: 70", "Max-Forwards: 0"), 483),
    "489 an event": refused(call("SUBSCRIBE", 1, "Event: presence"), 489, "Allow-Events:refer"),
    "501 a method": refused(call("FROB"), 501, "Allow:INVITE"),
}


class TestSippIsRefused:
    @pytest.mark.parametrize("steps", OUTSIDE.values(), ids=OUTSIDE)
    async def test_outside_of_a_call(self, side, tmp_path, steps):
        assert await dial(tmp_path, steps, side.endpoint.address) == ""
        assert side.legs == []
        await side.idle()

    async def test_what_is_longer_than_a_message_may_be(self, side, tmp_path):
        """By UDP, where it is whole; a connection is closed."""
        steps = refused(call("OPTIONS", 1, *[f"X-Long: {'x' * 1000}"] * 20), 513)
        assert await dial(tmp_path, steps, side.endpoint.address) == ""

    async def test_while_we_drain(self, side, tmp_path):
        side.endpoint.draining = True
        assert await dial(tmp_path, refused(INVITE, 503, "Retry-After:[1-9]"), side.endpoint.address) == ""
        assert side.legs == []

    async def test_the_same_call_on_another_path(self, side, tmp_path):
        """RFC 3261 §8.2.2.2: with another branch it is another request, and the same call."""
        side.incoming = SipCall.ring
        steps = [
            *[INVITE, recv(100, optional=True), recv(180)],
            *[INVITE, recv(100, optional=True), recv(482), call("ACK", branch="[branch-3]", to=WITHIN)],
            *[call("CANCEL", branch="[branch-7]"), recv(200), recv(487), call("ACK", branch="[branch-10]", to=WITHIN)],
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""
        assert list(side.told.values()) == [[Ended("remote", "CANCEL")]]

    async def test_within_a_call(self, side, tmp_path):
        """What is refused there leaves the call as it is."""
        steps = [
            *BEGIN,
            ACK,
            *[call("INFO", 2, "Info-Package: foo", to=WITHIN), recv(469, has="Recv-Info:")],
            *[call("INFO", 3, to=WITHIN, body="\nhello", kind="text/plain"), recv(415, has="Accept:dtmf")],
            *[call("UPDATE", 4, to=WITHIN, body="\nhello", kind="text/plain"), recv(415, has="Accept:sdp")],
            *[call("MESSAGE", 5, to=WITHIN), recv(405, has="Allow:INVITE")],
            *[call("FROB", 6, to=WITHIN), recv(501, has="Allow:INVITE")],
            *[call("INFO", 7, "Require: gruu", to=WITHIN), recv(420, has="Unsupported:gruu")],
            *[call("INFO", 3, to=WITHIN), recv(500)],
            *[call("BYE", 8, to=WITHIN), recv(200)],
            *[call("BYE", 9, to=WITHIN), recv(481)],
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""
        await side.idle()


class TestSippKeepsSilent:
    """The long waits of RFC 3261, by the clock: 64 times half a second. All at once, for they are half a minute each."""

    async def test_what_never_comes(self, side, tmp_path):
        ours: dict[str, SipCall] = {}

        def take(one: SipCall) -> None:
            ours[one.dialled] = one
            if one.dialled == "busy":
                one.reject(486)
            elif one.dialled == "unheard":
                one.ring()
            else:
                side.take(one)

        side.incoming = take
        async with AsyncExitStack() as open_, asyncio.TaskGroup() as tasks:

            def caller(user: str, *steps: str) -> asyncio.Task[str]:
                (tmp_path / user).mkdir()
                script = [step.replace("[service]", user) for step in steps]
                return tasks.create_task(dial(tmp_path / user, script, side.endpoint.address, *PATIENT))

            # Our 200 comes again and again, and then our BYE (RFC 3261 §13.3.1.4).
            no_ack = caller("unacknowledged", *BEGIN, recv("BYE"), bye_answer())
            # Our 180 comes again, and then 504 (RFC 3262 §3).
            ringing = [call("INVITE", 1, "Require: 100rel", body=SDP), recv(100, optional=True), recv(180)]
            no_prack = caller("unheard", *ringing, recv(504), call("ACK", branch="[branch-4]", to=WITHIN))
            # Our refusal comes again until its ACK is given up (timer H).
            no_end = caller("busy", INVITE, recv(100, optional=True), recv(486), pause(34_000))
            far: list[asyncio.Task[str]] = []
            legs = {}
            for name, steps in {
                # Our INVITE comes again (timers A and B); 0.5, 1, 2, 4, 8, and 16 s after one another.
                "mute": [recv("INVITE"), pause(34_000)],
                # Our BYE has no answer (timer F): the call is over all the same.
                "gone": [recv("INVITE"), reply("200 OK", body=SDP), recv("ACK"), recv("BYE"), pause(34_000)],
                # Our CANCEL has one, and the INVITE none.
                "stuck": [recv("INVITE"), reply("180 Ringing"), recv("CANCEL"), bye_answer(), pause(34_000)],
            }.items():
                (tmp_path / name).mkdir()
                peer = await open_.enter_async_context(called(tmp_path / name, steps, *PATIENT))
                far.append(tasks.create_task(peer.verdict()))
                legs[name] = side.dial(peer.address, name)
            mute = tasks.create_task(legs["mute"].answered(60))
            stuck = tasks.create_task(legs["stuck"].answered(1))
            assert await legs["gone"].answered(10) is None
            legs["gone"].hang_up()
            assert await stuck == NotAnswered(408, "No answer")
            assert await mute == NotAnswered(408, "No answer", heard=False)
            assert [await no_ack, await no_prack, await no_end] == [""] * 3
            await side.idle()
            assert await asyncio.gather(*far) == [""] * 3

        def came(name: str, message: str) -> int:
            """How often it did, by SIPp's own log: `UDP message received [n] bytes :`, an empty line, the message."""
            (log,) = (tmp_path / name).glob("*messages.log")
            return len(re.findall(rf"received \[\d+\] bytes :\s+{message}", log.read_text()))

        assert came("unacknowledged", "SIP/2.0 200") in AGAIN
        assert came("unheard", "SIP/2.0 180") in DOUBLING
        assert came("busy", "SIP/2.0 486") in AGAIN
        assert came("gone", "BYE") in AGAIN
        assert came("mute", "INVITE") in DOUBLING
        assert came("stuck", "CANCEL") == 1
        assert set(ours) == {"unacknowledged", "unheard", "busy"}
        ended = [event for told in side.told.values() for event in told if isinstance(event, Ended)]
        assert ended == [Ended("failure", "no PRACK came")]

    async def test_a_session_that_nobody_refreshes(self, side, tmp_path):
        """The caller has to, as it asked itself, and does not: a BYE comes before the session's end (RFC 4028 §10)."""
        asked = call("INVITE", 1, "Supported: timer", "Session-Expires: 90;refresher=uac", body=SDP)
        agreed = [recv(100, optional=True), recv(180, optional=True), recv(200, has="Session-Expires:90;refresher=uac")]
        steps = [asked, *agreed, ACK, recv("BYE"), bye_answer()]
        assert await dial(tmp_path, steps, side.endpoint.address, *PATIENT) == ""
        await side.idle()


class TestSippIsRoutedTo:
    async def test_what_we_ask_within_a_call_goes_to_its_contact_by_its_routes(self, side, tmp_path):
        """RFC 3261 §12.2.1.1: the Request-URI is the Contact, and the routes are those of the 200, from the last on."""
        routes = "Record-Route: <sip:192.0.2.7;lr>, <sip:[local_ip]:[local_port];lr>"
        ways = "Route:.*:[0-9]+;lr.*192.0.2.7;lr"
        answer = reply("200 OK", routes, body=SDP, again=True).replace("<sip:100@", "<sip:far-end@")
        steps = [recv("INVITE"), answer]
        steps += [recv_as("sip:far-end@", "ACK", ways), recv_as("sip:far-end@", "BYE", ways), bye_answer()]
        async with called(tmp_path, steps) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""

    async def test_a_proxy_that_asks_two(self, side, tmp_path):
        """Both answer: the first is our call, and the other one gets its ACK and a BYE (RFC 3261 §13.2.2.4)."""
        steps = [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer()]
        async with AsyncExitStack() as open_:
            peers = []
            for name in ("one", "other"):
                (tmp_path / name).mkdir()
                answers = [step.replace(";tag=t", f";tag={name}") for step in steps]
                peers.append(await open_.enter_async_context(called(tmp_path / name, answers)))
            routes = FORKING % (peers[0].address[1], peers[1].address[1])
            proxy = await open_.enter_async_context(kamailio(tmp_path, routes, "corex", children=1))
            leg = side.dial(proxy)
            assert await leg.answered(10) is None
            verdicts = [asyncio.create_task(peer.verdict()) for peer in peers]
            done, still = await asyncio.wait(verdicts, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            assert [one.result() for one in done] == [""]
            leg.hang_up()
            assert [await one for one in still] == [""]
        await side.idle()
