"""Transfers by REFER and Replaces through the whole platform: who talks to whom afterwards, by the tones that they hear."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telephones import Line, Telephone, seconds_of, talk, telephone

from callwright.ports.leg import KeyPressed, LegEnded, SpeechStarted
from callwright.sip.replaces import Replaces

pytestmark = pytest.mark.wire


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Telephone]:
    async with telephone(tmp_path) as one:
        yield one


def _application(name: str, phone: Telephone, **desk: Any) -> dict[str, Any]:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "desk"}},
        {"name": "desk", "type": "transfer", "destination": f"sip:desk@{phone.address}", "exits": {"next": "pin"}}
        | desk,
        {"name": "pin", "type": "digits", "prompt": "Your code.", "digits_max": 2, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": name, "pages": [{"name": "Main", "modules": modules}]}


async def _key_passes(caller: Line, desk: Line) -> bool:
    """Once the two are joined."""
    caller.says(700)
    await desk.until(SpeechStarted)
    desk.presses("5")
    return await caller.until(KeyPressed, LegEnded) == KeyPressed("5")


async def test_the_callers_own_telephone_dials(platform, phone):
    await platform.deploy(_application("Blind", phone, kind="blind"), address="7301")
    caller = await phone.calls(platform.ready["sip"], "7301", follows=True)
    desk = phone.answer(await phone.rings())
    await platform.calls("7301", 1)  # it is over here while the two talk
    assert not caller.leg.ended
    await talk(caller, desk)


async def test_whom_the_callers_telephone_dials_is_busy(platform, phone):
    await platform.deploy(_application("Blind busy", phone, kind="blind"), address="7302")
    caller = await phone.calls(platform.ready["sip"], "7302", follows=True)
    (await phone.rings()).reject(486)
    await caller.until(SpeechStarted)
    caller.presses("12")
    await caller.until(LegEnded)
    (call,) = await platform.calls("7302", 1)
    assert call


async def test_a_telephone_that_takes_no_transfers_is_joined(platform, phone):
    await platform.deploy(_application("Blind bridge", phone, kind="blind"), address="7303")
    caller = await phone.calls(platform.ready["sip"], "7303")
    desk = phone.answer(await phone.rings())
    assert await _key_passes(caller, desk), "through us"
    await talk(caller, desk)


async def test_two_that_are_left_to_each_other(platform, phone):
    await platform.deploy(_application("Consultation", phone, kind="consultation"), address="7304")
    caller = await phone.calls(platform.ready["sip"], "7304", follows=True)
    desk = phone.answer(await phone.rings(), follows=True)
    await platform.calls("7304", 1)
    assert not caller.leg.ended and not desk.leg.ended
    await talk(caller, desk)


async def test_two_that_cannot_be_left_are_joined(platform, phone):
    await platform.deploy(_application("Consultation bridge", phone, kind="consultation"), address="7305")
    caller = await phone.calls(platform.ready["sip"], "7305")
    desk = phone.answer(await phone.rings(), follows=True)
    assert await _key_passes(caller, desk), "through us"
    await talk(caller, desk)


async def test_a_far_end_hands_the_caller_on(platform, phone):
    """Who was called transfers by REFER: we call the colleague, and the caller stays joined."""
    await platform.deploy(_application("Handed on", phone), address="7306")
    caller = await phone.calls(platform.ready["sip"], "7306")
    desk = phone.answer(await phone.rings())
    asking = phone.hands_over(desk, f"sip:colleague@{phone.address}")
    colleague_call = await phone.rings()
    assert colleague_call.dialled == "colleague" and dict(colleague_call.headers)["referred-by"]
    colleague = phone.answer(colleague_call)
    assert (await asking).status == 200
    await desk.until(LegEnded)
    await talk(caller, colleague)


async def test_a_far_end_whose_colleague_is_busy_stays(platform, phone):
    await platform.deploy(_application("Not handed on", phone), address="7307")
    caller = await phone.calls(platform.ready["sip"], "7307")
    desk = phone.answer(await phone.rings())
    asking = phone.hands_over(desk, f"sip:colleague@{phone.address}")
    (await phone.rings()).reject(486)
    assert (await asking).status == 486
    await talk(caller, desk)


async def test_a_caller_sends_somebody_else_into_the_application(platform, phone):
    pin = _application("Sent in", phone)
    pin["pages"][0]["modules"] = [
        {"name": "start", "type": "start", "exits": {"next": "pin"}},
        {"name": "pin", "type": "digits", "prompt": "Your code.", "digits_max": 2, "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    await platform.deploy(pin, address="7308")
    caller = await phone.calls(platform.ready["sip"], "7308")
    assert (await phone.hands_over(caller, "sip:x@127.0.0.2:5060")).status == 403, "only to where the caller is"
    asking = phone.hands_over(caller, f"sip:friend@{phone.address}")
    friend = phone.answer(await phone.rings())
    assert (await asking).status == 200
    await caller.until(LegEnded)
    friend.presses("12")
    await friend.until(LegEnded)
    (call,) = await platform.calls("7308", 1)
    assert call


async def test_a_call_takes_the_place_of_the_callers(platform, phone):
    """RFC 3891: what a telephone does to pick up the call of another."""
    await platform.deploy(_application("Picked up", phone), address="7309")
    caller = await phone.calls(platform.ready["sip"], "7309")
    desk = phone.answer(await phone.rings())
    dialog = caller.leg._call.dialog
    named = Replaces(dialog.call_id, dialog.remote_tag, caller.leg._call.tag)
    friend = await phone.calls(platform.ready["sip"], "7309", (("replaces", str(named)),))
    await caller.until(LegEnded)
    await talk(friend, desk)


@pytest.mark.parametrize("codec", ["", "pcma"])
@pytest.mark.parametrize("holder", ["caller", "desk"])
async def test_a_hold_is_passed_on(platform, phone, tmp_path, holder, codec):
    """With music of the one that holds, which the other hears, and with an end; also where the two speak different codecs."""
    async with telephone(tmp_path, codec=codec) as other:
        number = f"731{'0' if codec else '1'}{'0' if holder == 'desk' else '1'}"
        await platform.deploy(_application(f"Held {number}", other), address=number)
        caller = await phone.calls(platform.ready["sip"], number)
        desk = other.answer(await other.rings())
        assert await _key_passes(caller, desk)
        caller.leg.stop_playing()
        holds, waits = (caller, desk) if holder == "caller" else (desk, caller)
        holds.holds()
        await waits.is_told("sendonly")
        holds.says(900, 2)
        await holds.said()
        holds.holds("sendrecv")
        await waits.is_told("sendrecv")
        holds.says(500, 2)
        waits.says(1300, 2)
        await holds.said()
        await waits.said()
        caller.leg.hang_up()
        await desk.until(LegEnded)
        heard = await waits.heard()
        assert seconds_of(heard, 900) > 1 and seconds_of(heard, 500) > 1 and seconds_of(await holds.heard(), 1300) > 1


@pytest.mark.parametrize("time", [1, 2])
async def test_a_caller_that_is_on_hold_when_the_far_end_goes_hears_what_follows(platform, phone, time):
    """Also the second time, when the prompt is at hand and begins in the same moment."""
    await platform.deploy(_application(f"Held and left {time}", phone), address=f"732{time}")
    caller = await phone.calls(platform.ready["sip"], f"732{time}")
    desk = phone.answer(await phone.rings())
    assert await _key_passes(caller, desk)
    desk.holds("inactive")
    await caller.is_told("inactive")
    desk.leg.hang_up()
    await caller.is_told("sendrecv")
    await caller.until(SpeechStarted)
    caller.presses("12")
    await caller.until(LegEnded)
