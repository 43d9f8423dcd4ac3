"""Signalling against SIPp, an independent peer, on both sides: beginnings, ends, refusals, routes and lost datagrams."""

import asyncio
import random
import socket

import pytest
from sipp import (
    SDP,
    authorised,
    bye_answer,
    call,
    called,
    callee,
    dial,
    hang_up,
    label,
    pause,
    recv,
    recv_ack_for_bye,
    reply,
    send,
)

from callwright.ports.leg import LegEnded
from callwright.sip.call import SipCall
from callwright.sip.events import Confirmed, Ended
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.leg import SipLeg
from callwright.telephony.sip_endpoint import Credentials

pytestmark = pytest.mark.interop

LOST = ("-lost", "15", "-max_retrans", "12")
"SIPp itself loses this share, in %, of what it sends and of what comes to it."


async def _end_of(leg: SipLeg) -> LegEnded:
    async with asyncio.timeout(40):
        while not isinstance(event := await leg.event(), LegEnded):
            pass
    return event


BEGIN = [call("INVITE", body=SDP), recv(100, optional=True), recv(180, optional=True), recv(200)]
ACK = call("ACK", to="[peer_tag_param]")
BYE = call("BYE", 2, to="[peer_tag_param]")


class TestSippCalls:
    async def test_a_call_that_the_caller_ends(self, side, tmp_path):
        steps = [*BEGIN, ACK, pause(200), BYE, recv(200)]
        assert await dial(tmp_path, steps, side.endpoint.address, calls=20) == ""
        await side.idle()
        assert [(await _end_of(leg)) for leg in side.legs] == [LegEnded("remote", "BYE")] * 20

    async def test_a_call_that_we_end(self, side, tmp_path):
        side.incoming = lambda call: side.take_for(call, 0.2)
        steps = [*BEGIN, ACK, recv("BYE"), bye_answer()]
        assert await dial(tmp_path, steps, side.endpoint.address, calls=10) == ""
        await side.idle()

    async def test_datagrams_are_lost(self, side, tmp_path):
        """Every one of 40 calls is set up, and ended by us, by repetition alone.

        By us: SIPp would take a 200 for its INVITE that comes again for the one that it awaits for a BYE.
        """
        side.incoming = lambda call: side.take_for(call, 0.1)
        steps = [*BEGIN, ACK, recv("BYE"), bye_answer(), pause(4000)]
        assert await dial(tmp_path, steps, side.endpoint.address, *LOST, calls=40) == ""
        assert len(side.legs) == 40
        await side.idle()

    async def test_cancel(self, side, tmp_path):
        side.incoming = lambda call: call.ring()
        steps = [
            call("INVITE", body=SDP),
            recv(100, optional=True),
            recv(180),
            call("CANCEL", branch="[branch-3]"),
            recv(200),
            recv(487),
            call("ACK", branch="[branch-6]", to="[peer_tag_param]"),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address, calls=5) == ""
        assert list(side.told.values()) == [[Ended("remote", "CANCEL")]] * 5
        await side.idle()

    @pytest.mark.parametrize("status", [404, 486, 503])
    async def test_a_refusal(self, side, tmp_path, status):
        side.incoming = lambda call: call.reject(status)
        steps = [
            call("INVITE", body=SDP),
            recv(100, optional=True),
            recv(status),
            call("ACK", branch="[branch-3]", to="[peer_tag_param]"),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address, calls=3) == ""
        await side.idle()

    async def test_routes_of_a_proxy(self, side, tmp_path):
        """Record-Route comes back in the 200, and our BYE takes that way (RFC 3261 §12.1.1)."""

        side.incoming = lambda call: side.take_for(call, 0.2)
        steps = [
            call("INVITE", 1, "Record-Route: <sip:[local_ip]:[local_port];lr>", body=SDP),
            recv(100, optional=True),
            recv(180, optional=True),
            recv(200, has="Record-Route:;lr"),
            ACK,
            recv("BYE", has="Route:;lr"),
            bye_answer(),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""

    async def test_an_invite_without_an_offer(self, side, tmp_path):
        def take(one: SipCall) -> None:
            assert one.offer == ""
            one.answer(SDP.strip().replace("[local_ip]", "127.0.0.1").replace("[media_ip]", "127.0.0.1"))

        side.incoming = take
        steps = [
            call("INVITE"),
            recv(100, optional=True),
            recv(200),
            call("ACK", body=SDP, to="[peer_tag_param]"),
            pause(100),
            BYE,
            recv(200),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""
        (events,) = side.told.values()
        assert isinstance(events[0], Confirmed) and "m=audio" in events[0].sdp

    async def test_hold_and_resume(self, side, tmp_path):
        held = SDP.rstrip() + "\na=sendonly\n"
        again = [call("INVITE", 2, body=held, to="[peer_tag_param]"), recv(100, optional=True), recv(200)]
        resumed = [call("INVITE", 3, body=SDP, to="[peer_tag_param]"), recv(100, optional=True), recv(200)]
        steps = [
            *BEGIN,
            ACK,
            *again,
            call("ACK", 2, to="[peer_tag_param]"),
            *resumed,
            call("ACK", 3, to="[peer_tag_param]"),
            call("BYE", 4, to="[peer_tag_param]"),
            recv(200),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""
        assert await _end_of(side.legs[0]) == LegEnded("remote", "BYE")

    async def test_a_caller_who_must_hear_it_ring(self, side, tmp_path):
        """RFC 3262: the 180 is repeated until its PRACK comes; the call is answered after that."""

        def take(one: SipCall) -> None:
            one.ring()
            asyncio.get_running_loop().call_later(1.5, lambda: side.take(one))

        side.incoming = take
        steps = [
            call("INVITE", 1, "Require: 100rel", body=SDP),
            recv(100, optional=True),
            recv(180, has="RSeq:1"),
            # SIPp takes the one that comes again for what it is.
            pause(700),
            call("PRACK", 2, "RAck: 1 1 INVITE", to="[peer_tag_param]"),
            recv(200, has="CSeq:PRACK"),
            recv(200, has="CSeq:INVITE"),
            ACK,
            call("BYE", 3, to="[peer_tag_param]"),
            recv(200),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""

    async def test_a_session_timer(self, side, tmp_path):
        """RFC 4028: one that is too short is refused; one that is agreed to is refreshed by UPDATE and re-INVITE."""
        timer = "Supported: timer"
        agreed = "Session-Expires:120;refresher=uac"
        steps = [
            call("INVITE", 1, timer, "Session-Expires: 60", body=SDP),
            recv(422, has="Min-SE:90"),
            call("ACK", branch="[branch-2]", to="[peer_tag_param]"),
            call("INVITE", 2, timer, "Session-Expires: 120", "Min-SE: 90", body=SDP),
            recv(100, optional=True),
            recv(180, optional=True),
            recv(200, has=agreed),
            call("ACK", 2, to="[peer_tag_param]"),
            call("UPDATE", 3, timer, "Session-Expires: 120;refresher=uac", to="[peer_tag_param]"),
            recv(200, has=agreed),
            call("INVITE", 4, timer, "Session-Expires: 120;refresher=uac", body=SDP, to="[peer_tag_param]"),
            recv(100, optional=True),
            recv(200, has=agreed),
            call("ACK", 4, to="[peer_tag_param]"),
            call("BYE", 5, to="[peer_tag_param]"),
            recv(200),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""

    async def test_options_and_methods_that_we_do_not_serve(self, side, tmp_path):
        steps = [
            call("OPTIONS"),
            recv(200, has="Allow:INVITE"),
            call("REGISTER", 2),
            recv(405, has="Allow:INVITE"),
            call("FROB", 3),
            recv(501),
            call("BYE", 4, to=";tag=nobody"),
            recv(481),
            call("SUBSCRIBE", 5, "Event: presence"),
            recv(489, has="Allow-Events:refer"),
            call("SUBSCRIBE", 6, "Event: refer"),
            recv(403),
        ]
        assert await dial(tmp_path, steps, side.endpoint.address) == ""
        assert not side.told

    @pytest.mark.parametrize("transport", ["u1", "t1"])
    async def test_requests_that_cannot_be_read(self, side, tmp_path, transport):
        """SIPp hears what was wrong with each, and calls on the same connection afterwards."""
        options = call("OPTIONS", 1)
        steps = [
            options.replace("CSeq: 1", "To: <sip:100@127.0.0.1>\nCSeq: 1"),
            recv(400),
            options.replace("CSeq: 1", ": a line without a name\nCSeq: 1"),
            recv(400),
            options.replace("To: <sip:[service]", 'To: "Ann <sip:[service]'),
            recv(400),
            call("OPTIONS", 4).replace("SIP/2.0\n", "SIP/3.0\n", 1),
            recv(505),
            *[call("INVITE", 5, body=SDP), recv(100, optional=True), recv(180, optional=True), recv(200)],
            *[call("ACK", 5, to="[peer_tag_param]"), call("BYE", 6, to="[peer_tag_param]"), recv(200)],
        ]
        to = side.endpoint.addresses["udp" if transport == "u1" else "tcp"]
        assert await dial(tmp_path, steps, to, "-t", transport) == ""
        assert side.endpoint.unreadable == (4, 0) and len(side.legs) == 1
        await side.idle()

    async def test_garbage_between_calls(self, side, tmp_path):
        rng = random.Random(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            whole = send("INVITE sip:100@127.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1").encode()
            for _ in range(500):
                wire.sendto(rng.randbytes(rng.randint(0, 1400)), side.endpoint.address)
                wire.sendto(whole[: rng.randrange(len(whole))], side.endpoint.address)
        steps = [*BEGIN, ACK, BYE, recv(200)]
        assert await dial(tmp_path, steps, side.endpoint.address, calls=5) == ""
        assert len(side.told) == 5
        await side.idle()


RINGS = [recv("INVITE"), reply("100 Trying"), reply("180 Ringing")]
ANSWERS = [*RINGS, reply("200 OK", body=SDP, again=True), recv("ACK")]


class TestSippIsCalled:
    async def test_we_hang_up(self, side, tmp_path):
        async with called(tmp_path, [*ANSWERS, recv("BYE"), bye_answer()]) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""
        await side.idle()

    async def test_the_callee_hangs_up(self, side, tmp_path):
        answered = [*RINGS, reply("200 OK", body=SDP, again=True), recv_ack_for_bye()]
        steps = [*answered, pause(100), hang_up(), recv(200)]
        async with called(tmp_path, steps) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            assert await _end_of(leg) == LegEnded("remote", "BYE")
            assert await peer.verdict() == ""

    @pytest.mark.parametrize(("status", "reason"), [(486, "Busy Here"), (404, "Not Found"), (603, "Decline")])
    async def test_a_refusal(self, side, tmp_path, status, reason):
        steps = [recv("INVITE"), reply(f"{status} {reason}", again=True), recv("ACK")]
        async with called(tmp_path, steps) as peer:
            assert await side.dial(peer.address).answered(10) == NotAnswered(status, reason)
            assert await peer.verdict() == ""
        await side.idle()

    @pytest.mark.parametrize(
        ("challenge", "begin"),
        [
            # SIPp computes the digest itself, and lets in nobody else; but of proxies it knows the header alone.
            ("401 Who are you|WWW-Authenticate", authorised("ann", "s3cr3t", or_else=9)),
            ("407 Who are you|Proxy-Authenticate", recv("INVITE", has="Proxy-Authorization:username=.ann.*nc=0")),
        ],
    )
    async def test_a_challenge(self, side, tmp_path, challenge, begin):
        status, asks = challenge.split("|")
        refusal = reply(status, f'{asks}: Digest realm="sipp", nonce="n0nce", algorithm=MD5, qop="auth"', again=True)
        ends = [reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer(), label(9)]
        async with called(tmp_path, [recv("INVITE"), refusal, recv("ACK"), begin, *ends]) as peer:
            leg = side.dial(peer.address, credentials=Credentials("ann", "s3cr3t"))
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""

    async def test_a_wrong_password(self, side, tmp_path):
        challenge = 'WWW-Authenticate: Digest realm="sipp", nonce="n0nce", algorithm=MD5, qop="auth"'
        refusal = reply("401 Who are you", challenge, again=True)
        begin = [recv("INVITE"), refusal, recv("ACK"), authorised("ann", "s3cr3t", or_else=9)]
        steps = [*begin, reply("200 OK", body=SDP), recv("BYE"), label(9), reply("403 No", again=True), recv("ACK")]
        async with called(tmp_path, steps) as peer:
            leg = side.dial(peer.address, credentials=Credentials("ann", "guess"))
            assert await leg.answered(10) == NotAnswered(403, "No")
            assert await peer.verdict() == ""

    async def test_a_far_end_that_wants_its_ringing_acknowledged(self, side, tmp_path):
        """RFC 3262: its early audio is described in a 183, which is acknowledged, and its 200 says no more."""
        early = reply("183 Session Progress", "Require: 100rel", "RSeq: 70", body=SDP, again=True)
        prack = [recv("PRACK", has="RAck:70 1 INVITE"), bye_answer()]
        accepted = send(
            "SIP/2.0 200 OK",
            *("Via[$via]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "CSeq: 1 INVITE"),
            "Contact: <sip:100@[local_ip]:[local_port]>",
        )
        keep = '<ereg regexp=":.*" search_in="hdr" header="Via" assign_to="via"/>'
        steps = [f'<recv request="INVITE"><action>{keep}</action></recv>', early, *prack, accepted]
        async with called(tmp_path, [*steps, recv("ACK"), recv("BYE"), bye_answer()]) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""

    async def test_a_far_end_that_asks_before_it_answers(self, side, tmp_path):
        """Its 183 is not acknowledged, and makes a dialog all the same (RFC 3261 §12.1): UPDATE and INFO belong to the call."""
        keep = "".join(
            f'<ereg regexp=":.*" search_in="hdr" header="{header}" assign_to="{name}"/>'
            for header, name in (("Via", "via"), ("From", "caller"))
        )
        accepted = send(
            "SIP/2.0 200 OK",
            *(
                "Via[$via]",
                "From[$caller]",
                "To: <sip:100@127.0.0.1>;tag=t[call_number]",
                "[last_Call-ID:]",
                "CSeq: 1 INVITE",
            ),
            "Contact: <sip:100@[local_ip]:[local_port]>",
            body=SDP,
        )
        key = callee("INFO", 2, body="\nSignal=5\nDuration=160", kind="application/dtmf-relay")
        contact = "Contact: <sip:100@[local_ip]:[local_port]>"
        steps = [
            *[f'<recv request="INVITE"><action>{keep}</action></recv>', reply("183 Session Progress", body=SDP)],
            *[callee("UPDATE", 1, contact), recv(200, has="CSeq:1 UPDATE"), key, recv(200, has="CSeq:2 INFO")],
            *[accepted, recv("ACK"), recv("BYE"), bye_answer()],
        ]
        async with called(tmp_path, steps) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""

    async def test_a_redirection(self, side, tmp_path):
        """To a telephone that is busy, and then to one that answers."""
        moved = "Contact: <sip:busy@127.0.0.1:[local_port]>;q=0.9, <sip:there@127.0.0.1:[local_port]>;q=0.5"
        first = send(
            "SIP/2.0 302 Moved",
            *("[last_Via:]", "[last_From:]", "[last_To:];tag=t1", "[last_Call-ID:]", "[last_CSeq:]", moved),
        )
        steps = [recv("INVITE"), first, recv("ACK")]
        steps += [recv("INVITE"), reply("486 Busy Here", again=True), recv("ACK")]
        steps += [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer()]
        async with called(tmp_path, steps) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""

    async def test_we_cancel_what_only_rings(self, side, tmp_path):
        invited = send(
            "SIP/2.0 487 Request Terminated",
            *("[last_Via:]", "[last_From:]", "[last_To:];tag=t[call_number]", "[last_Call-ID:]", "CSeq: 1 INVITE"),
            attributes='retrans="500"',
        )
        steps = [*RINGS, recv("CANCEL"), reply("200 OK"), invited, recv("ACK")]
        async with called(tmp_path, steps) as peer:
            assert await side.dial(peer.address).answered(0.5) == NotAnswered(408, "No answer")
            assert await peer.verdict() == ""
        await side.idle()

    async def test_routes_of_a_proxy(self, side, tmp_path):
        routes = "Record-Route: <sip:[local_ip]:[local_port];lr>"
        steps = [
            recv("INVITE"),
            reply("200 OK", routes, body=SDP, again=True),
            recv("ACK", has="Route:;lr"),
            recv("BYE", has="Route:;lr"),
            bye_answer(),
        ]
        async with called(tmp_path, steps) as peer:
            leg = side.dial(peer.address)
            assert await leg.answered(10) is None
            leg.hang_up()
            assert await peer.verdict() == ""

    async def test_datagrams_are_lost(self, side, tmp_path):
        steps = [*ANSWERS, recv("BYE"), bye_answer(), pause(2000)]
        async with called(tmp_path, steps, *LOST, calls=25) as peer:
            legs = [side.dial(peer.address, f"lost{number}") for number in range(25)]
            assert await asyncio.gather(*(leg.answered(35) for leg in legs)) == [None] * 25
            for leg in legs:
                leg.hang_up()
            await side.idle()

    async def test_nobody_is_there(self, side):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", 0))
            leg = side.dial(mute.getsockname())
            assert await leg.answered(1) == NotAnswered(408, "No answer")
        assert (await _end_of(leg)).by == "local"
