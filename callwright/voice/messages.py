"""What callers leave in one call: messages and recordings of the program's own, on disk until the call has ended.

Programs name them `recorded:<32 hex digits>`. A name is found in the folder of its own call only, so a name that
comes from elsewhere (a web service, another call) leads nowhere.
"""

import secrets
import shutil
from pathlib import Path

import numpy as np

from callwright.base.errors import ProviderError
from callwright.media import g711, wav
from callwright.session.prompts import RECORDING

MIX_BYTES = 1 << 20


class Messages:
    """The messages of one call, in a folder that is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> tuple[str, str]:
        """A new name, and the path of its file, which is to be written."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = secrets.token_hex(16)
        return f"recorded:{name}", str(self._folder / f"{name}.wav")

    def keep(self, ulaw: bytes) -> str:
        """What was said to a prompt, as a recording; its name. Seconds of audio: it takes no thread."""
        ref, path = self.new()
        Path(path).write_bytes(wav.ulaw_header(len(ulaw), 1) + ulaw)
        return ref

    def path(self, ref: str) -> Path:
        """Raises `ProviderError` where this call has no such message."""
        found = RECORDING.fullmatch(ref)
        path = self._folder / f"{found[1]}.wav" if found else None
        if path is None or not path.is_file():
            raise ProviderError("this call has no such recording")
        return path

    def size(self, ref: str) -> int:
        """Bytes of a file; 0 where there is none."""
        try:
            return self.path(ref).stat().st_size
        except ProviderError:
            return 0

    def mix(self, ref: str) -> None:
        """Both sides of a recording into one channel. To be called in a thread: it takes a second for an hour."""
        path = self.path(ref)
        mixed = path.with_suffix(".mixed")
        with path.open("rb") as stereo, mixed.open("wb") as mono:
            stereo.seek(wav.HEADER_BYTES)
            mono.write(wav.ulaw_header(0, 1))
            samples = 0
            while block := stereo.read(MIX_BYTES):
                both = g711.decode(block[: len(block) // 2 * 2]).reshape(-1, 2).astype(np.int32)
                mono.write(g711.encode(np.clip(both.sum(axis=1), -32768, 32767).astype(np.int16)))
                samples += len(both)
            mono.seek(0)
            mono.write(wav.ulaw_header(samples, 1))
        mixed.replace(path)

    def remove(self) -> None:
        """The call has ended: what was not sent anywhere is gone."""
        shutil.rmtree(self._folder, ignore_errors=True)
