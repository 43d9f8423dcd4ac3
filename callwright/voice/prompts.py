"""Prompts to frames: the synthesizer's speech and the account's audio files, prepared once for all calls.

Prepared audio is shared by every call of the process and never changed. What is kept is bounded by its size;
the least recently used goes first. Private speech is never kept.
"""

import asyncio
from collections import OrderedDict
from pathlib import Path

from callwright.base.errors import ProviderError
from callwright.media import frames, wav
from callwright.media.tones import tone
from callwright.ports.leg import Frames
from callwright.ports.synthesizer import SpeechRequest, Synthesizer
from callwright.session.prompts import RECORDING, TONE, Audio, Part, Prompt, Speech
from callwright.voice.messages import Messages

FRAMES_MAX = 750_000
"20 ms frames kept prepared: about four hours of audio, 150 MB."


class PromptShelf:
    """The prepared prompts of one process."""

    def __init__(self, synthesizer: Synthesizer, audio_dir: Path) -> None:
        self._synthesizer = synthesizer
        self._audio_dir = audio_dir
        self._kept: OrderedDict[tuple[str, ...], Frames] = OrderedDict()
        self._size = 0

    async def prepare(self, account_id: int, prompt: Prompt, messages: Messages | None = None) -> list[Frames]:
        """Frames of every part, in order. Raises `ProviderError` where one cannot be made.

        `messages` are the recordings of the call, which it may play to its caller.
        """
        return [await self._part(account_id, prompt.language, part, messages) for part in prompt.parts]

    async def _part(self, account_id: int, language: str, part: Part, messages: Messages | None) -> Frames:
        match part:
            case Speech(text=text, private=private):
                return await self._speech(text, language, private)
            case Audio(ref=ref, fallback=fallback, private=private):
                try:
                    if messages is not None and RECORDING.fullmatch(ref):
                        return await asyncio.to_thread(_recorded, messages, ref)
                    return self._audio(account_id, ref)
                except (OSError, ProviderError) as error:
                    if fallback:
                        return await self._speech(fallback, language, private)
                    raise ProviderError(f"The audio file {ref} cannot be played: {error}") from error

    async def _speech(self, text: str, language: str, private: bool) -> Frames:
        if not text.strip():
            return ()
        key = ("speech", language, text)
        if not private and (kept := self._take(key)) is not None:
            return kept
        samples = await self._synthesizer.synthesize(SpeechRequest(text, language, private))
        made = frames.frames(samples)
        if not private:
            self._keep(key, made)
        return made

    def _audio(self, account_id: int, ref: str) -> Frames:
        key = ("audio", str(account_id), ref)
        if (kept := self._take(key)) is not None:
            return kept
        if ref.startswith(TONE):
            made = frames.frames(tone(ref.removeprefix(TONE)))
        else:
            made = frames.frames(audio_path(self._audio_dir, account_id, ref).read_bytes())
        self._keep(key, made)
        return made

    def _take(self, key: tuple[str, ...]) -> Frames | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: tuple[str, ...], made: Frames) -> None:
        self._kept[key] = made
        self._size += len(made)
        while self._size > FRAMES_MAX and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


def _recorded(messages: Messages, ref: str) -> Frames:
    return frames.frames(messages.path(ref).read_bytes()[wav.HEADER_BYTES :])


def audio_path(audio_dir: Path, account_id: int, ref: str) -> Path:
    """Where the audio file `sha256:<hex>` of an account lies. Raises `ProviderError` for any other name."""
    kind, _, digest = ref.partition(":")
    if kind != "sha256" or len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ProviderError(f"{ref!r} is not the name of an audio file (sha256:<64 hex digits>)")
    return audio_dir / str(account_id) / f"{digest}.ulaw"
