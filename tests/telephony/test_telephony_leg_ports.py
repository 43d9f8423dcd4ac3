"""What is left of calls by TLS that come to nothing: no port of the media plane, no socket, no call."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
from rtp_peer import HOST, free_ports
from tls import Authority

from callwright.base.errors import PeerError, ProviderError
from callwright.telephony import sip_endpoint
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

WAIT_S = 10.0
CALLS = 20


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    plane = MediaPlane(HOST, *free_ports(CALLS), asyncio.get_running_loop())
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
async def endpoint(plane: MediaPlane) -> AsyncIterator[SipEndpoint]:
    endpoint = await SipEndpoint.open(HOST, 0, on_invite=lambda _: None)
    yield endpoint
    await endpoint.close()


def _dials(endpoint: SipEndpoint, plane: MediaPlane, to: tuple[str, int], number: int, authority: str = "") -> SipLeg:
    return SipLeg.outgoing(
        endpoint,
        plane,
        HOST,
        target=f"sip:100@peer{number}.test",
        call_id=f"call{number}",
        caller="200",
        to=to,
        transport="tls",
        srtp=True,
        authority=authority,
    )


async def _nothing_is_left(endpoint: SipEndpoint, plane: MediaPlane, open_before: set[str]) -> None:
    """But what was open before: the ports of calls, their connections."""
    async with asyncio.timeout(WAIT_S):
        while plane.snapshot().sessions or endpoint.calls or _open() - open_before:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.02)


def _open() -> set[str]:
    """The sockets of this process."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            where = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # of the listing itself
        if where.startswith("socket:"):
            found.add(where)
    return found


@pytest.mark.parametrize("there", ["nobody", "no TLS", "untrusted"])
async def test_a_peer_that_cannot_be_connected(endpoint: SipEndpoint, plane: MediaPlane, there: str, tmp_path) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(*Authority(tmp_path).issue("server"))

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, HOST, 0, ssl=served if there == "untrusted" else None)
    to = server.sockets[0].getsockname()
    if there == "nobody":
        server.close()
    before = _open()
    legs = [_dials(endpoint, plane, to, number) for number in range(CALLS)]
    with pytest.raises(ProviderError, match="no free RTP port"):
        _dials(endpoint, plane, to, CALLS)
    assert all([isinstance(await leg.answered(WAIT_S), NotAnswered) for leg in legs])
    await _nothing_is_left(endpoint, plane, before)
    server.close()


async def test_a_peer_that_is_one_too_many(
    endpoint: SipEndpoint, plane: MediaPlane, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whose authority is none: it is refused before anything was sent, with the port in hand."""
    monkeypatch.setattr(sip_endpoint, "AUTHORITIES_MAX", 1)
    authority = Authority(tmp_path).ca.read_text()
    with socket.create_server((HOST, 0)) as silent:
        before = _open()
        in_use = _dials(endpoint, plane, silent.getsockname(), 0, authority)
        for number in range(1, CALLS):
            with pytest.raises(ProviderError, match="1 peers with an authority of their own"):
                _dials(endpoint, plane, silent.getsockname(), number, authority)
        in_use.hang_up()
        assert isinstance(await in_use.answered(WAIT_S), NotAnswered)
        await _nothing_is_left(endpoint, plane, before)
    with pytest.raises(PeerError, match="cannot be read"):
        _dials(endpoint, plane, (HOST, 9), CALLS, "no PEM")
    await _nothing_is_left(endpoint, plane, before)
