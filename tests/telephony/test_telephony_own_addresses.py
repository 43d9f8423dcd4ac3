"""SIP at all addresses of this machine: whom each peer is told to speak to, and who is not reached from where."""

import asyncio
import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dns_server import name_server
from rtp_peer import free_ports

from callwright.base.errors import PeerError, ProviderError
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Ended, Rejected, SipEvent
from callwright.sip.locating import Place
from callwright.telephony import sip_options
from callwright.telephony.media_ports import PortPool
from callwright.telephony.names import Names
from callwright.telephony.own_addresses import KEPT_S, OwnAddresses, seen_as
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

FOUR, SIX = "127.0.0.1", "::1"
OPTIONS = (
    "OPTIONS sip:up@{to} SIP/2.0\r\nVia: SIP/2.0/{by} {host};branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:up@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def test_ours_is_the_address_on_the_way_there():
    now = [0.0]
    own = OwnAddresses(lambda: now[0])
    assert (own.towards(FOUR), own.towards("127.0.0.9"), own.towards(SIX)) == (FOUR, FOUR, SIX)
    with pytest.raises(ProviderError, match=r"no way to 255\.255\.255\.255"):
        own.towards("255.255.255.255")
    with pytest.raises(ProviderError, match="fe80::1%lo"):
        own.towards("fe80::1%lo")
    now[0] += KEPT_S + 1
    assert own.towards(FOUR) == FOUR


@pytest.mark.parametrize(
    ("public", "peer", "is_told"),
    [
        ("203.0.113.10", "198.51.100.7", True),
        ("203.0.113.10", "10.0.0.7", False),
        ("203.0.113.10", "100.64.0.7", False),
        ("203.0.113.10", FOUR, False),
        ("203.0.113.10", "2001:db8::7", False),
        ("2001:db8::10", "2001:db8:7::7", True),
        ("2001:db8::10", "fd00::7", False),
        ("", "198.51.100.7", False),
    ],
)
def test_who_is_told_the_public_address(public: str, peer: str, is_told: bool) -> None:
    assert seen_as(public, peer) is is_told


@pytest.mark.parametrize(("host", "bound"), [(FOUR, FOUR), ("0.0.0.0", "0.0.0.0"), ("::", "0.0.0.0")])
def test_audio_at_the_public_address_comes_to_our_own(host: str, bound: str) -> None:
    pool = PortPool(host, *free_ports(4), public="203.0.113.10")
    with pool.open("203.0.113.10") as sock:
        assert sock.getsockname()[0] == bound


@contextmanager
def _no_descriptor() -> Iterator[None]:
    """This process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            os.dup(0)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_last_one_is_kept_where_none_is_found():
    now = [0.0]
    own = OwnAddresses(lambda: now[0])
    assert own.towards(SIX) == SIX
    now[0] += KEPT_S + 1
    with _no_descriptor():
        assert own.towards(SIX) == SIX
        with pytest.raises(ProviderError, match=f"no way to {FOUR}: Too many open files"):
            own.towards(FOUR)
    assert own.towards(FOUR) == FOUR


async def test_a_call_is_hung_up_on_where_nothing_can_be_opened():
    """Also by a peer at an address that was never seen; a call that begins is turned away."""
    calls: list[SipCall] = []
    told: asyncio.Queue[SipEvent] = asyncio.Queue()
    answerer = await SipEndpoint.open("0.0.0.0", 0, on_invite=calls.append)
    caller = await SipEndpoint.open(FOUR, 0, on_invite=lambda _: None)
    to = (FOUR, answerer.address[1])

    def dial(call_id: str) -> SipCall:
        return caller.invite("sip:a@b", call_id=call_id, caller="2", sdp=SDP, to=to, on_event=told.put_nowait)

    async def until(kind: type[SipEvent]) -> SipEvent:
        async with asyncio.timeout(10):
            while not isinstance(event := await told.get(), kind):
                pass
        return event

    made = dial("1")
    async with asyncio.timeout(10):
        while not calls:  # noqa: ASYNC110 - it is told by a callback
            await asyncio.sleep(0.01)
    ended: asyncio.Queue[SipEvent] = asyncio.Queue()
    calls[0].on_event = ended.put_nowait
    calls[0].answer(SDP)
    await until(Answered)
    answerer._addresses_of_ours = OwnAddresses(answerer._clock)
    with _no_descriptor():
        made.hang_up()
        async with asyncio.timeout(10):
            while not isinstance(await ended.get(), Ended):
                pass
        dial("2")
        assert (await until(Rejected)).status == 503
    assert len(calls) == 1
    dial("3")
    async with asyncio.timeout(10):
        while len(calls) < 2:  # noqa: ASYNC110 - it is told by a callback
            await asyncio.sleep(0.01)
    await caller.close()
    await answerer.close()


async def _open(host: str, names: Names | None = None) -> SipEndpoint:
    return await SipEndpoint.open(host, 0, on_invite=lambda _: None, tcp=(host, 0), names=names)


async def _asked(endpoint: SipEndpoint, host: str, transport: str) -> str:
    """What is answered to an OPTIONS."""
    to = (host, endpoint.addresses["udp" if transport == "UDP" else "tcp"][1])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            await loop.sock_connect(sock, to)
            shown = f"[{host}]" if ":" in host else host
            await loop.sock_sendall(sock, OPTIONS.format(to=f"{shown}:{to[1]}", by=transport, host=shown).encode())
            return (await loop.sock_recv(sock, 4096)).decode()


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_each_family_is_served_and_told_its_own_address(transport):
    endpoint = await _open("::")
    parameter = "" if transport == "UDP" else ";transport=tcp"
    port = endpoint.addresses["udp" if transport == "UDP" else "tcp"][1]
    for host, shown in ((FOUR, FOUR), (SIX, "[::1]")):
        answer = await _asked(endpoint, host, transport)
        assert answer.startswith("SIP/2.0 200") and f"\r\nContact: <sip:{shown}:{port}{parameter}>\r\n" in answer
        assert f"received={host}" in answer and "ffff" not in answer
        assert (host, port) in endpoint.ours
    await endpoint.close()


async def test_all_of_ipv4_is_no_ipv6():
    endpoint = await _open("0.0.0.0")
    assert f"<sip:{FOUR}:{endpoint.address[1]}>" in await _asked(endpoint, FOUR, "UDP")
    with pytest.raises(ProviderError):
        await sip_options.ask(SIX, endpoint.address[1], wait_s=0.5)
    await endpoint.close()


@pytest.mark.parametrize(
    ("udp", "tcp", "shown"),
    [("127.0.0.2", "0.0.0.0", "127.0.0.2"), ("0.0.0.0", "0.0.0.0", FOUR), ("0.0.0.0", "127.0.0.3", "127.0.0.3")],
)
async def test_what_is_too_long_for_a_datagram_names_an_address_of_ours(udp: str, tcp: str, shown: str):
    """Of the datagrams, or that of the connections where those have one."""
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(await reader.readuntil(b"\r\n\r\nv=0"))
        writer.close()

    server = await asyncio.start_server(hear, FOUR, 0)
    endpoint = await SipEndpoint.open(udp, 0, on_invite=lambda _: None, tcp=(tcp, 0))
    endpoint.invite(
        "sip:a@b", call_id="1", caller="2", sdp=SDP, to=server.sockets[0].getsockname(), on_event=lambda _: None,
        extra=(("x-story", "s" * 900), ("x-more", "s" * 900)),
    )  # fmt: skip
    async with asyncio.timeout(10):
        invite = (await came.get()).decode()
    port = endpoint.addresses["tcp"][1]
    assert f"Via: SIP/2.0/TCP {shown}:{port};" in invite
    assert f"Contact: <sip:{shown}:{port};transport=tcp>" in invite
    server.close()
    await endpoint.close()


@pytest.mark.parametrize(("ours", "theirs"), [(FOUR, SIX), (SIX, FOUR), ("0.0.0.0", SIX)])
async def test_who_is_of_the_other_family_is_not_called(ours, theirs):
    endpoint = await _open(ours)
    with pytest.raises(ProviderError, match="one is IPv4 and the other IPv6"):
        await endpoint.locate(theirs, 5060, "udp")
    with pytest.raises(PeerError, match="one is IPv4 and the other IPv6"):
        endpoint.invite("sip:a@b", call_id="1", caller="2", sdp="", to=(theirs, 5060), on_event=lambda _: None)
    await endpoint.close()


async def test_the_places_of_a_name_are_of_one_family():
    """What is offered to them names one address of ours; it may call us from all of them."""
    zone = {
        ("_sip._udp.carrier.test", "SRV"): (60, ["1 0 5080 a.carrier.test.", "2 0 5081 b.carrier.test."]),
        ("a.carrier.test", "A"): (60, [FOUR]),
        ("a.carrier.test", "AAAA"): (60, [SIX]),
        ("b.carrier.test", "A"): (60, [FOUR]),
    }
    async with name_server(zone) as server:
        six = [Place((SIX, 5080), "udp")]
        four = [Place((FOUR, 5080), "udp"), Place((FOUR, 5081), "udp")]
        for host, expected, everywhere in (("::", six, six + four), (SIX, six, six), (FOUR, four, four)):
            endpoint = await _open(host, Names([server.address]))
            assert await endpoint.locate("carrier.test", 0, "udp") == expected
            assert await endpoint.places("carrier.test", 0, "udp") == everywhere
            assert endpoint.us(expected[0])[0] in (FOUR, SIX)
            await endpoint.close()
