"""A recogniser that understands what it was told to."""

import asyncio
from collections import deque

from callwright.base.errors import ProviderError
from callwright.grammar.input import Heard
from callwright.ports.recognizer import Utterance


class FakeRecognizer:
    """`ports.Recognizer` in memory."""

    def __init__(self, *languages: str) -> None:
        self._languages = languages or ("en-US",)
        self.utterances: list[Utterance] = []
        "What it was asked, so far."

        self.answers: deque[tuple[Heard, ...] | ProviderError] = deque()
        "What it answers, one after the other; then it understands nothing."

        self.takes_s = 0.0
        "How long it takes for each."

    def knows(self, language: str) -> bool:
        return language in self._languages

    async def recognize(self, utterance: Utterance) -> tuple[Heard, ...]:
        self.utterances.append(utterance)
        await asyncio.sleep(self.takes_s)
        answer = self.answers.popleft() if self.answers else ()
        if isinstance(answer, ProviderError):
            raise answer
        return answer
