"""An SMSC of other people: npm's `smpp` in a process of its own, for tests of the interop floor and benchmarks.

`package.json` pins it and what it needs; `./dev test` and `./dev bench sms` install them beside it.
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
WAIT_S = 30.0
"For whatever it is asked."

LINE_BYTES_MAX = 64 << 20
"Of what it tells: all the texts that it has seen, at most."


class NodeSmsc:
    """`async with NodeSmsc() as smsc`: it listens on `smsc.port` of 127.0.0.1."""

    def __init__(
        self,
        *,
        port: int = 0,
        password: str = "secret",
        cert: str = "",
        key: str = "",
        quiet: bool = False,
        remember: bool = False,
    ) -> None:
        """`remember`: it knows which texts it was asked to carry more than once. `quiet`: it does not tell of each."""
        self._options = {
            "port": port, "system_id": "callwright", "password": password, "cert": cert, "key": key, "remember": remember
        }  # fmt: skip
        self._quiet = quiet
        self.told: list[dict[str, Any]] = []
        "What has happened, in order."

        self._changed = asyncio.Condition()

    async def __aenter__(self) -> "NodeSmsc":
        assert shutil.which("node"), "node is missing: ./dev test installs it"
        assert (HERE / "node_modules" / "smpp").exists(), "npm's smpp is missing: ./dev test installs it"
        self.process = await asyncio.create_subprocess_exec(
            *("node", str(HERE / "smsc.js"), json.dumps(self._options)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
        )
        self._reading = asyncio.create_task(self._read())
        self.port: int = (await self.until(lambda one: "listening" in one))["listening"]
        if self._quiet:
            await self.way(quiet=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    def settings(self, **more: object) -> dict[str, object]:
        """Of an account with it."""
        return {
            "host": "localhost",
            "port": self.port,
            "system_id": "callwright",
            "password": self._options["password"],
            **more,
        }

    async def until(self, found: Callable[[dict[str, Any]], bool], *, after: int = 0) -> dict[str, Any]:
        """The first thing after so many that is looked for. Raises `TimeoutError`."""

        def first() -> dict[str, Any] | None:
            return next((one for one in self.told[after:] if found(one)), None)

        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: first() is not None)
        what = first()
        assert what is not None
        return what

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.told if kind in one]

    async def way(self, **way: object) -> None:
        """What it does with texts from now on: `status` (for `times` texts), `state` of receipts (empty: none), `by` text or
        tlv, `silent`, `quiet`."""
        await self._asked({"way": way}, "set")

    def drop(self) -> None:
        """Cut every link."""
        self._say({"drop": True})

    async def back(self) -> None:
        """Listen again, where it listened."""
        await self._asked({"back": True}, "listening")

    def away(self) -> None:
        """Cut every link, and listen no more."""
        self._say({"away": True})

    async def deliver(self, text: str, **fields: object) -> int:
        """Tell a client something; the status of its answer."""
        given = {"source_addr": "12125550101", "destination_addr": "12435678910", "text": text, **fields}
        return int((await self._asked({"deliver": given}, "delivered"))["delivered"])

    async def stats(self) -> dict[str, Any]:
        """`submitted`, `refused`, `told`, `acknowledged`, `again`, `pending`, `bound`, `distinct`, `repeated`, `cpu_s`."""
        found: dict[str, Any] = (await self._asked({"stats": True}, "stats"))["stats"]
        return found

    async def seen(self) -> list[str]:
        """`destination text` of every text that it was asked to carry (`remember`)."""
        found: list[str] = (await self._asked({"seen": True}, "seen"))["seen"]
        return found

    async def _asked(self, command: dict[str, Any], kind: str) -> dict[str, Any]:
        before = len(self.told)
        self._say(command)
        return await self.until(lambda one: kind in one, after=before)

    def _say(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            async with self._changed:
                self.told.append(json.loads(line))
                self._changed.notify_all()
