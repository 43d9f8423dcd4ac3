"""Keys by INFO beside telephone events: of a phone that sends the one, the other, or both of each press."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from rtp_peer import free_ports
from sipp import SDP, call, dial, pause, recv

from callwright.ports.leg import KeyPressed, LegEnded
from callwright.sip.call import SipCall
from callwright.telephony import key_infos
from callwright.telephony.key_infos import KeyInfos
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

HOST = "127.0.0.1"
WAIT_S = 15.0


@dataclass
class Ours:
    plane: MediaPlane
    endpoint: SipEndpoint
    calls: "asyncio.Queue[SipCall]"

    async def leg(self) -> SipLeg:
        async with asyncio.timeout(WAIT_S):
            return SipLeg.incoming(await self.calls.get(), self.plane, HOST)


@pytest.fixture
async def ours() -> AsyncIterator[Ours]:
    plane = MediaPlane(HOST, *free_ports(8), asyncio.get_running_loop())
    plane.start()
    calls: asyncio.Queue[SipCall] = asyncio.Queue()
    endpoint = await SipEndpoint.open(HOST, 0, on_invite=calls.put_nowait)
    yield Ours(plane, endpoint, calls)
    await endpoint.close()
    plane.stop()


async def _pressed(leg: SipLeg) -> str:
    """All keys until the end of the call."""
    keys = ""
    async with asyncio.timeout(WAIT_S):
        while not isinstance(event := await leg.event(), LegEnded):
            keys += event.key if isinstance(event, KeyPressed) else ""
    return keys


def _body(kind: str, key: str) -> str:
    return key if kind == "application/dtmf" else f"Signal={key}\nDuration=160"


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["application/dtmf-relay", "application/dtmf"])
@pytest.mark.parametrize("events", [True, False])
async def test_sipp_tells_keys_by_info(ours: Ours, tmp_path, kind: str, events: bool) -> None:
    """Whether or not it offered events, of which it then sends none; also the same key twice."""
    keys = "5#5511"
    infos = [
        part
        for number, key in enumerate(keys, 2)
        for part in (
            call("INFO", number, f"Content-Type: {kind}", to="[peer_tag_param]").replace(
                "Content-Length: [len]\n", f"Content-Length: [len]\n\n{_body(kind, key)}"
            ),
            recv(200),
        )
    ]
    offered = SDP if events else SDP.replace(" 101\n", "\n").replace("a=rtpmap:101 telephone-event/8000\n", "")
    steps = [
        call("INVITE", body=offered),
        *(recv(100, optional=True), recv(180, optional=True)),
        recv(200),
        call("ACK", to="[peer_tag_param]"),
        *infos,
        pause(100),
        call("BYE", 20, to="[peer_tag_param]"),
        recv(200),
    ]
    dialled = asyncio.ensure_future(dial(tmp_path, steps, ours.endpoint.address))
    leg = await ours.leg()
    assert await _pressed(leg) == keys
    assert await dialled == ""


async def _key(leg: SipLeg) -> str:
    async with asyncio.timeout(WAIT_S):
        while not isinstance(event := await leg.event(), KeyPressed):
            pass
    return event.key


@pytest.fixture
async def party(ours: Ours) -> AsyncIterator[tuple[SipLeg, SipLeg, Callable[[str], None]]]:
    """A phone's leg, ours, and how the phone tells keys by INFO."""
    theirs = await SipEndpoint.open(HOST, 0, on_invite=lambda call: call.reject(486))
    phone = SipLeg.outgoing(
        theirs, ours.plane, HOST, target="sip:1@ours.test", call_id="keys", caller="2", to=ours.endpoint.address
    )
    leg = await ours.leg()
    assert await phone.answered(WAIT_S) is None
    assert leg.described.event_payload_type is not None
    yield phone, leg, lambda keys: KeyInfos().send(phone._call, keys)
    await theirs.close()


async def test_both_at_once_are_heard_once(party) -> None:
    phone, leg, informs = party
    informs("1")
    phone.send_keys("1")
    assert await _key(leg) == "1"
    for key in "1223":
        informs(key)
        phone.send_keys(key)
        assert await _key(leg) == key
    phone.hang_up()
    assert await _pressed(leg) == ""


async def test_an_info_before_its_event_is_heard_once(party) -> None:
    phone, leg, informs = party
    informs("12")
    assert await _key(leg) == "1" and await _key(leg) == "2"
    phone.send_keys("123")
    assert await _key(leg) == "3"
    phone.hang_up()
    assert await _pressed(leg) == ""


async def test_an_info_after_its_event_is_heard_once(party) -> None:
    phone, leg, informs = party
    phone.send_keys("12")
    assert await _key(leg) == "1" and await _key(leg) == "2"
    informs("12")
    await _answered(phone)
    phone.send_keys("1")
    assert await _key(leg) == "1"
    phone.hang_up()
    assert await _pressed(leg) == ""


async def _answered(phone: SipLeg) -> None:
    """Until a request has been answered that went after all others."""
    asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    phone._call.ask(phone._call.dialog, phone._call.within("OPTIONS"), lambda _: asked.set_result(None))
    await asyncio.wait_for(asked, WAIT_S)


async def test_the_same_key_pressed_later_is_another_press(party, monkeypatch) -> None:
    """A phone that changes from INFO to events."""
    phone, leg, informs = party
    informs("7")
    assert await _key(leg) == "7"
    monkeypatch.setattr(key_infos, "SAME_KEY_S", 0.0)
    phone.send_keys("7")
    assert await _key(leg) == "7"
    phone.hang_up()
    assert await _pressed(leg) == ""
