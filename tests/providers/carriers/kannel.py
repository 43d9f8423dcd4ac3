"""Debian's Kannel as a client of an SMSC: its two processes, and the URLs by which it is asked and tells."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

BEARERBOX, SMSBOX = "/usr/sbin/bearerbox", "/usr/sbin/smsbox"
READY_S_MAX = 30.0
GONE_S_MAX = 10.0

CONFIG = """
group = core
admin-port = {admin}
admin-password = admin
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-level = 1

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {smsc}
smsc-username = callwright
smsc-password = secret
system-type = VMA
transceiver-mode = true
reconnect-delay = 1
enquire-link-interval = 5

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}
log-level = 1

group = sendsms-user
username = user
password = pass
max-messages = 9
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{url}/text?from=%p&to=%P&body=%b&coding=%c&charset=%C"
"""


class Kannel:
    """Sends by an SMSC, and tells a web server what comes from it."""

    def __init__(self, send: int, url: str) -> None:
        self._send, self._url = send, url

    async def send(self, **fields: str) -> None:
        """Have it send a text; its receipts come to `/receipt` of the web server."""
        asked = {
            "username": "user", "password": "pass", "dlr-mask": "31", "dlr-url": f"{self._url}/receipt?type=%d", **fields
        }  # fmt: skip
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            reply = await client.get(f"http://127.0.0.1:{self._send}/cgi-bin/sendsms", params=asked)
        assert reply.status_code == 202, reply.text


@contextlib.asynccontextmanager
async def kannel(folder: Path, *, smsc: int, url: str) -> AsyncIterator[Kannel]:
    """Kannel, once it takes texts. `smsc` is the port of an SMSC, `url` is where it tells what comes."""
    assert Path(BEARERBOX).exists(), "Kannel is missing: ./dev test installs it"
    admin, box, send = _free(), _free(), _free()
    config = folder / "kannel.conf"
    config.write_text(CONFIG.format(admin=admin, box=box, send=send, smsc=smsc, url=url))
    running: list[asyncio.subprocess.Process] = []
    try:
        with (folder / "kannel.log").open("wb") as log:
            for program, port in ((BEARERBOX, box), (SMSBOX, send)):
                running.append(
                    await asyncio.create_subprocess_exec(
                        program, str(config), stdout=log, stderr=log, cwd=folder, env={**os.environ, "TZ": "UTC"}
                    )
                )
                await _listens(port)
        yield Kannel(send, url)
    finally:
        for process in reversed(running):
            if process.returncode is None:
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), GONE_S_MAX)
            except TimeoutError:
                process.kill()
                await process.wait()


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _listens(port: int) -> None:
    async with asyncio.timeout(READY_S_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
