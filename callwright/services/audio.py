"""An account's audio files: µ-law, named by their content, on disk beside the database."""

import hashlib
import os
from pathlib import Path

from callwright.base.errors import AuthorError, RequestError
from callwright.media import wav
from callwright.media.frames import RATE_HZ, ulaw_of_wav
from callwright.store.scope import Scope

AUDIO_S_MAX = 600
AUDIO_BYTES_MAX = RATE_HZ * AUDIO_S_MAX
"Of µ-law."


def read_wav(file: bytes) -> bytes:
    """A user's WAV file as µ-law samples. Takes a second of CPU for a long one.

    The length is checked first: at a low rate a small file may be hours of sound.
    """
    try:
        wave = wav.parse(file)
        if len(wave.data) > AUDIO_S_MAX * wave.rate_hz * wave.channels * max(1, wave.bits // 8):
            raise RequestError(400, f"An audio file may last {AUDIO_S_MAX} seconds.", field="audio")
        return ulaw_of_wav(file)
    except AuthorError as error:
        raise RequestError(400, f"The audio file cannot be read: {error}", field="audio") from None


def add_audio(audio_dir: Path, scope: Scope, samples: bytes) -> str:
    """Keep µ-law samples (8000 Hz, mono) and return the name that a prompt's `audio` takes: `sha256:<hex>`."""
    if not 0 < len(samples) <= AUDIO_BYTES_MAX:
        raise RequestError(
            400, f"An audio file has 1 to {AUDIO_BYTES_MAX} bytes of µ-law (ten minutes).", field="audio"
        )
    digest = hashlib.sha256(samples).hexdigest()
    folder = audio_dir / str(scope.account_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest}.ulaw"
    if not path.exists():
        part = folder / f".{digest}.{os.getpid()}.part"
        part.write_bytes(samples)
        part.rename(path)
    return f"sha256:{digest}"
