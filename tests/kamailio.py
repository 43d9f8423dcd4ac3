"""Kamailio, a proxy and registrar by others, on a free port."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from callwright.base.errors import ProviderError
from callwright.sip.address import Address
from callwright.telephony import sip_options

PROGRAM = Path("/usr/sbin/kamailio")
WAIT_S = 20.0
"For it to answer."

END_S = 5.0
"For it to end by itself."

_SETTINGS = """
listen=udp:127.0.0.1:{port}
children={children}
auto_aliases=no
log_stderror=yes
"""
_MODULES = ("tm", "sl", "rr", "pv", "textops", "siputils")


@asynccontextmanager
async def kamailio(
    folder: Path, routes: str, *modules: str, children: int = 2, tcp: bool = False, at: Address | None = None
) -> AsyncIterator[Address]:
    """Its UDP address, once it answers OPTIONS. `routes`: what its modules are told, and what it does with a request. `modules`:
    beside those that every proxy needs. `children`: of two, the one may overtake the other, and a request the one before it.
    `tcp`: it takes connections too. `at`: where it is; None: at a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address: Address = probe.getsockname()
    loaded = "".join(f'loadmodule "{name}.so"\n' for name in (*_MODULES, *modules))
    address = at or address
    settings = _SETTINGS.format(port=address[1], children=children)
    if tcp:
        settings += f"listen=tcp:127.0.0.1:{address[1]}\ntcp_children=1\n"
    (folder / "kamailio.cfg").write_text(settings + loaded + routes)
    assert PROGRAM.exists(), "Kamailio is missing: ./dev test installs it"
    log = (folder / "kamailio.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "-DD", "-E", "-m", "64", "-M", "8", "-f", str(folder / "kamailio.cfg"), "-Y", str(folder)),
        stdout=log,
        stderr=log,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await _up(address, process, folder / "kamailio.log")
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            # Told to end while it works, Kamailio 5.6 stands still in its own signal handler now and then.
            os.killpg(process.pid, signal.SIGKILL)
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
