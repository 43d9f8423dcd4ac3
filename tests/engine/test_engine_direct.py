"""Calls of telephones that no application takes: connected through the whole platform, and answered by whom they reach."""

import asyncio
from pathlib import Path

import pytest
from baresip import baresip, registered
from conftest import Running
from sipp import SDP, bye_answer, call, called, dial, pause, recv, reply

from bench._ivr.media import caller_pcap

pytestmark = pytest.mark.interop

TAG = "[peer_tag_param]"
RINGS, IS_BUSY = "12125550103", "12125550104"
BRANCH = "[branch-of-invite]"


class Caller:
    """A telephone that calls by SIPp."""

    def __init__(self, platform: Running, user: str, secret: str, dialled: str) -> None:
        host, port = platform.ready["sip"].split(":")
        self._to, self._user, self._dialled = (host, int(port)), user, dialled
        self._proof = f"[authentication username={user} password={secret}]"

    def asks(self, method: str, number: int, *headers: str, body: str = "", branch: str = "[branch]") -> str:
        to = TAG if method in ("ACK", "BYE", "PRACK") else ""
        text = call(method, number, *headers, body=body, branch=branch, to=to)
        return text.replace("[service]", self._dialled).replace("<sip:200@", f"<sip:{self._user}@", 1)

    def of_invite(self, method: str) -> str:
        """CANCEL, or the ACK of a refusal."""
        return self.asks(method, 2, branch=BRANCH)

    async def calls(self, folder: Path, *steps: str, body: str = SDP, headers: tuple[str, ...] = ()) -> str:
        """Call, answer the challenge, and then these; what SIPp says where it went otherwise."""
        begin = [
            self.asks("INVITE", 1, *headers, body=body),
            recv(401, auth=True),
            self.asks("ACK", 1, branch="[branch-2]"),
            self.asks("INVITE", 2, self._proof, *headers, body=body),
            recv(100, optional=True),
        ]
        all_of_it = [step.replace(BRANCH, f"[branch-{at - 3}]") for at, step in enumerate([*begin, *steps])]
        place = f"{self._dialled}@{self._to[0]}:{self._to[1]}"
        return await dial(folder, all_of_it, self._to, "-auth_uri", place)


async def test_a_busy_trunk_is_heard_as_busy(platform: Running, tmp_path: Path) -> None:
    _, secret = await platform.add_phone("pia", extension="701", calls_out=True)
    pia = Caller(platform, "pia", secret, IS_BUSY)
    assert await pia.calls(tmp_path, recv(180, optional=True), recv(486), pia.of_invite("ACK")) == ""
    caller, far_end = await platform.legs_of("701", 2)
    assert (caller["role"], caller["answered"], caller["ending"]) == ("caller", False, "local: refused with 486")
    assert (far_end["role"], far_end["answered"]) == ("transfer", False)
    async with platform.client() as client:
        (one,) = (one for one in (await client.get("/v1/calls")).json() if one["src"] == "701")
        assert "busy" in (await client.get(f"/v1/calls/{one['session_id']}")).text


@pytest.mark.parametrize("reliable", [False, True])
async def test_a_caller_that_gives_up_ends_the_ringing(platform: Running, tmp_path: Path, reliable: bool) -> None:
    name = f"quinn-{reliable}".lower()
    _, secret = await platform.add_phone(name, calls_out=True)
    before = len(platform.phone_events())
    quinn = Caller(platform, name, secret, RINGS)
    rings = [recv(180)]
    if reliable:
        rings = [recv(180, has="RSeq:1"), quinn.asks("PRACK", 3, "RAck: 1 2 INVITE"), recv(200)]
    gives_up = [quinn.of_invite("CANCEL"), recv(200), recv(487), quinn.of_invite("ACK")]
    headers = ("Require: 100rel",) if reliable else ()
    assert await quinn.calls(tmp_path, *rings, *gives_up, headers=headers) == ""
    async with asyncio.timeout(20):
        while not [one for one in platform.phone_events()[before:] if one["event"] == "ended"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert "answered" not in [event["event"] for event in platform.phone_events()[before:]]


@pytest.mark.parametrize(("dialled", "status"), [("704", 480), ("7999", 404)])
async def test_one_that_is_not_there(platform: Running, tmp_path: Path, dialled: str, status: int) -> None:
    """Registered nowhere, or no telephone at all."""
    _, secret = await platform.add_phone(f"rosa-{dialled}")
    if status == 480:
        await platform.add_phone("sam", extension=dialled)
    rosa = Caller(platform, f"rosa-{dialled}", secret, dialled)
    assert await rosa.calls(tmp_path, recv(status), rosa.of_invite("ACK")) == ""


@pytest.mark.parametrize("does", ["accept", "hangup"])
async def test_a_telephone_rings_and_then_answers_or_declines(platform: Running, tmp_path: Path, does: str) -> None:
    """The caller hears it ring before, with 180, and its answer when it answers."""
    at = ("accept", "hangup").index(does)
    _, secret = await platform.add_phone(f"tess-{at}", extension=f"71{at}")
    _, other_secret = await platform.add_phone(f"uma-{at}", extension=f"72{at}")
    tess = Caller(platform, f"tess-{at}", secret, f"72{at}")
    ends = [recv(486), tess.of_invite("ACK")]
    if does == "accept":
        ends = [recv(200), tess.asks("ACK", 2), tess.asks("BYE", 3), recv(200)]
    (tmp_path / "sipp").mkdir()
    known = registered(f"uma-{at}", other_secret)
    async with baresip(tmp_path / "uma", user=f"uma-{at}", at=platform.ready["sip"], account=known) as uma:
        await uma.until("REGISTER_OK")
        calling = asyncio.ensure_future(tess.calls(tmp_path / "sipp", recv(180), *ends))
        await uma.until("CALL_INCOMING")
        await uma.does(does)
        await uma.until("CALL_CLOSED")
        assert await calling == ""


async def test_a_caller_whose_audio_nobody_speaks_rings_nobody(platform: Running, tmp_path: Path) -> None:
    _, secret = await platform.add_phone("vera", calls_out=True)
    before = len(platform.phone_events())
    vera = Caller(platform, "vera", secret, RINGS)
    body = SDP.replace("0 101", "18").replace("a=rtpmap:0 PCMU/8000\n", "")
    assert await vera.calls(tmp_path, recv(488), vera.of_invite("ACK"), body=body) == ""
    assert platform.phone_events()[before:] == []


async def test_what_a_trunk_plays_before_it_answers_is_heard(platform: Running, tmp_path: Path) -> None:
    """Its 183 becomes one to the caller with its first packet, and the 200 follows with its answer."""
    _, secret = await platform.add_phone("walt", calls_out=True)
    walt = Caller(platform, "walt", secret, "443912345678")
    for side in ("far", "near"):
        (tmp_path / side).mkdir()
    caller_pcap(tmp_path / "far" / "early.pcap")
    far_end = [
        recv("INVITE"),
        reply("183 Session Progress", body=SDP),
        '<nop><action><exec play_pcap_audio="early.pcap"/></action></nop>',
        pause(1500),
        reply("200 OK", body=SDP, again=True),
        recv("ACK"),
        recv("BYE"),
        bye_answer(),
    ]
    heard = [recv(180, optional=True), recv(183, has="Content-Type:application/sdp")]
    ends = [recv(200), walt.asks("ACK", 2), walt.asks("BYE", 3), recv(200)]
    async with called(tmp_path / "far", far_end) as trunk:
        async with platform.client() as client:
            body = {"name": "early", "host": trunk.address[0], "port": trunk.address[1], "prefix": "4439"}
            assert (await client.post("/v1/trunks", json=body)).status_code == 201
        assert await walt.calls(tmp_path / "near", *heard, *ends) == ""
        assert await trunk.verdict() == ""
