"""Speech by espeak-ng, in its worker program behind a pipe (`espeak-worker/`)."""

import asyncio
import json
import sys
from typing import Any

import numpy as np

from callwright.base.errors import ProviderError
from callwright.media import frames
from callwright.ports.synthesizer import SpeechRequest

NAME = "espeak-ng"
VERSION = "1"
"Part of the prompt cache's key: raised when the same text would sound different."

ANSWER_S_MAX = 20.0
"The longest text takes less than a second."

PCM_BYTES_MAX = 100 << 20
RATE_WPM = 160
"Words a minute: a little slower than espeak-ng's own, for telephone audio."

PEAK = 0.5
"Loudest sample after levelling, of full scale: -6 dBFS, as recorded telephone prompts have."

SILENCE_LEVEL = 0.005
TAIL_S = 0.15
"Silence that is left after the last sound."

VOICES = {
    "en-US": "en-us", "en-GB": "en", "en-AU": "en", "es-ES": "es", "es-MX": "es-419", "es-US": "es-419", "fr-FR": "fr",
    "fr-CA": "fr", "de-DE": "de", "it-IT": "it", "pt-BR": "pt-br", "pt-PT": "pt", "nl-NL": "nl",
}  # fmt: skip


def voice_of(language: str) -> str:
    """Raises `ProviderError` for a language without a voice."""
    voice = VOICES.get(language)
    if voice is None:
        raise ProviderError(f"espeak-ng speaks {', '.join(VOICES)}, not {language}")
    return voice


class Espeak:
    """A `Synthesizer`. The worker is started when it is first needed, and again when it has died."""

    def __init__(self) -> None:
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def synthesize(self, request: SpeechRequest) -> bytes:
        """µ-law, 8000 Hz, mono. Raises `ProviderError`."""
        asked = {"text": request.text, "voice": voice_of(request.language), "rate_wpm": RATE_WPM}
        header, pcm = await self._ask(asked)
        return await asyncio.to_thread(_telephone_audio, pcm, int(header["rate_hz"]))

    async def pronounce(self, word: str, language: str) -> str:
        """How it says a word, in IPA, the sounds divided by `_`. Raises `ProviderError`."""
        header, _ = await self._ask({"text": word, "voice": voice_of(language), "phonemes": True})
        return str(header["phonemes"])

    async def close(self) -> None:
        async with self._turn:
            await self._stop()

    async def _ask(self, request: dict[str, object]) -> tuple[dict[str, Any], bytes]:
        """The answer's header and bytes. Raises `ProviderError`."""
        async with self._turn:
            try:
                return await self._ask_once(request)
            except (OSError, EOFError):
                # The worker died of something before us, most likely: once more with a new one.
                await self._stop()
                try:
                    return await self._ask_once(request)
                except (OSError, EOFError):
                    await self._stop()
                    raise ProviderError("espeak-ng ended while it spoke", retryable=True) from None

    async def _ask_once(self, request: dict[str, object]) -> tuple[dict[str, Any], bytes]:
        worker = await self._running()
        assert worker.stdin is not None and worker.stdout is not None
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                worker.stdin.write(json.dumps(request).encode() + b"\n")
                await worker.stdin.drain()
                header: dict[str, Any] = json.loads(await worker.stdout.readline() or b"{}")
                if not header:
                    raise EOFError
                pcm = await worker.stdout.readexactly(min(int(header["bytes"]), PCM_BYTES_MAX))
        except TimeoutError:
            await self._stop()
            raise ProviderError(f"espeak-ng did not answer within {ANSWER_S_MAX:g} s", retryable=True) from None
        if not header["ok"]:
            raise ProviderError(f"espeak-ng: {header['error']}")
        return header, pcm

    async def _running(self) -> asyncio.subprocess.Process:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "espeak_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        return self._worker

    async def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and worker.returncode is None:
            worker.kill()
            await worker.wait()


def _telephone_audio(pcm: bytes, rate_hz: int) -> bytes:
    """Levelled, the silence at its end cut short, at 8000 Hz in µ-law."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(samples) > SILENCE_LEVEL)
    if not loud.size:
        return b""
    samples = samples[: loud[-1] + 1 + int(TAIL_S * rate_hz)]
    samples *= PEAK / float(np.max(np.abs(samples)))
    return frames.ulaw_of_samples((samples * 32767).astype(np.int16), rate_hz)
