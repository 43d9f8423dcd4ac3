"""baresip, a telephone by others, in the test's hands: it registers, calls and is called, plays a WAV file, writes what it hears
into another, and does what it is told by its control connection."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from callwright.sip.address import written

MODULES = Path("/usr/lib/baresip/modules")
WAIT_S = 30.0
"For anything that it does: far longer than it takes, even on a busy machine."

TRIES = 20


class Baresip:
    """A running baresip. Made by `baresip`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        process: asyncio.subprocess.Process,
        folder: Path,
        address: tuple[str, int],
    ) -> None:
        self._reader, self._writer, self._folder = reader, writer, folder
        self.process = process
        self.address = address
        "Where it takes SIP over UDP and TCP."

        self.tls_port = address[1] + 1
        self.seen: list[str] = []
        "What it told so far, for whoever reads of a failure."

    @property
    def heard(self) -> Path:
        """The WAV that it writes of what it decodes."""
        (found,) = self._folder.glob("dump-*-dec.wav")
        return found

    async def does(self, command: str, params: str = "") -> None:
        """`dial`, `accept`, `transfer`, `hangup`, as its menu has them."""
        body = json.dumps({"command": command, "params": params}).encode()
        self._writer.write(b"%d:%s," % (len(body), body))
        await self._writer.drain()

    async def presses(self, key: str) -> None:
        await self.does("sndcode", key)

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this kind, such as `CALL_ESTABLISHED`."""
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    told = await self._message()
                    if told.get("event"):
                        self.seen.append(f"{told['type']} {told.get('param', '')}")
                    if told.get("type") == kind:
                        return told
        except (TimeoutError, asyncio.IncompleteReadError):
            log = (self._folder / "log").read_text(errors="replace")[-3000:]
            raise AssertionError(f"baresip never told {kind}, but {self.seen}\n{log}") from None

    async def _message(self) -> dict[str, Any]:
        """One netstring."""
        length = await self._reader.readuntil(b":")
        told: dict[str, Any] = json.loads((await self._reader.readexactly(int(length[:-1]) + 1))[:-1])
        return told

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def baresip(
    folder: Path,
    *modules: str,
    user: str = "ann",
    at: str = "",
    transport: str = "udp",
    account: str = "",
    plays: Path | None = None,
    ca: Path | None = None,
    certificate: Sequence[Path] = (),
    answers: bool = False,
    config: str = "",
    host: str = "127.0.0.1",
    traces: bool = False,
) -> AsyncIterator[Baresip]:
    """One at `host`, with its files in this folder, which is made where there is none.

    `at`: the registrar that it is of; empty: it is of none. `account`: parameters such as `;audio_codecs=PCMA`. `plays`: a WAV,
    in place of what it hears itself. `ca`: by TLS it checks certificates against it; `certificate`: what it shows itself, and its
    key. `answers`: at once, else calls ring until it `accept`s. `config`: lines of its configuration.
    `traces`: its SIP messages are in its log.
    """
    assert MODULES.is_dir(), "baresip is missing: ./dev test installs it"
    folder.mkdir(parents=True, exist_ok=True)
    port, control = _free_ports(host)
    shown = "".join(part.read_text() for part in certificate)
    if shown:
        (folder / "shown.pem").write_text(shown)
    lines = [
        f"sip_listen {written((host, port))}",
        f"sip_cafile {ca}\nsip_verify_server yes" if ca else "",
        f"sip_certificate {folder / 'shown.pem'}" if shown else "",
        f"audio_player aubridge,nil\naudio_source {f'aufile,{plays}' if plays else 'aubridge,nil'}\naudio_alert aubridge,nil",
        f"ctrl_tcp_listen 127.0.0.1:{control}\nsnd_path {folder}\nmodule_path {MODULES}",
        *(
            f"module {name}"
            for name in ("g711.so", "aubridge.so", *(("aufile.so", "sndfile.so") if plays else ()), *modules)
        ),
        *(f"module_app {name}" for name in ("account.so", "menu.so", "contact.so", "ctrl_tcp.so")),
        config,
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    for name in ("accounts", "contacts"):
        (folder / name).write_text("")
    by = f";transport={transport}" if transport != "udp" else ""
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(
            "stdbuf",
            "-oL",
            "baresip",
            *(("-6",) if ":" in host else ()),
            *(("-s",) if traces else ()),
            "-f",
            str(folder),
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=folder,
    )
    try:
        phone = Baresip(*await _control(control, process, folder / "log"), process, folder, (host, port))
        # Told now, and not in its file: so nothing that it tells of it is missed.
        mode = "auto" if answers else "manual"
        place = at or written((host, phone.tls_port if transport == "tls" else port))
        await phone.does("uanew", f"<sip:{user}@{place}{by}>;answermode={mode}{'' if at else ';regint=0'}{account}")
        yield phone
        phone.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        log.close()


def registered(user: str, secret: str) -> str:
    """Parameters of an account that registers, again each minute."""
    return f";auth_user={user};auth_pass={secret};regint=60"


def _free_ports(host: str) -> tuple[int, int]:
    """A port that is free for UDP and TCP, the next one too, and another."""
    for _ in range(TRIES):
        with contextlib.ExitStack() as probes:

            def bound(kind: socket.SocketKind, port: int, probes: contextlib.ExitStack = probes) -> int:
                probe = probes.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
                probe.bind((host, port))
                return int(probe.getsockname()[1])

            try:
                port = bound(socket.SOCK_DGRAM, 0)
                bound(socket.SOCK_STREAM, port)
                bound(socket.SOCK_STREAM, port + 1)
                return port, bound(socket.SOCK_STREAM, 0)
            except OSError:
                continue
    raise AssertionError("no two ports in a row are free")


async def _control(
    port: int, process: asyncio.subprocess.Process, log: Path
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(WAIT_S):
        while process.returncode is None:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-3000:])
