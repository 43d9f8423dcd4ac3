"""REFER, NOTIFY and Replaces, session refreshes and offers that cross, against SIPp in both roles."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sipp import SDP, bye_answer, call, called, callee, dial, hang_up, pause, recv, recv_ack_for_bye, reply

from callwright.ports.leg import LegEnded
from callwright.sip.call import SipCall
from callwright.sip.replaces import Replaces
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.interop
HOST, WAIT_S = "127.0.0.1", 15.0
CONTACT = "Contact: <sip:100@[local_ip]:[local_port]>"
FRAGMENT = "message/sipfrag;version=2.0"
OVER = "Subscription-State: terminated;reason=noresource"
TAG = "[peer_tag_param]"
BEGIN = [call("INVITE", body=SDP), recv(100, optional=True), recv(180, optional=True), recv(200), call("ACK", to=TAG)]
ANSWERED = [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv_ack_for_bye()]


class Ours:
    """Our side. A call for `desk` is answered and kept, or refused; any other is a leg whose party may be followed."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.legs: asyncio.Queue[SipLeg] = asyncio.Queue()
        self.desks: list[SipLeg] = []
        self.desk_status = 200
        self.desk_rings = False
        self._ringing: asyncio.Queue[SipCall] = asyncio.Queue()

    async def open(self) -> "Ours":
        self._ahead_s = 0.0
        self.endpoint = await SipEndpoint.open(
            HOST, 0, on_invite=self._invited, clock=lambda: time.monotonic() + self._ahead_s
        )
        return self

    def turn(self, seconds: float) -> None:
        """So much later by the clock of signalling."""
        self._ahead_s += seconds
        self.endpoint.run_due()

    def _invited(self, one: SipCall) -> None:
        if one.dialled == "desk" and self.desk_rings:
            one.ring()
            self._ringing.put_nowait(one)
            return
        if one.dialled == "desk" and self.desk_status != 200:
            one.reject(self.desk_status)
            return
        leg = SipLeg.incoming(one, self.plane, HOST)
        if one.dialled == "desk":
            self.desks.append(leg)
        else:
            leg.follow(self.endpoint, lambda _: False)
            self.legs.put_nowait(leg)

    @property
    def desk(self) -> str:
        return f"<sip:desk@{HOST}:{self.endpoint.address[1]}>"

    async def desk_call(self) -> SipCall:
        """A call that rings at the desk."""
        async with asyncio.timeout(WAIT_S):
            return await self._ringing.get()

    async def leg(self) -> SipLeg:
        async with asyncio.timeout(WAIT_S):
            return await self.legs.get()

    async def dialled(self, to: tuple[str, int]) -> SipLeg:
        """A leg that we dialled and that was answered."""
        leg = SipLeg.outgoing(
            self.endpoint, self.plane, HOST, target=f"sip:100@{HOST}:{to[1]}", call_id="ours", caller="200", to=to
        )
        leg.follow(self.endpoint, lambda _: False)
        assert await leg.answered(WAIT_S) is None
        return leg


@pytest.fixture
async def ours() -> AsyncIterator[Ours]:
    plane = MediaPlane(HOST, 43000, 43999, asyncio.get_running_loop())
    plane.start()
    side = await Ours(plane).open()
    yield side
    await side.endpoint.close()
    plane.stop()


def refused_of_invite() -> str:
    """487 to the INVITE, after the answer to its CANCEL."""
    return reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE")


def _notifies(status: str) -> list[str]:
    """By a caller that was asked to call somebody."""
    told = ("Event: refer", "Contact: <sip:200@[local_ip]:[local_port]>")
    return [
        recv("REFER", has="Refer-To:sip:desk@"),
        bye_answer("202 Accepted", CONTACT),
        call(
            "NOTIFY",
            2,
            *told,
            "Subscription-State: active;expires=60",
            body="\nSIP/2.0 100 Trying",
            kind=FRAGMENT,
            to=TAG,
        ),
        recv(200, has="CSeq:NOTIFY"),
        call("NOTIFY", 3, *told, OVER, body=f"\nSIP/2.0 {status}", kind=FRAGMENT, to=TAG),
        recv(200, has="CSeq:NOTIFY"),
    ]


class TestWeSendThemOn:
    @pytest.mark.parametrize(("told", "status"), [("200 OK", 200), ("486 Busy Here", 486)])
    async def test_a_caller(self, ours, tmp_path, told, status):
        steps = [*BEGIN, *_notifies(told), recv("BYE"), bye_answer()]
        running = asyncio.ensure_future(dial(tmp_path, steps, ours.endpoint.address))
        leg = await ours.leg()
        referred = await leg.hand_over("sip:desk@127.0.0.1:9", WAIT_S)
        assert (referred.status, referred.tried) == (status, True)
        leg.hang_up()
        assert await running == ""

    async def test_a_caller_that_takes_none(self, ours, tmp_path):
        steps = [*BEGIN, recv("REFER"), bye_answer("501 Not Implemented"), recv("BYE"), bye_answer()]
        running = asyncio.ensure_future(dial(tmp_path, steps, ours.endpoint.address))
        leg = await ours.leg()
        referred = await leg.hand_over("sip:desk@127.0.0.1:9", WAIT_S)
        assert (referred.status, referred.tried) == (501, False)
        leg.hang_up()
        assert await running == ""

    async def test_whom_we_called_to_take_the_place_of_another_call(self, ours, tmp_path):
        """The URI names the other call, as its far end knows it."""
        told = ("Event: refer", OVER)
        steps = [
            *ANSWERED,
            recv("REFER", has="Refer-To:Replaces=[^ ]*%3Bto-tag%3D[^ ]*%3Bfrom-tag%3D"),
            bye_answer("202 Accepted", CONTACT),
            callee("NOTIFY", 1, *told, body="\nSIP/2.0 200 OK", kind=FRAGMENT),
            recv(200),
            recv("BYE"),
            bye_answer(),
        ]
        (tmp_path / "other").mkdir()
        other_steps = [*BEGIN, recv("BYE"), bye_answer()]
        async with called(tmp_path, steps) as peer:
            running = asyncio.ensure_future(dial(tmp_path / "other", other_steps, ours.endpoint.address))
            other, leg = await ours.leg(), await ours.dialled(peer.address)
            referred = await leg.hand_over("sip:desk@127.0.0.1:9", WAIT_S, other)
            assert referred.status == 200
            leg.hang_up()
            other.hang_up()
            assert await peer.verdict() == "" and await running == ""


class TestWeAreSentOn:
    @pytest.mark.parametrize("status", [200, 486])
    async def test_by_a_caller(self, ours, tmp_path, status):
        """202, NOTIFY 100, our INVITE, NOTIFY with what came of it; where it was answered we hang up."""
        ours.desk_status = status
        ends = [recv("BYE"), bye_answer()] if status == 200 else [call("BYE", 3, to=TAG), recv(200)]
        steps = [
            *BEGIN,
            call("REFER", 2, f"Refer-To: {ours.desk}", "Referred-By: <sip:200@[local_ip]>", to=TAG),
            recv(202, has="Contact:sip:"),
            recv("NOTIFY", has="Subscription-State:active"),
            bye_answer(),
            recv("NOTIFY", has="Subscription-State:terminated"),
            bye_answer(),
            *ends,
        ]
        assert await dial(tmp_path, steps, ours.endpoint.address) == ""
        leg = await ours.leg()
        assert leg.ended == (status != 200) and len(ours.desks) == (status == 200)

    async def test_by_whom_we_called(self, ours, tmp_path):
        refer = callee("REFER", 1, f"Refer-To: {ours.desk}", CONTACT)
        steps = [
            *ANSWERED,
            refer,
            recv(202),
            recv("NOTIFY", has="Subscription-State:active"),
            bye_answer(),
            recv("NOTIFY", has="Subscription-State:terminated"),
            bye_answer(),
            recv("BYE"),
            bye_answer(),
        ]
        async with called(tmp_path, steps) as peer:
            leg = await ours.dialled(peer.address)
            assert await peer.verdict() == ""
            assert not leg.ended and len(ours.desks) == 1

    @pytest.mark.parametrize("comes", [True, False])
    async def test_by_a_caller_that_hangs_up_at_once(self, ours, tmp_path, comes):
        """The leg is left to whoever was called; where they do not come, it ends as the caller left it. RFC 5057: the caller is
        told all the same."""
        ours.desk_rings = True
        steps = [
            *BEGIN,
            call("REFER", 2, f"Refer-To: {ours.desk}", to=TAG),
            recv(202),
            recv("NOTIFY", has="Subscription-State:active"),
            bye_answer(),
            call("BYE", 3, to=TAG),
            recv(200, has="CSeq:BYE"),
            recv("NOTIFY", has="Subscription-State:terminated"),
            bye_answer(),
        ]
        running = asyncio.ensure_future(dial(tmp_path, steps, ours.endpoint.address))
        leg, desk = await ours.leg(), await ours.desk_call()
        async with asyncio.timeout(WAIT_S):
            while leg._call.state != "ended":  # noqa: ASYNC110 - the BYE is told to nobody
                await asyncio.sleep(0.01)
        assert not leg.ended
        if comes:
            SipLeg.incoming(desk, ours.plane, HOST)
        else:
            desk.reject(486)
        assert await running == ""
        assert leg.ended != comes

    @pytest.mark.parametrize("stays", [True, False])
    async def test_a_caller_that_subscribes_for_longer_and_then_no_more(self, ours, tmp_path, stays):
        """RFC 6665 §4.1.2: each SUBSCRIBE has its 200 and a NOTIFY; also after the caller's own BYE (RFC 5057)."""
        ours.desk_rings = True
        leaves = [] if stays else [call("BYE", 3, to=TAG), recv(200, has="CSeq:BYE")]
        steps = [
            *BEGIN,
            call("REFER", 2, f"Refer-To: {ours.desk}", to=TAG),
            recv(202),
            recv("NOTIFY", has="Subscription-State:active"),
            bye_answer(),
            *leaves,
            call("SUBSCRIBE", 4, "Event: refer", "Expires: 60", to=TAG),
            recv(200, has="Expires: 60"),
            recv("NOTIFY", has="Subscription-State:active;expires=60"),
            bye_answer(),
            call("SUBSCRIBE", 5, "Event: refer;id=2", "Expires: 0", to=TAG),
            recv(200, has="Contact:sip:"),
            recv("NOTIFY", has="Subscription-State:terminated;reason=timeout"),
            bye_answer(),
            call("SUBSCRIBE", 6, "Event: refer", "Expires: 60", to=TAG),
            recv(481),
        ]
        assert await dial(tmp_path, steps, ours.endpoint.address) == ""
        leg, desk = await ours.leg(), await ours.desk_call()
        assert not leg.ended, "the transfer goes on unheard"
        SipLeg.incoming(desk, ours.plane, HOST)

    async def test_where_nobody_may_send_us(self, ours, tmp_path):
        """Outside of a call, and to another address than the caller's own."""
        steps = [
            call("REFER", 1, f"Refer-To: {ours.desk}"),
            recv(403),
            *(step for step in BEGIN),
            call("REFER", 2, "Refer-To: <sip:desk@192.0.2.77>", to=TAG),
            recv(403),
            call("BYE", 3, to=TAG),
            recv(200),
        ]
        assert await dial(tmp_path, steps, ours.endpoint.address) == ""


class Waits:
    """For a far end to ring."""

    def __init__(self) -> None:
        self.ringing = asyncio.Event()

    def rings(self, _far_end: SipLeg, _description: str) -> None:
        self.ringing.set()

    def hears(self, _far_end: SipLeg) -> None: ...


class TestReplaces:
    async def test_a_call_takes_the_place_of_another(self, ours, tmp_path):
        (tmp_path / "next").mkdir()
        first = asyncio.ensure_future(dial(tmp_path, [*BEGIN, recv("BYE"), bye_answer()], ours.endpoint.address))
        leg = await ours.leg()
        dialog = leg._call.dialog
        named = Replaces(dialog.call_id, leg._call.tag, dialog.remote_tag)
        begin = call("INVITE", 1, f"Replaces: {named}", "Require: replaces", body=SDP)
        steps = [
            begin,
            recv(100, optional=True),
            recv(200),
            call("ACK", to=TAG),
            pause(100),
            call("BYE", 2, to=TAG),
            recv(200),
        ]
        assert await dial(tmp_path / "next", steps, ours.endpoint.address) == ""
        assert await first == ""
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await leg.event(), LegEnded):
                pass
        assert event == LegEnded("remote", "BYE"), "of the call that came after"

    @pytest.mark.parametrize("early_only", ["", ";early-only"])
    async def test_a_call_takes_the_place_of_one_of_ours_that_rings(self, ours, tmp_path, early_only):
        """Whom we dialled is cancelled, and who picked up has the leg."""
        (tmp_path / "next").mkdir()
        rings = [
            recv("INVITE"),
            reply("180 Ringing"),
            recv("CANCEL"),
            reply("200 OK"),
            refused_of_invite(),
            recv("ACK"),
        ]
        async with called(tmp_path, rings) as peer:
            leg = SipLeg.outgoing(
                ours.endpoint,
                ours.plane,
                HOST,
                target=f"sip:100@{HOST}:{peer.address[1]}",
                call_id="ours",
                caller="200",
                to=peer.address,
            )
            leg.follow(ours.endpoint, lambda _: False)
            leg.waiting_for_it = waits = Waits()
            answered = asyncio.ensure_future(leg.answered(WAIT_S))
            async with asyncio.timeout(WAIT_S):
                await waits.ringing.wait()
            named = f"ours;to-tag={leg._call.tag};from-tag=t1{early_only}"
            steps = [
                call("INVITE", 1, f"Replaces: {named}", "Require: replaces", body=SDP),
                recv(100, optional=True),
                recv(200),
                call("ACK", to=TAG),
                pause(100),
                call("BYE", 2, to=TAG),
                recv(200),
            ]
            assert await dial(tmp_path / "next", steps, ours.endpoint.address) == ""
            assert await answered is None
            async with asyncio.timeout(WAIT_S):
                while not isinstance(event := await leg.event(), LegEnded):
                    pass
            assert event == LegEnded("remote", "BYE"), "of the call that came after"
            assert await peer.verdict() == ""

    async def test_none_that_there_is(self, ours, tmp_path):
        begin = call("INVITE", 1, "Replaces: nothing;to-tag=a;from-tag=b", body=SDP)
        steps = [begin, recv(481), call("ACK", branch="[branch-2]", to=TAG)]
        assert await dial(tmp_path, steps, ours.endpoint.address) == ""


class TestRefreshes:
    @pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
    async def test_we_refresh(self, ours, tmp_path, method):
        """By UPDATE where the peer takes it, else by a re-INVITE, after half of the time."""
        agreed = "Session-Expires: 90;refresher=uac"
        allow = f"Allow: INVITE, ACK, BYE{', UPDATE' if method == 'UPDATE' else ''}"
        begin = [
            recv("INVITE"),
            reply("200 OK", agreed, "Require: timer", allow, body=SDP, again=True),
            recv_ack_for_bye(),
        ]
        again = [recv(method, has="Session-Expires:90;refresher=uac")]
        again += [bye_answer("200 OK", agreed, CONTACT)] if method == "UPDATE" else [
            bye_answer("200 OK", agreed, CONTACT, body=SDP, again=True), recv("ACK")
        ]  # fmt: skip
        async with called(tmp_path, [*begin, *again, hang_up(), recv(200)]) as peer:
            leg = await ours.dialled(peer.address)
            ours.turn(45)
            assert await peer.verdict() == ""
        assert leg.ended

    async def test_an_offer_of_ours_crosses_one_of_theirs(self, ours, tmp_path):
        """491, and ours comes again after a while (RFC 3261 §14.1)."""
        agreed = "Session-Expires: 90;refresher=uac"
        begin = [
            recv("INVITE"),
            reply("200 OK", agreed, "Allow: INVITE, ACK, BYE", body=SDP, again=True),
            recv_ack_for_bye(),
        ]
        crossing = [recv("INVITE"), bye_answer("491 Request Pending", again=True), recv("ACK")]
        again = [recv("INVITE"), bye_answer("200 OK", agreed, CONTACT, body=SDP, again=True), recv("ACK")]
        async with called(tmp_path, [*begin, *crossing, *again, hang_up(), recv(200)]) as peer:
            leg = await ours.dialled(peer.address)
            ours.turn(45)
            assert await peer.verdict() == ""
        assert leg.ended

    async def test_an_offer_of_theirs_crosses_our_answer(self, ours, tmp_path):
        steps = [
            call("INVITE", body=SDP),
            recv(100, optional=True),
            recv(200),
            call("INVITE", 2, body=SDP, to=TAG),
            recv(491),
            call("ACK", 2, branch="[branch-2]", to=TAG),
            call("ACK", 1, to=TAG),
            call("BYE", 3, to=TAG),
            recv(200),
        ]
        assert await dial(tmp_path, steps, ours.endpoint.address) == ""
