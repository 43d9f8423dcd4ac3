"""A registration's way over real sockets: keep-alives that arrive, and a connection that is lost."""

import asyncio
import socket

import pytest

from callwright.sip.flow import KEEP_ALIVE_S_MAX
from callwright.sip.framing import PING
from callwright.sip.locating import Place
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.sip_streams import UNACKNOWLEDGED_S_MAX

pytestmark = pytest.mark.wire
WAIT_S = 15.0


async def test_by_udp_from_the_port_that_sip_is_on() -> None:
    """The clock jumps; what a NAT has to see is the source."""
    ahead_s = 0.0
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as registrar:
        registrar.bind(("127.0.0.1", 0))
        registrar.setblocking(False)
        here = await SipEndpoint.open("127.0.0.1", 0, on_invite=lambda _: None, clock=lambda: loop.time() + ahead_s)
        try:
            flow = here.flow(Place(registrar.getsockname(), "udp"), "127.0.0.1")
            flow.keep(lambda: None)
            for _ in range(2):
                ahead_s += KEEP_ALIVE_S_MAX
                here.run_due()
                async with asyncio.timeout(WAIT_S):
                    assert await loop.sock_recvfrom(registrar, 100) == (PING, here.address)
            flow.close()
        finally:
            await here.close()


async def test_by_tcp_its_end_is_told_and_its_silence_is_bounded() -> None:
    taken: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    lost = asyncio.Event()
    async with await asyncio.start_server(lambda _, writer: taken.put_nowait(writer), "127.0.0.1", 0) as server:
        here = await SipEndpoint.open("127.0.0.1", 0, on_invite=lambda _: None)
        try:
            flow = here.flow(Place(server.sockets[0].getsockname()[:2], "tcp"), "127.0.0.1")
            flow.keep(lost.set)
            flow.agent.wire.send(PING, flow.to)
            async with asyncio.timeout(WAIT_S):
                writer = await taken.get()
            connection = here._streams["tcp"]._open[flow.to]
            ours = connection._transport.get_extra_info("socket")
            # A peer that goes without a word is its system's silence: only the kernel notices.
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNACKNOWLEDGED_S_MAX * 1000
            assert not lost.is_set()
            writer.close()
            async with asyncio.timeout(WAIT_S):
                await lost.wait()
            flow.close()
        finally:
            await here.close()
