"""Servers of one name that failed, over real UDP: the next call goes to another one at once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dns_server import name_server
from sipp import SDP, bye_answer, called, recv, reply

from callwright.sip.events import Answered, Rejected, SipEvent
from callwright.sip.outages import OUT_S
from callwright.telephony.names import Names
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.interop

WAIT_S = 20.0
DESCRIPTION = SDP.strip().replace("[local_ip]", "127.0.0.1").replace("[media_ip]", "127.0.0.1")
DESCRIPTION = DESCRIPTION.replace("[auto_media_port]", "4000").replace("\n", "\r\n") + "\r\n"
SERVES = [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer()]


class Caller:
    """One engine, which remembers. Its clock is ahead by `ahead_s`."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._made = 0

    @asynccontextmanager
    async def opened(self, *ports: int) -> AsyncIterator["Caller"]:
        """The carrier's servers are at these ports, the best first."""
        loop = asyncio.get_running_loop()
        srv = [f"{number} 0 {port} sip.carrier.test." for number, port in enumerate(ports)]
        zone = {("_sip._udp.carrier.test", "SRV"): (60, srv), ("sip.carrier.test", "A"): (60, ["127.0.0.1"])}
        async with name_server(zone) as server:
            self._endpoint = await SipEndpoint.open(
                "127.0.0.1",
                0,
                on_invite=lambda _: None,
                names=Names([server.address]),
                clock=lambda: loop.time() + self.ahead_s,
            )
            try:
                yield self
            finally:
                await self._endpoint.close()

    async def calls(self) -> tuple[int, list[int]]:
        """The port that answered (0: nobody), and those in the order in which they were to be tried."""
        told: asyncio.Queue[SipEvent] = asyncio.Queue()
        first, *others = await self._endpoint.locate("carrier.test", 0, "udp")
        self._made += 1
        call = self._endpoint.invite(
            "sip:100@carrier.test", call_id=f"call-{self._made}", caller="200", sdp=DESCRIPTION, to=first.address,
            on_event=told.put_nowait, transport=first.transport, others=others,
        )  # fmt: skip
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await told.get(), Answered | Rejected):
                pass
        answered = call.remote[1] if isinstance(event, Answered) else 0
        call.hang_up()
        return answered, [place.address[1] for place in (first, *others)]


def _invites(mute: socket.socket) -> set[str]:
    """Call-IDs of all that came there."""
    mute.setblocking(False)
    found = set()
    while True:
        try:
            data = mute.recv(65536).decode()
        except BlockingIOError:
            return found
        assert data.startswith("INVITE ")
        found.add(next(line.partition(":")[2].strip() for line in data.split("\r\n") if line.startswith("Call-ID:")))


async def test_one_that_is_mute_is_waited_for_once(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        dead = mute.getsockname()[1]
        async with called(tmp_path, SERVES, calls=4) as fine:
            port = fine.address[1]
            async with Caller().opened(dead, port) as caller:
                assert await caller.calls() == (port, [dead, port])
                assert _invites(mute) == {"call-1"}
                for _ in range(2):
                    assert await caller.calls() == (port, [port, dead])
                assert _invites(mute) == set()
                # Its time is over: the next call looks, and goes on to the other one as the first did.
                caller.ahead_s += OUT_S
                assert await caller.calls() == (port, [dead, port])
                assert _invites(mute) == {"call-4"}
            assert await fine.verdict() == ""


async def test_one_without_room_as_long_as_it_says(tmp_path: Path) -> None:
    for folder in ("full", "fine"):
        (tmp_path / folder).mkdir()
    busy = [recv("INVITE"), reply("503 Busy", "Retry-After: 120 (lunch)", again=True), recv("ACK")]
    async with (
        called(tmp_path / "full", busy) as full,
        called(tmp_path / "fine", SERVES, calls=3) as fine,
    ):
        first, second = full.address[1], fine.address[1]
        async with Caller().opened(first, second) as caller:
            assert await caller.calls() == (second, [first, second])
            assert await full.verdict() == "", "its only call"
            assert await caller.calls() == (second, [second, first])
            caller.ahead_s += 119
            assert await caller.calls() == (second, [second, first])
            caller.ahead_s += 2
            places = await caller._endpoint.locate("carrier.test", 0, "udp")
            assert [place.address[1] for place in places] == [first, second]
        assert await fine.verdict() == ""


async def test_one_that_is_back_is_first_again(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        first = mute.getsockname()[1]
        async with called(tmp_path, SERVES) as fine, Caller().opened(first, fine.address[1]) as caller:
            assert await caller.calls() == (fine.address[1], [first, fine.address[1]])
            assert await fine.verdict() == ""
            mute.close()
            back = await SipEndpoint.open("127.0.0.1", first, on_invite=lambda call: call.answer(DESCRIPTION))
            caller.ahead_s += OUT_S
            for _ in range(3):
                assert await caller.calls() == (first, [first, fine.address[1]])
            await back.close()
