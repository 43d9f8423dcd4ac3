"""Run another application, and come back."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PrivateAttr

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow.filling import Filling, Pair
from callwright.flow.module import Module, Settings
from callwright.flow.texts import Text
from callwright.script.template import Template
from callwright.script.variables import Path, parse_path
from callwright.session.commands import Load
from callwright.session.events import LoadFailed
from callwright.session.redaction import PRIVATE
from callwright.session.run import Call


class GoToApp(Module):
    """Run another published application of the account until it reaches an exit, and go on.

    Each has its own variables, language, prompts for failed attempts, hold music and libraries: the other gets the variables
    in `variables`, and what it had at its end is read as `name.variable`. Its own `recording` and post-call web service are for
    calls that begin in it. A caller who hangs up, an error, an exit of the other that leads nowhere, or an application that is
    not there, ends the call. Private is about what is passed in here; the other application's modules say for themselves what is
    private, and that stays so when it has come back.
    """

    type: Literal["go_to_app"] = "go_to_app"
    icon: ClassVar[str] = "apps"
    waits: ClassVar[bool] = True

    application: Text = Field(min_length=1, title="Application: its name or its id")
    version: int | None = Field(None, ge=1, title="Version; none: the latest")
    variables: Annotated[list[Pair], Field(max_length=100)] = Field(default_factory=list, title="Variables passed in")

    _application: Template = PrivateAttr()
    _variables: list[tuple[Path, Template]] = PrivateAttr()

    def attach(self, settings: Settings) -> None:
        self._application = Template(self.application)
        self._variables = [(parse_path(pair.name), Template(pair.value)) for pair in self.variables]

    async def run(self, call: Call) -> str:
        asked, given = await self._given(call)
        loaded = await call.load(asked)
        if isinstance(loaded, LoadFailed):
            told = PRIVATE if asked.private else f"{asked.application!r} cannot be run: {loaded.reason}"
            raise AuthorError(f"Application {told}", module=self.name)
        assert call.enter is not None
        inner = await call.enter(call, loaded, given)
        result = {name: value for name, value in inner.values.items() if name != "session"}
        # What is private in the other application is private here; one private part makes all of a variable private.
        self.store(call, result, private=bool(inner.private))
        return "next"

    async def _given(self, call: Call) -> tuple[Load, list[tuple[Path, Value, bool]]]:
        """The other application, and the variables that it gets: path, value, private."""
        filling = Filling(call, False)
        name = (await filling.text(self._application)).strip()
        asked = Load(name, self.version, filling.private)
        given: list[tuple[Path, Value, bool]] = []
        for path, template in self._variables:
            filling = Filling(call, self.private)
            given.append((path, await filling.whole(template), filling.private))
        return asked, given
