"""What Prometheus is told of SIP: registrations at trunks, responses, what was sent again, and calls that end in silence."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Running, started
from prometheus_client.parser import text_string_to_metric_families
from sipp import SDP, bye_answer, call, called, dial, recv, reply

pytestmark = pytest.mark.interop

TOLD_S_MAX = 40.0
NUMBER = "12125553001"
LONG = {
    "name": "Long",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "hello"}},
                {"name": "hello", "type": "prompt", "prompt": "One moment please. " * 30, "exits": {"next": "end"}},
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--rtp-timeout", "2") as running:
        asyncio.run(running.deploy(LONG, address=NUMBER))
        yield running


async def _told(platform: Running) -> dict[tuple[str, ...], float]:
    """By name and labels but the role."""
    token = {"Authorization": f"Bearer {platform.ready['metrics_token']}"}
    async with platform.client() as client:
        text = (await client.get("/metrics", headers=token, auth=None)).text
    return {
        (one.name, *(value for name, value in sorted(one.labels.items()) if name != "role")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


async def _trunk(platform: Running, **fields: object) -> int:
    body = {"name": "Carrier", "host": "127.0.0.1", "prefix": "999"} | fields
    async with platform.client() as client:
        made = await client.post("/v1/trunks", json=body)
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


async def test_registrations_by_trunk(platform: Running, tmp_path: Path) -> None:
    granted = [recv("REGISTER"), reply("200 OK", "Expires: 3600")]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with called(tmp_path, granted) as registrar:
            register = {"registers": True, "username": "us"}
            good = await _trunk(platform, port=registrar.address[1], **register)
            bad = await _trunk(platform, port=closed.getsockname()[1], transport="tcp", **register)
            wanted = {("callwright_trunk_registered", str(good)): 1, ("callwright_trunk_registered", str(bad)): 0}
            async with asyncio.timeout(TOLD_S_MAX):
                while not wanted.items() <= (found := await _told(platform)).items():  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.2)
            assert found[("callwright_sip_responses_total", "2xx", "REGISTER", "received")] == 1
            assert await registrar.verdict() == ""
    async with platform.client() as client:
        assert (await client.delete(f"/v1/trunks/{bad}")).status_code == 204
    async with asyncio.timeout(TOLD_S_MAX):
        while ("callwright_trunk_registered", str(bad)) in await _told(platform):  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.2)


async def test_a_caller_who_is_silent(platform: Running, tmp_path: Path) -> None:
    """With the responses that its call had, by method and class."""
    host, port = platform.ready["sip"].split(":")
    tag = "[peer_tag_param]"
    steps = [
        call("INVITE", 1, body=SDP),
        recv(100, optional=True),
        recv(200),
        call("ACK", 1, to=tag),
        recv("BYE"),
        bye_answer(),
    ]
    steps = [step.replace("[service]", NUMBER) for step in steps]
    assert await dial(tmp_path, steps, (host, int(port))) == ""
    wanted = {
        ("callwright_rtp_timeouts_total",): 1,
        ("callwright_sip_responses_total", "2xx", "INVITE", "sent"): 1,
        ("callwright_sip_responses_total", "2xx", "BYE", "received"): 1,
    }
    async with asyncio.timeout(TOLD_S_MAX):
        while not wanted.items() <= (found := await _told(platform)).items():  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.2)
    assert found[("callwright_sip_responses_total", "1xx", "INVITE", "sent")] >= 1


async def test_what_is_sent_again(platform: Running) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        await _trunk(platform, port=mute.getsockname()[1], prefix="998")
        before = (await _told(platform))[("callwright_sip_retransmissions_total", "request")]
        await platform.queue("99812345678")
        async with asyncio.timeout(TOLD_S_MAX):
            while (await _told(platform))[("callwright_sip_retransmissions_total", "request")] < before + 3:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
