"""An account's audio files: µ-law, named by their content, on disk beside the database."""

import hashlib
import os
from pathlib import Path

from callwright.base.errors import RequestError
from callwright.store.scope import Scope

AUDIO_BYTES_MAX = 8000 * 600
"Ten minutes of µ-law."


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
