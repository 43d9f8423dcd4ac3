"""A telephone with two calls through us leaves those at their other ends to each other: attended transfer (RFC 5589 §7). It has
another address than the platform."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from baresip import baresip
from conftest import Running, started
from telephones import Line, Telephone, seconds_of, sides, talk, telephone

from callwright.ports.leg import LegEnded, SpeechEnded, SpeechStarted
from callwright.sip.replaces import Replaces

pytestmark = pytest.mark.wire

OURS, THEIRS, OTHERS = "127.0.0.2", "127.0.0.21", "127.0.0.22"
WAIT_S = 20.0
PIN = {"name": "there", "type": "digits", "prompt": "Your code.", "digits_max": 2, "exits": {"next": "end"}}


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--sip", f"{OURS}:0") as running:
        yield running


@pytest.fixture
async def phones(tmp_path: Path) -> AsyncIterator[tuple[Telephone, Telephone]]:
    """The one that transfers, and that of the others."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(telephone(tmp_path, host=THEIRS))
        yield one, await stack.enter_async_context(telephone(tmp_path, host=OTHERS))


async def _deploy(platform: Running, number: str, *does: dict[str, Any] | str, recording: bool = False) -> None:
    """An application that does this, or connects with a SIP URI."""
    start, end = {"name": "start", "type": "start", "exits": {"next": "there"}}, {"name": "end", "type": "exit"}
    modules = [
        {"name": "there", "type": "transfer", "destination": one, "exits": {"next": "end"}}
        if isinstance(one, str)
        else one
        for one in does
    ]
    pages = [{"name": "Main", "modules": [start, *modules, end]}]
    document = {"name": f"Attended {number}", "pages": pages, "recording": recording}
    await platform.deploy(document, address=number)


async def _joined(
    platform: Running, phones: tuple[Telephone, Telephone], number: str, user: str, *, recording: bool = False
) -> tuple[Line, Line]:
    """The telephone's call, and whom it is connected with by the application of this number."""
    phone, other = phones
    await _deploy(platform, number, f"sip:{user}@{other.address}", recording=recording)
    line = await phone.calls(platform.at(OURS), number)
    return line, other.answer(await other.rings())


@pytest.mark.parametrize("asks", ["first", "second"])
async def test_who_is_left_talks_to_each_other(platform, phones, asks):
    numbers = (f"740{len(asks)}", f"741{len(asks)}")
    first, ann = await _joined(platform, phones, numbers[0], "ann")
    first.holds()
    second, bob = await _joined(platform, phones, numbers[1], "bob")
    asking, named = (first, second) if asks == "first" else (second, first)
    assert named.leg.replaceable.startswith(f"sip:{OURS}:")
    assert (await asking.leg.hand_over(named.leg.replaceable, WAIT_S, named.leg)).status == 200
    for line in (first, second):
        ended = await line.until(LegEnded)
        assert (ended.by, ended.reason) == ("remote", "BYE")
    await ann.is_told("sendrecv")
    await talk(ann, bob)
    legs = [leg for number in numbers for leg in await _legs(platform, number)]
    assert len(legs) == 4
    for leg in legs:
        assert not any(f"{OURS}:" in one["text"].split("\r\n")[0] for one in leg["messages"] if one["sent"]), (
            "none to us"
        )
    (asked,) = [leg for leg in legs if any(one["title"] == "REFER" for one in leg["messages"])]
    assert "SIP/2.0 200 OK" in [one["text"] for one in asked["messages"] if one["title"] == "NOTIFY"][-1]


async def _legs(platform: Running, number: str) -> list[dict[str, Any]]:
    await platform.calls(number, 1)
    async with platform.client() as client, asyncio.timeout(WAIT_S):
        while True:
            (call,) = [one for one in (await client.get("/v1/calls")).json() if one["dest"] == number]
            if len(legs := (await client.get(f"/v1/calls/{call['session_id']}/legs")).json()) == 2:
                return legs
            await asyncio.sleep(0.1)


async def test_an_application_goes_on_with_whom_was_asked(platform, phones):
    await _deploy(platform, "7420", PIN)
    first = await phones[0].calls(platform.at(OURS), "7420")
    second, bob = await _joined(platform, phones, "7421", "bob")
    assert (await first.leg.hand_over(second.leg.replaceable, WAIT_S, second.leg)).status == 200
    await second.until(LegEnded)
    await first.until(LegEnded)
    # It asks again, since nobody presses anything.
    await bob.until(SpeechStarted)
    bob.presses("12")
    await bob.until(LegEnded)
    assert await platform.calls("7420", 1) and await platform.calls("7421", 1)


async def test_what_the_one_asks_in_private_is_not_in_the_others_recording(platform, phones):
    secret = PIN | {"private": True, "exits": {"next": "open"}}
    openly = {"name": "open", "type": "yes_no", "prompt": "Is that right?", "exits": {"yes": "end", "no": "end"}}
    await _deploy(platform, "7460", secret, openly)
    first = await phones[0].calls(platform.at(OURS), "7460")
    second, bob = await _joined(platform, phones, "7461", "bob", recording=True)
    bob.says(1300, 1)
    await bob.said()
    assert (await first.leg.hand_over(second.leg.replaceable, WAIT_S, second.leg)).status == 200
    await bob.until(SpeechStarted)
    bob.says(700, 1)
    await bob.said()
    bob.presses("12")
    # The first word may still be of the question before, or not be one.
    await bob.until(SpeechEnded)
    bob.says(1100, 2)
    await bob.said()
    bob.presses("1")
    await bob.until(LegEnded)
    left, right = sides(await platform.recording("7461"))
    assert seconds_of(right, 1300) > 0.7, "before they were joined"
    assert seconds_of(right, 1100) > 0.7, "what is asked openly"
    assert seconds_of(right, 700) == seconds_of(left, 700) == 0


async def test_a_call_that_is_not_there_costs_neither(platform, phones):
    first, ann = await _joined(platform, phones, "7430", "ann")
    second, bob = await _joined(platform, phones, "7431", "bob")
    place = second.leg.replaceable
    dialog = second.leg._call.dialog
    for named in (
        Replaces(dialog.call_id, "another", second.leg._call.tag),
        Replaces("none", dialog.remote_tag, second.leg._call.tag),
    ):
        referred = await first.leg.hand_over(f"{place}?Replaces={named.in_uri}", WAIT_S)
        assert (referred.status, referred.tried) == (481, True)
    await talk(first, ann)
    await talk(second, bob)


async def test_two_legs_of_one_call_are_not_left_alone(platform, phones):
    phone = phones[0]
    await _deploy(platform, "7440", f"sip:self@{phone.address}")
    first = await phone.calls(platform.at(OURS), "7440")
    second = phone.answer(await phone.rings())
    first.says(500, 1)
    await second.until(SpeechStarted)  # they are joined
    assert (await first.leg.hand_over(second.leg.replaceable, WAIT_S, second.leg)).status == 482
    await talk(first, second)


@pytest.mark.interop
async def test_baresip_leaves_two_to_each_other(platform, phones, tmp_path):
    other = phones[1]
    for number, user in (("7450", "ann"), ("7451", "bob")):
        await _deploy(platform, number, f"sip:{user}@{other.address}")
    account = ";regint=0"
    async with baresip(
        tmp_path / "carl", user="carl", at=platform.at(OURS), account=account, host=THEIRS, traces=True
    ) as carl:
        lines = []
        for number in ("7450", "7451"):
            await carl.does("dial", f"sip:{number}@{platform.at(OURS)}")
            lines.append(other.answer(await other.rings()))
            await carl.until("CALL_ESTABLISHED")
        # It has no command for this, but takes any URI; by what its first call is named stands in its log.
        log = (tmp_path / "carl" / "log").read_text()
        ack = next(part for part in log.split("\r\n\r\n") if "ACK sip:" in part)
        place, to_tag, from_tag, call_id = (
            re.search(pattern, ack)[1]  # type: ignore[index]
            for pattern in (r"ACK (\S+)", r"To: .*tag=(\S+)", r"From: .*tag=(\S+)", r"Call-ID: (\S+)")
        )
        await carl.does("transfer", f"{place}?Replaces={Replaces(call_id, to_tag, from_tag).in_uri}")
        for _ in lines:
            await carl.until("CALL_CLOSED")
        await talk(*lines)
