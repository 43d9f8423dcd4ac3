"""Collecting input: the one machine that a leg, the text driver, the simulator and SMS all use. No I/O, no clock.

    prompting --prompts_ended--> waiting --tick: initial timer--> NoInput
        |                           |
        +------------key------------+--> keyed --key--> keyed
        |                           |      |
        |                           |      +--> Match, NoMatch: nothing can follow, `#`, or tick: final timer
        |                           |
        +------speech_started-------+--> speaking --speech_ended--> recognising --heard--> Match, NoMatch
                                             +----------key-----------+--> keyed

Whoever drives it calls `key` for each key, `prompts_ended` once nothing more is being said, and `tick` at
`deadline`; it stops the prompts when `playing` turns false, and is done when `result` is set. Keys that came
before (`typed`) are fed first, so a caller who knows the menu never hears it. Keys after the result are
`left_over` for whoever collects next; after a no-match they are dropped, for they belong to the mistake. So that all
of it is there, a mistake ends like any input: with `#`, or when no key has come for the time of the final timer.

Speech is heard only while `listening`. Its end is the driver's to tell, which also has it recognised while
`recognising`, and tells by `heard` what it may have been. A key at any moment wins over speech: somebody who presses
one while a television talks means the key.
"""

from collections.abc import Sequence

from callwright.grammar.grammars import Grammar, can_grow, meaning, uses
from callwright.grammar.input import Heard, Match, NoInput, NoMatch, Reading, Result, Timers
from callwright.grammar.words import said

TERMINATOR = "#"
KEYS_MAX = 200
"Of one input: more than the longest that any grammar of ours takes. Whoever leans on the telephone gets an answer."

UTTERANCE_S_MAX = 30.0
"What is longer is no answer to a question: 16 digits with pauses take half of it."

RECOGNITION_S_MAX = 10.0
"A recogniser that takes longer has understood nothing: nobody waits longer in silence."


class Collector:
    """One collection of input. Times are UNIX seconds, and never run backwards."""

    __slots__ = (
        "_confidence_min", "_grammars", "_keys", "_language", "_nbest_max", "_speaking", "_speech", "_timers", "deadline",
        "left_over", "playing", "recognising", "result",
    )  # fmt: skip

    def __init__(
        self,
        grammars: tuple[Grammar, ...],
        timers: Timers,
        typed: str,
        now: float,
        *,
        speech: bool = False,
        language: str = "en-US",
        nbest_max: int = 1,
        confidence_min: float = 0.0,
    ) -> None:
        self._grammars = grammars
        self._timers = timers
        self._speech, self._language = speech, language
        self._nbest_max, self._confidence_min = nbest_max, confidence_min
        self._keys = ""
        self._speaking = False
        self.playing = True
        "Prompts may be heard; false once there is input."

        self.recognising = False
        "Something was said, and `heard` is waited for."

        self.deadline: float | None = None
        "When `tick` is due; None while prompts are played and there was no input."

        self.result: Result | None = None
        self.left_over = ""
        "Keys that came after the result."

        # The `#` that some press after an input that was already complete is not part of the next one.
        for key in typed if self._used(TERMINATOR) else typed.lstrip(TERMINATOR):
            self.key(key, now)

    @property
    def listening(self) -> bool:
        """What the caller says counts: there was no key, and nothing was said to its end."""
        return self._speech and self.result is None and not self._keys and not self.recognising

    def key(self, key: str, now: float) -> None:
        """The caller pressed a key."""
        if self.result is not None:
            if isinstance(self.result, Match):
                self.left_over += key
            return
        self.playing = self._speaking = self.recognising = False
        if key == TERMINATOR and not self._used(key):
            self._finish(now, self._keys or TERMINATOR)
            return
        self._keys += key
        grows = any(can_grow(grammar, self._keys) for grammar in self._grammars)
        if (not grows and self._meant(self._keys) is not None) or len(self._keys) >= KEYS_MAX:
            self._finish(now, self._keys)
        else:
            # What can no longer become right is waited out as well: the rest of a wrong number is no new input.
            self.deadline = now + self._timers.final_key_s

    def prompts_ended(self, now: float) -> None:
        """Nothing more is being said: the caller's time runs."""
        if self.playing and self.result is None:
            self.playing = False
            self.deadline = now + self._timers.initial_s

    def speech_started(self, now: float) -> None:
        """The caller begins to speak."""
        if self.listening and not self._speaking:
            self._speaking = True
            self.playing = False
            self.deadline = now + UTTERANCE_S_MAX + self._timers.final_speech_s

    def speech_ended(self, now: float) -> None:
        """The caller has been silent for the time of the timers."""
        if self._speaking:
            self._speaking = False
            self.recognising = True
            self.deadline = now + RECOGNITION_S_MAX

    def heard(self, heard: Sequence[Heard], now: float) -> None:
        """What was said: the likeliest first, none where nothing was understood."""
        if not self.recognising:
            return
        understood = self._understood(heard)
        others = tuple(understood[1 : self._nbest_max])
        if not understood:
            words = [Reading("", "", " ".join(one.words), one.confidence) for one in heard[: self._nbest_max]]
            best = words[0] if words else Reading("", "", "", 0.0)
            self._set(NoMatch(now, best.utterance, "voice", best.confidence, tuple(words[1:])))
            return
        best = understood[0]
        self._set(Match(now, best.grammar, best.value, best.utterance, "voice", best.confidence, others))

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.result is not None or self.deadline is None or now < self.deadline:
            return
        if self._keys:
            self._finish(now, self._keys)
        elif self._speaking or self.recognising:
            self._set(NoMatch(now, "", "voice"))
        else:
            self._set(NoInput(now))

    def _used(self, key: str) -> bool:
        return any(uses(grammar, key) for grammar in self._grammars)

    def _understood(self, heard: Sequence[Heard]) -> list[Reading]:
        """What is sure enough, and the grammars accept; of several wordings of one meaning the likeliest."""
        found: dict[tuple[str, str], Reading] = {}
        for one in (one for one in heard if one.confidence >= self._confidence_min):
            for grammar in self._grammars:
                value = said(grammar, one.words, self._language)
                if value is not None:
                    found.setdefault(
                        (grammar.id, value), Reading(grammar.id, value, " ".join(one.words), one.confidence)
                    )
                    break
        return list(found.values())

    def _finish(self, now: float, keys: str) -> None:
        meant = self._meant(keys)
        self._set(NoMatch(now, keys) if meant is None else Match(now, *meant, keys))

    def _meant(self, keys: str) -> tuple[str, str] | None:
        """The id of the first grammar that accepts the keys, and what they mean to it."""
        for grammar in self._grammars:
            value = meaning(grammar, keys)
            if value is not None:
                return grammar.id, value
        return None

    def _set(self, result: Result) -> None:
        self.result = result
        self.deadline = None
        self.playing = self._speaking = self.recognising = False
