"""What is kept of the messages of legs is theirs when they end, whoever their party was, and nothing of it stays behind."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telephones import Telephone, telephone

from callwright.engine.legs import Legs, Owner
from callwright.engine.writer import Writer
from callwright.ports.leg import LegEnded
from callwright.sip.ladder import unpacked
from callwright.sip.replaces import Replaces
from callwright.store import legs as rows
from callwright.store.legs import LegRow
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipCall, SipEndpoint
from callwright.telephony.sip_trace import SipTrace

pytestmark = pytest.mark.store

HOST = "127.0.0.1"
WAIT_S = 20.0
OUTBOUND_ID = 7


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Telephone]:
    async with telephone(tmp_path) as one:
        yield one


@pytest.mark.parametrize("way", ["REFER", "Replaces", "nobody"])
async def test_nothing_is_left_of_a_leg(db, world, phone: Telephone, way: str) -> None:
    trace, writer = SipTrace(), Writer(db)
    seen = Legs(trace, writer)
    plane = MediaPlane(HOST, 42000, 42099, asyncio.get_running_loop())
    plane.start()
    calls: asyncio.Queue[SipCall] = asyncio.Queue()
    endpoint = await SipEndpoint.open(HOST, 0, on_invite=calls.put_nowait, trace=trace)
    target, name = f"sip:desk@{phone.address}", secrets.token_hex(8)
    host, _, port = phone.address.rpartition(":")
    leg = SipLeg.outgoing(
        endpoint, plane, HOST, target=target, call_id=name, caller="200", to=(host, int(port)), permits=lambda _: True
    )
    scope = world.scope
    seen.follow(leg, Owner(scope.account_id, scope.user_id, "called", None, OUTBOUND_ID))
    leg.follow(endpoint, lambda _: True)
    answering = asyncio.ensure_future(leg.answered(WAIT_S))
    desk = phone.answer(await phone.rings())
    assert await answering is None
    if way == "Replaces":
        dialog = desk.leg._call.dialog
        named = Replaces(dialog.call_id, dialog.remote_tag, desk.leg._call.tag)
        friend = await phone.calls(f"{HOST}:{endpoint.address[1]}", "x", (("replaces", str(named)),))
        await desk.until(LegEnded)
    else:
        asking = phone.hands_over(desk, f"sip:friend@{phone.address}")
        call = await phone.rings()
        if way == "REFER":
            friend = phone.answer(call)
            assert (await asking).status == 200
            await desk.until(LegEnded)
        else:
            call.reject(486)
            assert (await asking).status == 486
            friend = desk
    leg.hang_up()
    await friend.until(LegEnded)
    assert await leg.closed(WAIT_S) is not None
    row = await _written(db, writer, world)
    assert row.sip_call_id == name and len(trace) == 0
    messages = unpacked(row.messages)
    methods = [one.text.split(" ", 1)[0] for one in messages]
    assert methods.count("INVITE") == 2 and methods.count("BYE") >= (1 if way == "nobody" else 2)
    assert [one.at for one in messages] == sorted(one.at for one in messages)
    await endpoint.close()
    plane.stop()


async def _written(db, writer: Writer, world) -> LegRow:
    """The leg's row, which comes a moment after its end."""
    async with asyncio.timeout(WAIT_S):
        while True:
            await writer.flush()
            for row in await rows.of(db, world.scope, outbound_call_id=OUTBOUND_ID, since=0.0):
                return row
            await asyncio.sleep(0.05)
