"""Run JavaScript."""

import re
import zlib
from copy import deepcopy
from typing import ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.flow.module import Module, Settings
from callwright.flow.texts import TEXT_MAX
from callwright.script.javascript import compiled
from callwright.script.variables import MISSING, Path, parse_path
from callwright.session.commands import Evaluate
from callwright.session.events import EvaluationFailed
from callwright.session.run import Call

_ASSIGNED = re.compile(r"\{\{\s*(.*?)\s*\}\}\s*[-+*/%&|^]{0,3}=(?!=)")


class EvaluateJs(Module):
    """Run JavaScript; the module's variable is the value of the last expression, or what the script returns.

    Its own variables are gone afterwards. `{{ name }}` stands for a variable of the application, to be read and to be
    written. The libraries of the application are there, and keep their state from one script of the call to the next.
    The clock and `Math.random` come from the session; dates are in the application's time zone. A script that throws,
    or reaches a limit (a quarter of a second, 16 MB), changes nothing and is told in the call's log with its line; the
    flow leaves by `error` where that exit is joined, and goes on with the variable undefined where it is not. Once a
    script was given something private, whatever this and later scripts give is private, since libraries may have kept it.
    """

    type: Literal["evaluate_js"] = "evaluate_js"
    icon: ClassVar[str] = "brand-javascript"

    script: str = Field(min_length=1, max_length=TEXT_MAX * 5, title="Script")

    _script: str = PrivateAttr()
    _paths: tuple[Path, ...] = PrivateAttr()
    _libraries: tuple[tuple[str, str], ...] = PrivateAttr()
    _time_zone: str = PrivateAttr()

    @model_validator(mode="after")
    def _valid(self) -> Self:
        try:
            compiled(self.script)
        except AuthorError as error:
            raise ValueError(str(error)) from None
        return self

    def attach(self, settings: Settings) -> None:
        self._script, self._paths = compiled(self.script)
        self._libraries, self._time_zone = settings.libraries, settings.time_zone

    def writes(self) -> tuple[str, ...]:
        return (*super().writes(), *(str(parse_path(found[1])[0]) for found in _ASSIGNED.finditer(self.script)))

    def exits_optional(self) -> tuple[str, ...]:
        return ("error",)

    async def run(self, call: Call) -> str:
        call.variables.values.pop(self.name, None)
        realm = call.realm
        realm.private = realm.private or self.private or any(call.variables.is_private(path) for path in self._paths)
        scope: list[tuple[str, Value]] = []
        for root in dict.fromkeys(str(path[0]) for path in self._paths):
            value = call.variables.copy((root,))
            if value is not MISSING:
                scope.append((root, value))  # type: ignore[arg-type]
        seed = zlib.crc32(f"{call.session.id} {call.now} {self.name}".encode())
        result = await call.evaluate(
            Evaluate(
                self._script,
                tuple(scope),
                self._libraries,
                realm.path,
                self._time_zone,
                call.now,
                seed,
                realm.private,
            )
        )
        if isinstance(result, EvaluationFailed):
            return "error" if "error" in self.exits else "next"
        # Copies: what was answered stays as it was when the flow changes its variables.
        for root, value in result.changes:
            if root == "session":
                raise AuthorError("session.* is set by the platform", module=self.name)
            call.variables.set((root,), deepcopy(value), private=realm.private)
        self.store(call, deepcopy(result.value), private=realm.private)
        return "next"
