"""Tones to recognise a side by, and what of them arrived."""

import wave
from pathlib import Path

import numpy as np

from callwright.media import g711


def tone(hertz: float, seconds: float, rate_hz: int = 8000) -> np.ndarray:
    """16-bit samples, at a third of full scale."""
    return (11_000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.int16)


def write(path: Path, samples: np.ndarray, rate_hz: int = 8000, channels: int = 1) -> Path:
    """Every channel has the same samples."""
    samples = np.repeat(samples, channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def pitch(samples: np.ndarray, rate_hz: int = 8000) -> float:
    """The strongest frequency of the loud part; 0 where all is quiet."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 3000)
    if not len(loud):
        return 0.0
    part = samples[loud[0] : loud[-1] + 1].astype(float)
    assert len(part) > rate_hz // 4, f"only {len(part)} samples are loud"
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(spectrum.argmax() * rate_hz / len(part))


def of_wav(path: Path) -> tuple[np.ndarray, int]:
    """The samples of a 16-bit WAV, of its first channel, also where its writer did not end it; and its rate."""
    data = path.read_bytes()
    channels, rate_hz = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
    start = data.index(b"data") + 8
    return np.frombuffer(data[start : start + (len(data) - start) // 2 * 2], "<i2")[::channels], rate_hz


def left_of(path: Path) -> np.ndarray:
    """The far end's side of a recording of ours (µ-law, two channels)."""
    data = path.read_bytes()
    return g711.decode(data[data.index(b"data") + 8 :][0::2])
