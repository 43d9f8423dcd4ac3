"""A trunk that we register with: Kamailio is its registrar, and calls us by that registration."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from applications import SHORT
from conftest import Running, started
from kamailio import kamailio

from callwright.services import engines, registrations, trunks
from callwright.sip.address import Address
from callwright.sip.events import Answered, Rejected, SipEvent
from callwright.store.database import Database
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.interop

WAIT_S = 30.0
DESCRIPTION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ROUTES = """
modparam("registrar", "min_expires", 60)
request_route {
    if (has_totag()) { if (loose_route() || is_method("ACK")) { t_relay(); } exit; }
    if (is_method("OPTIONS")) { sl_send_reply("200", "Up"); exit; }
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("carrier", "s3cr3t", "0")) { www_challenge("carrier", "1"); exit; }
        save("location");
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    # Whatever was dialled goes to the customer who is registered; who was dialled stands in To.
    $ru = "sip:customer@127.0.0.1";
    if (!lookup("location")) { sl_send_reply("404", "Not registered"); exit; }
    record_route();
    t_relay();
}
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started() as running:
        yield running


async def _trunk(platform: Running, at: Address, **fields: Any) -> int:
    body = {"name": "Carrier", "host": at[0], "port": at[1], "prefix": "999", "registers": True, "username": "customer"}
    async with platform.client() as client:
        reply = await client.post("/v1/trunks", json=body | {"password": "s3cr3t"} | fields)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["id"])


async def _call(at: Address, number: str) -> int:
    """The status that a call through the carrier gets."""
    events: asyncio.Queue[SipEvent] = asyncio.Queue()
    caller = await SipEndpoint.open("127.0.0.1", 0, on_invite=lambda _: None)
    try:
        call = caller.invite(
            f"sip:{number}@{at[0]}:{at[1]}", call_id=f"{secrets.token_hex(8)}", caller="6175550100",
            sdp=DESCRIPTION, to=at, on_event=events.put_nowait,
        )  # fmt: skip
        async with asyncio.timeout(WAIT_S):
            while not isinstance(event := await events.get(), Answered | Rejected):
                pass
        call.hang_up()
        return 200 if isinstance(event, Answered) else event.status
    finally:
        await caller.close()


async def test_registered_called_and_taken_back(platform: Running, tmp_path: Path) -> None:
    async with kamailio(tmp_path, ROUTES, "maxfwd", "auth", "usrloc", "registrar") as carrier:
        await platform.deploy(SHORT, address="12125556001")
        _, deployment_id = await platform.deploy(SHORT)
        trunk_id = await _trunk(platform, carrier)
        told = await platform.until_registration(trunk_id, "registered")
        assert told["reason"] == "" and told["expires_at"] > told["changed_at"] + 60
        # The number stands in To alone: the Request-URI is our Contact.
        assert await _call(carrier, "+1-212-555-6001") == 200
        assert len(await platform.calls("12125556001", 1)) == 1
        assert await _call(carrier, "12125556002") == 404
        async with platform.client() as client:
            trunk = {"name": "Carrier", "host": carrier[0], "port": carrier[1], "prefix": "999", "username": "customer"}
            trunk |= {"password": "***", "registers": True, "deployment_id": deployment_id}
            assert (await client.put(f"/v1/trunks/{trunk_id}", json=trunk)).status_code == 204
            async with asyncio.timeout(WAIT_S):
                while await _call(carrier, "12125556003") != 200:
                    pass
            # Disabled, it is taken back: the carrier knows us no more.
            assert (await client.put(f"/v1/trunks/{trunk_id}", json=trunk | {"enabled": False})).status_code == 204
        async with asyncio.timeout(WAIT_S):
            while await _call(carrier, "12125556001") != 404:
                pass


async def test_why_it_fails_is_shown(platform: Running, tmp_path: Path) -> None:
    async with kamailio(tmp_path, ROUTES, "maxfwd", "auth", "usrloc", "registrar") as carrier:
        trunk_id = await _trunk(platform, carrier, password="guess")
        assert (await platform.until_registration(trunk_id, "failed"))["reason"].startswith("401")
    async with platform.client() as client:
        refused = await client.post("/v1/trunks", json={"name": "x", "host": "192.0.2.1", "registers": True})
        assert refused.status_code == 400 and "username" in refused.text
        await client.delete(f"/v1/trunks/{trunk_id}")


async def test_one_engine_has_it_and_another_takes_it_when_that_one_is_gone(db: Database, world: Any) -> None:
    trunk = replace(world.trunk, id=0, registers=True, username="customer")
    trunk_id = await trunks.create(db, world.scope, trunk)
    first, second = [(await engines.register(db, name, 1000.0)).id for name in ("one", "two")]
    (held,) = await registrations.claim(db, engine_id=first, now=1000.0)
    assert held.trunk_id == trunk_id
    assert await registrations.claim(db, engine_id=second, now=1000.0 + registrations.LEASE_S - 1) == []
    assert await registrations.claim(db, engine_id=first, now=1005.0) == [held]
    # The first one falls silent: its lease runs out, and our Contact stays the same.
    assert await registrations.claim(db, engine_id=second, now=1005.1 + registrations.LEASE_S) == [held]
    assert await registrations.claim(db, engine_id=first, now=1006.0 + registrations.LEASE_S) == []
    await registrations.release(db, engine_id=second, now=1020.0)
    assert await registrations.claim(db, engine_id=first, now=1020.0) == [held]
