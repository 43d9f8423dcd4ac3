"""What every module of the builder is: settings, exits, and one coroutine that asks and is answered.

A module registers under its `type` by being defined; its fields are its settings, its form in the editor and
its validation; its docstring is its documentation.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from callwright.base.values import Value
from callwright.flow.input_settings import InputSettings
from callwright.flow.spoken import SpokenText
from callwright.script.variables import Path
from callwright.session.run import Call

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
NAME_MAX = 64

Name = Annotated[str, Field(pattern=NAME, max_length=NAME_MAX)]


@dataclass(frozen=True, slots=True)
class Settings:
    """What every module of an application is told of it."""

    input: InputSettings
    hold: SpokenText
    "What callers hear while they wait."

    languages: tuple[str, ...] = ()
    "That the application speaks; calls begin in the first."

    libraries: tuple[tuple[str, str], ...] = ()
    "JavaScript that every script can use: names and sources."

    time_zone: str = "UTC"
    "Of dates in scripts."


def page_exit(page: str) -> str:
    """What a module answers where the call goes on at the start of a page (`Module.leads_to_pages`)."""
    return f"page {page}"


REGISTRY: dict[str, type["Module"]] = {}
"Every module by its `type`."


class Module(BaseModel):
    """One step of an application."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    icon: ClassVar[str] = ""
    "Name of its icon in the editor."

    runs: ClassVar[bool] = True
    "Calls come by it; not so a note."

    name: Name = Field(title="Name, and the variable of its result")
    type: str
    exits: dict[str, str] = Field(default_factory=dict, max_length=100, title="Where each exit leads: a module's name")
    private: bool = Field(False, title="Private: nothing that passes here is logged")

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        kind = cls.__annotations__.get("type")
        if kind is not None:
            REGISTRY[kind.__args__[0]] = cls

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # What `attach` has prepared is read at each step of each call, and Pydantic's own way to it is slow.
            try:
                return self.__pydantic_private__[name]
            except (KeyError, TypeError):
                return super().__getattr__(name)

    def exits_needed(self) -> tuple[str, ...]:
        """Exits that must lead somewhere."""
        return ("next",)

    def exits_optional(self) -> tuple[str, ...]:
        """Exits that may be left open; then the module says what happens."""
        return ()

    def leads_to_pages(self) -> tuple[str, ...]:
        """The pages at whose start the call may go on, by `page_exit`."""
        return ()

    def reads(self) -> tuple[Path, ...]:
        """Variables that it reads besides those in its texts."""
        return ()

    def writes(self) -> tuple[str, ...]:
        """Variables that it sets, by root."""
        return (self.name, f"{self.name}$")

    waits: ClassVar[bool] = False
    "The caller, or somebody else, has to do something before it is left; or may have to, in another application."

    def attach(self, settings: Settings) -> None:
        """Told once, when the document is complete: the application's settings."""

    @abstractmethod
    async def run(self, call: Call) -> str:
        """Do what the module does. Returns the exit taken."""

    def store(self, call: Call, value: Value, *, private: bool = False) -> None:
        """Keep the module's result in its variable."""
        call.variables.set((self.name,), value, private=private or self.private)
