"""baresip as an independent peer: it calls our side, plays a WAV file, and records what it hears into another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

MODULES = Path("/usr/lib/baresip/modules")
RUN_S_MAX = 20.0


class Baresip:
    """A running baresip; what it printed so far is `said`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process, self._folder = process, folder
        self.said = ""

    @property
    def heard(self) -> Path:
        """The WAV that it writes of what it decodes."""
        (found,) = self._folder.glob("dump-*-dec.wav")
        return found

    async def says(self, words: str) -> None:
        """Wait until it has printed this."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(RUN_S_MAX):
                while words not in self.said:
                    line = await self._process.stdout.readline()
                    assert line, self.said[-3000:]
                    self.said += line.decode(errors="replace")
        except TimeoutError:
            raise AssertionError(f"baresip never said {words!r}: {self.said[-3000:]}") from None

    def command(self, text: str) -> None:
        """A line typed at its prompt: `/hangup`, or a key."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())


@asynccontextmanager
async def baresip(
    folder: Path, to: str, *modules: str, plays: Path, account: str = "", config: str = ""
) -> AsyncIterator[Baresip]:
    """It dials `to`. `account`: parameters such as `;audio_codecs=PCMA`; `config`: lines of its configuration."""
    folder.mkdir()
    transport = ";transport=tls" if "transport=tls" in to else ""
    (folder / "accounts").write_text(f"<sip:ann@127.0.0.1{transport}>;regint=0{account}\n")
    names = ("stdio.so", "g711.so", "aufile.so", "aubridge.so", "sndfile.so", *modules)
    (folder / "config").write_text(
        "sip_listen 127.0.0.1:0\n"
        f"audio_player aubridge,nil\naudio_source aufile,{plays}\naudio_alert aubridge,nil\n"
        f"snd_path {folder}\nmodule_path {MODULES}\n"
        + "".join(f"module {name}\n" for name in names)
        + f"module_app account.so\nmodule_app menu.so\n{config}"
    )
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-f", str(folder), "-e", f"/dial {to}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    try:
        yield Baresip(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
