"""A machine behind a NAT that keeps ports: SIPp outside is told the public address, both ways, and SIPp on this machine is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from applications import SHORT
from conftest import Running, started
from sipp import SDP, bye_answer, call, called, dial, recv, reply
from test_engine_ipv6 import _legs, _said

from callwright.base.errors import ProviderError
from callwright.sip.address import host_port
from callwright.sip.reach import EVERYBODY, reach_of
from callwright.telephony.own_addresses import OwnAddresses

pytestmark = pytest.mark.interop

PUBLIC, LOCAL = "203.0.113.10", "127.0.0.1"


def _outside() -> str:
    """An address of this machine that is in no private network, from which SIPp speaks as somebody outside does."""
    try:
        own = OwnAddresses(lambda: 0.0).towards("198.51.100.1")
    except ProviderError:
        own = LOCAL
    return own if reach_of(own) == EVERYBODY else ""


OUTSIDE = _outside()
PEERS = [
    pytest.param(OUTSIDE, PUBLIC, marks=pytest.mark.skipif(not OUTSIDE, reason="this machine has private addresses alone")),
    (LOCAL, LOCAL),
]  # fmt: skip


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--sip", "0.0.0.0:0", "--sip-tcp", "0.0.0.0:0", "--public-ip", PUBLIC) as running:
        yield running


def _names(leg: dict[str, Any], told: str, port: int, transport: str) -> None:
    ours = _said(leg, "200 OK (INVITE) +SDP", "INVITE +SDP")
    assert f"c=IN IP4 {told}\r\n" in ours and f" IN IP4 {told}\r\n" in ours
    assert f"Contact: <sip:{told}:{port}{';transport=tcp' if transport == 'tcp' else ''}>" in ours
    assert leg["media"]["packets_sent"] > 10 and leg["media"]["send_errors"] == 0
    if ours.startswith("INVITE"):
        assert f"Via: SIP/2.0/{transport.upper()} {told}:{port};" in ours and f"@{told}:{port}>;tag=" in ours


def _port(platform: Running, transport: str) -> int:
    return host_port(str(platform.ready["sip" if transport == "udp" else "sip_tcp"]))[1]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("host", "told"), PEERS)
async def test_whom_we_call(platform: Running, tmp_path: Path, host: str, told: str, transport: str) -> None:
    prefix = f"4420{host == LOCAL:d}{transport == 'tcp':d}"
    answered = [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer()]
    by = ("-t", "t1") if transport == "tcp" else ()
    async with called(tmp_path, answered, *by, host=host) as peer, platform.client() as client:
        trunk = {
            "name": prefix,
            "host": host,
            "port": peer.address[1],
            "prefix": prefix,
            "transport": transport,
            "caller_id": "2125550100",
        }
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        call_id = await platform.queue(f"{prefix}7946000", deployment=await platform.deploy(SHORT))
        assert await peer.verdict() == ""
    (leg,) = await _legs(platform, f"/v1/outbound/{call_id}")
    _names(leg, told, _port(platform, transport), transport)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("host", "told"), PEERS)
async def test_who_calls_us(platform: Running, tmp_path: Path, host: str, told: str, transport: str) -> None:
    number = f"121255597{host == LOCAL:d}{transport == 'tcp':d}"
    await platform.deploy(SHORT, address=number)
    async with platform.client() as client:
        trunk = {"name": number, "host": host, "port": 9, "prefix": f"99{number}"}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
    port = _port(platform, transport)
    steps = [
        *[call("INVITE", body=SDP), recv(100, optional=True), recv(180, optional=True)],
        *[recv(200, has=f"Contact:.*sip:{told}:{port}"), call("ACK", to="[peer_tag_param]"), recv("BYE"), bye_answer()],
    ]
    steps = [step.replace("[service]", number) for step in steps]
    by = ("-t", "t1") if transport == "tcp" else ()
    assert await dial(tmp_path, steps, (host, port), *by) == ""
    (one,) = await platform.calls(number, 1)
    (leg,) = await _legs(platform, f"/v1/calls/{one['session_id']}")
    _names(leg, told, port, transport)
