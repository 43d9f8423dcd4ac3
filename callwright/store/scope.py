"""Who asks: every store function takes a `Scope`, and `visible` alone decides which rows it reaches.

The Plum surface reads by owner: a phone number's data and a user's deployments and calls are that user's own
(docs/compatibility/fuse-authentication). Our own `/v1` reads by account. The platform itself (engine, jobs)
reaches everything.
"""

from dataclasses import dataclass
from typing import Literal

Surface = Literal["plum", "v1", "platform"]


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf, and through which door."""

    account_id: int
    user_id: int
    surface: Surface

    def through(self, surface: Surface) -> "Scope":
        """The same user through another door."""
        return Scope(self.account_id, self.user_id, surface)


PLATFORM = Scope(0, 0, "platform")
"The engine and the background jobs."


def visible(scope: Scope, parameter: int, alias: str) -> tuple[str, int]:
    """The condition on the rows that `scope` may reach, and the value of its parameter, `$parameter`.

    `alias` names a table with the columns `account_id` and `user_id`.
    """
    match scope.surface:
        case "plum":
            return f"{alias}.user_id = ${parameter}::bigint", scope.user_id
        case "v1":
            return f"{alias}.account_id = ${parameter}::bigint", scope.account_id
        case "platform":
            return f"${parameter}::bigint = 0", 0


def reaches(scope: Scope, account_id: int, user_id: int) -> bool:
    """The same rule for a row that has been read already."""
    match scope.surface:
        case "plum":
            return user_id == scope.user_id
        case "v1":
            return account_id == scope.account_id
        case "platform":
            return True
