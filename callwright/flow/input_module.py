"""Modules that ask the caller for something: attempts, what is said after each, and what follows the last."""

from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field, PrivateAttr

from callwright.base.values import Value
from callwright.flow.destinations import FORMS, destination
from callwright.flow.input_settings import Failures, ReadyFailures
from callwright.flow.module import Module, Settings, page_exit
from callwright.flow.spoken import PromptText, SpokenText
from callwright.flow.texts import render
from callwright.grammar.grammars import Grammar
from callwright.grammar.input import Match, NoInput, NoMatch, Timers
from callwright.script.template import Template
from callwright.session.commands import Collect, Transfer
from callwright.session.prompts import Prompt
from callwright.session.run import Call

LAST_RESULT = "lastresult$"
"The shadow variable of the input that came last, whichever module asked for it."


@dataclass(frozen=True, slots=True)
class Failed:
    """All attempts are used up."""

    exit: str
    "`no_match` or `no_input`, whichever the last one was; or the exit to the page that the settings name."


class AskingModule(Module):
    """A module that waits for the caller, who may do nothing."""

    waits: ClassVar[bool] = True

    prompt: PromptText = Field("", title="Prompt")
    barge_in: bool = Field(True, title="A key stops the prompt")
    initial_timeout_s: float | None = Field(None, ge=0.5, le=120, title="Wait for the first key or word, seconds")
    no_input: Failures | None = Field(None, title="After no input, in place of the application's settings")

    _prompt: SpokenText = PrivateAttr()
    _failures: dict[str, ReadyFailures] = PrivateAttr()
    _initial_s: float = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._prompt = SpokenText(self.prompt, barge_in=self.barge_in, private=self.private)
        self._failures = {"no_input": (self.no_input or settings.input.no_input).ready(self.private)}
        self._initial_s = self.initial_timeout_s or settings.input.initial_timeout_s

    def writes(self) -> tuple[str, ...]:
        return (*super().writes(), LAST_RESULT)

    def exits_optional(self) -> tuple[str, ...]:
        return ("no_input",)

    def leads_to_pages(self) -> tuple[str, ...]:
        return tuple(failures.page for failures in (self.no_input,) if failures and failures.page)

    async def failed(self, call: Call, kind: str, count: int) -> tuple[tuple[Prompt, ...], Failed | None]:
        """After the `count`-th failure of a kind, from 1: what is said now, and how it ends if it was the last."""
        failures = self._failures[kind]
        said = await failures.said(call, count)
        if count < len(failures.prompts):
            return said, None
        if kind in self.exits:
            end = Failed(kind)
        elif failures.then == "reprompt":
            return said, None
        else:
            end = Failed(page_exit(failures.page) if failures.page else kind)
        if said:
            await call.play(*said)
        if failures.transfer is not None and kind not in self.exits:
            await _transfer(call, failures.transfer, private=self.private)
        return (), end


async def _transfer(call: Call, to: Template, *, private: bool) -> None:
    """Somebody else goes on with the caller; when they have done, the call ends."""
    rendered = await render(call, to)
    found = destination(rendered.text)
    if found is None:
        shown = "[private]" if rendered.private else repr(rendered.text)
        await call.log(f"transfer_to is no destination: {shown}; it is {FORMS}", "error")
        return
    private = private or rendered.private
    await call.transfer(Transfer(found.target, caller_id=found.caller_id, keys_after=found.keys_after, private=private))


class InputModule(AskingModule):
    """A module that asks the caller for something that can be wrong: by keys."""

    final_key_timeout_s: float | None = Field(None, ge=1, le=60, title="Wait for the next key, seconds")
    no_match: Failures | None = Field(None, title="After invalid input, in place of the application's settings")

    _timers: Timers = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        self._failures["no_match"] = (self.no_match or settings.input.no_match).ready(self.private)
        self._timers = Timers(self._initial_s, self.final_key_timeout_s or settings.input.final_key_timeout_s)

    def question(
        self, language: str, prompts: tuple[Prompt, ...], grammars: tuple[Grammar, ...], private: bool
    ) -> Collect:
        """What the caller is asked."""
        return Collect(prompts, grammars, self._timers, private, language=language)

    def exits_optional(self) -> tuple[str, ...]:
        return ("no_match", "no_input")

    def leads_to_pages(self) -> tuple[str, ...]:
        own = (failures.page for failures in (self.no_match,) if failures and failures.page)
        return (*super().leads_to_pages(), *own)

    async def ask(
        self, call: Call, *grammars: Grammar, more: tuple[Prompt, ...] = (), private: bool = False
    ) -> Match | Failed:
        """Ask until there is a match, as often as the settings allow; each failure is told to the caller.

        `more` is said after the module's prompt; `private` where what is asked for is, though the module is not.
        """
        said = prompts = (*await self._prompt.prompt(call), *more)
        private = private or self.private
        counts = {"no_match": 0, "no_input": 0}
        while True:
            result = await call.collect(self.question(call.language, prompts, grammars, private))
            if not isinstance(result, NoInput):
                call.variables.set((LAST_RESULT,), _last(result), private=private)
            if isinstance(result, Match):
                call.variables.set((f"{self.name}$",), _best(result), private=private)
                return result
            kind = "no_match" if isinstance(result, NoMatch) else "no_input"
            counts[kind] += 1
            apology, failed = await self.failed(call, kind, counts[kind])
            if failed is not None:
                return failed
            prompts = (*apology, *said)


class SpokenInputModule(InputModule):
    """A module that asks for what can be keyed or said."""

    speech: bool = Field(False, title="Enable speech input")
    final_speech_timeout_s: float | None = Field(None, ge=0.3, le=60, title="Silence that ends speech, seconds")
    confidence_min: float | None = Field(None, ge=0, le=1, title="Least confidence of speech; less is invalid input")

    _confidence_min: float = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        final_speech_s = self.final_speech_timeout_s or settings.input.final_speech_timeout_s
        self._timers = replace(self._timers, final_speech_s=final_speech_s)
        self._confidence_min = settings.input.confidence_min if self.confidence_min is None else self.confidence_min

    def question(
        self, language: str, prompts: tuple[Prompt, ...], grammars: tuple[Grammar, ...], private: bool
    ) -> Collect:
        asked = super().question(language, prompts, grammars, private)
        return replace(asked, speech=True, confidence_min=self._confidence_min) if self.speech else asked

    def grammars_known(self, language: str) -> tuple[Grammar, ...]:
        """What it asks for in that language, as far as that is known before a call."""
        return ()


def _best(result: Match | NoMatch) -> dict[str, Value]:
    """What is known of an input besides its value (docs/compatibility/fuse-variables.md)."""
    return {
        "confidence": result.confidence,
        "utterance": result.utterance,
        "inputmode": result.mode,
        "interpretation": result.value if isinstance(result, Match) else "",
    }


def _last(result: Match | NoMatch) -> dict[str, Value]:
    """`lastresult$`: the best reading's fields, and each reading by its number, 0 for the best."""
    best = _best(result)
    readings = [best] + [
        {
            "confidence": other.confidence,
            "utterance": other.utterance,
            "inputmode": result.mode,
            "interpretation": other.value,
        }
        for other in result.others
    ]
    numbered: dict[str, Value] = {str(number): dict(reading) for number, reading in enumerate(readings)}
    recording: dict[str, Value] = {"recording": result.recording} if result.recording else {}
    return {**best, **recording, "length": len(readings), **numbered}
