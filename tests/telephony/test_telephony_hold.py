"""Hold across a bridge, with SIPp at both ends: what the one says, the other is told, and who refuses it stays joined."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sipp import SDP, bye_answer, call, called, callee, dial, pause, recv, recv_ack_for_bye, reply

from callwright.sip.call import SipCall
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.interop
HOST, WAIT_S = "127.0.0.1", 15.0
TAG = "[peer_tag_param]"
BEGIN = [call("INVITE", body=SDP), recv(100, optional=True), recv(200), call("ACK", to=TAG)]
ANSWERED = [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv("ACK")]
ANSWERED_AND_ASKS = [*ANSWERED[:2], recv_ack_for_bye()]
ENDED = [recv("BYE"), bye_answer()]


def _sdp(direction: str, host: str = "[media_ip]", codec: str = "0 101") -> str:
    text = SDP.replace("c=IN IP4 [media_ip]", f"c=IN IP4 {host}").replace("0 101", codec)
    return text + (f"a={direction}\n" if direction else "")


def holds(number: int, direction: str, expected: str, host: str = "[media_ip]") -> list[str]:
    """A re-INVITE of the caller's, the direction that our answer has to have, and the ACK."""
    return [
        call("INVITE", number, body=_sdp(direction, host), to=TAG),
        recv(100, optional=True),
        recv_said('response="200"', expected),
        call("ACK", number, to=TAG),
    ]


def recv_said(what: str, direction: str) -> str:
    """Wait for a message whose description has this direction."""
    check = f'<ereg regexp="a={direction}" search_in="body" check_it="true" assign_to="found"/>'
    return f'<recv {what} rrs="true"><action>{check}</action></recv><Reference variables="found"/>'


def told(direction: str, answer: str, *, status: str = "200 OK") -> list[str]:
    """A re-INVITE of ours, with this direction, and what it is answered."""
    refused = status != "200 OK"
    return [
        recv_said('request="INVITE"', direction),
        bye_answer(
            status,
            "Contact: <sip:100@[local_ip]:[local_port]>",
            body="" if refused else _sdp(answer),
            again=True,
        ),
        recv("ACK"),
    ]


class Ours:
    """Our side: who calls is answered and joined with whom we dial."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self._legs: asyncio.Queue[SipLeg] = asyncio.Queue()

    async def open(self) -> "Ours":
        self.endpoint = await SipEndpoint.open(HOST, 0, on_invite=self._invited)
        return self

    def _invited(self, one: SipCall) -> None:
        leg = SipLeg.incoming(one, self.plane, HOST)
        leg.follow(self.endpoint, lambda _: True)
        self._legs.put_nowait(leg)

    async def caller(self) -> SipLeg:
        async with asyncio.timeout(WAIT_S):
            return await self._legs.get()

    async def dialled(self, to: tuple[str, int]) -> SipLeg:
        leg = SipLeg.outgoing(
            self.endpoint, self.plane, HOST, target=f"sip:100@{HOST}:{to[1]}", call_id="ours", caller="200", to=to
        )
        assert await leg.answered(WAIT_S) is None
        return leg

    async def run(self, folder: Path, caller: list[str], callee: list[str], *, bridged: bool = True) -> None:
        """Join a SIPp that calls with one that is called; both have to end as written. The caller hangs up."""
        (folder / "caller").mkdir()
        async with called(folder, callee) as peer:
            dialled = await self.dialled(peer.address)
            running = asyncio.ensure_future(dial(folder / "caller", caller, self.endpoint.address))
            leg = await self.caller()
            if bridged:
                leg.bridge(dialled)
            assert await running == ""
            async with asyncio.timeout(WAIT_S):
                while not leg.ended:
                    await leg.event()
            assert not dialled.ended
            dialled.hang_up()
            assert await peer.verdict() == ""


@pytest.fixture
async def ours() -> AsyncIterator[Ours]:
    plane = MediaPlane(HOST, 45000, 45999, asyncio.get_running_loop())
    plane.start()
    side = await Ours(plane).open()
    yield side
    await side.endpoint.close()
    plane.stop()


HANGS_UP = [call("BYE", 9, to=TAG), recv(200)]


@pytest.mark.parametrize(
    ("says", "host", "answered", "passed", "answers"),
    [
        ("sendonly", "[media_ip]", "recvonly", "sendonly", "recvonly"),
        ("inactive", "[media_ip]", "inactive", "inactive", "inactive"),
        ("", "0.0.0.0", "recvonly", "sendonly", "recvonly"),
    ],
)
async def test_it_is_passed_on_and_taken_back(ours, tmp_path, says, host, answered, passed, answers):
    caller = [
        *BEGIN,
        *holds(2, says, answered, host),
        pause(300),
        *holds(3, "sendrecv", "sendrecv"),
        pause(300),
        *HANGS_UP,
    ]
    callee_steps = [*ANSWERED, *told(passed, answers), *told("sendrecv", "sendrecv"), *ENDED]
    await ours.run(tmp_path, caller, callee_steps)


async def test_who_is_not_bridged_is_told_nothing(ours, tmp_path):
    await ours.run(
        tmp_path, [*BEGIN, *holds(2, "sendonly", "recvonly"), pause(500), *HANGS_UP], [*ANSWERED, *ENDED], bridged=False
    )


async def test_who_refuses_stays_and_is_not_asked_again(ours, tmp_path):
    caller = [
        *BEGIN,
        *holds(2, "sendonly", "recvonly"),
        pause(200),
        *holds(3, "sendrecv", "sendrecv"),
        *holds(4, "inactive", "inactive"),
        pause(500),
        *HANGS_UP,
    ]
    await ours.run(tmp_path, caller, [*ANSWERED, *told("sendonly", "", status="488 Not Acceptable Here"), *ENDED])


async def test_both_hold_at_once(ours, tmp_path):
    """The two re-INVITEs cross: 491, and again; then each has the other on hold, and one goes on."""
    caller = [
        *BEGIN,
        *holds(2, "sendonly", "recvonly"),
        # The other one holds as well: its music does not come here.
        *told("sendonly", "inactive"),
        pause(500),
        *HANGS_UP,
    ]
    callee_steps = [
        *ANSWERED_AND_ASKS,
        recv_said('request="INVITE"', "sendonly"),
        bye_answer("491 Request Pending", again=True),
        recv("ACK"),
        callee(
            "INVITE", 1, "Contact: <sip:100@[local_ip]:[local_port]>", body=_sdp("sendonly"), kind="application/sdp"
        ),
        recv(100, optional=True),
        # Nobody has told it yet that it is on hold itself, and so its own is answered with that.
        recv_said('response="200"', "inactive"),
        *_ack_of_the_called(1),
        *ENDED,
    ]
    await ours.run(tmp_path, caller, callee_steps)


def _ack_of_the_called(number: int) -> list[str]:
    return [callee("ACK", number).replace('retrans="500"', "")]


async def test_who_is_left_on_hold_is_resumed(ours, tmp_path):
    """The other end hangs up while it holds: whoever goes on in the flow hears it again."""
    (tmp_path / "caller").mkdir()
    caller = [*BEGIN, *told("sendonly", "recvonly"), *told("sendrecv", "sendrecv"), pause(100), *HANGS_UP]
    callee_steps = [
        *ANSWERED_AND_ASKS,
        pause(300),
        callee(
            "INVITE", 1, "Contact: <sip:100@[local_ip]:[local_port]>", body=_sdp("sendonly"), kind="application/sdp"
        ),
        recv(100, optional=True),
        recv_said('response="200"', "recvonly"),
        *_ack_of_the_called(1),
        pause(300),
        callee("BYE", 2),
        recv(200),
    ]
    async with called(tmp_path, callee_steps) as peer:
        dialled = await ours.dialled(peer.address)
        running = asyncio.ensure_future(dial(tmp_path / "caller", caller, ours.endpoint.address))
        leg = await ours.caller()
        leg.bridge(dialled)
        async with asyncio.timeout(WAIT_S):
            while not dialled.ended:
                await dialled.event()
        assert await peer.verdict() == ""
        leg.bridge(None)
        assert await running == ""
