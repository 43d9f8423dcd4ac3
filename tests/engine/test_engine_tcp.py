"""The whole platform over TCP: a caller, and a trunk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from applications import SHORT
from conftest import Running, started
from telephones import telephone

from callwright.ports.leg import LegEnded

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--sip-tcp", "127.0.0.1:0") as running:
        yield running


async def test_a_caller_by_tcp_is_served_and_hung_up_on(platform: Running, tmp_path: Path) -> None:
    await platform.deploy(SHORT, address="12125559001")
    async with telephone(tmp_path) as phone:
        line = await phone.calls(platform.ready["sip_tcp"], "12125559001", transport="tcp")
        assert await line.until(LegEnded) == LegEnded("remote", "BYE")
    (call,) = await platform.calls("12125559001", 1)
    assert call


async def test_a_trunk_by_tcp(platform: Running, tmp_path: Path) -> None:
    deployment = await platform.deploy(SHORT)
    async with telephone(tmp_path) as phone, platform.client() as client:
        trunk = {"name": "t", "host": "127.0.0.1", "port": phone.tcp_port, "prefix": "4420", "transport": "tcp"}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        call_id = await platform.queue("442079460001", deployment=deployment)
        line = phone.answer(await phone.rings())
        assert await line.until(LegEnded) == LegEnded("remote", "BYE")
        found = await platform.over(call_id)
    assert (found["details"]["status"], [made["outcome"] for made in found["attempts"]]) == ("completed", ["completed"])


async def test_a_trunk_that_takes_no_connection(platform: Running) -> None:
    async with platform.client() as client:
        trunk = {"name": "t", "host": "127.0.0.1", "port": 9, "prefix": "4421", "transport": "tcp"}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        assert (await client.post("/v1/trunks", json={**trunk, "transport": "sctp"})).status_code == 422
    found = await platform.over(await platform.queue("442179460001"))
    (made,) = found["attempts"]
    assert (found["details"]["status"], made["outcome"], made["sip_status"]) == ("failed", "unreachable", None)
