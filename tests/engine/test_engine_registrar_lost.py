"""A trunk that we register with: a server of its name that is dead, and a connection to it that is closed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Running, started
from dns_server import name_server
from kamailio import kamailio
from sipp import called, recv, reply

from callwright.sip.address import Address
from callwright.sip.message import Request, Response, parse

pytestmark = pytest.mark.interop

WAIT_S = 30.0
ROUTES = """
modparam("registrar", "min_expires", 60)
request_route {
    if (is_method("OPTIONS")) { sl_send_reply("200", "Up"); exit; }
    if (is_method("REGISTER")) { save("location"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    $ru = "sip:customer@127.0.0.1";
    if (!lookup("location")) { sl_send_reply("404", "Not registered"); exit; }
    record_route();
    t_relay();
}
"""


def _free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


NAMES = _free_port()
"Where a name server listens while a test needs one."


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--name-server", f"127.0.0.1:{NAMES}") as running:
        yield running


@asynccontextmanager
async def _trunk(platform: Running, host: str, **fields: Any) -> AsyncIterator[int]:
    body = {"name": "Carrier", "host": host, "port": 0, "prefix": "999", "registers": True, "username": "customer"}
    async with platform.client() as client:
        made = await client.post("/v1/trunks", json=body | fields)
        assert made.status_code == 201, made.text
        trunk_id = int(made.json()["id"])
        yield trunk_id
        assert (await client.delete(f"/v1/trunks/{trunk_id}")).status_code == 204


class TestServersOfAName:
    async def test_the_second_where_the_first_is_mute(self, platform: Running, tmp_path: Path) -> None:
        """A socket that nobody reads is what a dead server is by UDP."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", 0))
            async with kamailio(tmp_path, ROUTES, "maxfwd", "usrloc", "registrar") as carrier:
                srv = [f"1 0 {mute.getsockname()[1]} sip.carrier.test.", f"2 0 {carrier[1]} sip.carrier.test."]
                async with _named("udp", srv), _trunk(platform, "carrier.test") as trunk_id:
                    await platform.until_registration(trunk_id, "registered")
            mute.setblocking(False)
            assert mute.recv(65536).startswith(b"REGISTER sip:carrier.test SIP/2.0\r\n")

    async def test_the_second_where_nobody_takes_a_connection_and_the_third_where_there_is_no_room(
        self, platform: Running, tmp_path: Path
    ) -> None:
        full = [recv("REGISTER"), reply("503 Busy")]
        async with (
            called(tmp_path, full, "-t", "t1") as busy,
            kamailio(tmp_path, ROUTES, "maxfwd", "usrloc", "registrar", tcp=True) as carrier,
        ):
            ports = [_free_port(socket.SOCK_STREAM), busy.address[1], carrier[1]]
            srv = [f"{number} 0 {port} sip.carrier.test." for number, port in enumerate(ports)]
            async with _named("tcp", srv), _trunk(platform, "carrier.test", transport="tcp") as trunk_id:
                await platform.until_registration(trunk_id, "registered")
                assert await busy.verdict() == ""

    async def test_what_is_no_failure_of_a_server_is_the_registrars_word(
        self, platform: Running, tmp_path: Path
    ) -> None:
        async with called(tmp_path, [recv("REGISTER"), reply("403 Not A Customer")]) as one:
            srv = [f"1 0 {one.address[1]} sip.carrier.test.", f"2 0 {_free_port()} sip.carrier.test."]
            async with _named("udp", srv), _trunk(platform, "carrier.test") as trunk_id:
                assert (await platform.until_registration(trunk_id, "failed"))["reason"] == "403 Not A Customer"


@asynccontextmanager
async def _named(transport: str, srv: list[str]) -> AsyncIterator[None]:
    zone = {
        (f"_sip._{transport}.carrier.test", "SRV"): (0, srv),
        ("sip.carrier.test", "A"): (0, ["127.0.0.1"]),
        ("carrier.test", "A"): (0, ["127.0.0.1"]),
    }
    async with name_server(zone, NAMES):
        yield


class Registrar:
    """One by TCP that grants an hour, and closes its connections when it is told to: no program of others does that."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[Request] = asyncio.Queue()
        self.closes_each = False
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.strip():
                    writer.write(b"\r\n")
                    continue
                request = parse(head)
                assert isinstance(request, Request)
                answer = Response(200, "OK")
                for name in ("via", "from", "to", "call-id", "cseq", "contact", "expires"):
                    answer.headers.set(name, *request.headers.all(name))
                writer.write(answer.serialize())
                self.asked.put_nowait(request)
                if self.closes_each:
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def close_all(self) -> None:
        for writer in self._writers:
            writer.close()

    async def next(self) -> Request:
        async with asyncio.timeout(WAIT_S):
            return await self.asked.get()


@asynccontextmanager
async def _registrar() -> AsyncIterator[tuple[Registrar, Address]]:
    registrar = Registrar()
    async with await asyncio.start_server(registrar.serve, "127.0.0.1", 0) as server:
        try:
            yield registrar, server.sockets[0].getsockname()[:2]
        finally:
            registrar.close_all()


class TestConnections:
    async def test_closed_by_the_registrar_it_is_made_anew_at_once(self, platform: Running) -> None:
        """Not at half of the hour that was granted."""
        async with (
            _registrar() as (registrar, at),
            _trunk(platform, at[0], port=at[1], transport="tcp") as trunk_id,
        ):
            first = await registrar.next()
            await platform.until_registration(trunk_id, "registered")
            registrar.close_all()
            second = await registrar.next()
            assert (second.headers.get("call-id"), second.headers.get("contact")) == (
                first.headers.get("call-id"),
                first.headers.get("contact"),
            )
            assert second.sequence == first.sequence + 1 and second.headers.get("expires") == "3600"
            await platform.until_registration(trunk_id, "registered")

    async def test_a_registrar_that_closes_each_is_asked_with_pauses(self, platform: Running) -> None:
        async with _registrar() as (registrar, at):
            registrar.closes_each = True
            async with _trunk(platform, at[0], port=at[1], transport="tcp") as trunk_id:
                for _ in range(2):
                    await registrar.next()
                # The first loss was made good at once; after the second it waits.
                told = await platform.until_registration(trunk_id, "failed")
                assert told["reason"] == "408 the connection was closed" and registrar.asked.empty()
                await registrar.next()

    async def test_a_registrar_that_was_started_anew(self, platform: Running, tmp_path: Path) -> None:
        """Kamailio keeps what it knows in memory: only a REGISTER of ours tells it again."""
        modules = "maxfwd", "usrloc", "registrar"
        async with AsyncExitStack() as open_:
            async with kamailio(tmp_path, ROUTES, *modules, tcp=True) as carrier:
                trunk_id = await open_.enter_async_context(
                    _trunk(platform, carrier[0], port=carrier[1], transport="tcp")
                )
                await platform.until_registration(trunk_id, "registered")
            assert (await platform.until_registration(trunk_id, "failed"))["reason"].startswith("408")
            async with kamailio(tmp_path, ROUTES, *modules, tcp=True, at=carrier):
                await platform.until_registration(trunk_id, "registered")
