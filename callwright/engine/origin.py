"""Where a caller comes from, and so whom a call may reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from callwright.store.phones import KnownPhone
from callwright.store.trunks import KnownTrunk


@dataclass(frozen=True, slots=True)
class Origin:
    """By what a call came in."""

    accounts: frozenset[int] | None
    "Whose numbers it reaches; None: everybody's, from this machine alone."

    phone: KnownPhone | None = None
    "The telephone that calls."

    domains: tuple[str, ...] = ()
    "Hosts by which it does."

    trunks: tuple[KnownTrunk, ...] = ()
    "Those that it may have come by."

    by_contact: bool = False
    "It came to our Contact at a registrar, which says nothing of who was dialled: To does."

    @property
    def deployment(self) -> int | None:
        """Takes the call where no number does. Where trunks of several accounts are at one address, nobody knows whose it is."""
        if len({trunk.account_id for trunk in self.trunks}) != 1:
            return None
        return next((trunk.deployment_id for trunk in self.trunks if trunk.deployment_id is not None), None)

    def codecs(self, account_id: int) -> Sequence[str]:
        """By name, those that a trunk of this account wants to be spoken with; none: any."""
        return next((trunk.codecs for trunk in self.trunks if trunk.account_id == account_id and trunk.codecs), ())

    @property
    def trusts_identity(self) -> bool:
        """Whether the caller is whom the trunk asserts: every trunk that it may have come by is believed."""
        return bool(self.trunks) and all(trunk.trusts_identity for trunk in self.trunks)


def by_trunks(trunks: tuple[KnownTrunk, ...], *, by_contact: bool = False) -> Origin:
    return Origin(frozenset(trunk.account_id for trunk in trunks), trunks=trunks, by_contact=by_contact)


LOCAL = Origin(None)
"A program on this machine, where SIP listens to no other."
