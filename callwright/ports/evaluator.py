"""JavaScript, as conversations need it."""

from typing import Protocol

from callwright.session.commands import Evaluate
from callwright.session.events import Evaluated, EvaluationFailed


class SessionScripts(Protocol):
    """The scripts of one session, which share what they keep."""

    async def evaluate(self, command: Evaluate) -> Evaluated | EvaluationFailed:
        """The caller sets `now`. Raises `ProviderError` where no script can be run at all."""
        ...

    def remember(self, command: Evaluate) -> None:
        """The session has run this script before, in another process."""
        ...

    def close(self) -> None:
        """The session has ended. Does not wait."""
        ...


class Evaluator(Protocol):
    """Runs scripts of authors, away from the calls."""

    def session(self) -> SessionScripts: ...
