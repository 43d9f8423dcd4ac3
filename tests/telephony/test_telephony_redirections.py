"""A peer that sends our call to a place that has to be looked up (302): SIPp as both of them, and a name server here."""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dns_server import name_server
from sipp import SDP, bye_answer, called, free_port, recv, send
from tls import Authority

from callwright.sip.address import bracketed
from callwright.sip.events import Answered, Ended, Rejected, SipEvent
from callwright.sip.message import Response, parse
from callwright.telephony.names import Names
from callwright.telephony.sip_endpoint import SipCall, SipEndpoint

pytestmark = pytest.mark.interop

HOST = "127.0.0.1"
WAIT_S = 15.0
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


class _Ours:
    def __init__(self, endpoint: SipEndpoint) -> None:
        self.endpoint = endpoint
        self._told: asyncio.Queue[SipEvent] = asyncio.Queue()

    def calls(self, to: tuple[str, int], permits: Callable[[str], bool] = lambda _: True, **options: Any) -> SipCall:
        return self.endpoint.invite(
            f"sip:100@{bracketed(to[0])}:{to[1]}",
            call_id="moved",
            caller="200",
            sdp=OFFER,
            to=to,
            on_event=self._told.put_nowait,
            permits=permits,
            **options,
        )

    async def over(self) -> SipEvent:
        """The answer, or how it ended."""
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await self._told.get(), Answered | Rejected | Ended):
                pass
            return event


@asynccontextmanager
async def _opened(
    zone: dict[tuple[str, str], tuple[int, list[str]]], public: str = "", host: str = HOST
) -> AsyncIterator[_Ours]:
    async with name_server(zone) as server:
        names = Names([server.address])
        endpoint = await SipEndpoint.open(host, 0, on_invite=lambda _: None, names=names, public=public)
        try:
            yield _Ours(endpoint)
        finally:
            await endpoint.close()


def _moved(contact: str, *, over: bool = True) -> list[str]:
    answer = send(
        "SIP/2.0 302 Moved",
        *("[last_Via:]", "[last_From:]", "[last_To:];tag=t1", "[last_Call-ID:]", "[last_CSeq:]", f"Contact: {contact}"),
    )
    return [recv("INVITE"), answer, *([recv("ACK")] if over else [])]


def _answers(transport: str) -> list[str]:
    via = f"Via:SIP/2.0/{transport} "
    taken = send(
        "SIP/2.0 200 OK",
        *("[last_Via:]", "[last_From:]", "[last_To:];tag=t[call_number]", "[last_Call-ID:]", "[last_CSeq:]"),
        "Contact: <sip:100@[local_ip]:[local_port];transport=[transport]>",
        body=SDP,
    )
    return [recv("INVITE", has=via), taken, recv("ACK"), recv("BYE"), bye_answer()]


def _folders(tmp_path: Path) -> tuple[Path, Path]:
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
    return folders


@pytest.mark.parametrize("how", ["SRV", "SRV of TCP", "port", "TCP at an IP address"])
async def test_the_place_is_found_and_asked_by_its_transport(tmp_path: Path, how: str) -> None:
    port, folders = free_port(HOST), _folders(tmp_path)
    srv = (60, [f"0 0 {port} sip.moved.test."])
    zone = {("_sip._udp.moved.test", "SRV"): srv, ("_sip._tcp.moved.test", "SRV"): srv}
    contact = {
        "SRV": "<sip:there@moved.test>",
        "SRV of TCP": "<sip:there@moved.test;transport=tcp>",
        "port": f"<sip:there@localhost:{port}>",
        "TCP at an IP address": f"<sip:there@{HOST}:{port};transport=tcp>",
    }[how]
    by_tcp = "TCP" in how
    options = ("-t", "t1") if by_tcp else ()
    async with (
        _opened(zone | {("sip.moved.test", "A"): (60, [HOST])}) as ours,
        called(folders[0], _moved(contact)) as first,
        called(folders[1], _answers("TCP" if by_tcp else "UDP"), *options, port=port) as second,
    ):
        call = ours.calls(first.address)
        assert isinstance(await ours.over(), Answered) and call.remote == (HOST, port)
        assert call.agent.transport == ("tcp" if by_tcp else "udp")
        call.hang_up()
        assert await first.verdict() == "" and await second.verdict() == ""


@pytest.mark.parametrize("how", ["SRV", "IP address"])
async def test_over_ipv6(tmp_path: Path, how: str) -> None:
    """The name has an IPv4 address too, at which nobody is; from ours it could not be reached."""
    host = "::1"
    port, folders = free_port(host), _folders(tmp_path)
    zone = {
        ("_sip._udp.moved.test", "SRV"): (60, [f"0 0 {port} sip.moved.test."]),
        ("sip.moved.test", "AAAA"): (60, [host]),
        ("sip.moved.test", "A"): (60, ["127.0.0.77"]),
    }
    # SIPp puts its own address there, in brackets.
    contact = "<sip:there@moved.test>" if how == "SRV" else f"<sip:there@[local_ip]:{port}>"
    async with (
        _opened(zone, host=host) as ours,
        called(folders[0], _moved(contact), host=host) as first,
        called(folders[1], _answers("UDP"), host=host, port=port) as second,
    ):
        call = ours.calls(first.address)
        assert isinstance(await ours.over(), Answered) and call.remote == (host, port)
        call.hang_up()
        assert await first.verdict() == "" and await second.verdict() == ""


@asynccontextmanager
async def _secure_server(certificate: ssl.SSLContext, contacts: list[str]) -> AsyncIterator[int]:
    """The port of one that answers each INVITE by TLS with 302 and the next of these."""
    left = iter(contacts)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.strip():
                    continue  # a keep-alive
                length = re.search(rb"Content-Length: (\d+)", head)
                asked = parse(head + await reader.readexactly(int(length[1]) if length else 0))
                if head.startswith(b"INVITE"):
                    moved = Response(302, "Moved")
                    for name in ("via", "from", "to", "call-id", "cseq"):
                        moved.headers.set(name, *asked.headers.all(name))
                    moved.headers.set("to", f"{asked.headers.get('to')};tag=t1")
                    moved.headers.set("contact", next(left))
                    writer.write(moved.serialize())
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=certificate)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_what_began_by_tls_stays_there(tmp_path: Path) -> None:
    """With the authority of whom it began with; a place that is to be asked in clear is passed over."""
    authority = Authority(tmp_path)
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.load_cert_chain(*authority.issue("server"))

    def answers(call: SipCall) -> None:
        call.answer(OFFER)

    there = await SipEndpoint.open(HOST, 0, on_invite=answers, tls=(HOST, 0), certificate=certificate)
    secure, clear = there.addresses["tls"][1], there.addresses["udp"][1]
    contacts = [
        f"<sip:there@localhost:{secure}>",
        f"<sips:there@localhost:{secure}>",
        f"<sip:there@localhost:{secure};transport=tls>",
        f"<sip:there@localhost:{clear};transport=udp>",
        "<sip:there@elsewhere.test>",
    ]
    zone = {
        ("_sips._tcp.elsewhere.test", "SRV"): (60, [f"0 0 {secure} sip.elsewhere.test."]),
        ("sip.elsewhere.test", "A"): (60, [HOST]),
    }
    async with _opened(zone) as ours, _secure_server(certificate, contacts) as port:
        for number in range(len(contacts)):
            call = ours.calls((HOST, port), transport="tls", authority=authority.ca.read_text())
            event = await ours.over()
            if number < 3:
                assert isinstance(event, Answered) and call.remote == (HOST, secure) and call.agent.transport == "tls"
                call.hang_up()
            elif number == 3:
                assert event == Rejected(302, "Moved"), "in clear"
            else:
                assert isinstance(event, Rejected) and "certificate" in event.reason, "it shows that of somebody else"
    await there.close()


async def test_a_name_that_nobody_knows_is_passed_over(tmp_path: Path) -> None:
    port, folders = free_port(HOST), _folders(tmp_path)
    contact = f"<sip:a@nowhere.test>;q=0.9, <sip:b@{HOST}:{port}>;q=0.5"
    async with (
        _opened({}) as ours,
        called(folders[0], _moved(contact)) as first,
        called(folders[1], _answers("UDP"), port=port) as second,
    ):
        call = ours.calls(first.address)
        assert isinstance(await ours.over(), Answered)
        call.hang_up()
        assert await first.verdict() == "" and await second.verdict() == ""


@pytest.mark.parametrize("why", ["unknown", "not permitted"])
async def test_where_no_place_may_be_asked_it_is_a_refusal(tmp_path: Path, why: str) -> None:
    zone = {("moved.test", "A"): (60, ["127.0.0.77"])} if why == "not permitted" else {}
    async with _opened(zone) as ours, called(tmp_path, _moved("<sip:there@moved.test>")) as first:
        ours.calls(first.address, lambda host: host == HOST)
        assert await ours.over() == Rejected(302, "Moved")
        assert await first.verdict() == "" and ours.endpoint.calls == 0


async def test_a_call_that_is_given_up_meanwhile(tmp_path: Path) -> None:
    """The name server says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((HOST, 0))
        mute.setblocking(False)
        endpoint = await SipEndpoint.open(HOST, 0, on_invite=lambda _: None, names=Names([mute.getsockname()]))
        ours = _Ours(endpoint)
        async with called(tmp_path, _moved("<sip:there@moved.test>")) as first:
            call = ours.calls(first.address)
            async with asyncio.timeout(WAIT_S):
                await asyncio.get_running_loop().sock_recv(mute, 1)
            call.cancel()
            assert await ours.over() == Ended("local", "cancelled")
            assert await first.verdict() == "" and endpoint.calls == 0
        await endpoint.close()


async def test_a_place_that_reaches_us_at_another_address_is_passed_over(tmp_path: Path) -> None:
    """The audio was described with the one by which the first place does, and is not described anew."""
    zone = {
        ("_sip._udp.public.test", "SRV"): (60, ["0 0 5060 sip.public.test."]),
        ("sip.public.test", "A"): (60, ["198.51.100.7"]),
    }
    async with _opened(zone, public="203.0.113.10") as ours, called(tmp_path, _moved("<sip:a@public.test>")) as first:
        ours.calls(first.address)
        ended = await ours.over()
        assert isinstance(ended, Rejected) and ended.status == 302
        assert await first.verdict() == ""
