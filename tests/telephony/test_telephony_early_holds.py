"""Holds and keys before an answer, with SIPp as the far end: by UPDATE and INFO in the early dialog, or as soon as it answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from early_trio import Trio, described, open_trio, without_events
from sipp import bye_answer, called, callee, recv, send

pytestmark = pytest.mark.interop
WAIT_S = 15.0
KEEP = (
    '<recv request="INVITE" rrs="true"><action><ereg regexp=":.*" search_in="hdr" header="Via" assign_to="via"/>'
    '<ereg regexp=":.*" search_in="hdr" header="From" assign_to="caller"/></action></recv>'
    '<Reference variables="via,caller"/>'
)
"The INVITE, and of it what its answer needs when other requests came in between."

CONTACT = "Contact: <sip:100@[local_ip]:[local_port]>"
ENDED = [recv("ACK"), recv("BYE"), bye_answer()]


@pytest.fixture
async def trio() -> AsyncIterator[Trio]:
    async with open_trio() as trio:
        yield trio


def early(trio: Trio, *, description: str = "") -> list[str]:
    """A reliable 183, whose audio the test sends."""
    headers = (CONTACT, "Require: 100rel", "RSeq: 70", "Allow: INVITE, UPDATE")
    return [KEEP, of_invite("183 Session Progress", *headers, body=description or described(trio.far_end)), *PRACKED]


PRACKED = [recv("PRACK", has="RAck:70 1 INVITE"), bye_answer()]


def of_invite(status: str, *headers: str, body: str = "") -> str:
    copied = ("Via[$via]", "From[$caller]", "[last_To:];tag=t[call_number]", "[last_Call-ID:]", "CSeq: 1 INVITE")
    return send(f"SIP/2.0 {status}", *copied, *headers, body=body and f"\n{body}", attributes='retrans="500"')


def accepts(description: str = "") -> str:
    """The 200 to the INVITE, after requests whose To has the tag already."""
    return of_invite("200 OK", CONTACT, body=description).replace(";tag=t[call_number]", "")


def told(trio: Trio, method: str, direction: str, answer: str, *, status: str = "200 OK") -> list[str]:
    """A request of ours, with this direction, and what it is answered."""
    check = f'<ereg regexp="a={direction}" search_in="body" check_it="true" assign_to="found"/>'
    asked = f'<recv request="{method}" rrs="true"><action>{check}</action></recv><Reference variables="found"/>'
    body = f"\n{described(trio.far_end, direction=answer)}" if answer else ""
    return [asked, bye_answer(status, CONTACT, body=body), *([recv("ACK")] if method == "INVITE" else [])]


async def joined(trio: Trio) -> None:
    assert await trio.dialled.answered(WAIT_S) is None
    trio.leg.bridge(trio.dialled)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if so():
                return
            await asyncio.sleep(0.01)


async def holds(trio: Trio, direction: str) -> None:
    """The caller; returns when the far end has agreed to it."""
    await trio.changes(described(trio.caller, direction=direction))
    await until(lambda: trio.dialled.described._told == direction)


async def test_by_update_where_the_far_end_takes_it(trio: Trio, tmp_path: Path) -> None:
    """And what it was told so is not told again when it answers."""
    updates = [*told(trio, "UPDATE", "sendonly", "recvonly"), *told(trio, "UPDATE", "sendrecv", "sendrecv")]
    steps = [*early(trio), *updates, *told(trio, "UPDATE", "inactive", "inactive"), accepts(), recv("ACK")]
    steps += [*told(trio, "INVITE", "sendrecv", "sendrecv"), recv("BYE"), bye_answer()]
    async with called(tmp_path, steps) as peer:
        await trio.dial(peer.address)
        await trio.hears_the_network()
        for direction in ("sendonly", "sendrecv", "inactive"):
            await holds(trio, direction)
        await joined(trio)
        await holds(trio, "sendrecv")
        trio.dialled.hang_up()
        assert await peer.verdict() == ""


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_a_caller_that_held_before_it_heard_anything(trio: Trio, tmp_path: Path, direction: str) -> None:
    steps = [*early(trio), *told(trio, "UPDATE", direction, "inactive"), accepts(described(trio.far_end)), *ENDED]
    async with called(tmp_path, steps) as peer:
        await trio.dial(peer.address)
        await trio.changes(described(trio.caller, direction=direction))
        async with asyncio.timeout(WAIT_S):
            while trio.dialled.described._told != direction:
                trio.speaks()
                await asyncio.sleep(0.02)  # the pace of the far end
        assert trio.caller.packets == []
        await joined(trio)
        trio.dialled.hang_up()
        assert await peer.verdict() == ""


@pytest.mark.parametrize("status", ["488 No", "491 Pending"])
async def test_by_re_invite_once_it_has_answered(trio: Trio, tmp_path: Path, status: str) -> None:
    """Who does not take this UPDATE is told all the same."""
    steps = [*early(trio), *told(trio, "UPDATE", "sendonly", "", status=status), accepts(), recv("ACK")]
    steps += [*told(trio, "INVITE", "sendonly", "recvonly"), recv("BYE"), bye_answer()]
    async with called(tmp_path, steps) as peer:
        await trio.dial(peer.address)
        await trio.hears_the_network()
        await trio.changes(described(trio.caller, direction="sendonly"))
        await joined(trio)
        await until(lambda: trio.dialled.described._told == "sendonly")
        trio.dialled.hang_up()
        assert await peer.verdict() == ""


async def test_keys_by_info_to_a_far_end_that_tells_them_so(trio: Trio, tmp_path: Path) -> None:
    """Its own reach nobody."""
    theirs = callee("INFO", 1, CONTACT, body="\nSignal=9\nDuration=160", kind="application/dtmf-relay")
    ours = [recv("INFO"), bye_answer()]
    steps = [*early(trio, description=without_events(trio.far_end)), theirs, recv(200)]
    steps += ["<nop/>", *ours, *ours, accepts(), *ENDED]
    async with called(tmp_path, steps) as peer:
        await trio.dial(peer.address)
        await trio.hears_the_network()
        await until(lambda: trio.dialled.described.informed)
        for key in (4, 2):
            trio.caller_presses(key)
        await joined(trio)
        assert trio.dialled.waiting() is None and trio.leg.waiting() is None
        trio.dialled.hang_up()
        assert await peer.verdict() == ""
