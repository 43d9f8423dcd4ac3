"""Kamailio, a proxy and registrar by others, on a free port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from callwright.base.errors import ProviderError
from callwright.sip.address import Address
from callwright.telephony import sip_options

PROGRAM = Path("/usr/sbin/kamailio")
WAIT_S = 20.0
"For it to answer, and to end."


@asynccontextmanager
async def kamailio(folder: Path, config: str) -> AsyncIterator[Address]:
    """Its UDP address, once it answers OPTIONS. `config` has `%d` where its port stands."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address: Address = probe.getsockname()
    (folder / "kamailio.cfg").write_text(config % address[1])
    assert PROGRAM.exists(), "Kamailio is missing: ./dev test installs it"
    log = (folder / "kamailio.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "-DD", "-E", "-m", "64", "-M", "8", "-f", str(folder / "kamailio.cfg"), "-Y", str(folder)),
        stdout=log,
        stderr=log,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        await _up(address, process, folder / "kamailio.log")
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(WAIT_S):
            await process.wait()
        log.close()


async def _up(address: Address, process: asyncio.subprocess.Process, log: Path) -> None:
    """Until it answers OPTIONS."""
    async with asyncio.timeout(WAIT_S):
        while process.returncode is None:
            try:
                assert await sip_options.ask(*address, wait_s=1) == 200
            except ProviderError:
                continue
            return
    raise AssertionError(log.read_text(errors="replace")[-3000:])
