"""baresip, a soft phone by others, in the test's hands: it registers, calls and is called."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

MODULES = Path("/usr/lib/baresip/modules")
WAIT_S = 30.0

CONFIG = """
sip_listen 127.0.0.1:0
{trust}
audio_player aubridge,nil
audio_source aubridge,nil
audio_alert aubridge,nil
ctrl_tcp_listen 127.0.0.1:{port}
module_path {modules}
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
module_app contact.so
module_app ctrl_tcp.so
"""


class Softphone:
    """A running baresip. `events` are what it tells by its control connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: asyncio.subprocess.Process):
        self._reader, self._writer, self.process = reader, writer, process
        self.seen: list[str] = []

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this kind."""
        async with asyncio.timeout(WAIT_S):
            while True:
                told = await self._message()
                if told.get("event"):
                    self.seen.append(f"{told['type']} {told.get('param', '')}")
                if told.get("type") == kind:
                    return told

    async def does(self, command: str, params: str = "") -> None:
        body = json.dumps({"command": command, "params": params}).encode()
        self._writer.write(b"%d:%s," % (len(body), body))
        await self._writer.drain()

    async def _message(self) -> dict[str, Any]:
        """One netstring."""
        length = await self._reader.readuntil(b":")
        body = await self._reader.readexactly(int(length[:-1]) + 1)
        told: dict[str, Any] = json.loads(body[:-1])
        return told

    def close(self) -> None:
        self._writer.close()


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
) -> AsyncIterator[Softphone]:
    """A telephone of this user, which registers at `host:port` at once. By TLS it checks the certificate against `ca`. It
    `answers` at once, or rings."""
    assert MODULES.is_dir(), "baresip is missing: ./dev test installs it"
    folder.mkdir(parents=True)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    trust = f"sip_cafile {ca}\nsip_verify_server yes" if ca else ""
    (folder / "config").write_text(CONFIG.format(trust=trust, port=port, modules=MODULES))
    by = f";transport={transport}" if transport != "udp" else ""
    (folder / "accounts").write_text("")
    (folder / "contacts").write_text("")
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        "baresip", "-f", str(folder), stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log
    )
    try:
        reader, writer = await _control(port, process)
        phone = Softphone(reader, writer, process)
        account = f"<sip:{user}@{registrar}{by}>;auth_user={user};auth_pass={secret};regint=60"
        account += f";answermode={'auto' if answers else 'manual'}"
        await phone.does("uanew", account)
        yield phone
        phone.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        log.close()


async def _control(port: int, process: asyncio.subprocess.Process) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(WAIT_S):
        while process.returncode is None:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
    raise AssertionError("baresip ended while it started")
