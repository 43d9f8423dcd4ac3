"""A platform whose processes are killed at random points while calls are queued, dialled and answered, and what must hold.

The site is made of real parts: `callwright up` in processes of its own, which is started again when it is killed itself,
as an init system does; the test phone, in this process, which nobody kills and which notes every INVITE; and the
receiver of result_url posts. Each call shows a caller id of its own, so what the phone noted and what the platform
answers can be laid side by side without asking the database.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import asyncpg
import httpx

from bench._ivr.server import page
from callwright.cli._address import Address
from callwright.store.database import FAILURES
from callwright.testing.phone import PREFIX, PhoneEvent, TestPhone
from callwright.testing.receiver import Answer, Received, Receiver

ROLES = ("web", "engine", "jobs", "pool", "child of pool", "postgres", "child of postgres", "phone", "up")
WEIGHTS = (5, 5, 5, 5, 5, 5, 5, 5, 1)
"How often each is killed. `up` takes all others with it."

STALL_S_MAX = 3.0
"The next kill comes after this long even where nothing happens, because everything is down."

MERCY = 0.8
"How often a platform that starts is let finish. Where each start is cut off, nothing is ever up to be killed."

READY_S_MAX = 90.0
CLIENTS = 4
"That queue calls at the same time."

REQUEST_S_MAX = 10.0
PAUSE_S = 0.1
FINAL = ("completed", "failed", "canceled", "rejected")
OPEN = """
    SELECT (SELECT count(*) FROM outbound_calls WHERE status IN ('queued', 'dialing', 'connected'))
         + (SELECT count(*) FROM outbound_attempts WHERE state <> 'ended')
         + (SELECT count(*) FROM calls WHERE ended_at IS NULL)
         + (SELECT count(*) FROM callbacks WHERE state = 'pending')
"""
PRESSES, HANGS_UP, IS_BUSY, NEVER_ANSWERS, IS_SILENT = (f"{PREFIX}{last:02}" for last in (1, 6, 4, 3, 5))
SHARES = {PRESSES: 60, HANGS_UP: 25, IS_BUSY: 10, NEVER_ANSWERS: 5}
REATTEMPT_S = 60
RTP_PORTS = (30_000, 31_998)
PHONE_HOST = "127.0.0.2"
"Not where the platform's own phone is, which would have the trunk lead to itself at the next start."

CHANNELS = 40
CALLS_MAX = 500
"At our phone: those of an engine that was killed stay up until it puts down the receiver."

CALL_S_MAX = 20.0
"A call of our application takes half of that."


@dataclass
class Outcome:
    """What came of it."""

    calls: int
    by_status: dict[str, int]
    by_cause: dict[str, int]
    in_doubt: int
    "Failed, because the engine was lost while it dialled."

    lost_after_answer: int
    again: int
    "Calls with more than one INVITE; each of these is an attempt of its own."

    posts: int
    repeated_posts: int
    unanswered: int
    "Requests to queue a call that got no answer, or 503, because of a kill."

    kills: dict[str, int]
    seconds: float
    settled_s: float
    "From the last kill until nothing was open."

    violations: list[str]
    "What must hold and did not. Empty: nothing."


@dataclass
class _Seen:
    """What the world outside noticed."""

    invited: dict[str, list[str]] = field(default_factory=dict)
    "The Call-IDs of the INVITEs from each caller id."

    posts: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    "(webhook-id, status) of each result_url post, by call id."

    kinds: Counter[str] = field(default_factory=Counter)
    "How often the phone noticed what."

    count: int = 0
    "Grows while anything moves."


class Site:
    """`async with site(folder, seed=1) as running: outcome = await running.run(calls=40, kills=6)`."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None], database_url: str) -> None:
        self._data, self._ready_file = folder / "data", folder / "ready.json"
        # Apart, so that what is killed does not depend on how many requests were needed to queue the calls.
        self._calls_rng, self._kills_rng = random.Random(seed), random.Random(seed)
        self._say = say
        self._env = {**os.environ, "DATABASE_URL": database_url}
        self._seen = _Seen()
        self._moved = asyncio.Event()
        self._up: asyncio.subprocess.Process | None = None
        self._kills: Counter[str] = Counter()
        self._unanswered = 0
        self._answered: set[int] = set()
        # The same ports at each start, as in a site of somebody's own.
        self._http = Address("127.0.0.1", 0).claim(socket.SOCK_STREAM)
        self._sip = Address("127.0.0.1", 0).claim(socket.SOCK_DGRAM)
        self.api = httpx.AsyncClient(base_url=f"http://{self._http}", trust_env=False, timeout=REQUEST_S_MAX)

    # -- the world outside -----------------------------------------------------------------------

    def noticed(self, event: PhoneEvent) -> None:
        """By the phone."""
        if event.event == "invited":
            self._seen.invited.setdefault(event.detail.split(" ")[0], []).append(event.call_id)
        self._seen.kinds[event.event] += 1
        self._move()

    def count(self, event: str) -> int:
        """How often the phone noticed this."""
        return self._seen.kinds[event]

    async def noticed_count(self, event: str, count: int) -> None:
        """Returns when the phone has noticed this so often."""
        async with asyncio.timeout(READY_S_MAX):
            while self.count(event) < count:
                self._moved.clear()
                await self._moved.wait()

    def posted(self, request: Received) -> Answer:
        """To the receiver."""
        if request.path == "/result":
            fields = parse_qs(request.body.decode())
            post = (request.headers["webhook-id"], fields["status"][0])
            self._seen.posts.setdefault(int(fields["call_id"][0]), []).append(post)
        self._move()
        return Answer()

    def _move(self) -> None:
        self._seen.count += 1
        self._moved.set()

    # -- the platform ----------------------------------------------------------------------------

    async def keep_up(self) -> None:
        """Start `callwright up`, and again whenever it has ended, until cancelled."""
        command = [sys.executable, "-P", "-m", "callwright", "up", "--data", str(self._data), "--phone", "127.0.0.1:0"]
        command += ["--http", str(self._http), "--sip", str(self._sip), "--ready-file", str(self._ready_file)]
        command += ["--ring-seconds", "3"]
        log = (self._data.parent / "up.log").open("ab")
        try:
            while True:
                self._ready_file.unlink(missing_ok=True)
                self._up = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=self._env)
                status = await self._up.wait()
                self._say(f"up ended with status {status}; starting it again")
        finally:
            if self._up is not None and self._up.returncode is None:
                self._up.terminate()
                await self._up.wait()
            log.close()

    async def ready(self) -> dict[str, Any]:
        """What the ready file says, once there is one."""
        async with asyncio.timeout(READY_S_MAX):
            while not self._ready_file.exists():  # noqa: ASYNC110 - a file tells of nothing
                await asyncio.sleep(PAUSE_S)
        found: dict[str, Any] = json.loads(self._ready_file.read_text())
        return found

    async def prepare(self, phone: int, receiver: str, document: dict[str, Any]) -> None:
        """The application, its deployment, and a trunk to our own phone in place of the platform's."""
        ready = await self.ready()
        self.api.auth, self._result_url = (ready["email"], ready["developer_key"]), receiver
        for trunk in _ok(await self.api.get("/v1/trunks")).json():
            _ok(await self.api.delete(f"/v1/trunks/{trunk['id']}"))
        trunk = {"name": "phone", "host": PHONE_HOST, "port": phone, "prefix": PREFIX}
        _ok(await self.api.post("/v1/trunks", json=trunk | {"channels": CHANNELS, "calls_per_second": 50}))
        application = _ok(await self.api.post("/v1/applications", json=document)).json()["id"]
        _ok(await self.api.post(f"/v1/applications/{application}/versions"))
        deployed = await self.api.post("/v1/deployments", json={"application_id": application, "label": "chaos"})
        self._queue = f"/api/apps/{application}/{_ok(deployed).json()['id']}/queue"

    # -- the run ---------------------------------------------------------------------------------

    async def run(self, *, calls: int, kills: int, settle_s_max: float) -> Outcome:
        """Queue the calls while processes are killed, wait until nothing is open, and look at everything."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._queue_all(calls))
            tasks.create_task(self._kill_all(kills, 5 * calls // max(kills, 1)))
        last_kill = time.monotonic()
        self._say(f"{len(self._answered)} calls queued, {kills} kills done; waiting until nothing is open")
        await self.settled(settle_s_max)
        ended = time.monotonic()
        return await self._outcome(ended - begun, ended - last_kill)

    async def _queue_all(self, calls: int) -> None:
        callers = iter(range(10**7))

        async def client() -> None:
            while len(self._answered) < calls:
                number = self._calls_rng.choices(list(SHARES), list(SHARES.values()))[0]
                await self.queue_one(next(callers), number)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    async def queue_one(self, caller: int, number: str) -> None:
        """Ask for a call to this number, from caller id number `caller`; it may come to nothing."""
        fields = {"phone_number": f"{number};ani={_caller(caller)}", "metadata": json.dumps({"n": caller})}
        fields |= {"result_url": self._result_url}
        if number == IS_BUSY:
            fields |= {"max_attempts": "2", "reattempt_wait": str(REATTEMPT_S)}
        try:
            reply = await self.api.post(self._queue, data=fields)
        except httpx.ConnectError:
            await asyncio.sleep(PAUSE_S)
        except httpx.HTTPError:
            # It may have been queued, or not.
            self._unanswered += 1
        else:
            if reply.status_code == 200:
                self._answered.add(int(reply.json()["call_id"]))
            elif reply.status_code >= 500:
                self._unanswered += 1
                await asyncio.sleep(PAUSE_S)
            else:
                raise AssertionError(f"{reply.status_code} {reply.text}")

    async def _kill_all(self, kills: int, apart: int) -> None:
        """Kill one process after the other, about `apart` events from each other; each kind once before any comes twice."""
        rng = self._kills_rng
        every: list[str] = rng.sample(ROLES, len(ROLES))
        for number in range(kills):
            until = self._seen.count + rng.randint(1, 2 * apart)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STALL_S_MAX):
                    while self._seen.count < until:
                        self._moved.clear()
                        await self._moved.wait()
            if rng.random() < MERCY:
                await self.ready()
            await self._kill(every[number] if number < len(every) else "")
            if (number + 1) % 20 == 0:
                self._say(f"{number + 1} kills, {len(self._answered)} calls queued")

    async def _kill(self, role: str) -> None:
        """One process of this role, as soon as there is one; without a role, of any that is there."""
        async with asyncio.timeout(READY_S_MAX):
            while True:
                there = self._victims()
                weights = [weight if there.get(name) else 0 for name, weight in zip(ROLES, WEIGHTS, strict=True)]
                picked = role or self._kills_rng.choices(ROLES, weights)[0]
                if there.get(picked):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self._kills_rng.choice(there[picked]), signal.SIGKILL)
                        self._kills[picked] += 1
                        return
                await asyncio.sleep(PAUSE_S)

    def _victims(self) -> dict[str, list[int]]:
        """The platform's processes at this moment, by role."""
        assert self._up is not None
        found: dict[str, list[int]] = {"up": [self._up.pid]}
        for pid in _children(self._up.pid):
            role = _role(pid)
            if role:
                found.setdefault(role, []).append(pid)
                found.setdefault(f"child of {role}", []).extend(_children(pid))
        return found

    async def settled(self, bound_s: float) -> None:
        """Until every call, attempt and callback is over. Raises `TimeoutError`."""
        async with asyncio.timeout(bound_s):
            while await self._open() != 0:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(5 * PAUSE_S)

    async def _open(self) -> int | None:
        """How much is open; None while the database is away."""
        url = json.loads((self._data / "run" / "config.json").read_text())["database_url"]
        try:
            connection = await asyncpg.connect(url, timeout=REQUEST_S_MAX)
            try:
                count: int = await connection.fetchval(OPEN)
                return count
            finally:
                await connection.close()
        except FAILURES:
            return None

    # -- what must hold --------------------------------------------------------------------------

    async def _outcome(self, seconds: float, settled_s: float) -> Outcome:
        found = await self.all_calls()
        violations: list[str] = [
            f"call {call_id} was queued by an answer of 200 and is not there" for call_id in self._answered - set(found)
        ]
        for call_id, call in found.items():
            violations += [f"call {call_id} {said}" for said in self.wrong(call_id, call)]
        if not self._seen.invited:
            violations.append("no call reached the phone, so nothing was tried")
        sessions = Counter(session["session_id"] for call in found.values() for session in call["calls"])
        violations += [f"session id {name} stands {count} times" for name, count in sessions.items() if count > 1]
        invited = Counter(name for names in self._seen.invited.values() for name in names)
        violations += [f"Call-ID {name} was used {count} times" for name, count in invited.items() if count > 1]
        posts = self._seen.posts
        return Outcome(
            calls=len(found),
            by_status=dict(Counter(call["details"]["status"] for call in found.values())),
            by_cause=dict(Counter(call["cause"] for call in found.values()).most_common()),
            in_doubt=sum(call["cause"].startswith("in doubt") for call in found.values()),
            lost_after_answer=sum(call["cause"] == "the engine was lost" for call in found.values()),
            again=sum(len(names) > 1 for names in self._seen.invited.values()),
            posts=sum(map(len, posts.values())),
            repeated_posts=sum(len(made) - 1 for made in posts.values()),
            unanswered=self._unanswered,
            kills=dict(self._kills),
            seconds=seconds,
            settled_s=settled_s,
            violations=violations,
        )

    async def _read(self, path: str, **params: int) -> Any:
        """What is there; a platform that is on its way up is waited for."""
        async with asyncio.timeout(READY_S_MAX):
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    reply = await self.api.get(path, params=params)
                    if reply.status_code < 500:
                        return _ok(reply).json()
                await asyncio.sleep(PAUSE_S)

    async def transcript(self, call: dict[str, Any]) -> str:
        """Of an outbound call that was answered once."""
        (session,) = call["calls"]
        return str((await self._read(f"/v1/calls/{session['session_id']}"))["transcript"])

    async def all_calls(self) -> dict[int, Any]:
        """Every outbound call, by its id."""
        found: dict[int, Any] = {}
        before = 2**63 - 1
        while ids := await self._read("/v1/outbound", limit=100, before=before):
            for call_id in ids:
                found[call_id] = await self._read(f"/v1/outbound/{call_id}")
            before = ids[-1]
        return found

    def wrong(self, call_id: int, call: dict[str, Any]) -> list[str]:
        """What must hold of one call, and does not."""
        details, cause = call["details"], call["cause"]
        status, attempts = details["status"], int(details["attempts"])
        events = Counter(event["event"] for event in details["events"])
        caller = details["phone_number"].partition("ani=")[2]
        invites = len(self._seen.invited.get(caller, ()))
        posts = self._seen.posts.get(call_id, [])
        rules = {
            f"ended as {status}, which is no end": status in FINAL,
            f"has {events['disconnected']} ends but its status is {status}": events["disconnected"]
            == (status == "completed"),
            f"was dialled {invites} times in {attempts} attempts": invites <= attempts,
            f"shows {events['dialing']} attempts of {attempts}": events["dialing"] == attempts,
            f"had {attempts} attempts of {details['max_attempts']}": attempts <= int(details["max_attempts"]),
            "was completed and the phone never rang": status != "completed" or invites > 0,
            f"has {attempts} attempts and says nothing of why it ended": bool(cause),
            "has a session that did not end": all(one["ended_at"] for one in call["calls"]),
            "was not reported": bool(posts),
            f"was reported under {len({name for name, _ in posts})} ids": len({name for name, _ in posts}) <= 1,
            f"is {status} and was reported as {posts}": all(said == status for _, said in posts),
        }
        return [said for said, holds in rules.items() if not holds]


@asynccontextmanager
async def site(
    folder: Path,
    *,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    database_url: str = "",
    document: dict[str, Any] | None = None,
    call_s_max: float = CALL_S_MAX,
) -> AsyncIterator[Site]:
    """A platform in `folder`, which others must be able to pass, ready to be queued to and killed."""
    running = Site(folder, seed, say, database_url)
    async with (
        Receiver(running.posted) as receiver,
        TestPhone(
            PHONE_HOST,
            0,
            rtp_ports=RTP_PORTS,
            tell=running.noticed,
            calls_max=CALLS_MAX,
            call_s_max=call_s_max,
        ) as phone,
        asyncio.TaskGroup() as tasks,
    ):
        kept = [tasks.create_task(phone.serve()), tasks.create_task(running.keep_up())]
        try:
            await running.prepare(phone.address[1], receiver.url("/result"), document or _application())
            yield running
        finally:
            for task in kept:
                task.cancel()
            await running.api.aclose()


def _caller(number: int) -> str:
    return f"213{number:07d}"


def _ok(reply: httpx.Response) -> httpx.Response:
    assert not reply.is_error, f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}"
    return reply


def _application() -> dict[str, Any]:
    """Says what it never said before, so that the pool is needed; asks for a key; and runs a script."""
    ask = {
        "name": "ask",
        "type": "menu",
        "prompt": "Call {{ n }}. Press 1.",
        "choices": [{"keys": "1", "value": "one"}],
        "exits": {"one": "script", "no_input": "end", "no_match": "end"},
    }
    script = {
        "name": "script",
        "type": "evaluate_js",
        "script": "{{ n }} + 1",
        "exits": {"next": "end", "error": "end"},
    }
    once = {"no_match": {"attempts": [""]}, "no_input": {"attempts": [""]}}
    return page("Chaos", ask, script) | {"variables": {"n": 0}, "input": once}


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _role(pid: int) -> str:
    """Of a child of `up`, by its command line; empty where it is gone or not begun yet."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if words[0].endswith("/postgres"):
            return "postgres"
        if "callwright" in words:
            return words[words.index("callwright") + 1]
    return ""
