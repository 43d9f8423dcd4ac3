"""WAV files on bytes: the header that the recorder writes, and reading what users bring."""

from dataclasses import dataclass
from struct import Struct

from callwright.base.errors import AuthorError

PCM = 1
FLOAT = 3
ALAW = 6
ULAW = 7
_EXTENSIBLE = 0xFFFE

_HEADER = Struct("<4sI4s4sIHHIIHHH4sII4sI")
"RIFF, `fmt ` with its (empty) extension, `fact`, `data`."

HEADER_BYTES = _HEADER.size
_SIZE_MAX = 0xFFFFFFFF - HEADER_BYTES
_CHUNK = Struct("<4sI")
_FORMAT = Struct("<HHIIHH")


@dataclass(frozen=True, slots=True)
class Wave:
    """A WAV file taken apart."""

    format: int
    "`PCM`, `FLOAT`, `ALAW`, `ULAW` or another format tag."

    channels: int
    rate_hz: int
    bits: int
    "Per sample."

    data: bytes


def ulaw_header(frames: int, channels: int, rate_hz: int = 8000) -> bytes:
    """Header of a µ-law WAV with `frames` samples per channel. Always `HEADER_BYTES` long, so it can be written again.

    Past 4 GB (74 hours in stereo) it says 4 GB, all that the format has room for.
    """
    frames = min(frames, _SIZE_MAX // channels)
    size = frames * channels
    return _HEADER.pack(
        b"RIFF",
        HEADER_BYTES - 8 + size + size % 2,
        b"WAVE",
        b"fmt ",
        18,
        ULAW,
        channels,
        rate_hz,
        rate_hz * channels,
        channels,
        8,
        0,
        b"fact",
        4,
        frames,
        b"data",
        size,
    )


def parse(file: bytes) -> Wave:
    """Raises `AuthorError` where `file` is no WAV file. A data chunk that promises too much ends with the file."""
    if len(file) < 12 or file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        raise AuthorError("not a WAV file")
    layout: tuple[int, int, int, int] | None = None
    at = 12
    while at + _CHUNK.size <= len(file):
        name, size = _CHUNK.unpack_from(file, at)
        body = file[at + _CHUNK.size : at + _CHUNK.size + size]
        at += _CHUNK.size + size + size % 2
        if name == b"fmt ":
            layout = _layout(body)
        elif name == b"data" and layout is not None:
            return Wave(*layout, data=body)
    raise AuthorError("a WAV file without audio")


def _layout(body: bytes) -> tuple[int, int, int, int]:
    if len(body) < _FORMAT.size:
        raise AuthorError("a WAV file with a broken header")
    tag, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")
    if not 1 <= channels <= 8 or not 1000 <= rate_hz <= 384_000:
        raise AuthorError(f"a WAV file with {channels} channels at {rate_hz} Hz")
    return tag, channels, rate_hz, bits
