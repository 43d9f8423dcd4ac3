"""JavaScript, as conversations need it."""

from typing import Protocol

from callwright.session.commands import Evaluate
from callwright.session.events import Evaluated, EvaluationFailed


class Evaluator(Protocol):
    """Runs scripts of authors, away from the calls."""

    async def evaluate(self, command: Evaluate) -> Evaluated | EvaluationFailed:
        """The caller sets `now`. Raises `ProviderError` where no script can be run at all."""
        ...
