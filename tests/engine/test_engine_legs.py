"""What is seen of calls afterwards: SIP messages, and how the audio came through; by the API and `callwright calls`."""

import asyncio
import shutil
import subprocess
import sys

import pytest
from telephones import telephone

from callwright.ports.leg import LegEnded

pytestmark = pytest.mark.wire

CONFIRMS, NEVER_ANSWERS, IS_BUSY, SPEAKS = "12125550101", "12125550103", "12125550104", "12125550110"
HANGS_UP = "12125550108"
SEEN_S_MAX = 20.0


async def _legs(platform, path: str, count: int) -> list[dict]:
    """They are there a moment after the end of the call."""
    async with platform.client() as client, asyncio.timeout(SEEN_S_MAX):
        while len(found := (await client.get(f"{path}/legs")).json()) < count:  # noqa: ASYNC110 - asked from outside
            await asyncio.sleep(0.1)
    return found


def _titles(leg: dict) -> list[str]:
    return [f"{'>' if one['sent'] else '<'} {one['title']}" for one in leg["messages"]]


async def _callwright(platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    user, key = platform.auth
    command = [sys.executable, "-m", "callwright", "calls", *arguments]
    options = ["--url", platform.ready["base_url"], "--user", user, "--key", key]
    return await asyncio.to_thread(subprocess.run, [*command, *options], capture_output=True, text=True, timeout=30)


async def test_an_answered_call_is_seen_whole(platform, tmp_path):
    call_id = await platform.queue(CONFIRMS)
    found = await platform.over(call_id)
    (call,) = found["calls"]
    (leg,) = await _legs(platform, f"/v1/calls/{call['session_id']}", 1)
    assert (leg["role"], leg["answered"], leg["ending"]) == ("called", True, "local: hung up")
    titles = _titles(leg)
    assert titles[0] == "> INVITE +SDP" and "< 200 OK (INVITE) +SDP" in titles and "> ACK" in titles
    # The answer to the BYE comes after the end of the call.
    assert titles[-2:] == ["> BYE", "< 200 OK (BYE)"]
    assert len(leg["ladder"]) == len(titles) + 1
    assert leg["messages"][0]["text"].startswith(f"INVITE sip:{CONFIRMS}@")
    media = leg["media"]
    assert media["packets_sent"] > 100 and media["packets_received"] >= 5 and media["lost"] == 0
    (same,) = await _legs(platform, f"/v1/outbound/{call_id}", 1)
    assert same == leg

    file = tmp_path / "call.pcap"
    shown = await _callwright(platform, "show", call["session_id"], "--pcap", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "presses 1" in shown.stdout and "INVITE +SDP" in shown.stdout and " received, 0 lost" in shown.stdout
    assert "Content-Type: application/sdp" not in shown.stdout
    whole = await _callwright(platform, "show", str(call_id), "--sip")
    assert "Content-Type: application/sdp" in whole.stdout
    listed = await _callwright(platform, "list", "--count", "1")
    assert call["session_id"] in listed.stdout and listed.stdout.count("\n") == 1
    # Somebody else reads the capture, and finds no fault in it.
    command = [shutil.which("tcpdump") or "", "-Anvvr", str(file)]
    read = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30)
    assert read.stdout.count("[udp sum ok]") == len(titles) and "bad" not in read.stdout, read.stdout
    assert f"INVITE sip:{CONFIRMS}@" in read.stdout


async def test_attempts_that_nobody_answered_are_seen(platform):
    call_id = await platform.queue(IS_BUSY, max_attempts=1)
    await platform.over(call_id)
    (leg,) = await _legs(platform, f"/v1/outbound/{call_id}", 1)
    assert (leg["role"], leg["answered"], leg["ending"]) == ("called", False, "failure: 486 Busy Here")
    assert _titles(leg)[0] == "> INVITE +SDP" and _titles(leg)[-2:] == ["< 486 Busy Here (INVITE)", "> ACK"]
    assert leg["media"]["packets_sent"] == 0
    shown = await _callwright(platform, "show", str(call_id))
    assert "called, not answered: failure: 486 Busy Here" in shown.stdout


def _transfers(name: str, phone: str, *, private: bool) -> dict:
    start = {"name": "start", "type": "start", "exits": {"next": "ask"}}
    ask = {
        "name": "ask",
        "type": "transfer",
        "destination": f"sip:{HANGS_UP}@{phone}",
        "headers": [{"name": "X-Order", "value": "canary-order-77"}],
        "private": private,
        "exits": {"next": "end"},
    }
    return {"name": name, "pages": [{"name": "Main", "modules": [start, ask, {"name": "end", "type": "exit"}]}]}


@pytest.mark.parametrize("private", [False, True])
async def test_a_transfer_is_a_leg_of_the_call_and_a_private_one_keeps_its_messages_to_itself(platform, private):
    deployment = await platform.deploy(_transfers(f"Seen transfer {private}", platform.ready["phone"], private=private))
    found = await platform.over(await platform.queue(SPEAKS, deployment=deployment))
    (call,) = found["calls"]
    legs = await _legs(platform, f"/v1/calls/{call['session_id']}", 2)
    assert [leg["role"] for leg in legs] == ["called", "transfer"] and all(leg["answered"] for leg in legs)
    texts = "".join(one["text"] for one in legs[1]["messages"])
    assert bool(legs[1]["messages"]) is not private and ("canary-order-77" in texts) is not private
    assert legs[1]["media"]["packets_received"] > 10


async def test_a_leg_whose_party_sends_somebody_else_is_seen_whole(platform, tmp_path):
    """The call of whoever was there first, that of one who is busy, and that of who comes in its place."""
    async with telephone(tmp_path) as phone:
        await platform.deploy(_transfers("Seen handed on", phone.address, private=False), address="7391")
        caller = await phone.calls(platform.ready["sip"], "7391")
        first = await phone.rings()
        desk = phone.answer(first)
        asking = phone.hands_over(desk, f"sip:busy@{phone.address}")
        busy = await phone.rings()
        busy.reject(486)
        assert (await asking).status == 486
        asking = phone.hands_over(desk, f"sip:colleague@{phone.address}")
        second = await phone.rings()
        colleague = phone.answer(second)
        assert (await asking).status == 200
        await desk.until(LegEnded)
        caller.leg.hang_up()
        await colleague.until(LegEnded)
    legs = {leg["role"]: leg for leg in await platform.legs_of("6175550100", 2)}
    seen = legs["transfer"]
    titles = _titles(seen)
    assert seen["sip_call_id"] == first.call_id and seen["answered"]
    assert titles[0] == "> INVITE +SDP" and titles.count("> INVITE +SDP") == 3
    assert titles.count("< 200 OK (INVITE) +SDP") == 2 and "< 486 Busy Here (INVITE)" in titles
    assert titles.count("< REFER") == 2 and titles.count("> NOTIFY") >= 4
    # The desk hangs up when it is told, and so do we: either may come first.
    assert titles[-1] == "< 200 OK (BYE)" and titles.count("> BYE") + titles.count("< BYE") >= 2
    for call in (first, busy, second):
        assert sum(f"Call-ID: {call.call_id}\r\n" in one["text"] for one in seen["messages"]) >= 3
    assert len(seen["ladder"]) == len(titles) + 1
    assert "> INVITE +SDP" not in _titles(legs["caller"])
    async with platform.client() as client:
        (call, *_) = [one for one in (await client.get("/v1/calls")).json() if one["src"] == "6175550100"]
        pcap = (await client.get(f"/v1/calls/{call['session_id']}/sip.pcap")).content
    assert pcap.count(b"INVITE sip:colleague@") == 1 and pcap.count(b"Refer-To: ") == pcap.count(b"REFER sip:") == 2


async def test_strangers_see_nothing(platform):
    async with platform.client() as client:
        for path in ("/v1/calls/1;2;3", "/v1/outbound/999999999", "/v1/outbound/-1"):
            for page in ("legs", "sip.pcap"):
                assert (await client.get(f"{path}/{page}")).status_code == 404
        reply = await client.get("/v1/outbound/1/legs", auth=None)
        assert reply.status_code == 401
    shown = await _callwright(platform, "show", "1;2;3")
    assert shown.returncode == 1 and "There is no such call" in shown.stderr
