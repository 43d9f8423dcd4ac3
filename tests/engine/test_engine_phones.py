"""The whole platform with soft phones: they register, call an application and each other, and are called."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from applications import SHORT
from baresip import Baresip, baresip, registered
from conftest import Running, started
from sipp import SDP, bye_answer, called, dial, free_port, recv, reply, send
from telephones import telephone
from tls import Authority

from callwright.base.config import Config
from callwright.services import accounts, numbers, phones
from callwright.services.phones import NewPhone
from callwright.sip.digest import Credentials, Identity
from callwright.sip.message import Request, Response, parse
from callwright.store.database import Database
from callwright.store.scope import Scope

pytestmark = pytest.mark.interop

WAIT_S = 30.0


def transferring(destination: str) -> dict:
    return {
        "name": f"Transfer to {destination}",
        "pages": [
            {
                "name": "Main",
                "modules": [
                    {"name": "start", "type": "start", "exits": {"next": "there"}},
                    {"name": "there", "type": "transfer", "destination": destination, "exits": {"next": "end"}},
                    {"name": "end", "type": "exit"},
                ],
            }
        ],
    }


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def platform(authority: Authority) -> Iterator[Running]:
    cert, key = authority.issue("sip")
    tls = ("--tls-cert", str(cert), "--tls-key", str(key), "--sip-tls", "127.0.0.1:0")
    with started("--sip-tcp", "127.0.0.1:0", *tls, ca=authority.ca) as running:
        yield running


async def _bindings(platform: Running, phone_id: int) -> list[dict]:
    async with platform.client() as client:
        return (await client.get(f"/v1/phones/{phone_id}")).json()["bindings"]


def _where(platform: Running, transport: str) -> str:
    return str(platform.ready["sip" if transport == "udp" else f"sip_{transport}"])


@asynccontextmanager
async def _other_account(platform: Running) -> AsyncIterator[tuple[Database, Scope]]:
    """Another account on the same platform, with a number of its own that leads nowhere yet."""
    config = Config.load(Path(platform.ready["recordings_dir"]).parent / "run" / "config.json")
    db = await Database.open(config.database_url, sealing_key=config.sealing_key)
    try:
        email = f"{secrets.token_hex(4)}@example.test"
        yield db, (await accounts.create_account(db, name="Other", email=email, password="Secret-123")).scope
    finally:
        await db.close()


@asynccontextmanager
async def softphone(
    folder: Path,
    user: str,
    secret: str,
    registrar: str,
    *,
    transport: str = "udp",
    ca: Path | None = None,
    answers: bool = True,
    domain: str = "",
) -> AsyncIterator[Baresip]:
    """A telephone of this user, which registers at once. `domain`: by which it is configured to call us."""
    account = registered(user, secret) + (f';outbound="sip:{registrar}"' if domain else "")
    async with baresip(
        folder, user=user, at=domain or registrar, transport=transport, account=account, ca=ca, answers=answers
    ) as phone:
        yield phone


class TestBaresip:
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
    async def test_registers_calls_an_application_and_is_called(
        self, platform: Running, authority: Authority, tmp_path: Path, transport: str
    ) -> None:
        at = ("udp", "tcp", "tls").index(transport)
        name, number, transfers, extension = f"ann-{transport}", f"1212555810{at}", f"1212555811{at}", f"200{at}"
        phone_id, secret = await platform.add_phone(name, extension=extension)
        await platform.deploy(SHORT, address=number)
        await platform.deploy(transferring(f"sip:{name}@callwright"), address=transfers)
        ca = authority.ca if transport == "tls" else None
        registrar = _where(platform, transport)
        async with softphone(tmp_path / "ann", name, secret, registrar, transport=transport, ca=ca) as ann:
            await ann.until("REGISTER_OK")
            (binding,) = await _bindings(platform, phone_id)
            assert binding["transport"] == transport and "baresip" in binding["user_agent"]

            await ann.does("dial", number)
            await ann.until("CALL_ESTABLISHED")
            await ann.until("CALL_CLOSED")
            (call,) = await platform.calls(number, 1)
            assert call["src"] == extension

            async with telephone(tmp_path) as caller:
                line = await caller.calls(platform.ready["sip"], transfers)
                await ann.until("CALL_ESTABLISHED")
                line.leg.hang_up()
                await ann.until("CALL_CLOSED")
            await ann.does("quit")
            async with asyncio.timeout(WAIT_S):
                await ann.process.wait()
                while await _bindings(platform, phone_id):  # noqa: ASYNC110 - they are another process's
                    await asyncio.sleep(0.05)

    async def test_two_of_them_call_each_other_and_those_of_others_are_not_there(
        self, platform: Running, tmp_path: Path
    ) -> None:
        _, secret = await platform.add_phone("bob", extension="301", digest="md5")
        _, other_secret = await platform.add_phone("carol", extension="302")
        sip = platform.ready["sip"]
        async with (
            softphone(tmp_path / "bob", "bob", secret, sip) as bob,
            softphone(tmp_path / "carol", "carol", other_secret, sip) as carol,
            _other_account(platform) as (db, other),
        ):
            _, stranger_secret = await phones.create(db, other, NewPhone("dave", "301"))
            await numbers.create(db, other, address="12125558199")
            await bob.until("REGISTER_OK")
            await carol.until("REGISTER_OK")
            for dialled in ("302", "carol"):
                await bob.does("dial", dialled)
                assert (await carol.until("CALL_ESTABLISHED"))["peeruri"].startswith("sip:301@")
                await bob.does("hangup")
                await bob.until("CALL_CLOSED")
                await carol.until("CALL_CLOSED")
            # `301` is bob's here and dave's there; each reaches what is its own account's.
            async with softphone(tmp_path / "dave", "dave", stranger_secret, sip) as dave:
                await dave.until("REGISTER_OK")
                for dialled in ("302", "carol", str(platform.ready["number"]), "12125550101"):
                    await dave.does("dial", dialled)
                    assert "404" in (await dave.until("CALL_CLOSED"))["param"]
            # Nor does a telephone call by a trunk, unless it may.
            await bob.does("dial", "12125550101")
            assert "404" in (await bob.until("CALL_CLOSED"))["param"]

    @pytest.mark.parametrize("holds", ["caller", "called"])
    async def test_one_puts_the_other_on_hold(self, platform: Running, tmp_path: Path, holds: str) -> None:
        """The other one is told, and told that it is over; what each said is in the log."""
        at = ("caller", "called").index(holds)
        _, secret = await platform.add_phone(f"liam-{at}", extension=f"60{at}")
        _, other_secret = await platform.add_phone(f"mia-{at}", extension=f"61{at}")
        sip = platform.ready["sip"]
        async with (
            softphone(tmp_path / "liam", f"liam-{at}", secret, sip) as liam,
            softphone(tmp_path / "mia", f"mia-{at}", other_secret, sip) as mia,
        ):
            await liam.until("REGISTER_OK")
            await mia.until("REGISTER_OK")
            await liam.does("dial", f"61{at}")
            await liam.until("CALL_ESTABLISHED")
            await mia.until("CALL_ESTABLISHED")
            one, other = (liam, mia) if holds == "caller" else (mia, liam)
            for does in ("hold", "resume"):
                await one.does(does)
                assert (await one.until("CALL_REMOTE_SDP"))["param"] == "answer"
                assert (await other.until("CALL_REMOTE_SDP"))["param"] == "offer"
            await liam.does("hangup")
            await mia.until("CALL_CLOSED")
        legs = await platform.legs_of(f"60{at}", 2)
        for leg in legs:
            begun = leg["role"] == ("caller" if holds == "caller" else "transfer")
            again = [
                one["text"] for one in leg["messages"] if one["text"].startswith("INVITE") and one["sent"] != begun
            ]
            assert [text.count("a=sendonly") for text in again[-2:]] == [1, 0], leg["role"]

    @pytest.mark.parametrize("asks", ["caller", "called"])
    async def test_one_hands_the_other_on_to_a_third(self, platform: Running, tmp_path: Path, asks: str) -> None:
        """By REFER to its extension; to one that there is not, the call comes to nothing."""
        known = {}
        for at, name in enumerate(("ines", "jack", "kate")):
            extension = f"{'4' if asks == 'caller' else '5'}0{at}"
            known[name] = extension, (await platform.add_phone(f"{name}-{asks}", extension=extension))[1]
        sip = platform.ready["sip"]
        async with (
            softphone(tmp_path / "ines", f"ines-{asks}", known["ines"][1], sip) as ines,
            softphone(tmp_path / "jack", f"jack-{asks}", known["jack"][1], sip) as jack,
            softphone(tmp_path / "kate", f"kate-{asks}", known["kate"][1], sip) as kate,
        ):
            for one in (ines, jack, kate):
                await one.until("REGISTER_OK")
            await ines.does("dial", known["jack"][0])
            await ines.until("CALL_ESTABLISHED")
            await jack.until("CALL_ESTABLISHED")
            leaves, stays = (ines, jack) if asks == "caller" else (jack, ines)
            await leaves.does("transfer", f"sip:{known['kate'][0]}@{sip}")
            await kate.until("CALL_ESTABLISHED")
            await leaves.until("CALL_CLOSED")
            await kate.does("transfer", f"sip:999{asks}@{sip}")
            await kate.until("TRANSFER_FAILED")
            # baresip hangs up then; until now the two were joined.
            await stays.until("CALL_CLOSED")

    @pytest.mark.parametrize("asks", ["caller", "called"])
    async def test_one_hands_the_other_on_by_the_host_that_it_is_configured_with(
        self, platform: Running, tmp_path: Path, asks: str
    ) -> None:
        """Where nobody can look that up, since telephones reach us by a proxy of theirs; another host is nobody's."""
        known = {}
        for at, name in enumerate(("iris", "joel", "kurt")):
            extension = f"{'7' if asks == 'caller' else '8'}5{at}"
            known[name] = extension, (await platform.add_phone(f"{name}-{asks}", extension=extension))[1]
        sip, domain = platform.ready["sip"], "PBX.example.test"
        async with (
            softphone(tmp_path / "iris", f"iris-{asks}", known["iris"][1], sip, domain=domain) as iris,
            softphone(tmp_path / "joel", f"joel-{asks}", known["joel"][1], sip, domain=domain) as joel,
            softphone(tmp_path / "kurt", f"kurt-{asks}", known["kurt"][1], sip) as kurt,
        ):
            for one in (iris, joel, kurt):
                await one.until("REGISTER_OK")
            await iris.does("dial", known["joel"][0])
            await iris.until("CALL_ESTABLISHED")
            await joel.until("CALL_ESTABLISHED")
            leaves, stays = (iris, joel) if asks == "caller" else (joel, iris)
            await leaves.does("transfer", f"sip:{known['kurt'][0]}@{domain.lower()}")
            await kurt.until("CALL_ESTABLISHED")
            await leaves.until("CALL_CLOSED")
            # Nobody knows us by that host, and no name is looked up at a party's word.
            await kurt.does("transfer", f"sip:{known['iris'][0]}@elsewhere.test")
            assert "403" in (await kurt.until("TRANSFER_FAILED"))["param"]
            await stays.until("CALL_CLOSED")

    @pytest.mark.parametrize("does", ["accept", "hangup"])
    async def test_one_hands_the_other_on_to_a_third_with_several_devices(
        self, platform: Running, tmp_path: Path, does: str
    ) -> None:
        """All of them ring; who answers has the call, and it ends where all decline."""
        secrets_of = {}
        for name in ("nora", "otto", "paul"):
            secrets_of[name] = (await platform.add_phone(f"{name}-{does}"))[1]
        sip = platform.ready["sip"]
        async with (
            softphone(tmp_path / "nora", f"nora-{does}", secrets_of["nora"], sip) as nora,
            softphone(tmp_path / "otto", f"otto-{does}", secrets_of["otto"], sip) as otto,
            softphone(tmp_path / "desk", f"paul-{does}", secrets_of["paul"], sip, answers=False) as desk,
            softphone(tmp_path / "pocket", f"paul-{does}", secrets_of["paul"], sip, answers=False) as pocket,
        ):
            for one in (nora, otto, desk, pocket):
                await one.until("REGISTER_OK")
            await nora.does("dial", f"otto-{does}")
            await nora.until("CALL_ESTABLISHED")
            await otto.until("CALL_ESTABLISHED")
            await nora.does("transfer", f"sip:paul-{does}@{sip}")
            await desk.until("CALL_INCOMING")
            await pocket.until("CALL_INCOMING")
            await pocket.does(does)
            if does == "accept":
                await pocket.until("CALL_ESTABLISHED")
                await desk.until("CALL_CLOSED")
                await nora.until("CALL_CLOSED")
                await otto.does("hangup")
                await pocket.until("CALL_CLOSED")
            else:
                await desk.does("hangup")
                await nora.until("TRANSFER_FAILED")

    async def test_all_its_devices_ring_and_the_first_that_answers_has_the_call(
        self, platform: Running, tmp_path: Path
    ) -> None:
        phone_id, secret = await platform.add_phone("gus", extension="305")
        await platform.deploy(transferring("305"), address="12125558120")
        sip = platform.ready["sip"]
        async with (
            softphone(tmp_path / "desk", "gus", secret, sip, answers=False) as desk,
            softphone(tmp_path / "pocket", "gus", secret, sip, answers=False) as pocket,
            telephone(tmp_path) as caller,
        ):
            await desk.until("REGISTER_OK")
            await pocket.until("REGISTER_OK")
            assert len(await _bindings(platform, phone_id)) == 2
            line = await caller.calls(sip, "12125558120")
            await desk.until("CALL_INCOMING")
            await pocket.until("CALL_INCOMING")
            await pocket.does("accept")
            await pocket.until("CALL_ESTABLISHED")
            await desk.until("CALL_CLOSED")
            line.leg.hang_up()
            await pocket.until("CALL_CLOSED")

    async def test_one_that_may_calls_by_a_trunk(self, platform: Running, tmp_path: Path) -> None:
        _, secret = await platform.add_phone("erin", calls_out=True)
        async with softphone(tmp_path / "erin", "erin", secret, platform.ready["sip"]) as erin:
            await erin.until("REGISTER_OK")
            before = len(platform.phone_events())
            await erin.does("dial", "2125550108")
            await erin.until("CALL_ESTABLISHED")
            await erin.until("CALL_CLOSED")
            assert "answered" in [event["event"] for event in platform.phone_events()[before:]]

    async def test_a_wrong_password(self, platform: Running, tmp_path: Path) -> None:
        phone_id, _ = await platform.add_phone("frank")
        async with softphone(tmp_path / "frank", "frank", "a guess", platform.ready["sip"]) as frank:
            assert "401" in (await frank.until("REGISTER_FAIL"))["param"]
        assert await _bindings(platform, phone_id) == []


class TestSipp:
    async def test_register_is_challenged_and_granted(self, platform: Running, tmp_path: Path) -> None:
        """Every step as the standard has it: the times, the bindings that are told, and one that is taken away again."""
        phone_id, secret = await platform.add_phone("sipp")
        proof = f"[authentication username=sipp password={secret}]"
        where = "Contact: <sip:sipp@[local_ip]:[local_port]>"
        steps = [
            _register(1, where),
            recv(
                401,
                has=r'WWW-Authenticate:.*realm="callwright".*nonce="[0-9a-f]{56}".*algorithm=MD5.*qop="auth"',
                auth=True,
            ),
            _register(2, where, "Expires: 30", proof),
            recv(423, has="Min-Expires:.*60"),
            _register(3, where, "Expires: 120"),
            recv(401, auth=True),
            _register(4, where, "Expires: 120", proof),
            recv(200, has=r"Contact:.*sip:sipp@127.0.0.1:[0-9]+>;expires=120"),
            _register(5, "Contact: *", "Expires: 0"),
            recv(401, auth=True),
            _register(6, "Contact: *", "Expires: 0", proof),
            recv(200),
            _register(7),
            recv(401, auth=True),
            _register(8, proof, "Require: outbound"),
            recv(420, has="Unsupported:.*outbound"),
        ]
        host, port = platform.ready["sip"].split(":")
        assert await dial(tmp_path, steps, (host, int(port))) == ""
        assert await _bindings(platform, phone_id) == []

    async def test_one_behind_a_nat_is_called_and_hung_up_on(self, platform: Running, tmp_path: Path) -> None:
        """It registers with an address that nobody reaches from here; INVITE, ACK and BYE come to where it registered from."""
        _, secret = await platform.add_phone("sipp-nat")
        application = transferring("sip:sipp-nat@callwright")
        application["pages"][0]["modules"][1]["duration_max_s"] = 1
        await platform.deploy(application, address="12125558122")
        proof = f"[authentication username=sipp-nat password={secret}]"
        inside, port = "192.168.77.5:5060", free_port("127.0.0.1")

        def asks(number: int, *headers: str) -> str:
            step = _register(number, f"Contact: <sip:sipp-nat@{inside}>", *headers)
            return _from(inside, step.replace("sip:sipp@", "sip:sipp-nat@"))

        host, sip_port = platform.ready["sip"].split(":")
        registers = [asks(1), recv(401, auth=True), asks(2, proof), recv(200, has=r"Contact:.*expires=90")]
        assert await dial(tmp_path, registers, (host, int(sip_port)), "-p", str(port)) == ""
        steps = [recv("INVITE"), reply("200 OK", body=SDP, again=True), recv("ACK"), recv("BYE"), bye_answer()]
        steps = [_from(inside, step) for step in steps]
        async with called(tmp_path, steps, port=port) as phone, telephone(tmp_path) as caller:
            await caller.calls(platform.ready["sip"], "12125558122")
            assert await phone.verdict() == ""

    async def test_one_sends_us_on_to_no_address_that_is_not_ours_to_reach(
        self, platform: Running, tmp_path: Path
    ) -> None:
        """A telephone is anybody's who has an account: a redirection of its is not followed into a private network."""
        _, secret = await platform.add_phone("sipp-moves")
        proof, port = f"[authentication username=sipp-moves password={secret}]", free_port("127.0.0.1")
        where = "Contact: <sip:sipp-moves@[local_ip]:[local_port]>"
        asks = [
            _register(number, where, *fields).replace("sip:sipp@", "sip:sipp-moves@")
            for number, *fields in ((1,), (2, proof))
        ]
        host, sip_port = platform.ready["sip"].split(":")
        registers = [asks[0], recv(401, auth=True), asks[1], recv(200)]
        assert await dial(tmp_path, registers, (host, int(sip_port)), "-p", str(port)) == ""
        moved = reply("302 Moved").replace("<sip:100@[local_ip]:[local_port]>", "<sip:100@10.9.8.7:5432;transport=tcp>")
        async with called(tmp_path, [recv("INVITE"), moved, recv("ACK")], port=port) as phone:
            found = await platform.over(await platform.queue_at("sipp-moves", max_attempts=1))
            assert await phone.verdict() == ""
        assert [made["sip_status"] for made in found["attempts"]] == [302]

    async def test_one_behind_a_proxy_is_called_by_its_path(self, platform: Running, tmp_path: Path) -> None:
        _, secret = await platform.add_phone("pat")
        await platform.deploy(transferring("sip:pat@callwright"), address="12125558121")
        host, port = platform.ready["sip"].split(":")
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as edge,
        ):
            for one in (proxy, edge):
                one.bind(("127.0.0.1", 0))
                one.settimeout(WAIT_S)
            proxy.connect((host, int(port)))
            asked = _plain("pat", proxy.getsockname(), 1)
            path = f"<sip:127.0.0.1:{edge.getsockname()[1]};lr>"
            asked.headers.set("path", path)
            asked.headers.set("contact", "<sip:pat@10.1.2.3:5060>")
            proxy.send(asked.serialize())
            challenge = parse(await asyncio.to_thread(proxy.recv, 4096))
            assert isinstance(challenge, Response)
            assert Identity(Credentials("pat", secret), lambda: "c").prove(asked, challenge)
            asked.renumber(2)
            asked.headers.set("via", f"SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{secrets.token_hex(8)};rport")
            proxy.send(asked.serialize())
            granted = parse(await asyncio.to_thread(proxy.recv, 4096))
            assert isinstance(granted, Response) and (granted.status, granted.headers.get("path")) == (200, path)
            async with telephone(tmp_path) as caller:
                line = await caller.calls(platform.ready["sip"], "12125558121")
                invite = parse(await asyncio.to_thread(edge.recv, 8192))
                assert isinstance(invite, Request)
                assert (invite.method, invite.uri, invite.headers.get("route")) == (
                    "INVITE",
                    "sip:pat@10.1.2.3:5060",
                    path,
                )
                line.leg.hang_up()

    async def test_an_answer_serves_once_and_an_unknown_user_hears_nothing(
        self, platform: Running, tmp_path: Path
    ) -> None:
        _, secret = await platform.add_phone("once")
        host, port = platform.ready["sip"].split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(WAIT_S)
            peer.connect((host, int(port)))

            def asks(text: Request) -> Response:
                peer.send(text.serialize())
                answer = parse(peer.recv(4096))
                assert isinstance(answer, Response)
                return answer

            here = peer.getsockname()
            first = _plain("once", here, 1)
            identity = Identity(Credentials("once", secret), lambda: "client")
            challenge = await asyncio.to_thread(asks, first)
            assert challenge.status == 401 and identity.prove(first, challenge)
            proof = first.headers.get("authorization")
            for number, expected in ((2, (200, False)), (3, (401, True))):
                again = _plain("once", here, number)
                again.headers.set("authorization", proof)
                answer = await asyncio.to_thread(asks, again)
                assert (answer.status, "stale=true" in answer.headers.get("www-authenticate")) == expected
            # What is not there gets no answer: the next one that comes is for the next question.
            peer.send(_plain("nobody", here, 4).serialize())
            assert (await asyncio.to_thread(asks, _plain("once", here, 5))).sequence == 5


def _plain(user: str, here: tuple[str, int], number: int) -> Request:
    request = Request("REGISTER", "sip:127.0.0.1", sequence=number)
    place = f"{here[0]}:{here[1]}"
    for name, value in (
        ("via", f"SIP/2.0/UDP {place};branch=z9hG4bK{secrets.token_hex(8)};rport"),
        ("from", f"<sip:{user}@127.0.0.1>;tag=a"),
        ("to", f"<sip:{user}@127.0.0.1>"),
        ("call-id", f"plain-{user}"),
        ("cseq", f"{number} REGISTER"),
        ("contact", f"<sip:{user}@{place}>"),
    ):
        request.headers.set(name, value)
    return request


def _from(inside: str, step: str) -> str:
    """A message of SIPp's that names itself by this place."""
    here = "[local_ip]:[local_port]"
    return step.replace(f"{here};branch", f"{inside};rport;branch").replace(f"{here}>\n", f"{inside}>\n")


def _register(number: int, *headers: str) -> str:
    return send(
        "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "From: <sip:sipp@[remote_ip]>;tag=[call_number]",
        "To: <sip:sipp@[remote_ip]>",
        "Call-ID: [call_id]",
        f"CSeq: {number} REGISTER",
        "Max-Forwards: 70",
        *headers,
        attributes='retrans="500"',
    )
