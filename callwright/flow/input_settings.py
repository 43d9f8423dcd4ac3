"""How input is waited for, and what happens when there is none or it is wrong."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.flow.spoken import PromptText, SpokenText
from callwright.flow.texts import Text
from callwright.script.template import Template
from callwright.session.prompts import Prompt
from callwright.session.run import Call

NO_MATCH = {
    "en-US": "Sorry, that is not a valid choice.",
    "es-ES": "Lo siento, esa opción no es válida.",
    "fr-FR": "Désolé, ce choix n'est pas valable.",
    "de-DE": "Diese Eingabe ist leider nicht gültig.",
}
NO_INPUT = {
    "en-US": "Sorry, I did not get that.",
    "es-ES": "Lo siento, no le he entendido.",
    "fr-FR": "Désolé, je n'ai rien reçu.",
    "de-DE": "Leider ist nichts angekommen.",
}


class Failures(BaseModel):
    """What happens after failed attempts of one kind: each has its prompt, and after the last something else happens.

    An exit of the module that is joined comes before `then`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: Annotated[list[PromptText], Field(min_length=1, max_length=20)] = Field(
        title="Said after each failed attempt; there are as many attempts"
    )
    then: Literal["hang_up", "reprompt", "page", "transfer"] = Field("hang_up", title="After the last attempt")
    page: str = Field("", max_length=64, title="Page to go on at")
    transfer_to: Text = Field("", title="Where to transfer to")

    _ready: dict[bool, "ReadyFailures"] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        for field, wanted in (("page", "page"), ("transfer_to", "transfer")):
            if bool(getattr(self, field)) != (self.then == wanted):
                raise ValueError(f"{field} is given where then is {wanted}, and only there")
        return self

    def ready(self, private: bool) -> "ReadyFailures":
        """As it is used; `private` where the module is. Made once, since an application's are those of most of its modules."""
        if private not in self._ready:
            self._ready[private] = ReadyFailures(self, private)
        return self._ready[private]


class ReadyFailures:
    """`Failures`, ready to be used."""

    __slots__ = ("page", "prompts", "then", "transfer")

    def __init__(self, failures: Failures, private: bool) -> None:
        self.prompts = [SpokenText(prompt, private=private) for prompt in failures.attempts]
        self.then, self.page = failures.then, failures.page
        self.transfer = Template(failures.transfer_to) if failures.transfer_to else None

    async def said(self, call: Call, count: int) -> tuple[Prompt, ...]:
        return await self.prompts[min(count, len(self.prompts)) - 1].prompt(call)


def _attempts(said: dict[str, str]) -> Failures:
    return Failures(attempts=[said, said, ""])


class InputSettings(BaseModel):
    """How input is waited for, and what happens when there is none or it is wrong (application-wide)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initial_timeout_s: float = Field(5, ge=0.5, le=120, title="Wait for the first key or word, seconds")
    final_key_timeout_s: float = Field(1, ge=0.5, le=60, title="Wait for the next key, seconds")
    final_speech_timeout_s: float = Field(1, ge=0.3, le=60, title="Silence that ends speech, seconds")
    confidence_min: float = Field(0.5, ge=0, le=1, title="Least confidence of speech; less is invalid input")
    no_match: Failures = Field(default_factory=lambda: _attempts(NO_MATCH), title="After invalid input")
    no_input: Failures = Field(default_factory=lambda: _attempts(NO_INPUT), title="After no input")

    def leads_to_pages(self) -> tuple[str, ...]:
        return tuple(failures.page for failures in (self.no_match, self.no_input) if failures.page)
