"""Where a caller comes from, and so whom a call may reach."""

from dataclasses import dataclass

from callwright.store.phones import KnownPhone


@dataclass(frozen=True, slots=True)
class Origin:
    """By what a call came in."""

    accounts: frozenset[int] | None
    "Whose numbers it reaches; None: everybody's, from this machine alone."

    phone: KnownPhone | None = None
    "The telephone that calls."


LOCAL = Origin(None)
"A program on this machine, where SIP listens to no other."
