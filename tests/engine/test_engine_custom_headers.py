"""Header fields that whoever queues a call gives it are sent with its INVITE: to a trunk, and to a telephone."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from applications import SHORT
from conftest import Running
from sip_requests import register
from sipp import SDP, bye_answer, called, recv, reply

from callwright.sip.digest import Credentials, Identity
from callwright.sip.message import Request, Response, parse

pytestmark = pytest.mark.interop

WAIT_S = 20.0
AGAIN_S = 0.5
HEADERS = {"User-to-User": "56a390f3d2b7310023a2;encoding=hex", "X-Case": "7, of two"}


def _invite_with(*lines: str) -> str:
    """Wait for an INVITE that has these."""
    checks = "".join(
        f'<ereg regexp="{line.partition(": ")[2]}" search_in="hdr" header="{line.partition(": ")[0]}:" check_it="true"'
        f' assign_to="found{number}"/>'
        for number, line in enumerate(lines)
    )
    names = ",".join(f"found{number}" for number in range(len(lines)))
    return f'<recv request="INVITE"><action>{checks}</action></recv><Reference variables="{names}"/>'


async def test_by_a_trunk(platform: Running, tmp_path: Path) -> None:
    """Each time that it is dialled."""
    answered = [reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer()]
    steps = [_invite_with(*(f"{name}: {value}" for name, value in HEADERS.items())), *answered]
    _, deployment_id = await platform.deploy(SHORT)
    async with called(tmp_path, steps) as peer, platform.client() as client:
        trunk = {"name": "t", "host": "127.0.0.1", "port": peer.address[1], "prefix": "4433"}
        assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        body = {"deployment_id": deployment_id, "to": "+443379460001", "sip_headers": HEADERS}
        made = await client.post("/v1/outbound", json=body)
        assert made.status_code == 201, made.text
        found = await platform.over(made.json()["id"])
        assert await peer.verdict() == ""
        assert found["details"]["status"] == "completed"


async def test_to_a_telephone(platform: Running) -> None:
    _, secret = await platform.add_phone("olga")
    host, port = platform.ready["sip"].split(":")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((host, 0))
        phone.setblocking(False)

        async def hears(within_s: float = WAIT_S) -> tuple[Request | Response, tuple[str, int]]:
            async with asyncio.timeout(within_s):
                data, source = await loop.sock_recvfrom(phone, 8192)
            return parse(data), source

        async def is_answered(asked: Request) -> Response:
            """Said again until it is: an engine that has not heard of a telephone yet does not answer it."""
            for _ in range(int(WAIT_S / AGAIN_S)):
                phone.sendto(asked.serialize(), (host, int(port)))
                with contextlib.suppress(TimeoutError):
                    while True:
                        answer, _ = await hears(AGAIN_S)
                        if isinstance(answer, Response) and answer.headers.get("cseq") == asked.headers.get("cseq"):
                            return answer
            raise TimeoutError

        place = f"{host}:{phone.getsockname()[1]}"
        asked = register(f"<sip:olga@{place}>", user="olga", number=1, call_id="olga")
        for number in (1, 2):
            asked.renumber(number)
            asked.headers.set("via", f"SIP/2.0/UDP {place};branch=z9hG4bKolga{number};rport")
            answer = await is_answered(asked)
            assert answer.status == 200 or Identity(Credentials("olga", secret), lambda: "c").prove(asked, answer)
        call_id = await platform.queue_at("olga", sip_headers=HEADERS)
        while not isinstance((heard := await hears())[0], Request):
            pass  # a second answer to what was said twice
        invite, source = heard
        assert invite.method == "INVITE"
        assert {name: invite.headers.get(name.lower()) for name in HEADERS} == HEADERS
        busy = Response(486, "Busy Here")
        for name in ("via", "from", "to", "call-id", "cseq"):
            busy.headers.set(name, invite.headers.get(name))
        phone.sendto(busy.serialize(), source)
        found = await platform.over(call_id)
        assert [made["outcome"] for made in found["attempts"]] == ["busy"]
