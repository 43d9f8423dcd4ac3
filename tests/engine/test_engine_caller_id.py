"""What a trunk is told of who calls, on the wire: the queue's calls, and those of transfers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Running, started
from telephones import Telephone, telephone

from callwright.ports.leg import LegEnded

pytestmark = pytest.mark.wire


def _application(name: str, *modules: dict[str, Any]) -> dict[str, Any]:
    start = {"name": "start", "type": "start", "exits": {"next": modules[0]["name"]}}
    return {"name": name, "pages": [{"name": "Main", "modules": [start, *modules, {"name": "end", "type": "exit"}]}]}


HELLO = {"name": "hello", "type": "prompt", "prompt": "Hello.", "exits": {"next": "end"}}


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started() as running:
        yield running


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Telephone]:
    async with telephone(tmp_path) as made:
        yield made


async def _trunk(platform: Running, phone: Telephone, prefix: str, **policy: Any) -> None:
    body = {"name": prefix, "host": "127.0.0.1", "port": int(phone.address.rpartition(":")[2]), "prefix": prefix}
    async with platform.client() as client:
        reply = await client.post("/v1/trunks", json=body | {"username": "customer", "password": "s3cr3t"} | policy)
    assert reply.status_code == 201, reply.text


ASKED = ("from", "p-asserted-identity", "remote-party-id", "privacy")


@pytest.mark.parametrize(
    ("prefix", "policy", "said"),
    [
        ("4430", {}, ("sip:8009957586@127.0.0.1", "", "", "")),
        ("4431", {"from_user": "username", "asserts_identity": True}, (
            "<sip:customer@127.0.0.1>", "<sip:8009957586@127.0.0.1>", "", "",
        )),
        ("4432", {"withholds_caller": True, "asserts_identity": True, "remote_party_id": True}, (
            '"Anonymous" <sip:anonymous@anonymous.invalid>', "<sip:8009957586@127.0.0.1>", "privacy=full", "id",
        )),
    ],
)  # fmt: skip
async def test_the_queues_calls(platform: Running, phone: Telephone, prefix: str, policy: Any, said: Any) -> None:
    await _trunk(platform, phone, prefix, **policy)
    deployment = await platform.deploy(_application(f"Queue {prefix}", HELLO))
    call_id = await platform.queue(f"{prefix}79460001;ani=8009957586", deployment=deployment)
    call = await phone.rings()
    found = dict(call.headers)
    for name, text in zip(ASKED, said, strict=True):
        assert text in found.get(name, "") and bool(text) == bool(found.get(name, "")), (name, found.get(name))
    await phone.answer(call).until(LegEnded)
    assert (await platform.over(call_id))["details"]["status"] == "completed"


async def test_a_transfer_by_a_trunk_and_its_header_fields(platform: Running, phone: Telephone) -> None:
    await _trunk(platform, phone, "4433", from_user="username", asserts_identity=True)
    there = {"name": "there", "type": "transfer", "destination": "tel:+443379460001", "exits": {"next": "end"}}
    await platform.deploy(_application("By a trunk", there), address="7301")
    caller = await phone.calls(platform.ready["sip"], "7301")
    call = await phone.rings()
    found = dict(call.headers)
    assert found["from"].startswith("<sip:customer@127.0.0.1>")
    assert found["p-asserted-identity"] == "<sip:6175550100@127.0.0.1>"
    call.reject(486)
    await caller.until(LegEnded)

    headers = [{"name": "X-Story", "value": "a{{session.connection.protocol.sip.headers['x-told']}}"}]
    there = {**there, "destination": f"sip:far@{phone.address}", "headers": headers}
    await platform.deploy(_application("By SIP", there), address="7302")
    caller = await phone.calls(platform.ready["sip"], "7302", [("X-Told", "1\tVia: x")])
    call = await phone.rings()
    assert dict(call.headers)["x-story"] == "a1 Via: x"
    call.reject(486)
    await caller.until(LegEnded)
