"""Two engines over one database: each knows its own nonces, and the queue's call to a phone goes by the engine that reaches it."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from applications import SHORT
from baresip import Baresip, baresip, registered
from conftest import Running, started
from sip_requests import register

from callwright.base.config import Config
from callwright.base.errors import ProviderError
from callwright.sip.address import Address, host_port, name_address
from callwright.sip.digest import Credentials, Identity
from callwright.sip.message import Request, Response, parse
from callwright.telephony import sip_options

pytestmark = pytest.mark.interop

WAIT_S = 30.0
NUMBER = "12125558301"
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Second:
    """The other engine."""

    def __init__(self, config: Config, process: "subprocess.Popen[bytes]") -> None:
        self.sip: Address = (config.sip_host, config.sip_port)
        assert config.sip_tcp is not None
        self.sip_tcp: Address = config.sip_tcp
        self.process = process


@contextmanager
def _engine(config: Config) -> "Iterator[subprocess.Popen[bytes]]":
    """As `callwright up` starts it on a machine of its own."""
    Path(config.data_dir).mkdir(mode=0o700)
    config.run_dir.mkdir()
    config.metrics_dir.mkdir()
    config.save(config.run_dir / "config.json")
    command = [sys.executable, "-m", "callwright", "engine", "--config", str(config.run_dir / "config.json")]
    with (Path(config.data_dir) / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with started("--sip-tcp", "127.0.0.1:0") as running:
        yield running


@pytest.fixture
async def second(platform: Running) -> AsyncIterator[Second]:
    first = Path(platform.ready["recordings_dir"]).parent
    known = json.loads((first / "run" / "config.json").read_text())
    data = first.parent / f"second-{secrets.token_hex(4)}"
    known |= {
        "data_dir": str(data),
        "sip_port": _free_port(socket.SOCK_DGRAM),
        "sip_tcp": ["127.0.0.1", _free_port(socket.SOCK_STREAM)],
        "rtp_port_min": known["rtp_port_max"] + 1,
        "rtp_port_max": known["rtp_port_max"] + 400,
    }
    settings = first / f"{data.name}.json"
    settings.write_text(json.dumps(known))
    config = Config.load(settings)
    with _engine(config) as process:
        # Speech and audio files are the machine's, which they share.
        for name in ("audio", "run/pool.sock"):
            (data / name).symlink_to(first / name)
        async with asyncio.timeout(WAIT_S):
            while await _asked(config) != 200:
                assert process.poll() is None, (data / "log").read_text()[-3000:]
        yield Second(config, process)


async def _asked(config: Config) -> int:
    try:
        return await sip_options.ask(config.sip_host, config.sip_port, wait_s=1)
    except ProviderError:
        return 0


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Peer:
    """A telephone as a socket: it sends each request to the engine that the test says."""

    def __init__(self, user: str, secret: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.at = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.user = user
        self._identity = Identity(Credentials(user, secret), lambda: secrets.token_hex(4))
        self._number = 0

    def close(self) -> None:
        self._socket.close()

    def makes(self, method: str, uri: str) -> Request:
        made = register(f"<sip:{self.user}@{self.at}>", user=self.user, call_id=f"{method}-{self.at}")
        made.method, made.uri = method, uri
        made.headers.set("max-forwards", "70")
        if method == "INVITE":
            made.headers.set("to", f"<{uri}>")
            made.headers.set("content-type", "application/sdp")
            made.body = OFFER
        return made

    async def sends(self, request: Request, to: Address) -> Response:
        """With the next number, to this engine; its final answer."""
        self._number += 1
        request.renumber(self._number)
        request.headers.set("via", f"SIP/2.0/UDP {self.at};branch=z9hG4bK{secrets.token_hex(8)};rport")
        self._socket.sendto(request.serialize(), to)
        return await self._hears(request)

    async def _hears(self, request: Request) -> Response:
        async with asyncio.timeout(WAIT_S):
            while True:
                answer = parse(await asyncio.get_running_loop().sock_recv(self._socket, 8192))
                if isinstance(answer, Response) and answer.status >= 200 and answer.sequence == request.sequence:
                    return answer

    def proves(self, request: Request, challenge: Response) -> None:
        assert challenge.status == 401 and self._identity.prove(request, challenge)

    async def ends(self, answered: Response, invite: Request, by: Address) -> int:
        """ACK and BYE of a call that was answered; what the BYE gets."""
        for method in ("ACK", "BYE"):
            made = Request(method, name_address(answered.headers.get("contact")).uri, sequence=invite.sequence)
            for name in ("from", "call-id"):
                made.headers.set(name, invite.headers.get(name))
            made.headers.set("to", answered.headers.get("to"))
            made.headers.set("max-forwards", "70")
            made.headers.set("cseq", f"{invite.sequence} {method}")
            if method == "BYE":
                return (await self.sends(made, by)).status
            made.headers.set("via", f"SIP/2.0/UDP {self.at};branch=z9hG4bK{secrets.token_hex(8)}")
            self._socket.sendto(made.serialize(), by)
        raise AssertionError


def _is_stale(answer: Response) -> bool:
    return answer.status == 401 and "stale=true" in answer.headers.get("www-authenticate")


async def _until_known(peer: Peer, engine: Address) -> None:
    """Engines learn of a new telephone a moment after it was made; before that it gets no answer."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    if (await peer.sends(peer.makes("REGISTER", "sip:127.0.0.1"), engine)).status == 401:
                        return


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
async def test_a_nonce_of_one_is_stale_at_the_other(platform: Running, second: Second, method: str) -> None:
    """ADR 28: it is challenged anew there, and what the one has made stays good at the one, once."""
    first = host_port(platform.ready["sip"])
    _, secret = await platform.add_phone(f"ivy-{method.lower()}")
    _, deployment_id = await platform.deploy(SHORT)
    number = f"{NUMBER}{len(method)}"
    async with platform.client() as client:
        body = {"address": number, "deployment_id": deployment_id}
        assert (await client.post("/v1/numbers", json=body)).status_code == 201
    phone = Peer(f"ivy-{method.lower()}", secret)
    try:
        for engine in (first, second.sip):
            await _until_known(phone, engine)
        asked = phone.makes(method, f"sip:{number}@127.0.0.1" if method == "INVITE" else "sip:127.0.0.1")
        challenge = await phone.sends(asked, first)
        assert not _is_stale(challenge)
        phone.proves(asked, challenge)
        elsewhere = await phone.sends(asked, second.sip)
        assert _is_stale(elsewhere), "it is right, but for a nonce that nobody here has made"
        granted = await phone.sends(asked, first)
        assert granted.status == 200, "the other one's look at it did not use it up"
        if method == "INVITE":
            assert await phone.ends(granted, asked, first) == 200
        assert _is_stale(await phone.sends(asked, first)), "each answer is good once"
        phone.proves(asked, elsewhere)
        granted = await phone.sends(asked, second.sip)
        assert granted.status == 200
        if method == "INVITE":
            assert await phone.ends(granted, asked, second.sip) == 200
    finally:
        phone.close()


@asynccontextmanager
async def _registered(
    platform: Running, folder: Path, name: str, at: Address, transport: str = "udp"
) -> AsyncIterator[Baresip]:
    _, secret = await platform.add_phone(name)
    account, place = registered(name, secret), f"{at[0]}:{at[1]}"
    async with baresip(folder, user=name, at=place, transport=transport, account=account, answers=True) as phone:
        await phone.until("REGISTER_OK")
        yield phone


async def _dialled_by(platform: Running, call_id: int) -> tuple[str, str]:
    """How a call of the queue ended, and the host:port of the engine that made it."""
    found = await platform.over(call_id)
    async with platform.database() as db:
        engine = await db.pool.fetchval(
            """
            SELECT e.sip FROM outbound_attempts a JOIN engines e ON e.id = a.engine_id
            WHERE a.outbound_call_id = $1 ORDER BY a.id DESC LIMIT 1
            """,
            call_id,
        )
    return found["details"]["status"], str(engine)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_is_called_by_the_engine_that_reaches_it(
    platform: Running, second: Second, tmp_path: Path, transport: str
) -> None:
    first = host_port(platform.ready["sip" if transport == "udp" else "sip_tcp"])
    other = second.sip if transport == "udp" else second.sip_tcp
    here, there = f"here-{transport}", f"there-{transport}"
    _, deployment_id = await platform.deploy(SHORT)
    async with (
        _registered(platform, tmp_path / "here", here, first, transport),
        _registered(platform, tmp_path / "there", there, other, transport),
    ):
        # Whichever engine is the first to look at the queue, and several times.
        ids = [(name, await platform.queue_at(name, deployment_id=deployment_id)) for name in (here, there) * 4]
        ended = [(name, await _dialled_by(platform, call_id)) for name, call_id in ids]
    by_second = f"127.0.0.1:{second.sip[1]}"
    expected = {here: ("completed", platform.ready["sip"]), there: ("completed", by_second)}
    assert ended == [(name, expected[name]) for name, _ in ids]


async def test_a_dead_engines_phone_is_called_by_the_other(platform: Running, second: Second, tmp_path: Path) -> None:
    """By UDP: where it is, it is known; once the other has said nothing for as long as a lease lasts."""
    _, deployment_id = await platform.deploy(SHORT)
    async with _registered(platform, tmp_path, "left", second.sip) as phone:
        os.kill(second.process.pid, signal.SIGKILL)
        call_id = await platform.queue_at("left", deployment_id=deployment_id)
        await phone.until("CALL_ESTABLISHED")
        assert await _dialled_by(platform, call_id) == ("completed", platform.ready["sip"])


async def test_a_draining_engine_leaves_its_phones_to_the_other(
    platform: Running, second: Second, tmp_path: Path
) -> None:
    """It dials no more, though a call of its own keeps it alive."""
    _, deployment_id = await platform.deploy(SHORT)
    async with _registered(platform, tmp_path / "stays", "stays", second.sip) as stays:
        async with _registered(platform, tmp_path / "waits", "waits", second.sip) as waits:
            await platform.deploy(_LISTENS, address="12125558390")
            await stays.does("dial", "12125558390")
            await stays.until("CALL_ESTABLISHED")
            second.process.send_signal(signal.SIGUSR1)
            call_id = await platform.queue_at("waits", deployment_id=deployment_id)
            await waits.until("CALL_ESTABLISHED")
            assert await _dialled_by(platform, call_id) == ("completed", platform.ready["sip"])
            assert second.process.poll() is None
        await stays.does("hangup")


_LISTENS = {
    "name": "Listens",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "pause"}},
                {
                    "name": "pause",
                    "type": "digits",
                    "prompt": "Wait.",
                    "initial_timeout_s": 60,
                    "exits": {"next": "end"},
                },
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}
