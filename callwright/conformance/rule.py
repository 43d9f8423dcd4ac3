"""What a rule is: a small function that asks a server and raises `Violation` where the answer is not the documented one.

Its docstring is its title, its page is where it is documented. A rule says what it needs beyond an address and
credentials (`Target.has`); without that it is skipped.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, NoReturn

from callwright.conformance.target import Need, Target

Check = Callable[[Target], Awaitable[None]]
Verdict = Literal["pass", "fail", "skipped"]


class Violation(Exception):
    """The server does something else. The message says what it did."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One documented rule."""

    name: str
    title: str
    page: str
    "Under docs/compatibility, without its suffix."

    needs: frozenset[Need]
    inferred: bool
    "A decision of ours where Plum's documents are silent."

    check: Check


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a rule."""

    rule: Rule
    verdict: Verdict
    reason: str = ""
    "What the server did instead, or what the rule would have needed."


RULES: list[Rule] = []
"Every rule, in the order in which they are run."


def rule(page: str, *needs: Need, inferred: bool = False) -> Callable[[Check], Check]:
    """Registers a function as a rule of this page."""

    def register(check: Check) -> Check:
        assert check.__doc__, f"{check.__name__} has no title"
        name = check.__name__.replace("_", "-")
        RULES.append(Rule(name, check.__doc__.strip(), page, frozenset(needs), inferred, check))
        return check

    return register


def expect(holds: object, otherwise: str) -> None:
    """Raises `Violation`."""
    if not holds:
        violated(otherwise)


def violated(reason: str) -> NoReturn:
    raise Violation(reason)
