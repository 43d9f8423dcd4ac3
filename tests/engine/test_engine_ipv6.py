"""Calls over IPv6, and over both families at once: SIPp on either side, baresip, and parties of different families who talk."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from baresip import baresip, registered
from conftest import Running, started
from hearing import of_wav, tone, write
from sipp import bye_answer, call, called, dial, recv, reply
from telephones import talk, telephone

from bench._ivr import media
from callwright.sip.address import host_port

pytestmark = pytest.mark.interop

FOUR, SIX = "127.0.0.1", "::1"
FAMILIES = {FOUR: "IP4", SIX: "IP6"}
SHOWN = {FOUR: "127.0.0.1", SIX: "[::1]"}
HEARD = ["hears   Press 1.", "presses 1", "hears   Thank you.", "call ends"]
WAIT_S = 30.0


@pytest.fixture(scope="module")
def both() -> Iterator[Running]:
    """All addresses of this machine, which is no loopback: whoever calls has to be known."""
    with started("--sip", "[::]:0", "--sip-tcp", "[::]:0") as running:
        yield running


@pytest.fixture(scope="module")
def six() -> Iterator[Running]:
    with started("--sip", "[::1]:0", "--phone", "[::1]:0") as running:
        yield running


@pytest.fixture
async def callers(both: Running) -> None:
    """This machine is a trunk, by both of its addresses."""
    async with both.client() as client:
        trunk = {"name": "here", "host": SIX, "port": 9, "prefix": "999", "addresses": ["127.0.0.0/8"]}
        assert (await client.post("/v1/trunks", json=trunk)).status_code in (201, 409, 422)


def _asks(name: str) -> dict[str, Any]:
    ask = {
        "name": "ask",
        "type": "menu",
        "prompt": "Press 1.",
        "choices": [{"keys": "1", "value": "one"}],
        "initial_timeout_s": 10,
    }
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "ask"}},
        ask | {"exits": {"one": "thanks"}},
        {"name": "thanks", "type": "prompt", "prompt": "Thank you.", "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": name, "pages": [{"name": "Main", "modules": modules}]}


def _joins(name: str, far_end: str) -> dict[str, Any]:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "desk"}},
        {"name": "desk", "type": "transfer", "destination": f"sip:desk@{far_end}", "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": name, "pages": [{"name": "Main", "modules": modules}]}


async def _legs(platform: Running, path: str) -> list[dict[str, Any]]:
    async with platform.client() as client, asyncio.timeout(WAIT_S):
        while not (found := (await client.get(f"{path}/legs")).json()):  # noqa: ASYNC110 - they are another process's
            await asyncio.sleep(0.1)
    return found


def _said(leg: dict[str, Any], *titles: str) -> str:
    """Our description in a message with this title."""
    return next(one["text"] for one in leg["messages"] if one["sent"] and one["title"] in titles)


def _is_of(leg: dict[str, Any], host: str, place: str) -> None:
    """What we said of ourselves names our address of this family, audio passed, and none of it was dropped."""
    ours = _said(leg, "200 OK (INVITE) +SDP", "INVITE +SDP")
    assert f"c=IN {FAMILIES[host]} {host}\r\n" in ours and f"Contact: <sip:{place}" in ours
    assert {one["peer"].rpartition(":")[0] for one in leg["messages"]} == {SHOWN[host]}
    assert f"  {SHOWN[host]}:" in leg["ladder"][0]
    assert leg["media"]["packets_sent"] > 50 and leg["media"]["packets_received"] >= 10
    assert leg["media"]["foreign"] == leg["media"]["send_errors"] == 0


@pytest.mark.parametrize("host", [FOUR, SIX])
class TestBothFamilies:
    async def test_a_caller_hears_and_presses(self, both: Running, callers: None, tmp_path: Path, host: str) -> None:
        number = f"1212555910{':' in host:d}"
        await both.deploy(_asks("Asks"), address=number)
        status, output = await both.sipp("ivr_caller", number, tmp_path, "-m", "2", "-r", "5", host=host)
        assert status == 0, output
        for one in await both.calls(number, 2):
            assert (await both.call(one["session_id"]))["transcript"].splitlines() == HEARD
            (leg,) = await _legs(both, f"/v1/calls/{one['session_id']}")
            _is_of(leg, host, both.at(host))

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    async def test_whom_a_trunk_calls_hears_and_presses(
        self, both: Running, tmp_path: Path, host: str, transport: str
    ) -> None:
        """SIPp speaks into the call and presses 1."""
        media.caller_pcap(tmp_path / "caller.pcap")
        steps = [
            recv("INVITE"),
            reply("200 OK", body=_DESCRIPTION, again=True),
            recv("ACK"),
            '<nop><action><exec play_pcap_audio="caller.pcap"/></action></nop>',
            recv("BYE"),
            bye_answer(),
        ]
        prefix = f"4430{':' in host:d}{transport == 'tcp':d}"
        async with (
            called(tmp_path, steps, *(("-t", "t1") if transport == "tcp" else ()), host=host) as peer,
            both.client() as client,
        ):
            trunk = {"name": "t", "host": host, "port": peer.address[1], "prefix": prefix, "transport": transport}
            assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
            call_id = await both.queue(f"{prefix}7946000", deployment=await both.deploy(_asks("Asks")))
            assert await peer.verdict() == ""
        found = await both.over(call_id)
        assert found["details"]["status"] == "completed"
        (leg,) = await _legs(both, f"/v1/outbound/{call_id}")
        _is_of(leg, host, both.at(host, transport))

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    async def test_baresip_registers_calls_hears_and_presses(
        self, both: Running, tmp_path: Path, host: str, transport: str
    ) -> None:
        """It plays a tone of its own, and writes down what it hears."""
        user, number = f"eve-{':' in host:d}{transport}", f"121255592{':' in host:d}{transport == 'tcp':d}"
        phone_id, secret = await both.add_phone(user, extension=f"4{':' in host:d}{transport == 'tcp':d}")
        await both.deploy(_asks("Asks"), address=number)
        plays = write(tmp_path / "plays.wav", tone(1100, 30))
        at, by = both.at(host, transport), {"transport": transport, "account": registered(user, secret)}
        async with baresip(tmp_path / "eve", user=user, at=at, plays=plays, host=host, **by) as eve:
            await eve.until("REGISTER_OK")
            async with both.client() as client:
                (binding,) = (await client.get(f"/v1/phones/{phone_id}")).json()["bindings"]
            assert binding["host"] == host
            await eve.does("dial", number)
            await eve.until("CALL_ESTABLISHED")
            await asyncio.sleep(2)  # until it was asked
            await eve.presses("1")
            await eve.until("CALL_CLOSED")
        samples, _ = of_wav(eve.heard)
        assert abs(samples).max() > 3000, "it was spoken to"
        (one,) = await both.calls(number, 1)
        assert (await both.call(one["session_id"]))["transcript"].splitlines() == HEARD
        (leg,) = await _legs(both, f"/v1/calls/{one['session_id']}")
        _is_of(leg, host, both.at(host, transport))

    @pytest.mark.parametrize("codec", ["", "pcma"])
    async def test_a_caller_and_a_far_end_of_the_other_familytalk(
        self, both: Running, callers: None, tmp_path: Path, host: str, codec: str
    ) -> None:
        """With the same codec, and with another one."""
        number = f"12125559{3 + bool(codec)}0{':' in host:d}"
        other = FOUR if host == SIX else SIX
        async with telephone(tmp_path, host=host) as phone, telephone(tmp_path, host=other, codec=codec) as desk:
            await both.deploy(_joins("Joins", desk.address), address=number)
            caller = await phone.calls(both.at(host), number)
            reached = desk.answer(await desk.rings())
            await talk(caller, reached)

    async def test_an_offer_of_the_other_family_is_refused_and_one_within_a_call_ignored(
        self, both: Running, callers: None, tmp_path: Path, host: str
    ) -> None:
        number = f"1212555950{':' in host:d}"
        await both.deploy(_asks("Asks"), address=number)
        wrong = _DESCRIPTION.replace(
            "IN IP[media_ip_type] [media_ip]", "IN IP4 127.0.0.2" if host == SIX else "IN IP6 fd00::2"
        )
        ack, bye = call("ACK", to="[peer_tag_param]"), call("BYE", 3, to="[peer_tag_param]")
        refused = [
            call("INVITE", body=wrong),
            recv(100, optional=True),
            recv(488),
            call("ACK", branch="[branch-3]", to="[peer_tag_param]"),
        ]
        to = host_port(both.at(host))
        options = ("-s", number)
        (tmp_path / "refused").mkdir()
        assert await dial(tmp_path / "refused", refused, to, *options) == ""
        again = call("INVITE", 2, to="[peer_tag_param]", body=wrong)
        changed = [
            call("INVITE", body=_DESCRIPTION), recv(100, optional=True), recv(200), ack,
            again, recv(100, optional=True), recv(488),
            bye, recv(200),
        ]  # fmt: skip
        assert await dial(tmp_path, changed, to, *options) == ""
        log = (Path(both.ready["recordings_dir"]).parent / "logs" / "engine.log").read_text()
        theirs, ours = ("127.0.0.2 (IP4)", "::1 (IP6)") if host == SIX else ("fd00::2 (IP6)", "127.0.0.1 (IP4)")
        why = f"audio at {theirs}, which {ours} cannot send to"
        assert f"refused: {why}" in log and f"its new description is refused: {why}" in log


_DESCRIPTION = """
v=0
o=sipp 1 1 IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
"""


class TestIpv6Alone:
    async def test_the_test_phone_is_called(self, six: Running) -> None:
        assert six.ready["sip"].startswith("[::1]:") and six.ready["phone"].startswith("[::1]:")
        call_id = await six.queue(six.ready["test_phone"])
        found = await six.over(call_id)
        assert found["details"]["status"] == "completed"
        (leg,) = await _legs(six, f"/v1/outbound/{call_id}")
        _is_of(leg, SIX, six.at(SIX))
        async with six.client() as client:
            capture = (await client.get(f"/v1/outbound/{call_id}/sip.pcap")).content
        assert capture[40] >> 4 == 6

    async def test_a_caller_needs_no_trunk_on_loopback(self, six: Running, tmp_path: Path) -> None:
        await six.deploy(_asks("Asks"), address="asks")
        status, output = await six.sipp("ivr_caller", "asks", tmp_path, "-m", "1", host=SIX)
        assert status == 0, output

    async def test_a_trunk_of_ipv4_is_not_reached(self, six: Running) -> None:
        """And nobody waits for an answer that cannot come."""
        async with six.client() as client:
            trunk = {"name": "t", "host": FOUR, "port": 5060, "prefix": "4440"}
            assert (await client.post("/v1/trunks", json=trunk)).status_code == 201
        found = await six.over(await six.queue("444079460000"))
        assert [made["outcome"] for made in found["attempts"]] == ["unreachable"]
        assert "cannot be reached from ::1" in str(found)
