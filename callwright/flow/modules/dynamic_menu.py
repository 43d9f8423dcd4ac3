"""Let the caller choose from what a service or a script has found."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from callwright.base.errors import AuthorError
from callwright.flow.input_module import Failed, SpokenInputModule
from callwright.flow.module import Settings
from callwright.flow.texts import VariablePath
from callwright.flow.utterances import wordings
from callwright.grammar.grammars import Choices
from callwright.grammar.input import Match
from callwright.script.variables import MISSING, Path, parse_path
from callwright.session.prompts import Prompt, Speech
from callwright.session.redaction import PRIVATE
from callwright.session.run import Call

OPTIONS_MAX = 10
PROMPT_MAX = 1_000


class Option(BaseModel):
    """One option as the data have it. Other fields may stand beside."""

    dtmf: str = Field(coerce_numbers_to_str=True, pattern=r"^[0-9*#]{1,8}$")
    value: str = Field(coerce_numbers_to_str=True, min_length=1, max_length=1_000)
    prompt: dict[str, str] = Field(default_factory=dict, max_length=100)
    utterance: str | dict[str, str] = Field("", max_length=500)


class DynamicMenu(SpokenInputModule):
    """Let the caller choose one of up to ten options that stand in a variable; the module's variable is the chosen value.

    The menu variable is a list such as `[{"dtmf": 1, "value": "chocolate", "prompt": {"en-US": "For chocolate, press 1."}}]`.
    After the module's prompt each option's is spoken in the language of the call, or in its first language where it
    has none in that. With speech, an option is chosen by its `utterance`, or by its value where it has none. Where the
    variable holds no such list, the call ends with an error.
    """

    type: Literal["dynamic_menu"] = "dynamic_menu"
    icon: ClassVar[str] = "list-details"

    options: VariablePath = Field(title="Menu variable")

    _path: Path = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        super().attach(settings)
        self._path = parse_path(self.options)

    def reads(self) -> tuple[Path, ...]:
        return (self._path,)

    async def run(self, call: Call) -> str:
        private = self.private or call.variables.is_private(self._path)
        options = self._read(call, private)
        said = [
            (wording, option.value)
            for option in options
            for wording in wordings(option.utterance, call.language, option.value)
        ]
        grammar = Choices(self.name, tuple((option.dtmf, option.value) for option in options), tuple(said))
        parts = tuple(
            Speech(text[:PROMPT_MAX], private) for option in options if (text := _spoken(option, call.language))
        )
        more = (Prompt(parts, call.language, self.barge_in),) if parts else ()
        match await self.ask(call, grammar, more=more, private=private):
            case Match(value=value):
                self.store(call, value, private=private)
                return "next"
            case Failed(exit=exit):
                return exit

    def _read(self, call: Call, private: bool) -> list[Option]:
        found = call.variables.get(self._path)
        if found is MISSING:
            raise self._error("is not defined")
        if not isinstance(found, list) or not found:
            raise self._error("is not a list of options")
        if len(found) > OPTIONS_MAX:
            raise self._error(f"has {len(found)} options; a menu has at most {OPTIONS_MAX}")
        options = []
        for index, entry in enumerate(found):
            try:
                options.append(Option.model_validate(entry))
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(step) for step in first["loc"])
                problem = f"{field}: {first['msg']}" if field else "it is not an object"
                if private:
                    # Where it is wrong may be told by a name in it.
                    problem = PRIVATE
                raise self._error(f"has an option {index} that is none, {problem}") from None
        if len({option.dtmf for option in options}) < len(options):
            raise self._error("has two options with the same dtmf")
        return options

    def _error(self, problem: str) -> AuthorError:
        return AuthorError(f"The menu variable {self.options} {problem}", module=self.name, field="options")


def _spoken(option: Option, language: str) -> str:
    return option.prompt.get(language) or next(iter(option.prompt.values()), "")
