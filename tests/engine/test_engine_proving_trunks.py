"""A switch whose address changes: a trunk that proves its calls by a name and a secret, wherever they come from."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from applications import SHORT
from conftest import DESCRIPTION, Running, own_address, started
from prometheus_client.parser import text_string_to_metric_families
from sip_requests import register
from sipp import SDP, bye_answer, call, dial, recv

from callwright.services import accounts, trunks
from callwright.sip.address import Address
from callwright.sip.digest import Credentials
from callwright.sip.events import Answered, Rejected, SipEvent
from callwright.sip.sources import FAILURES_MAX
from callwright.store.trunks import TrunkRow
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.sip_trace import SipTrace

pytestmark = pytest.mark.interop

WAIT_S = 20.0
SECRET = "s3cr3t of a switch".replace(" ", "-")
NUMBER = "12125554001"


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--sip", f"{own_address()}:0") as running:
        asyncio.run(running.deploy(SHORT, address=NUMBER))
        yield running


async def _trunk(platform: Running, name: str, **fields: Any) -> int:
    body = {"name": "Switch", "peer_username": name, "peer_secret": SECRET} | fields
    async with platform.client() as client:
        reply = await client.post("/v1/trunks", json=body)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["id"])


def _to(platform: Running) -> Address:
    host, port = platform.ready["sip"].split(":")
    return host, int(port)


class Switch:
    """By SIPp, from an address that no trunk has."""

    def __init__(self, platform: Running, source: str, name: str, *, caller: str, secret: str = SECRET) -> None:
        self._to, self._source, self._name, self._caller = _to(platform), source, name, caller
        self.proof = f"[authentication username={name} password={secret}]"

    def asks(
        self, method: str, number: int, *headers: str, body: str = "", branch: str = "[branch]", to: str = ""
    ) -> str:
        """Contact shows the switch, From who calls."""
        text = call(method, number, *headers, body=body, branch=branch, to=to).replace("[service]", NUMBER)
        return text.replace("From: <sip:200@", f"From: <sip:{self._caller}@").replace(
            "Contact: <sip:200@", f"Contact: <sip:{self._name}@"
        )

    async def does(self, folder: Path, *steps: str) -> str:
        place = f"{NUMBER}@{self._to[0]}:{self._to[1]}"
        return await dial(folder, list(steps), self._to, "-i", self._source, "-mi", self._source, "-auth_uri", place)


async def _dials(platform: Running, source: str, name: str, secret: str = SECRET) -> int:
    """What a call gets which shows the switch in From."""
    return await platform.called(source, NUMBER, caller=name, credentials=Credentials(name, secret))


async def _until_known(platform: Running, source: str, name: str) -> None:
    """Engines learn of a new trunk a moment after it was made."""
    async with asyncio.timeout(WAIT_S):
        while await _dials(platform, source, name) != 200:
            pass


async def _counted(platform: Running) -> dict[str, float]:
    token = {"Authorization": f"Bearer {platform.ready['metrics_token']}"}
    async with platform.client() as client:
        told = (await client.get("/metrics", headers=token, auth=None)).text
    families = {family.name: family for family in text_string_to_metric_families(told)}
    counted = families.get("callwright_sip_door")
    return {sample.labels["what"]: sample.value for sample in counted.samples} if counted else {}


async def test_it_calls_from_anywhere_and_shows_whom_it_likes(platform: Running, tmp_path: Path) -> None:
    """From names the caller, Contact the switch. What is asked within the call is not challenged again."""
    await _trunk(platform, "branch")
    await _until_known(platform, "127.0.0.71", "branch")
    switch = Switch(platform, "127.0.0.72", "branch", caller="6175550142")
    tag = "[peer_tag_param]"
    verdict = await switch.does(
        tmp_path,
        switch.asks("INVITE", 1, body=SDP),
        recv(401, has=r'WWW-Authenticate:.*realm="callwright".*algorithm=MD5.*qop="auth"', auth=True),
        switch.asks("ACK", 1, branch="[branch-2]"),
        switch.asks("INVITE", 2, switch.proof, body=SDP),
        recv(100, optional=True),
        recv(200),
        switch.asks("ACK", 2, to=tag),
        recv("BYE"),
        bye_answer(),
    )
    assert verdict == ""
    async with platform.client() as client:
        found = (await platform.calls(NUMBER, 2), (await client.get("/v1/calls")).json())[1]
    assert "6175550142" in {one["src"] for one in found}


async def test_a_wrong_secret_and_one_who_guesses(platform: Running, tmp_path: Path) -> None:
    await _trunk(platform, "guessed")
    await _until_known(platform, "127.0.0.73", "guessed")
    wrong = Switch(platform, "127.0.0.74", "guessed", caller="6175550142", secret="a-guess-at-it")
    steps = []
    for number in range(1, 2 * FAILURES_MAX, 2):
        steps += [
            wrong.asks("INVITE", number, body=SDP),
            recv(401, auth=True),
            wrong.asks("ACK", number, branch="[branch-2]"),
            wrong.asks("INVITE", number + 1, wrong.proof, body=SDP),
            recv(401, auth=True),
            wrong.asks("ACK", number + 1, branch="[branch-2]"),
        ]
    assert await wrong.does(tmp_path, *steps) == ""
    # From there nobody is heard any more, the right secret included; the switch itself is, from elsewhere.
    assert await _dials(platform, "127.0.0.74", "guessed") == 0
    assert await _dials(platform, "127.0.0.73", "guessed") == 200
    async with asyncio.timeout(WAIT_S):
        while (counted := await _counted(platform)).get("wrong", 0) < FAILURES_MAX:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.1)
    assert counted["silenced"] >= 1


async def test_by_sha_256_and_by_nothing_else(platform: Running, tmp_path: Path) -> None:
    await _trunk(platform, "strong", peer_digest="sha-256")
    await _until_known(platform, "127.0.0.75", "strong")
    switch = Switch(platform, "127.0.0.76", "strong", caller="6175550142")
    challenged = recv(401, has=r"WWW-Authenticate:.*algorithm=SHA-256")
    assert await switch.does(tmp_path, switch.asks("INVITE", 1, body=SDP), challenged) == ""


async def test_who_shows_no_name_that_is_known_hears_nothing(platform: Running) -> None:
    trunk_id = await _trunk(platform, "gone")
    await _until_known(platform, "127.0.0.77", "gone")
    assert await _dials(platform, "127.0.0.78", "nobody-of-that-name") == 0
    async with platform.client() as client:
        assert (await client.delete(f"/v1/trunks/{trunk_id}")).status_code == 204
    async with asyncio.timeout(WAIT_S):
        while await _dials(platform, "127.0.0.77", "gone") != 0:
            pass


async def test_its_address_alone_is_no_proof(platform: Running) -> None:
    """Not even that of its host, which may be somebody else's tomorrow."""
    await _trunk(platform, "careful", host="127.0.0.79")
    await _until_known(platform, "127.0.0.80", "careful")
    assert await _dials(platform, "127.0.0.79", "careful") == 200
    assert await _dials(platform, "127.0.0.79", "careful", secret="a-guess-at-it") == 401
    assert await _dials(platform, "127.0.0.79", "somebody") == 0


async def test_it_may_ask_whether_we_are_there_and_does_not_register(platform: Running, tmp_path: Path) -> None:
    await _trunk(platform, "asking")
    await _until_known(platform, "127.0.0.81", "asking")
    switch = Switch(platform, "127.0.0.82", "asking", caller="asking")
    steps = []
    for method, status in (("OPTIONS", 200), ("REGISTER", 403)):
        for number, proof in ((1, ()), (2, (switch.proof,))):
            asked = switch.asks(method, number, *proof)
            if method == "REGISTER":
                asked = asked.replace(f"To: <sip:{NUMBER}@", "To: <sip:asking@")
            steps += [asked, recv(status, auth=False) if proof else recv(401, auth=True)]
    assert await switch.does(tmp_path, *steps) == ""


async def test_it_reaches_its_accounts_numbers_alone(platform: Running) -> None:
    async with platform.database() as db:
        scope = (await accounts.create_account(db, name="Two", email="two@example.test", password="Secret-123")).scope
        trunk = TrunkRow(0, "Switch", "", 5060, "", 10, 10.0, "", True, peer_username="narrow")
        await trunks.create(db, scope, trunk, peer_secret=SECRET)
    async with asyncio.timeout(WAIT_S):
        while (status := await _dials(platform, "127.0.0.83", "narrow")) == 0:
            pass
    assert status == 404


async def test_its_call_is_heard_though_somebody_floods_in_its_name(platform: Running) -> None:
    """Datagrams are forged easily: they may silence an address for those who begin something, and not for a call that is there."""
    await _trunk(platform, "flooded")
    await _until_known(platform, "127.0.0.84", "flooded")
    events: asyncio.Queue[SipEvent] = asyncio.Queue()
    trace = SipTrace()
    endpoint = await SipEndpoint.open("127.0.0.84", 0, on_invite=lambda _: None, trace=trace)
    host, port = to = _to(platform)
    made = endpoint.invite(
        f"sip:{platform.ready['number']}@{host}:{port}", call_id="flooded", caller="flooded", sdp=DESCRIPTION, to=to,
        on_event=events.put_nowait, credentials=Credentials("flooded", SECRET),
    )  # fmt: skip
    async with asyncio.timeout(WAIT_S):
        while not isinstance(event := await events.get(), Answered):
            assert not isinstance(event, Rejected)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
        forger.bind(("127.0.0.84", 0))
        for number in range(300):
            forger.sendto(register(user=f"nobody{number}", call_id=str(number)).serialize(), to)
    made.hang_up()
    async with asyncio.timeout(WAIT_S):
        while not trace.responses[False, "BYE", "2xx"]:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)
    assert await _dials(platform, "127.0.0.84", "flooded") == 0, "and it is silent for whatever begins there"
    await endpoint.close()
