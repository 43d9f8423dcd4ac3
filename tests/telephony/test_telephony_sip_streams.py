"""SIP over TCP and TLS: between two endpoints of ours, against SIPp and baresip, and what closes a connection."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from baresip import baresip
from sipp import SDP, bye_answer, call, called, dial, pause, recv, reply
from tls import Authority

from callwright.base.errors import PeerError, ProviderError
from callwright.base.trust import trusting
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Ended, Rejected, SipEvent
from callwright.sip.locating import Place
from callwright.sip.registering import Granted, Refused, Registering
from callwright.telephony import sip_endpoint, sip_streams
from callwright.telephony.sip_endpoint import SipEndpoint

WAIT_S = 15.0
DESCRIPTION = SDP.strip().replace("[local_ip]", "127.0.0.1").replace("[media_ip]", "127.0.0.1")
DESCRIPTION = DESCRIPTION.replace("[auto_media_port]", "4000").replace("\n", "\r\n") + "\r\n"


class Told:
    """What a call told, one after the other."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[SipEvent] = asyncio.Queue()

    async def until(self, kind: type[SipEvent]) -> SipEvent:
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await self.events.get(), kind):
                pass
            return event


@asynccontextmanager
async def _endpoint(on_invite: Callable[[SipCall], None] = lambda _: None, **options) -> AsyncIterator[SipEndpoint]:
    opened = await SipEndpoint.open("127.0.0.1", 0, on_invite=on_invite, **options)
    try:
        yield opened
    finally:
        await opened.close()


def _server_side(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("server"))
    return context


def _dialled(
    endpoint: SipEndpoint, to: tuple[str, int], transport: str, host: str = "127.0.0.1", authority: str = ""
) -> tuple[SipCall, Told]:
    told = Told()
    made = endpoint.invite(
        f"sip:100@{host}:{to[1]}",
        call_id="ours",
        caller="200",
        sdp=DESCRIPTION,
        to=to,
        on_event=told.events.put_nowait,
        transport=transport,
        authority=authority,
    )
    return made, told


@pytest.mark.wire
class TestBetweenOurs:
    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    async def test_calls_both_ends_of_one_connection(self, tmp_path, transport):
        """Whoever hangs up: the side that took the connection has none but this one to reach the other."""
        authority = Authority(tmp_path)
        callee = Told()

        def take(one: SipCall) -> None:
            one.on_event = callee.events.put_nowait
            one.answer(DESCRIPTION)
            if one.dialled == "200":
                asyncio.get_running_loop().call_later(0.1, one.hang_up)

        where = {transport: ("127.0.0.1", 0)}
        trusted = trusting(authority.ca.read_text())
        certificate = _server_side(authority)
        async with (
            _endpoint(take, certificate=certificate, **where) as there,
            _endpoint(trusted=trusted) as here,
        ):
            made, told = _dialled(here, there.addresses[transport], transport, host="localhost")
            await told.until(Answered)
            made.hang_up()
            assert await callee.until(Ended) == Ended("remote", "BYE")
            made = here.invite(
                "sip:200@localhost", call_id="theirs", caller="1", sdp=DESCRIPTION, to=there.addresses[transport],
                on_event=told.events.put_nowait, transport=transport,
            )  # fmt: skip
            assert await told.until(Ended) == Ended("remote", "BYE")

    @pytest.mark.parametrize("wrong", ["authority", "name"])
    async def test_a_certificate_that_is_not_the_peers(self, tmp_path, wrong):
        (tmp_path / "other").mkdir()
        authority, other = Authority(tmp_path), Authority(tmp_path / "other")
        came: list[SipCall] = []
        trusted = trusting((other if wrong == "authority" else authority).ca.read_text())
        async with (
            _endpoint(came.append, certificate=_server_side(authority), tls=("127.0.0.1", 0)) as there,
            _endpoint(trusted=trusted) as here,
        ):
            host = "trunk.example.com" if wrong == "name" else "localhost"
            _, told = _dialled(here, there.addresses["tls"], "tls", host=host)
            why = {
                "authority": "its certificate is not trusted: unable to get local issuer certificate",
                "name": "its certificate is not trusted: Hostname mismatch, certificate is not valid for 'trunk.example.com'.",
            }[wrong]
            assert await told.until(Rejected) == Rejected(408, why, heard=False)
            assert not came

    async def test_an_authority_of_one_peer_is_nobody_elses(self, tmp_path):
        """At one address, by the name: each call is checked against what it names, whatever connections there are."""
        (tmp_path / "other").mkdir()
        authority, other = Authority(tmp_path), Authority(tmp_path / "other")

        def take(one: SipCall) -> None:
            one.answer(DESCRIPTION)

        async with (
            _endpoint(take, certificate=_server_side(authority), tls=("127.0.0.1", 0)) as there,
            _endpoint() as here,
        ):
            for pem, trusted in (
                (authority.ca.read_text(), True),
                ("", False),
                (other.ca.read_text(), False),
                (authority.ca.read_text() + other.ca.read_text(), True),
            ):
                made, told = _dialled(here, there.addresses["tls"], "tls", host="localhost", authority=pem)
                assert isinstance(await told.until(Answered if trusted else Rejected), Answered) is trusted
                made.hang_up()
            with pytest.raises(PeerError, match="cannot be read"):
                _dialled(here, there.addresses["tls"], "tls", host="localhost", authority="none")

    async def test_a_registrar_is_checked_against_its_own_authority(self, tmp_path):
        (tmp_path / "other").mkdir()
        authority, other = Authority(tmp_path), Authority(tmp_path / "other")
        async with (
            _endpoint(certificate=_server_side(authority), tls=("127.0.0.1", 0)) as there,
            _endpoint() as here,
        ):
            for pem, status, reason in (
                (authority.ca.read_text(), 405, "Method Not Allowed"),
                (other.ca.read_text(), 408, "its certificate is not trusted: unable to get local issuer certificate"),
            ):
                told: asyncio.Future[Granted | Refused] = asyncio.get_running_loop().create_future()
                asking = Registering(
                    registrar="sip:localhost",
                    address="sip:us@localhost",
                    contact_user="c",
                    call_id=str(status),
                    identity=None,
                )
                place = Place(there.addresses["tls"], "tls")
                asking.ask(here.flow(place, "localhost", authority=pem), 60, told.set_result)
                async with asyncio.timeout(WAIT_S):
                    refused = await told
                # It is no registrar; but it was spoken to.
                assert isinstance(refused, Refused) and (refused.status, refused.reason) == (status, reason)

    async def test_authorities_without_end(self, tmp_path, monkeypatch):
        """One that nobody is connected by makes room; where all are in use, the next one waits for its turn."""
        monkeypatch.setattr(sip_endpoint, "AUTHORITIES_MAX", 2)
        authority = Authority(tmp_path)
        pem = authority.ca.read_text()
        async with (
            _endpoint(
                lambda one: one.answer(DESCRIPTION), certificate=_server_side(authority), tls=("127.0.0.1", 0)
            ) as there,
            _endpoint() as here,
        ):
            for host in ("one.test", "two.test", "three.test"):
                _, told = _dialled(here, there.addresses["tls"], "tls", host=host, authority=pem)
                await told.until(Rejected)
            calls = []
            for host in ("localhost", "127.0.0.1"):
                calls.append(_dialled(here, there.addresses["tls"], "tls", host=host, authority=pem))
                await calls[-1][1].until(Answered)
            with pytest.raises(ProviderError, match="2 peers with an authority of their own"):
                _dialled(here, there.addresses["tls"], "tls", host="three.test", authority=pem)
            for made, _ in calls:
                made.hang_up()

    async def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            async with _endpoint() as here:
                _, told = _dialled(here, taken.getsockname(), "tcp")
                assert await told.until(Rejected) == Rejected(408, "Connection refused", heard=False)

    @pytest.mark.parametrize("takes", [True, False])
    async def test_an_invite_that_is_too_long_for_a_datagram(self, takes):
        """By TCP where the peer listens there on the same port; where it does not, as a datagram after all."""

        def take(one: SipCall) -> None:
            came.append(dict(one.headers)["via"].partition(" ")[0])
            one.answer(DESCRIPTION)

        came: list[str] = []
        async with _endpoint(take) as there, _endpoint() as here:
            if takes:
                await there._streams["tcp"].listen(*there.address, None)
            told = Told()
            made = here.invite(
                "sip:100@127.0.0.1", call_id="long", caller="1", sdp=DESCRIPTION, to=there.address,
                on_event=told.events.put_nowait, extra=(("x-story", "s" * 900),),
            )  # fmt: skip
            await told.until(Answered)
            made.hang_up()
        assert came == ["SIP/2.0/TCP" if takes else "SIP/2.0/UDP"]

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    async def test_over_ipv6(self, transport):
        callee = Told()

        def take(one: SipCall) -> None:
            one.on_event = callee.events.put_nowait
            one.answer(DESCRIPTION)

        there = await SipEndpoint.open("::1", 0, on_invite=take, tcp=("::1", 0))
        here = await SipEndpoint.open("::1", 0, on_invite=lambda _: None)
        try:
            told = Told()
            to = there.addresses[transport]
            made = here.invite(
                f"sip:100@[::1]:{to[1]}", call_id="six", caller="1", sdp=DESCRIPTION, to=to,
                on_event=told.events.put_nowait, transport=transport,
            )  # fmt: skip
            await told.until(Answered)
            made.hang_up()
            assert await callee.until(Ended) == Ended("remote", "BYE")
        finally:
            await here.close()
            await there.close()


@pytest.mark.wire
class TestConnections:
    async def test_a_ping_gets_a_pong_and_rubbish_the_end(self):
        async with _endpoint(tcp=("127.0.0.1", 0)) as there, asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_connection(*there.addresses["tcp"])
            writer.write(b"\r\n\r\n")
            assert await reader.readexactly(2) == b"\r\n"
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await _ended(reader)
            writer.close()

    async def test_ours_are_kept_alive_and_a_silent_one_is_closed(self, monkeypatch):
        """RFC 5626 §3.5.1: a ping now and then; with nothing coming back it ends."""
        monkeypatch.setattr(sip_streams, "KEEP_ALIVE_S", 0.05)
        monkeypatch.setattr(sip_streams, "IDLE_S_MAX", 0.5)
        came, over = bytearray(), asyncio.Event()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(4096):
                came.extend(data)
            over.set()
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        async with _endpoint() as here, server:
            _dialled(here, server.sockets[0].getsockname(), "tcp")
            async with asyncio.timeout(WAIT_S):
                await over.wait()
        head, _, pings = bytes(came).partition(DESCRIPTION.encode())
        assert head.startswith((b"INVITE ", b"\r\n\r\nINVITE "))
        assert len(pings) >= 4 and not pings.strip(b"\r\n")

    async def test_a_stranger_is_not_listened_to(self):
        async with _endpoint(tcp=("127.0.0.1", 0), accepts=lambda _: False) as there, asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_connection(*there.addresses["tcp"])
            assert await _ended(reader)
            writer.close()

    async def test_a_port_that_is_taken_is_named(self):
        async with _endpoint(tcp=("127.0.0.1", 0)) as there:
            with pytest.raises(Exception, match=str(there.addresses["tcp"][1])):
                async with _endpoint(tcp=there.addresses["tcp"]):
                    pass


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.interop
class TestSipp:
    async def test_a_caller(self, tmp_path):
        """Twenty calls on one connection; we end half of them."""
        taken: list[SipCall] = []

        def take(one: SipCall) -> None:
            taken.append(one)
            one.ring()
            one.answer(DESCRIPTION)

        begin = [call("INVITE", body=SDP), recv(100, optional=True), recv(180, optional=True), recv(200)]
        steps = [
            *begin,
            call("ACK", to="[peer_tag_param]"),
            pause(200),
            call("BYE", 2, to="[peer_tag_param]"),
            recv(200),
        ]
        async with _endpoint(take, tcp=("127.0.0.1", 0)) as there:
            assert await dial(tmp_path, steps, there.addresses["tcp"], "-t", "t1", calls=20) == ""
        assert len(taken) == 20 and {one.state for one in taken} == {"ended"}

    async def test_a_caller_whom_we_leave(self, tmp_path):
        """Our BYE goes on the connection that its INVITE came on, not to the port in its Contact."""

        def take(one: SipCall) -> None:
            one.answer(DESCRIPTION)
            asyncio.get_running_loop().call_later(0.2, one.hang_up)

        begin = [call("INVITE", body=SDP), recv(100, optional=True), recv(200), call("ACK", to="[peer_tag_param]")]
        steps = [*begin, recv("BYE"), bye_answer()]
        async with _endpoint(take, tcp=("127.0.0.1", 0)) as there:
            assert await dial(tmp_path, steps, there.addresses["tcp"], "-t", "t1", calls=5) == ""

    async def test_a_callee(self, tmp_path):
        begin = [recv("INVITE", has="Via:TCP"), reply("100 Trying"), reply("180 Ringing"), reply("200 OK", body=SDP)]
        async with (
            called(tmp_path, [*begin, recv("ACK"), recv("BYE"), bye_answer()], "-t", "t1") as peer,
            _endpoint() as here,
        ):
            made, told = _dialled(here, peer.address, "tcp")
            await told.until(Answered)
            made.hang_up()
            assert await peer.verdict() == ""


@pytest.mark.interop
async def test_baresip_calls_over_tls_and_is_hung_up_on(tmp_path: Path):
    """It checks our certificate; our BYE reaches it, though it listens nowhere that we could connect to."""
    authority = Authority(tmp_path)
    ended, came = Told(), asyncio.Event()

    def take(one: SipCall) -> None:
        came.set()
        one.on_event = ended.events.put_nowait
        one.answer(DESCRIPTION)
        asyncio.get_running_loop().call_later(0.5, one.hang_up)

    async with _endpoint(take, certificate=_server_side(authority), tls=("127.0.0.1", 0)) as there:
        async with baresip(tmp_path / "baresip", transport="tls", ca=authority.ca) as phone:
            await phone.does("dial", f"sip:100@127.0.0.1:{there.addresses['tls'][1]};transport=tls")
            await phone.until("CALL_ESTABLISHED")
            await phone.until("CALL_CLOSED")
        assert came.is_set()
