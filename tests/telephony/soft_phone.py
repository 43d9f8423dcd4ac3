"""baresip as an independent telephone: it calls, is called, and does what a netstring on its control port says."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

WAIT_S = 20.0


class SoftPhone:
    """One telephone. Made by `soft_phone`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sip: tuple[str, int]) -> None:
        self._reader, self._writer = reader, writer
        self.address = sip
        self.seen: list[str] = []

    async def does(self, command: str, parameters: str = "") -> None:
        """`dial`, `accept`, `transfer`, `hangup`, as its menu has them."""
        text = json.dumps({"command": command, "params": parameters})
        self._writer.write(f"{len(text)}:{text},".encode())
        await self._writer.drain()

    async def until(self, event: str) -> dict[str, str]:
        """The next event of this type, such as `CALL_ESTABLISHED`."""
        async with asyncio.timeout(WAIT_S):
            while True:
                size = await self._reader.readuntil(b":")
                told = json.loads(await self._reader.readexactly(int(size[:-1])))
                await self._reader.readexactly(1)
                self.seen.append(str(told.get("type") or told))
                if told.get("type") == event:
                    return dict(told)


def _free(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def soft_phone(folder: Path) -> AsyncIterator[SoftPhone]:
    """A telephone with its settings in this folder; calls that come to it ring until it `accept`s."""
    sip, control = _free(socket.SOCK_DGRAM), _free(socket.SOCK_STREAM)
    (folder / "accounts").write_text(f"<sip:ann@127.0.0.1:{sip}>;regint=0\n")
    (folder / "contacts").write_text("")
    (folder / "config").write_text(
        f"sip_listen 127.0.0.1:{sip}\nctrl_tcp_listen 127.0.0.1:{control}\n"
        "audio_player aubridge,nil\naudio_source aubridge,nil\naudio_alert aubridge,nil\n"
        "module_path /usr/lib/baresip/modules\n"
        "module g711.so\nmodule aubridge.so\nmodule_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
    )
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-f", str(folder)), stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log
    )
    try:
        reader, writer = await _connected(control, process, folder / "log")
        yield SoftPhone(reader, writer, ("127.0.0.1", sip))
        writer.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        log.close()


async def _connected(
    port: int, process: asyncio.subprocess.Process, log: Path
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(WAIT_S):
        while process.returncode is None:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
    raise AssertionError(log.read_text(errors="replace")[-3000:])
