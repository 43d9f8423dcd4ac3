"""Collecting input: the one machine that a leg, the text driver, the simulator and SMS all use. No I/O, no clock.

    prompting --prompts_ended--> waiting --tick: initial timer--> NoInput
        |                           |
        +------------key------------+--> keyed --key--> keyed
                                           |
                                           +--> Match, NoMatch: nothing can follow, `#`, or tick: final timer

Whoever drives it calls `key` for each key, `prompts_ended` once nothing more is being said, and `tick` at
`deadline`; it stops the prompts when `playing` turns false, and is done when `result` is set. Keys that came
before (`typed`) are fed first, so a caller who knows the menu never hears it. Keys after the result are
`left_over` for whoever collects next; after a no-match they are dropped, for they belong to the mistake.
"""

from callwright.grammar.grammars import Grammar, can_grow, meaning, uses
from callwright.grammar.input import Match, NoInput, NoMatch, Result, Timers

TERMINATOR = "#"


class Collector:
    """One collection of input. Times are UNIX seconds, and never run backwards."""

    __slots__ = ("_grammars", "_keys", "_timers", "deadline", "left_over", "playing", "result")

    def __init__(self, grammars: tuple[Grammar, ...], timers: Timers, typed: str, now: float) -> None:
        self._grammars = grammars
        self._timers = timers
        self._keys = ""
        self.playing = True
        "Prompts may be heard; false once there is input."

        self.deadline: float | None = None
        "When `tick` is due; None while prompts are played and nothing was pressed."

        self.result: Result | None = None
        self.left_over = ""
        "Keys that came after the result."

        # The `#` that some press after an input that was already complete is not part of the next one.
        for key in typed if self._used(TERMINATOR) else typed.lstrip(TERMINATOR):
            self.key(key, now)

    def key(self, key: str, now: float) -> None:
        """The caller pressed a key."""
        if self.result is not None:
            if isinstance(self.result, Match):
                self.left_over += key
            return
        self.playing = False
        if key == TERMINATOR and not self._used(key):
            self._finish(now, self._keys or TERMINATOR)
            return
        self._keys += key
        if any(can_grow(grammar, self._keys) for grammar in self._grammars):
            self.deadline = now + self._timers.final_key_s
        else:
            self._finish(now, self._keys)

    def prompts_ended(self, now: float) -> None:
        """Nothing more is being said: the caller's time runs."""
        if self.playing and self.result is None:
            self.playing = False
            self.deadline = now + self._timers.initial_s

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.result is not None or self.deadline is None or now < self.deadline:
            return
        if self._keys:
            self._finish(now, self._keys)
        else:
            self._set(NoInput(now))

    def _used(self, key: str) -> bool:
        return any(uses(grammar, key) for grammar in self._grammars)

    def _finish(self, now: float, keys: str) -> None:
        for grammar in self._grammars:
            value = meaning(grammar, keys)
            if value is not None:
                self._set(Match(now, grammar.id, value, keys))
                return
        self._set(NoMatch(now, keys))

    def _set(self, result: Result) -> None:
        self.result = result
        self.deadline = None
        self.playing = False
