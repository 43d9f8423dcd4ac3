"""Voices for benchmarks: synthetic ones, as a telephone line lets them through."""

import json
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from callwright.media.frames import RATE_HZ


def has_flite() -> bool:
    return shutil.which("flite") is not None


class Voices:
    """The synthesizers."""

    def __enter__(self) -> "Voices":
        command = [sys.executable, "-P", "-m", "espeak_worker"]
        self._espeak = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_: object) -> None:
        self._espeak.kill()
        self._espeak.wait()
        self._folder.cleanup()

    def __call__(self, text: str, voice: str, rate_wpm: int) -> NDArray[np.float64]:
        """Samples at 8000 Hz, without the silence around."""
        engine, _, name = voice.partition(" ")
        samples = self._by_espeak(text, name, rate_wpm) if engine == "espeak" else self._by_flite(text, name, rate_wpm)
        loud = np.flatnonzero(np.abs(samples) > 0.005 * 32768)
        return samples[loud[0] : loud[-1] + 1]

    def _by_espeak(self, text: str, voice: str, rate_wpm: int) -> NDArray[np.float64]:
        assert self._espeak.stdin is not None and self._espeak.stdout is not None
        self._espeak.stdin.write(json.dumps({"text": text, "voice": voice, "rate_wpm": rate_wpm}).encode() + b"\n")
        self._espeak.stdin.flush()
        header = json.loads(self._espeak.stdout.readline())
        pcm = np.frombuffer(self._espeak.stdout.read(header["bytes"]), np.int16)
        resampled: NDArray[np.float64] = soxr.resample(pcm.astype(np.float64), header["rate_hz"], RATE_HZ)
        return resampled

    def _by_flite(self, text: str, voice: str, rate_wpm: int) -> NDArray[np.float64]:
        file = Path(self._folder.name) / "said.wav"
        stretch = f"duration_stretch={160 / rate_wpm}"
        subprocess.run(["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", str(file)], check=True)
        with wave.open(str(file)) as made:
            pcm = np.frombuffer(made.readframes(made.getnframes()), np.int16)
            resampled: NDArray[np.float64] = soxr.resample(pcm.astype(np.float64), made.getframerate(), RATE_HZ)
        return resampled


def band(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a telephone line lets through: 3 dB less at 200 and 3500 Hz, 14 dB less at 4000 (as ITU-T G.712 has it)."""
    spectrum = np.fft.rfft(samples)
    hz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), 1.0)
    gain = 1 / np.sqrt((1 + (200 / hz) ** 8) * (1 + (hz / 3500) ** 24))
    passed: NDArray[np.float64] = np.fft.irfft(spectrum * gain, len(samples))
    return passed
