"""The scripts of one session, run by the pool (`javascript_worker.py`)."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from callwright.script.history import History
from callwright.script.javascript import Script, ScriptError
from callwright.session.commands import Evaluate
from callwright.session.events import Evaluated, EvaluationFailed
from callwright.session.scripts import script_of


class PoolScripts:
    """A `SessionScripts`. It keeps what has run, so that the pool may lose it."""

    def __init__(
        self, ask: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]], tell: Callable[[dict[str, Any]], None]
    ) -> None:
        """`ask` has the pool answer a question; `tell` sends one whose answer nobody waits for."""
        self._ask, self._tell = ask, tell
        self._session = ""
        "By which the pool knows it, once it has been asked anything."

        self._history = History()

    async def evaluate(self, command: Evaluate) -> Evaluated | EvaluationFailed:
        """Raises `ProviderError`."""
        self._session = self._session or secrets.token_hex(8)
        past = self._history.enter(command.realm)
        script = script_of(command)
        question = {
            "session": self._session,
            "path": command.realm,
            "before": past.count,
            "script": _wire(script),
        }
        answer: dict[str, Any] = await self._ask(question) if past.count else {"lost": True}
        if "lost" in answer:
            try:
                again = [_wire(earlier) for earlier in past.again()]
            except ScriptError as error:
                return EvaluationFailed(command.now, error.message)
            whole = {"libraries": command.libraries, "time_zone": command.time_zone, "again": again}
            answer = await self._ask(question | whole)
        if "thrown" in answer:
            return EvaluationFailed(command.now, str(answer["thrown"]))
        past.add(script, answer["cpu_s"])
        return Evaluated(command.now, answer["value"], tuple(answer["changes"].items()))

    def remember(self, command: Evaluate) -> None:
        self._history.enter(command.realm).add(script_of(command))

    def close(self) -> None:
        if self._session:
            self._tell({"ended": self._session})


def _wire(script: Script) -> tuple[object, ...]:
    return script.source, script.scope, script.now, script.seed
