"""Audio files that people bring, as the media plane plays them: µ-law, 8000 Hz, mono.

What a file is says its header; what has none (bare samples at 8000 Hz, mono, as telephone systems keep them) is told
by the suffix of its name. A file is decoded in blocks, so that ten minutes in stereo at 48,000 Hz take no more memory
than the file itself.
"""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import miniaudio
import numpy as np
import soxr
from numpy.typing import NDArray

from callwright.base.errors import AuthorError
from callwright.media import g711, wav
from callwright.media.frames import RATE_HZ, to_samples

SECONDS_MAX = 600
"Of one file: nobody listens to a prompt or a tune on hold for longer."

BYTES_MAX = 32 << 20
"Of one file: ten minutes of PCM with 16 bits at 22,050 Hz; what is larger can be brought as MP3."

BLOCK = 1 << 18
"Samples of a channel that are decoded at once: a megabyte as floating point."

Mono = NDArray[np.float32]
"Samples in the range of 16 bits, all channels mixed into one."

_OTHERS = {
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"FORM": "AIFF",
    b".snd": "Sun audio (.au)",
    b"#!AM": "AMR",
    b"RF64": "RF64",
    b"RIFX": "big-endian WAV",
}
"First four bytes of what people have, too."

_INSIDE = {2: "Microsoft ADPCM", 17: "IMA ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3"}
"Format tags of WAV files that are not read, by what people call them."


def ulaw_of(file: bytes, name: str = "") -> bytes:
    """A file's sound. `name` is its file name, where there is one.

    Raises `AuthorError` with the reason where it cannot be read, has no sound in it, or is over a limit.
    """
    if len(file) > BYTES_MAX:
        raise AuthorError(f"it has more than {BYTES_MAX} bytes")
    if not file:
        raise AuthorError("it is empty")
    ulaw = _reader(file, PurePosixPath(name).suffix.lower())(file)
    if not ulaw:
        raise AuthorError("there is no sound in it")
    if len(ulaw) > RATE_HZ * SECONDS_MAX:
        raise _too_long()
    return ulaw


def is_named_as_audio(name: str) -> bool:
    """Whether the file's name ends as audio files that are read here do."""
    return PurePosixPath(name).suffix.lower() in (".wav", ".mp3", *_RAW)


def _reader(file: bytes, suffix: str) -> Callable[[bytes], bytes]:
    if file[:4] == b"RIFF" and file[8:12] == b"WAVE":
        return _wav
    if file[:3] == b"ID3":
        return _mp3
    other = "MPEG-4" if file[4:8] == b"ftyp" else _OTHERS.get(file[:4])
    if other is not None:
        raise AuthorError(f"it is {other}, and {_CAN}")
    if suffix in _RAW:
        return _RAW[suffix]
    if file[0] == 0xFF and len(file) > 1 and file[1] & 0xE6 == 0xE2:
        # A frame of MPEG layer III. Silence in µ-law can look the same: suffixes go before it.
        return _mp3
    raise AuthorError(f"it is neither WAV nor MP3, and its name ends in none of {', '.join(_RAW)}")


# -- WAV ------------------------------------------------------------------------------------------


def _wav(file: bytes) -> bytes:
    wave = wav.parse(file)
    if len(wave.data) > SECONDS_MAX * wave.rate_hz * wave.channels * max(1, wave.bits // 8):
        # At a low rate a small file may be hours of sound.
        raise _too_long()
    if (wave.format, wave.channels, wave.rate_hz) == (wav.ULAW, 1, RATE_HZ):
        return wave.data
    read = _WAV.get((wave.format, wave.bits))
    if read is None:
        inside = _INSIDE.get(wave.format, f"format {wave.format} with {wave.bits} bits")
        raise AuthorError(f"it is a WAV file with {inside}; PCM, floating point, A-law and µ-law can be read")
    return _ulaw(_wav_blocks(wave, read), wave.rate_hz)


def _wav_blocks(wave: wav.Wave, read: Callable[[bytes], Mono]) -> Iterator[Mono]:
    frame = wave.channels * wave.bits // 8
    for at in range(0, len(wave.data) - frame + 1, BLOCK * frame):
        block = wave.data[at : at + BLOCK * frame]
        samples = read(block[: len(block) - len(block) % frame])
        yield samples if wave.channels == 1 else samples.reshape(-1, wave.channels).mean(axis=1, dtype=np.float32)


def _pcm8(data: bytes) -> Mono:
    return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * 256


def _pcm16(data: bytes) -> Mono:
    return np.frombuffer(data, "<i2").astype(np.float32)


def _pcm24(data: bytes) -> Mono:
    triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
    high = triples[:, 1:].copy().view("<i2")[:, 0].astype(np.float32)
    low: Mono = triples[:, 0].astype(np.float32)
    return high + low * np.float32(1 / 256)


def _pcm32(data: bytes) -> Mono:
    return (np.frombuffer(data, "<i4") / 65536).astype(np.float32)


def _float32(data: bytes) -> Mono:
    return _from_float(np.frombuffer(data, "<f4"))


def _float64(data: bytes) -> Mono:
    return _from_float(np.frombuffer(data, "<f8"))


def _from_float(samples: NDArray[np.float32 | np.float64]) -> Mono:
    # What is no number, or infinite, would spoil all that follows it in the resampler.
    clean: Mono = np.nan_to_num(np.clip(samples, -1, 1), nan=0.0).astype(np.float32)
    return clean * 32767


def _mulaw(data: bytes) -> Mono:
    return g711.decode(data).astype(np.float32)


def _alaw(data: bytes) -> Mono:
    return g711.decode_alaw(data).astype(np.float32)


_WAV: dict[tuple[int, int], Callable[[bytes], Mono]] = {
    (wav.PCM, 8): _pcm8,
    (wav.PCM, 16): _pcm16,
    (wav.PCM, 24): _pcm24,
    (wav.PCM, 32): _pcm32,
    (wav.FLOAT, 32): _float32,
    (wav.FLOAT, 64): _float64,
    (wav.ULAW, 8): _mulaw,
    (wav.ALAW, 8): _alaw,
}


# -- MP3 ------------------------------------------------------------------------------------------


def _mp3(file: bytes) -> bytes:
    try:
        found = miniaudio.mp3_get_info(file)
        blocks = miniaudio.stream_memory(
            file, miniaudio.SampleFormat.SIGNED16, 1, found.sample_rate, frames_to_read=BLOCK
        )
    except miniaudio.DecodeError:
        raise AuthorError("it says that it is MP3, and cannot be decoded") from None
    if found.duration > SECONDS_MAX:
        blocks.close()
        raise _too_long()
    return _ulaw((np.array(block, np.float32) for block in blocks), found.sample_rate)


# -- bare samples ---------------------------------------------------------------------------------


def _raw_ulaw(file: bytes) -> bytes:
    return file


def _raw_alaw(file: bytes) -> bytes:
    return g711.encode(g711.decode_alaw(file))


def _raw_little(file: bytes) -> bytes:
    return g711.encode(np.frombuffer(file[: len(file) // 2 * 2], "<i2").astype(np.int16))


def _raw_l16(file: bytes) -> bytes:
    """RFC 3551 has the high byte first, and who writes `.l16` on a PC the low one: sound is the smoother of the two."""
    little, big = (np.frombuffer(file[: len(file) // 2 * 2], order).astype(np.float32) for order in ("<i2", ">i2"))
    rough_little, rough_big = (float(np.abs(np.diff(samples)).sum()) for samples in (little, big))
    return g711.encode(to_samples(big if rough_big < rough_little else little))


_RAW: dict[str, Callable[[bytes], bytes]] = {
    ".ul": _raw_ulaw,
    ".ulaw": _raw_ulaw,
    ".mulaw": _raw_ulaw,
    ".al": _raw_alaw,
    ".alaw": _raw_alaw,
    ".l16": _raw_l16,
    ".sln": _raw_little,
}
_CAN = f"WAV, MP3 and bare samples ({', '.join(_RAW)}) can be read"


# -- to the telephone's rate ----------------------------------------------------------------------


def _ulaw(blocks: Iterator[Mono], rate_hz: int) -> bytes:
    return b"".join(g711.encode(to_samples(block)) for block in _resampled(blocks, rate_hz))


def _resampled(blocks: Iterator[Mono], rate_hz: int) -> Iterator[Mono]:
    if rate_hz == RATE_HZ:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _too_long() -> AuthorError:
    return AuthorError(f"it is longer than {SECONDS_MAX} seconds")
