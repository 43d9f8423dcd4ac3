"""Speech recognition by PocketSphinx: English, by grammars, in worker processes.

The grammar of an utterance is written from the same objects that keys use. Words that its dictionary has not are
pronounced as the synthesizer would say them. What it can and cannot do is in docs/reference/speech.md.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from callwright.base.errors import AuthorError, ProviderError
from callwright.grammar.input import Heard
from callwright.grammar.jsgf import jsgf, longest, tokens
from callwright.grammar.words import spoken
from callwright.ports.recognizer import Utterance
from callwright.providers.asr.arpabet import arpabet
from callwright.providers.pipe_worker import PipeWorker

ANSWER_S_MAX = 10.0
"For 30 s of audio: it takes a tenth of its length, or a third on a busy machine."

WORKERS_MAX = 4
"Each takes a core while it works, and about 100 MB. They are started as they are needed."

DICTATION_S_MAX = 90.0
"For a minute of audio: it takes half of its length, or more on a busy machine."

DICTATIONS_MAX = 2
"At once: one is worked on, the other waits."

WORDS_WITH_READINGS_MAX = 3
"Words of the longest sentence of a grammar for which more than the best reading is looked for."

Pronounce = Callable[[str], Awaitable[str]]
"A word in IPA, sounds divided by `_`."


def knows(language: str) -> bool:
    """Its acoustic model is of American English; other kinds of English are understood less well."""
    return language.startswith("en")


def _require(language: str) -> None:
    if not knows(language):
        raise ProviderError(f"PocketSphinx understands English, not {language}")


class PocketSphinx:
    """A `Recognizer`, and a `Transcriber`."""

    def __init__(self, pronounce: Pronounce) -> None:
        self._pronounce = pronounce
        self._workers = [
            PipeWorker("callwright.providers.asr.pocketsphinx_worker", "the recogniser", ANSWER_S_MAX)
            for _ in range(min(WORKERS_MAX, os.cpu_count() or 1))
        ]
        self._dictation = PipeWorker("callwright.providers.asr.dictation_worker", "the recogniser", DICTATION_S_MAX)

    def knows(self, language: str) -> bool:
        return knows(language)

    async def recognize(self, utterance: Utterance) -> tuple[Heard, ...]:
        """Raises `ProviderError`."""
        _require(utterance.language)
        try:
            rules = [known for one in utterance.grammars if (known := spoken(one, utterance.language)) is not None]
            grammar, words = jsgf(rules), sorted(tokens(rules))
        except AuthorError as error:
            raise ProviderError(str(error)) from None
        if not grammar:
            return ()
        # Other readings of long sentences cost many times the first, and are hardly ever what was said.
        short = max(map(longest, rules)) <= WORDS_WITH_READINGS_MAX
        question = {"grammar": grammar, "words": words, "readings_max": utterance.nbest_max if short else 1}
        # The idle one that was used last is warm; where none is idle, whoever waits for the fewest.
        worker = min(self._workers, key=lambda one: one.waiting)
        answer = await worker.ask(question, utterance.audio)
        if unknown := answer.get("unknown"):
            answer = await worker.ask(question | {"pronunciations": await self._pronounced(unknown)}, utterance.audio)
        return _heard(answer)

    async def transcribe(self, audio: bytes, language: str) -> str:
        """Raises `ProviderError`."""
        _require(language)
        if self._dictation.waiting >= DICTATIONS_MAX:
            raise ProviderError("the recogniser is busy", retryable=True)
        text: str = (await self._dictation.ask({}, audio))["text"]
        return text

    async def close(self) -> None:
        for worker in (*self._workers, self._dictation):
            await worker.close()

    async def _pronounced(self, words: list[str]) -> dict[str, str]:
        """Raises `ProviderError` for a word that cannot be said in English."""
        found = {word: arpabet(await self._pronounce(word)) for word in words}
        if silent := [word for word, phones in found.items() if phones is None]:
            raise ProviderError(f"the recogniser cannot pronounce {', '.join(map(repr, silent))}")
        return {word: phones for word, phones in found.items() if phones is not None}


def _heard(answer: dict[str, Any]) -> tuple[Heard, ...]:
    if "error" in answer:
        raise ProviderError(f"the recogniser: {answer['error']}")
    return tuple(Heard(tuple(words), confidence) for words, confidence in answer["heard"])
