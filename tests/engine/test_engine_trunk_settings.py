"""What a trunk has of its own: the authority that signs its certificate, and its codecs."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from applications import SHORT
from baresip import WAIT_S, baresip
from conftest import Running, own_address, started
from dns_server import name_server
from sipp import SDP, bye_answer, call, called, dial, recv, reply
from tls import Authority

pytestmark = pytest.mark.interop


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


NAMES = _free_port()
"Where a name server listens while a test needs one."


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--name-server", f"127.0.0.1:{NAMES}") as running:
        yield running


async def _trunk(platform: Running, prefix: str, port: int, **fields: Any) -> None:
    body = {"name": "t", "host": "127.0.0.1", "port": port, "prefix": prefix} | fields
    async with platform.client() as client:
        reply = await client.post("/v1/trunks", json=body)
    assert reply.status_code == 201, reply.text


async def _leg(platform: Running, session_id: str) -> dict[str, Any]:
    """The call's only leg: it is written a moment after its end."""
    async with platform.client() as client, asyncio.timeout(WAIT_S):
        while not (legs := (await client.get(f"/v1/calls/{session_id}/legs")).json()):  # noqa: ASYNC110 - asked from outside
            await asyncio.sleep(0.05)
    (leg,) = legs
    return leg


class TestAuthority:
    async def test_a_trunk_is_reached_where_its_own_authority_signed_and_nowhere_else(
        self, platform: Running, tmp_path: Path
    ) -> None:
        """Three trunks at one address: a connection that one of them may use is for none of the others."""
        (tmp_path / "other").mkdir()
        authority, other = Authority(tmp_path), Authority(tmp_path / "other")
        deployment = await platform.deploy(SHORT)
        async with baresip(
            tmp_path / "phone", "srtp.so", user="443112345678", transport="tls", account=";mediaenc=srtp-mand",
            certificate=authority.issue("it"), answers=True,
        ) as phone:  # fmt: skip
            tls = {"transport": "tls", "srtp": True}
            for prefix, signed in (("4431", authority.ca.read_text()), ("4432", other.ca.read_text()), ("4433", "")):
                await _trunk(platform, prefix, phone.tls_port, **tls, certificate_authority=signed)
            for _ in range(2):
                found = await platform.over(await platform.queue("443112345678", deployment=deployment))
                assert found["details"]["status"] == "completed", found
                await phone.until("CALL_ESTABLISHED")
                await phone.until("CALL_CLOSED")
                leg = await _leg(platform, found["calls"][0]["session_id"])
                assert (leg["media"]["srtp"], leg["media"]["unauthentic"]) == ("AES_CM_128_HMAC_SHA1_80", 0)
                for number in ("443212345678", "443312345678"):
                    failed = await platform.over(await platform.queue(number, deployment=deployment))
                    (made,) = failed["attempts"]
                    assert (failed["details"]["status"], made["outcome"], made["sip_status"]) == (
                        "failed",
                        "unreachable",
                        None,
                    )
                    assert "its certificate is not trusted: unable to get local issuer certificate" in made["cause"]

    async def test_one_whose_servers_dns_names(self, platform: Running, tmp_path: Path) -> None:
        """Port 0: SRV says which, and the certificate has to be for the trunk's own name."""
        authority = Authority(tmp_path)
        deployment = await platform.deploy(SHORT)
        async with baresip(
            tmp_path / "phone", "srtp.so", user="443412345678", transport="tls", account=";mediaenc=srtp-mand",
            certificate=authority.issue("it", "trunk.test"), answers=True,
        ) as phone:  # fmt: skip
            zone = {
                ("_sips._tcp.trunk.test", "SRV"): (60, [f"10 5 {phone.tls_port} one.trunk.test."]),
                ("_sips._tcp.other.test", "SRV"): (60, [f"10 5 {phone.tls_port} one.trunk.test."]),
                ("one.trunk.test", "A"): (60, ["127.0.0.1"]),
            }
            async with name_server(zone, NAMES):
                signed = authority.ca.read_text()
                for prefix, host in (("4434", "trunk.test"), ("4435", "other.test")):
                    await _trunk(
                        platform, prefix, 0, host=host, transport="tls", srtp=True, certificate_authority=signed
                    )
                found = await platform.over(await platform.queue("443412345678", deployment=deployment))
                assert found["details"]["status"] == "completed", found
                await phone.until("CALL_ESTABLISHED")
                (made,) = (await platform.over(await platform.queue("443512345678", deployment=deployment)))["attempts"]
                assert "certificate is not valid for 'other.test'" in made["cause"]


PCMA_SDP = SDP.replace("0 101", "8 101").replace("0 PCMU", "8 PCMA")


def _has(first: str, formats: str) -> str:
    """A request or an answer of which the description names these formats, in this order."""
    check = (
        f'<ereg regexp="m=audio [0-9]+ RTP/AVP {formats}[^0-9 ]" search_in="msg" check_it="true" assign_to="found"/>'
    )
    return f'<recv {first} rrs="true"><action>{check}</action></recv><Reference variables="found"/>'


class TestCodecs:
    @pytest.mark.parametrize(
        ("codecs", "formats"),
        [(["pcma", "g722"], "8 9 101"), (["g722", "PCMA", "pcmu"], "9 8 0 101"), (["pcma"], "8 101")],
    )
    async def test_they_are_offered_in_the_trunks_order(
        self, platform: Running, tmp_path: Path, codecs: list[str], formats: str
    ) -> None:
        deployment = await platform.deploy(SHORT)
        answers = [reply("100 Trying"), reply("200 OK", body=PCMA_SDP), recv("ACK"), recv("BYE"), bye_answer()]
        async with called(tmp_path, [_has('request="INVITE"', formats), *answers]) as peer:
            prefix = f"444{len(codecs)}"
            await _trunk(platform, prefix, peer.address[1], codecs=codecs)
            found = await platform.over(await platform.queue(f"{prefix}12345678", deployment=deployment))
            assert found["details"]["status"] == "completed", found
            assert await peer.verdict() == ""
        leg = await _leg(platform, found["calls"][0]["session_id"])
        assert leg["media"]["codec"] == "pcma"

    async def test_they_are_taken_of_its_offers_in_the_trunks_order(self, tmp_path: Path) -> None:
        """SIP that others reach: callers are told apart by their addresses. One trunk has codecs of its own, the other has none."""
        offer = SDP.replace("0 101", "0 8 9 101").replace(
            "a=rtpmap:101", "a=rtpmap:8 PCMA/8000\na=rtpmap:9 G722/8000\na=rtpmap:101"
        )
        own = own_address()
        with started("--sip", f"{own}:0") as platform:
            await platform.deploy(SHORT, address="12125559301")
            ours = {"127.0.0.41": (["g722", "pcma"], "9 101"), "127.0.0.42": ([], "0 101")}
            for host, (codecs, _) in ours.items():
                await _trunk(platform, "999", 5060, host=host, codecs=codecs)
            for host, (_, formats) in ours.items():
                steps = [
                    *(call("INVITE", body=offer), recv(100, optional=True), recv(180, optional=True)),
                    *(_has('response="200"', formats), call("ACK", to="[peer_tag_param]"), recv("BYE"), bye_answer()),
                ]
                folder = tmp_path / host
                folder.mkdir()
                at = (own, int(platform.ready["sip"].rpartition(":")[2]))
                assert await dial(folder, steps, at, "-i", host, "-s", "12125559301") == ""

    async def test_what_none_is_is_told(self, platform: Running) -> None:
        async with platform.client() as client:
            for wrong, told in (
                ({"codecs": ["gsm"]}, "codecs must be of g722, opus, pcma, pcmu, each at most once"),
                ({"codecs": ["pcma", "PCMA"]}, "each at most once"),
                ({"certificate_authority": "x"}, "certificate_authority needs the transport tls"),
                (
                    {"transport": "tls", "certificate_authority": "x"},
                    "certificate_authority must be certificates in PEM",
                ),
                (
                    {"transport": "tls", "certificate_authority": "é"},
                    "certificate_authority must be certificates in PEM",
                ),
                ({"transport": "tls", "certificate_authority": "-----BEGIN PRIVATE KEY-----"}, "holds a private key"),
            ):
                body = {"name": "t", "host": "192.0.2.1", "prefix": "4450", **wrong}
                refused = await client.post("/v1/trunks", json=body)
                assert refused.status_code == 400 and told in refused.text, refused.text
