"""SIP that other machines reach: trunks reach their account's numbers, telephones prove who they are, and nobody else hears
anything."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from conftest import Running, own_address, started
from dns_server import name_server
from prometheus_client.parser import text_string_to_metric_families
from sip_requests import register

from callwright.engine.directory import FOUND_MAX, Directory
from callwright.services import accounts, applications, deployments, first_start, numbers, phones, publishing, trunks
from callwright.services.phones import NewPhone
from callwright.sip.address import Address
from callwright.sip.digest import Credentials, Identity
from callwright.sip.locating import Place
from callwright.sip.message import Request, Response, parse
from callwright.sip.sources import BURST, FAILURES_MAX
from callwright.store.database import Database
from callwright.store.scope import Scope
from callwright.store.trunks import TrunkRow
from callwright.telephony.names import Names
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

WAIT_S = 20.0
ANN, BOB, NETWORK, STRANGER, GUESSER, PHONE, FLOOD = (f"127.0.0.{number}" for number in (21, 22, 33, 66, 67, 68, 69))
"Where the trunks and the others are: all of them can send to this machine's own address."


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--sip", f"{own_address()}:0") as running:
        yield running


async def _account(db: Database, number: str, host: str, *addresses: str, **fields: Any) -> Scope:
    """An account with a number that leads to an application, and a trunk."""
    email = f"{secrets.token_hex(4)}@example.test"
    scope = (await accounts.create_account(db, name="One", email=email, password="Secret-123")).scope
    application_id = await applications.create(db, scope, applications.read_document(first_start.starter_document()))
    await publishing.publish(db, scope, application_id)
    deployment_id = await deployments.create(db, scope, application_id=application_id, version=None, label="x")
    await numbers.create(db, scope, address=number, deployment_id=deployment_id)
    trunk = TrunkRow(0, "trunk", host, 5060, "", 10, 10.0, "", True)
    await trunks.create(db, scope, replace(trunk, addresses=list(addresses), **fields))
    return scope


def _to(platform: Running) -> Address:
    host, port = platform.ready["sip"].split(":")
    return host, int(port)


async def _calls(platform: Running, source: str, number: str, *headers: tuple[str, str]) -> int:
    return await platform.called(source, number, extra=headers)


async def _until_known(platform: Running, source: str, number: str) -> None:
    """Engines learn of a new trunk a moment after it was made."""
    async with asyncio.timeout(WAIT_S):
        while await _calls(platform, source, number) == 0:
            pass


class Peer:
    """A socket of somebody's."""

    def __init__(self, platform: Running, source: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self._to = _to(platform)
        self.at: Address = self.socket.getsockname()

    def sends(self, request: Request, old: str = "", new: str = "") -> None:
        """`old` of it is written as `new`."""
        via = f"SIP/2.0/UDP {self.at[0]}:{self.at[1]};branch=z9hG4bK{secrets.token_hex(8)};rport"
        request.headers.set("via", via)
        self.socket.sendto(request.serialize().replace(old.encode(), new.encode(), 1), self._to)

    def hears(self, timeout_s: float = WAIT_S) -> Response | None:
        self.socket.settimeout(timeout_s)
        try:
            answer = parse(self.socket.recv(8192))
        except TimeoutError:
            return None
        assert isinstance(answer, Response)
        return answer

    def registers(self, user: str, secret: str, number: int, timeout_s: float = WAIT_S) -> list[int]:
        """The statuses that a REGISTER gets, and its answer to the challenge."""
        asked = register(f"<sip:{user}@{self.at[0]}:{self.at[1]}>", user=user, number=number, call_id=str(self.at))
        self.sends(asked)
        if (challenge := self.hears(timeout_s)) is None:
            return []
        if challenge.status != 401 or not Identity(Credentials(user, secret), lambda: "c").prove(asked, challenge):
            return [challenge.status]
        asked.renumber(number + 1)
        self.sends(asked)
        answer = self.hears(timeout_s)
        return [401] if answer is None else [401, answer.status]


def _request(method: str, uri: str, **headers: str) -> Request:
    made = register(call_id=secrets.token_hex(8))
    made.method, made.uri = method, uri
    made.headers.set("cseq", f"1 {method}")
    for name, value in headers.items():
        made.headers.set(name, value)
    return made


async def test_a_trunk_reaches_its_accounts_numbers_and_no_others(platform: Running) -> None:
    async with platform.database() as db:
        await _account(db, "12125557001", ANN, "127.0.0.32/30")
        await _account(db, "12125557002", BOB)
    await _until_known(platform, BOB, "12125557002")
    statuses = {
        (source, number): await _calls(platform, source, number)
        for source, number in [
            (ANN, "12125557001"), (ANN, "+12125557001"), (ANN, "12125557002"), (BOB, "12125557002"),
            (BOB, "12125557001"), (NETWORK, "12125557001"), (NETWORK, "12125557002"), (ANN, str(platform.ready["number"])),
        ]
    }  # fmt: skip
    assert list(statuses.values()) == [200, 200, 404, 200, 404, 200, 404, 404]
    assert await _calls(platform, STRANGER, "12125557001") == 0


async def test_a_stranger_hears_nothing_whatever_is_asked(platform: Running) -> None:
    async with platform.database() as db:
        await phones.create(db, await _account(db, "12125557003", "127.0.0.23"), NewPhone("gil"))
    await _until_known(platform, "127.0.0.23", "12125557003")
    stranger = Peer(platform, STRANGER)
    for method in ("OPTIONS", "REGISTER", "INVITE", "BYE", "CANCEL", "MESSAGE", "SUBSCRIBE", "WHATEVER"):
        stranger.sends(_request(method, "sip:100@127.0.0.1", contact="<sip:a@127.0.0.66>"))
    stranger.sends(_request("BYE", "sip:100@127.0.0.1", to="<sip:a@b>;tag=1"))
    # The first that is answered names a telephone; another machine that asks for this engine by name is answered, too.
    stranger.sends(_request("REGISTER", "sip:127.0.0.1", to="<sip:gil@127.0.0.1>"))
    challenge = await asyncio.to_thread(stranger.hears)
    assert challenge is not None and (challenge.status, challenge.method) == (401, "REGISTER")
    assert await asyncio.to_thread(stranger.hears, 0.5) is None


async def test_what_cannot_be_read_is_told_to_whom_we_know(platform: Running) -> None:
    """A trunk and a telephone that is registered hear what is wrong; who is unknown hears nothing, and is counted."""
    async with platform.database() as db:
        scope = await _account(db, "12125557008", "127.0.0.28")
        _, secret = await phones.create(db, scope, NewPhone("joe"))
    await _until_known(platform, "127.0.0.28", "12125557008")
    known, phone, stranger = (Peer(platform, source) for source in ("127.0.0.28", "127.0.0.29", STRANGER))
    assert await asyncio.to_thread(phone.registers, "joe", secret, 1) == [401, 200]
    for peer in (known, phone, stranger):
        for old, new in (("To:", "t: <sip:b@c>\r\nTo:"), (" SIP/2.0\r\n", " SIP/4.0\r\n"), ("CSeq: 1 INVITE\r\n", "")):
            peer.sends(_request("INVITE", "sip:12125557008@127.0.0.1"), old, new)
    for peer in (known, phone):
        answers = [await asyncio.to_thread(peer.hears) for _ in range(2)]
        assert {(one.status, one.reason) for one in answers if one} == {
            (400, "More Than One To"), (505, "Version Not Supported"),
        }  # fmt: skip
        assert await asyncio.to_thread(peer.hears, 0.3) is None
    assert await asyncio.to_thread(stranger.hears, 0.3) is None
    # Of each known one two are answered, and the one without a CSeq is dropped; of the stranger all are.
    token = {"Authorization": f"Bearer {platform.ready['metrics_token']}"}
    async with platform.client() as client, asyncio.timeout(WAIT_S):
        counted: dict[str, float] = {}
        while sum(counted.values()) < 9:
            told = (await client.get("/metrics", headers=token, auth=None)).text
            families = {family.name: family for family in text_string_to_metric_families(told)}
            if found := families.get("callwright_sip_unreadable"):
                counted = {sample.labels["what"]: sample.value for sample in found.samples}
            await asyncio.sleep(0.1)
    assert counted == {"answered": 4, "dropped": 5}


async def test_what_strangers_send_unreadable_is_held_against_nobody(platform: Running) -> None:
    """Its source may be forged: neither the trunk nor the stranger is silent after it, and each is counted as what it is."""
    async with platform.database() as db:
        await phones.create(db, await _account(db, "12125557010", "127.0.0.35"), NewPhone("lea"))
    await _until_known(platform, "127.0.0.35", "12125557010")
    known, stranger = Peer(platform, "127.0.0.35"), Peer(platform, "127.0.0.36")
    before, many = await _counted(platform), int(BURST) + 20
    for _ in range(many):
        for peer in (known, stranger):
            peer.sends(_request("OPTIONS", "sip:127.0.0.1"), " SIP/2.0\r\n", " SIP/4.0\r\n")
    for _ in range(many):
        answer = await asyncio.to_thread(known.hears)
        assert answer is not None and answer.status == 505
    async with asyncio.timeout(WAIT_S):
        while (after := await _counted(platform))["dropped"] < before["dropped"] + many:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.1)
    assert {name: after[name] - before[name] for name in after} == {
        "answered": many, "dropped": many, "strangers": 0, "limited": 0, "silenced": 0,
    }  # fmt: skip
    # Nor has the stranger lost its chance: it may be an office whose first REGISTER this is.
    stranger.sends(_request("REGISTER", "sip:127.0.0.1", to="<sip:lea@127.0.0.1>"))
    challenge = await asyncio.to_thread(stranger.hears)
    assert challenge is not None and challenge.status == 401


async def _counted(platform: Running) -> dict[str, float]:
    """What has come to the door and could not be read, so far."""
    token = {"Authorization": f"Bearer {platform.ready['metrics_token']}"}
    async with platform.client() as client:
        told = (await client.get("/metrics", headers=token, auth=None)).text
    counted = dict.fromkeys(("answered", "dropped", "strangers", "limited", "silenced"), 0.0)
    for family in text_string_to_metric_families(told):
        if family.name in ("callwright_sip_unreadable", "callwright_sip_door"):
            for sample in family.samples:
                kind = sample.labels.get("what", "")
                if kind in counted and sample.name.endswith("_total"):
                    counted[kind] += sample.value
    return counted


async def test_forged_sources_take_no_room(platform: Running) -> None:
    """Whose an address is, is remembered of so many; and a trunk is known whatever came before."""
    async with platform.database() as db:
        await _account(db, "12125557011", "127.0.0.37")
        directory = Directory(db, _no_names)
        await directory.read(names=False)
        for number in range(FOUND_MAX + 500):
            directory.trunks_at(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
            assert len(directory._found) <= FOUND_MAX
        assert len(directory.trunks_at("127.0.0.37")) == 1


async def test_a_trunk_by_srv_is_known_at_its_addresses_of_both_families(platform: Running) -> None:
    """Whichever of them it is called at."""
    zone = {
        ("_sip._udp.both.test", "SRV"): (60, ["1 0 5080 a.both.test."]),
        ("a.both.test", "A"): (60, ["127.0.0.38"]),
        ("a.both.test", "AAAA"): (60, ["::1"]),
    }
    async with platform.database() as db, name_server(zone) as server:
        await _account(db, "12125557012", "both.test", port=0)
        endpoint = await SipEndpoint.open("::", 0, on_invite=lambda _: None, names=Names([server.address]))
        directory = Directory(db, endpoint.places)
        await directory.read()
        assert [len(directory.trunks_at(host)) for host in ("::1", "127.0.0.38", "127.0.0.40")] == [1, 1, 0]
        await endpoint.close()


async def _no_names(*_: Any) -> list[Place]:
    return []


async def test_another_machine_asks_whether_the_engine_lives(platform: Running) -> None:
    async with platform.database() as db:
        server_id = await db.pool.fetchval("SELECT server_id FROM engines WHERE stopped_at IS NULL")
    stranger = Peer(platform, STRANGER)
    stranger.sends(_request("OPTIONS", f"sip:engine-{server_id + 1}@127.0.0.1"))
    stranger.sends(_request("OPTIONS", f"sip:engine-{server_id}@127.0.0.1"))
    answer = await asyncio.to_thread(stranger.hears)
    assert answer is not None and answer.status == 200
    assert await asyncio.to_thread(stranger.hears, 0.5) is None


async def test_who_guesses_is_not_listened_to_and_a_telephone_elsewhere_is(platform: Running) -> None:
    async with platform.database() as db:
        _, secret = await phones.create(db, await _account(db, "12125557004", "127.0.0.24"), NewPhone("hal"))
    await _until_known(platform, "127.0.0.24", "12125557004")
    phone, guesser = Peer(platform, PHONE), Peer(platform, GUESSER)
    assert await asyncio.to_thread(phone.registers, "hal", secret, 1) == [401, 200]
    for number in range(FAILURES_MAX):
        assert await asyncio.to_thread(guesser.registers, "hal", f"guess {number}", 10 * number + 1) == [401, 401]
    assert await asyncio.to_thread(guesser.registers, "hal", secret, 1000, 1.0) == []
    assert await asyncio.to_thread(phone.registers, "hal", secret, 3) == [401, 200]
    # A telephone that is registered is no stranger: its keep-alive is answered, its INVITE is challenged all the same.
    phone.sends(_request("OPTIONS", "sip:127.0.0.1"))
    answer = await asyncio.to_thread(phone.hears)
    assert answer is not None and answer.status == 200
    phone.sends(_request("INVITE", "sip:12125557004@127.0.0.1", **{"from": "<sip:hal@127.0.0.1>;tag=a"}))
    answer = await asyncio.to_thread(phone.hears)
    assert answer is not None and answer.status == 401


async def test_a_flood_of_unknown_users_makes_its_source_silent(platform: Running) -> None:
    async with platform.database() as db:
        _, secret = await phones.create(db, await _account(db, "12125557005", "127.0.0.25"), NewPhone("ida"))
    await _until_known(platform, "127.0.0.25", "12125557005")
    scanner = Peer(platform, FLOOD)
    assert await asyncio.to_thread(scanner.registers, "ida", secret, 1) == [401, 200]
    other = Peer(platform, FLOOD)
    for number in range(200):
        other.sends(register(user=f"{number}", number=1, call_id=str(number)))
    assert await asyncio.to_thread(other.registers, "ida", secret, 1, 1.0) == []
    # The telephone behind the same address that is registered already is still served.
    assert await asyncio.to_thread(scanner.registers, "ida", secret, 3) == [401, 200]
    assert await _calls(platform, "127.0.0.25", "12125557005") == 200


async def test_whom_a_trunk_asserts_is_believed_where_it_is_trusted(platform: Running) -> None:
    async with platform.database() as db:
        await _account(db, "12125557006", "127.0.0.26", trusts_identity=True)
        await _account(db, "12125557007", "127.0.0.27")
        await _until_known(platform, "127.0.0.27", "12125557007")
        asserted = ("P-Asserted-Identity", "<sip:+13125550199@carrier.example>")
        for source, number in (("127.0.0.26", "12125557006"), ("127.0.0.27", "12125557007")):
            assert await _calls(platform, source, number, asserted) == 200
        assert await _calls(platform, "127.0.0.26", "12125557006", asserted, ("Privacy", "id")) == 200
        # By number, not by id: a call may be given an id that another call, which did not begin, gave back.
        assert await _callers(db, "12125557006", calls=2) == {"+13125550199", "6175550100"}
        assert await _callers(db, "12125557007", calls=2) == {"6175550100"}


async def _callers(db: Database, number: str, *, calls: int) -> set[str]:
    """Who called this number, as the log has it, once that many calls stand there."""
    async with asyncio.timeout(WAIT_S):
        rows: list[Any] = []
        while len(rows) < calls:
            rows = await db.pool.fetch("SELECT src FROM calls WHERE dest = $1", number)
    return {row["src"] for row in rows}


async def test_an_answer_that_was_heard_is_worth_nothing_after_a_restart(platform: Running) -> None:
    """Nor at another engine, which is the same to it. The telephone itself goes on with the new challenge."""
    async with platform.database() as db:
        _, secret = await phones.create(db, await _account(db, "12125557009", "127.0.0.30"), NewPhone("kim"))
    await _until_known(platform, "127.0.0.30", "12125557009")
    phone, listener = Peer(platform, "127.0.0.31"), Peer(platform, "127.0.0.34")
    asked = register("<sip:kim@127.0.0.31:5060>", user="kim", number=1, call_id="kim")
    identity = Identity(Credentials("kim", secret), lambda: "c")
    phone.sends(asked)
    challenge = await asyncio.to_thread(phone.hears)
    assert challenge is not None and identity.prove(asked, challenge)
    asked.renumber(2)
    phone.sends(asked)
    granted = await asyncio.to_thread(phone.hears)
    assert granted is not None and granted.status == 200
    os.kill(platform.ready["pids"]["engine"], signal.SIGKILL)
    await _until_known(platform, "127.0.0.30", "12125557009")
    asked.renumber(3)
    for peer in (listener, phone):
        peer.sends(asked)
        refused = await asyncio.to_thread(peer.hears)
        assert refused is not None and refused.status == 401
        assert "stale=true" in refused.headers.get("www-authenticate")
    assert identity.prove(asked, refused)
    asked.renumber(4)
    phone.sends(asked)
    granted = await asyncio.to_thread(phone.hears)
    assert granted is not None and granted.status == 200
